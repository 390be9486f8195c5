"""L1: a virtual machine of QEMU's software emulation, with nested SVM, in which stock kvm_amd gives a /dev/kvm.

Debian's kernel, an initramfs of several parts (what seldom changes is kept below the build folder), and one command.
The machine is single-threaded and its clock is the TSC: two virtual CPUs, or threads, make it hang now and then. A
machine that is alive sends a beat every two seconds; one that stops for long is given up and, once, started again.
"""
import glob
import hashlib
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'tools'))
import fetch  # noqa: E402
from cpio import Archive  # noqa: E402
from fetch import Missing  # noqa: E402

RELEASE = '12'
FLAVOUR_32 = '686-pae'
MODULES = ('virtio_pci', 'virtio_console', 'virtio_blk', 'kvm_amd', 'tun', 'bridge', 'dummy')
DIRECTORY = '/lib/x86_64-linux-gnu'
UNPACKERS = ('libz.so.1', 'libbz2.so.1', 'liblzma.so.5', 'liblzo2.so.2', 'liblz4.so.1', 'libzstd.so.1')
SILENCE = 60  # seconds without a beat after which a machine counts as hung


class Bench:
    """The parts that L1 is made of, for one build folder."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.work = os.path.join(self.build, 'nested')
        os.makedirs(self.work, exist_ok=True)
        if not shutil.which('qemu-system-x86_64'):
            raise Missing('qemu-system-x86_64 not found')
        for program in ('refhv/refhv', 'refhv/netd/refhv-netd'):
            if not os.access(os.path.join(self.build, program), os.X_OK):
                raise Missing('%s is not built in %s' % (program, build))
        fetch.release(RELEASE)
        self.packages = fetch.Packages(os.path.join(self.work, 'packages'))
        self.packages_i386 = None

    def packages_for(self, flavour):
        """Of the architecture that a kernel is for."""
        if flavour != FLAVOUR_32:
            return self.packages
        if not self.packages_i386:
            self.packages_i386 = fetch.Packages(os.path.join(self.work, 'packages-i386'), 'i386')
        return self.packages_i386

    def kernel_package(self, flavour='cloud-amd64'):
        """The unpacked package with the kernel of the day."""
        packages = self.packages_for(flavour)
        meta = packages.show('linux-image-' + flavour, 'Depends')
        return packages.unpack(re.match(r'[^ ,]+', meta).group(0))

    def kernel(self, flavour='cloud-amd64'):
        return glob.glob(self.kernel_package(flavour) + '/boot/vmlinuz-*')[0]

    def busybox(self, flavour='cloud-amd64'):
        return self.packages_for(flavour).unpack('busybox-static') + '/bin/busybox'

    def part(self, name, inputs, make):
        """The archive `name`, made anew when the text `inputs` or a file named in it changed."""
        path = os.path.join(self.work, name + '.cpio')
        key = hashlib.sha256(repr(inputs).encode())
        for f in inputs:
            if os.path.isfile(f):
                st = os.stat(f)
                key.update(b'%d %d ' % (st.st_mtime_ns, st.st_size))
        try:
            with open(path + '.key') as f:
                if f.read() == key.hexdigest() and os.path.exists(path):
                    return path
        except OSError:
            pass
        with tempfile.TemporaryDirectory(dir=self.work) as d:
            made = os.path.join(d, 'part')
            archive = Archive(made)
            make(archive)
            archive.close()
            os.rename(made, path)
        with open(path + '.key', 'w') as f:
            f.write(key.hexdigest())
        return path

    def base(self):
        """busybox, modules, the first process: all that does not depend on this tree's programs."""
        package = self.kernel_package()
        init = os.path.join(HERE, 'l1-init')

        def make(a):
            for folder in ('proc', 'sys/fs/cgroup', 'dev', 'tmp', 'run', 'root', 'work', 'out', 'files', 'images', 'etc'):
                a.folder(folder)
            a.device('dev/console', 5, 1)
            a.device('dev/null', 1, 3)
            put_busybox(a, self.busybox(), self.busybox())
            put_modules(a, package, MODULES)
            a.file('init', init, 0o755)
            a.data('etc/passwd', b'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n')
            a.data('etc/group', b'root:x:0:\nnogroup:x:65534:\n')
            a.data('etc/resolv.conf', b'nameserver 127.0.0.1\n')

        return self.part('l1-base', [package, self.busybox(), init, __file__], make)

    def programs(self):
        """refhv, refhv-netd and the libraries they want."""
        refhv, netd = (os.path.join(self.build, p) for p in ('refhv/refhv', 'refhv/netd/refhv-netd'))
        libraries = {x for p in (refhv, netd) for x in libraries_of(p)}
        # What refhv opens by name only when a kernel is packed.
        libraries |= {x for x in (os.path.join(DIRECTORY, name) for name in UNPACKERS) if os.path.exists(x)}
        libraries = sorted(libraries)

        def make(a):
            a.file('usr/local/bin/refhv', refhv)
            a.file('usr/local/bin/refhv-netd', netd)
            a.link('usr/local/libexec/refhv-netd', '../bin/refhv-netd')
            for x in libraries:
                a.file(x, x, 0o755)

        return self.part('l1-programs', [refhv, netd] + libraries, make)

    def image(self, flavour='cloud-amd64'):
        """/images/vmlinuz (or vmlinuz-FLAVOUR): a kernel for guests."""
        path = self.kernel(flavour)
        name = 'vmlinuz' if flavour == 'cloud-amd64' else 'vmlinuz-' + flavour
        return self.part('l1-' + name, [path], lambda a: a.file('images/' + name, path, 0o644))

    def guests(self):
        """/images/NAME.elf: the example guests, and those of the bench."""
        images = sorted(glob.glob(self.build + '/examples/guests/*.elf') + glob.glob(self.build + '/tests/nested/*.elf'))

        def make(a):
            for path in images:
                a.file('images/' + os.path.basename(path), path, 0o644)

        return self.part('l1-guests', images, make)


    def tests(self):
        """/tests: the unit tests that want /dev/kvm, with the guests that lie beside them."""
        folder = os.path.join(self.build, 'tests/unit/engine')
        paths = [os.path.join(folder, name) for name in ('unit-kvm-guest', 'kvm-test-guest-32', 'kvm-test-guest-64')]
        libraries = sorted(libraries_of(paths[0]))

        def make(a):
            for path in paths:
                a.file('tests/' + os.path.basename(path), path)
            for x in libraries:
                a.file(x, x, 0o755)

        return self.part('l1-tests', paths + libraries, make)


