#!/usr/bin/env python3
"""The conformance guest on real Xen and on refhv: the same image, the same verdicts.

xen_dom0.py --image conformance.elf --work FOLDER [--refhv PROGRAM] [--xen] [--extra WORDS]

With --xen: boots Debian's hypervisor package (downloaded and unpacked under FOLDER, never installed) in QEMU's
software emulation with the image as its PVH initial domain. With --refhv: runs the image as a PV guest. With
both, the two transcripts are compared case by case. WORDS are the guest's command line. Prints TAP; without something that it needs, a plan that skips all.
"""
import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tools'))
import fetch  # noqa: E402

XEN_ARGS = 'console=com1 noreboot dom0_mem=256M dom0=pvh dom0-iommu=none dom0_max_vcpus=3'
ENDED = re.compile(r'Dom0 (halted|crashed|shut ?down)')
LINE = re.compile(r'^(not ok|ok) \d+ - (\w+)(?: # SKIP (.*))?$')


def skip(reason):
    print('1..0 # SKIP ' + reason)
    sys.exit(0)


def hypervisor(work):
    """The path of an unpacked hypervisor, downloaded at the first call."""
    path = os.path.join(work, 'xen')
    if os.path.exists(path):
        return path
    try:
        packages = fetch.Packages(os.path.join(work, 'packages'))
        name = packages.newest(r'xen-hypervisor-[\d.]+-amd64')
        boot = os.path.join(packages.unpack(name), 'boot')
    except fetch.Missing as e:
        skip(str(e))
    images = [f for f in os.listdir(boot) if f.startswith('xen-') and f.endswith('.gz')]
    if not images:
        skip(name + ' holds no boot/xen-*.gz')
    with gzip.open(os.path.join(boot, images[0])) as f, open(path + '.new', 'wb') as out:
        shutil.copyfileobj(f, out)
    os.rename(path + '.new', path)
    return path


def on_xen(image, work, extra, seconds):
    if not shutil.which('qemu-system-x86_64'):
        skip('qemu-system-x86_64 not found')
    command = ['qemu-system-x86_64', '-accel', 'tcg', '-cpu', 'max', '-smp', '3', '-m', '768', '-nographic',
               '-net', 'none', '-no-reboot', '-kernel', hypervisor(work), '-initrd', image,
               '-append', XEN_ARGS + (' -- ' + extra if extra else '')]
    p = subprocess.Popen(['timeout', str(seconds)] + command, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, text=True, errors='replace')
    lines = []
    for line in p.stdout:
        lines.append(line.strip())
        if ENDED.search(line):
            break
    p.terminate()
    p.wait()
    return lines


def on_refhv(refhv, image, work, extra, seconds):
    with tempfile.TemporaryDirectory(dir=work) as d:
        config = os.path.join(d, 'conformance.cfg')
        with open(config, 'w') as f:
            f.write('name = "conformance-%d"\nkernel = "%s"\nmemory = 64\nvcpus = 3\nextra = "%s"\n'
                    'max_event_channels = 8191\n'
                    % (os.getpid(), image, extra))
        # A socket's path is short: the runtime folder cannot lie in a deep build folder.
        with tempfile.TemporaryDirectory(prefix='refhv-') as run:
            r = subprocess.run(['timeout', str(seconds), refhv, 'run', config], stdin=subprocess.DEVNULL,
                               capture_output=True, text=True, errors='replace',
                               env=dict(os.environ, REFHV_RUNDIR=run))
    return [x.strip() for x in (r.stdout + r.stderr).splitlines()]


def verdicts(lines):
    """case -> 'ok', 'not ok' or 'skip'; None if the run did not come to its end."""
    found, plan = {}, None
    for line in lines:
        m = re.match(r'^1\.\.(\d+)$', line)
        if m:
            plan = int(m.group(1))
        m = LINE.match(line)
        if m:
            found[m.group(2)] = 'skip' if m.group(3) else m.group(1)
    return found if plan and len(found) == plan else None


def report(number, name, lines):
    v = verdicts(lines)
    good = v is not None and 'not ok' not in v.values()
    print('%s %d - %s' % ('ok' if good else 'not ok', number, name))
    if good:
        skipped = sum(x == 'skip' for x in v.values())
        print('# %d claims hold, %d do not apply' % (len(v) - skipped, skipped))
    else:
        show = [x for x in lines if x.startswith(('not ok', '#', 'panic'))] if v else lines[-40:]
        print('\n'.join('# ' + x for x in show))
    return v if good else None


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--image', required=True)
    a.add_argument('--work', required=True)
    a.add_argument('--refhv')
    a.add_argument('--xen', action='store_true')
    a.add_argument('--extra', default='')
    a.add_argument('--seconds', type=int, default=240)
    a = a.parse_args()
    os.makedirs(a.work, exist_ok=True)
    image = os.path.abspath(a.image)
    both = bool(a.refhv) and a.xen
    results, failed = [], False
    # What may be missing is tried first, so that a skip comes before any output.
    xen = on_xen(image, a.work, a.extra, a.seconds) if a.xen else None
    print('1..%d' % (3 if both else 1))
    if a.xen:
        results.append(report(1, 'conformance_passes_on_xen_as_pvh_initial_domain', xen))
    if a.refhv:
        results.append(report(len(results) + 1, 'conformance_passes_on_refhv',
                              on_refhv(os.path.abspath(a.refhv), image, a.work, a.extra, a.seconds)))
    failed = None in results
    if both:
        differ = [] if failed else sorted(n for n in results[0].keys() | results[1].keys()
                                          if {results[0].get(n), results[1].get(n)} - {'ok', 'skip'})
        failed = failed or bool(differ)
        print('%s 3 - both_transcripts_agree' % ('not ok' if failed else 'ok'))
        for n in differ:
            print('# %s: xen %s, refhv %s' % (n, results[0].get(n), results[1].get(n)))
        if not failed:
            for n in sorted(results[0]):
                if results[0][n] != results[1][n]:
                    print('# %s: xen %s, refhv %s' % (n, results[0][n], results[1][n]))
    return failed


if __name__ == '__main__':
    sys.exit(main())
