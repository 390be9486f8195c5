#!/usr/bin/env python3
"""Debian packages as test inputs: downloaded and unpacked below a folder, never installed.

fetch.py FOLDER PACKAGE...

Prints, for each package, the folder that holds its files. A package is unpacked once per version. Exit code 77, with
a reason, where that is impossible: no apt, no package lists, no network.
"""
import fcntl
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time


class Missing(Exception):
    """What a test wants is not to be had here; the text says why."""


def command(*argv, **more):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, **more)


def release(need):
    """Raises unless this is that release of Debian."""
    try:
        with open('/etc/os-release') as f:
            text = f.read()
    except OSError:
        text = ''
    if not re.search(r'^ID="?debian"?$', text, re.M) or not re.search(r'^VERSION_ID="?%s"?$' % need, text, re.M):
        raise Missing('this is not Debian %s, whose packages are the test inputs' % need)


def sources():
    """Debian's own of the sources that apt has here."""
    for pattern in ('/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'):
        for path in glob.glob(pattern):
            with open(path) as f:
                if re.search(r'\bdebian\b', f.read()):
                    return path
    raise Missing('apt has no sources of Debian')


class Packages:
    """What apt knows, and a folder of unpacked packages.

    Of another architecture than this machine's apt has no lists: they are fetched into the folder, once a day.
    """

    def __init__(self, folder, architecture=None):
        self.folder = os.path.abspath(folder)
        self.shown = {}
        self.options = []
        os.makedirs(folder, exist_ok=True)
        for tool in ('apt-get', 'apt-cache', 'dpkg-deb'):
            if not shutil.which(tool):
                raise Missing('no %s here: test inputs are Debian packages' % tool)
        if architecture:
            self._other(architecture)

    def _other(self, architecture):
        lists, cache = os.path.join(self.folder, 'lists'), os.path.join(self.folder, 'cache')
        for d in (lists, cache + '/archives'):
            os.makedirs(d + '/partial', exist_ok=True)
        for setting in ('APT::Architecture=' + architecture, 'APT::Architectures=' + architecture, 'Dir::State::lists=' + lists,
                        'Dir::Cache=' + cache, 'Dir::Etc::SourceList=' + sources(), 'Dir::Etc::SourceParts=-', 'Acquire::Languages=none',
                        'APT::Sandbox::User=root'):
            self.options += ['-o', setting]
        stamp = os.path.join(self.folder, 'updated')
        with open(os.path.join(self.folder, '.lock'), 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(stamp) or time.time() - os.path.getmtime(stamp) > 86400:
                got = command('apt-get', '-qq', *self.options, 'update', timeout=300)
                if not glob.glob(lists + '/*_Packages*'):
                    raise Missing('no package lists for %s: %s' % (architecture, got.stderr.strip()[-200:]))
                with open(stamp, 'w'):
                    pass

    def _apt_cache(self, *argv):
        # Where apt has no cache file, and may write none, each question would cost a second.
        cache = os.path.join(self.folder, 'pkgcache.bin')
        return command('apt-cache', '-o', 'Dir::Cache::pkgcache=' + cache, '-o', 'Dir::Cache::srcpkgcache=', *self.options, *argv).stdout

    def show(self, package, field):
        """One field of the candidate version of a package."""
        if package not in self.shown:
            self.shown[package] = self._apt_cache('show', '--no-all-versions', package)
        m = re.search(r'^%s: (.*)$' % field, self.shown[package], re.M)
        if not m:
            raise Missing('no package %s is known to apt: run apt-get update first' % package)
        return m.group(1)

    def newest(self, pattern):
        """The name of the package, of those whose whole name matches, with the highest numbers in it."""
        names = [n for n in self._apt_cache('pkgnames').split() if re.fullmatch(pattern, n)]
        if not names:
            raise Missing('no package like %s is known to apt: run apt-get update first' % pattern)
        return max(names, key=lambda n: [int(x) for x in re.findall(r'\d+', n)])

    def unpack(self, package):
        """The folder with the files of a package."""
        root = os.path.join(self.folder, '%s_%s' % (package, self.show(package, 'Version').replace(':', '-')))
        with open(os.path.join(self.folder, '.lock'), 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.isdir(root):
                return root
            with tempfile.TemporaryDirectory(dir=self.folder) as d:
                got = command('apt-get', '-qq', '-o', 'APT::Sandbox::User=root', *self.options, 'download', package, cwd=d, timeout=300)
                debs = [f for f in os.listdir(d) if f.endswith('.deb')]
                if got.returncode or not debs:
                    raise Missing('apt-get download %s failed: %s' % (package, got.stderr.strip()[-200:]))
                subprocess.run(['dpkg-deb', '-x', os.path.join(d, debs[0]), os.path.join(d, 'root')], check=True)
                os.rename(os.path.join(d, 'root'), root)
        return root


if __name__ == '__main__':
    try:
        packages = Packages(sys.argv[1])
        for name in sys.argv[2:]:
            print(packages.unpack(name))
    except Missing as e:
        print(e, file=sys.stderr)
        sys.exit(77)