def put_busybox(a, busybox, native):
    """Debian builds both alike; this machine can ask the native one for its commands."""
    a.file('bin/busybox', busybox, 0o755)
    names = subprocess.run([native, '--list'], capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        if name != 'busybox':
            a.link('bin/' + name, 'busybox')
    a.link('sbin', 'bin')


def put_modules(a, package, names):
    """The named modules and those they depend on, as /modules/NAME.ko, and their order."""
    found = {os.path.basename(p)[:-3].replace('-', '_'): p
             for p in glob.glob(package + '/lib/modules/*/kernel/**/*.ko', recursive=True)}
    order = []

    def add(name):
        # What is not there as a module is part of the kernel.
        if name in order or name not in found:
            return
        with open(found[name], 'rb') as f:
            depends = re.search(rb'\0depends=([^\0]*)\0', f.read())
        for d in depends.group(1).decode().split(',') if depends else ():
            if d:
                add(d.replace('-', '_'))
        order.append(name)

    for name in names:
        add(name)
    for name in order:
        a.file('modules/%s.ko' % name, found[name], 0o644)
    a.data('modules/order', ('\n'.join(order) + '\n').encode())


def is_elf(path):
    with open(path, 'rb') as f:
        return f.read(4) == b'\x7fELF'


def libraries_of(program, check=True):
    out = subprocess.run(['ldd', program], capture_output=True, text=True, check=check).stdout
    return re.findall(r'(/\S+) \(0x', out)


class Hung(Exception):
    """The machine did not come up, or stopped."""


def run_once(bench, parts, command, smp, mib, seconds, disks, out, terminal, flags, sink):
    """One machine, one command. Its exit status; 124 if it took too long; raises Hung."""
    with tempfile.TemporaryDirectory(prefix='nested-', dir=bench.work) as d:
        initrd = os.path.join(d, 'initrd')
        a = Archive(os.path.join(d, 'command'))
        a.data('command', command.encode(), 0o755)
        a.close()
        with open(initrd, 'wb') as whole:
            for part in parts + [a.out.name]:
                with open(part, 'rb') as f:
                    shutil.copyfileobj(f, whole)
        log = os.path.join(bench.work, 'l1-console.log')
        pairs = {name: socket.socketpair() for name in (('status',) if terminal else ('status', 'out'))}
        argv = ['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
                '-accel', 'tcg,thread=single', '-smp', str(smp), '-m', str(mib), '-cpu', 'max,+svm,+npt',
                '-kernel', bench.kernel(), '-initrd', initrd,
                '-append', 'console=ttyS0 panic=-1 quiet tsc=reliable clocksource=tsc mitigations=off ' + flags,
                '-serial', 'file:' + log, '-device', 'virtio-serial-pci']
        for name, pair in pairs.items():
            argv += ['-chardev', 'socket,id=%s,fd=%d' % (name, pair[1].fileno())]
        for path in disks:
            argv += ['-drive', 'if=virtio,format=raw,snapshot=on,file=' + path.replace(',', ',,')]
        if terminal:
            argv += ['-chardev', 'stdio,id=person,signal=off', '-device', 'virtconsole,chardev=person']
        else:
            argv += ['-device', 'virtserialport,chardev=out,name=out']
        if out:
            argv += ['-chardev', 'file,id=files,path=' + os.path.join(d, 'files').replace(',', ',,'),
                     '-device', 'virtserialport,chardev=files,name=files']
        argv += ['-device', 'virtserialport,chardev=status,name=status']
        qemu = subprocess.Popen(argv, stdin=None if terminal else subprocess.DEVNULL,
                                pass_fds=[pair[1].fileno() for pair in pairs.values()])
        for pair in pairs.values():
            pair[1].close()
        try:
            status = watch(pairs['status'][0], pairs['out'][0] if 'out' in pairs else None, seconds, sink)
        except BaseException:
            qemu.kill()
            raise
        finally:
            try:
                qemu.wait(5)
            except subprocess.TimeoutExpired:
                qemu.kill()
                qemu.wait()
            for pair in pairs.values():
                pair[0].close()
        if out and os.path.getsize(os.path.join(d, 'files')):
            os.makedirs(out, exist_ok=True)
            subprocess.run(['tar', '-C', out, '--no-same-owner', '-xf', os.path.join(d, 'files')], check=True)
        return status


def to_stdout(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def watch(status, out, seconds, sink):
    """Hands the command's output to `sink`, and follows the status port to the command's end."""
    text, began, beat = '', time.monotonic(), time.monotonic()
    ports = [p for p in (status, out) if p]
    while True:
        now = time.monotonic()
        if now - began > seconds:
            return 124
        if now - beat > SILENCE:
            raise Hung('it is silent for %d seconds' % SILENCE if text else 'it does not come up')
        ready = select.select(ports, [], [], 1)[0]
        # Output first: the end is told when all of it has been sent.
        if out in ready:
            data = out.recv(65536)
            if data:
                sink(data)
                continue
            ports.remove(out)
        if status not in ready:
            continue
        more = status.recv(4096)
        if not more:
            raise Hung('it went away')
        beat = time.monotonic()
        text = (text + more.decode(errors='replace'))[-256:]
        m = re.search(r'exit (\d+)\n', text)
        if m:
            return int(m.group(1))


def attempt(bench, command, smp=1, mib=2048, seconds=240, files=(), disks=(), out=None, terminal=False, flags='',
            parts=(), sink=to_stdout):
    """Runs the shell text `command` in L1, in /work, where `files` are: see run_once for what comes back."""
    parts = [bench.base(), bench.programs()] + list(parts)
    with tempfile.TemporaryDirectory(dir=bench.work) as d:
        if files:
            a = Archive(os.path.join(d, 'files'))
            for f in files:
                a.file('work/' + os.path.basename(f), f)
            for x in sorted({x for f in files if is_elf(f) for x in libraries_of(f, check=False)}):
                a.file(x, x, 0o755)
            a.close()
            parts.append(a.out.name)
        return run_once(bench, parts, command, smp, mib, seconds, disks, out, terminal, flags, sink)


def run(*args, **more):
    """attempt, and once more if the machine hung; 125 if it hung again."""
    for then in ('; once more', ''):
        try:
            return attempt(*args, **more)
        except Hung as e:
            print('# L1: %s%s' % (e, then), file=sys.stderr, flush=True)
    return 125
