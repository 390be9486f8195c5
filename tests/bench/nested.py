#!/usr/bin/env python3
"""refhv and QEMU side by side on the same KVM: the same kernel, PV devices against microvm with virtio.

nested.py [boot] [disk] [net]

Runs nested.sh, or these parts of it, in L1 (see docs/nested.md) with this machine's own QEMU beside refhv. BUILD names the build folder, AIO how
QEMU does its disk I/O (`threads`, its default, or `io_uring`), PV_CMDLINE what else is on the command line of refhv's guest. Prints
what it measures, and ratios; a machine in software emulation is slow, so that only the ratios mean something.
"""
import glob
import os
import shlex
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'nested'))
import guest  # noqa: E402
import l1  # noqa: E402

DRIVE = 64 << 20
FIRMWARE = ('bios-microvm.bin', 'linuxboot_dma.bin', 'pvh.bin', 'kvmvapic.bin', 'efi-virtio.rom')


def qemu(bench):
    program = shutil.which('qemu-system-x86_64')
    firmware = [p for name in FIRMWARE for d in ('/usr/share/qemu/', '/usr/share/seabios/') for p in glob.glob(d + name)]
    libraries = l1.libraries_of(program)

    def make(a):
        a.file('usr/bin/qemu-system-x86_64', program, 0o755)
        for path in firmware:
            a.file('usr/share/qemu/' + os.path.basename(path), path, 0o644)
        for path in libraries:
            a.file(path, path, 0o755)

    return bench.part('l1-qemu', [program, __file__], make)


def drives(folder):
    """Two empty disks of L1, one for each side."""
    paths = [os.path.join(folder, name) for name in ('a', 'b')]
    for path in paths:
        with open(path, 'wb') as f:
            f.truncate(DRIVE)
    return paths


def main():
    try:
        bench = l1.Bench(os.environ.get('BUILD', 'build'))
        parts = [bench.image(), guest.image(bench), guest.virtio_image(bench), qemu(bench)]
    except l1.Missing as e:
        print('skipped: %s' % e)
        return 77
    files = [os.path.join(HERE, name) for name in ('nested.sh', 'nested_disk.sh', 'nested_net.sh', '../nested/cases.sh')]
    files.append(os.path.join(bench.build, 'tests/nested/netload'))
    with tempfile.TemporaryDirectory(dir=bench.work) as d:
        command = ['env', 'AIO=' + os.environ.get('AIO', ''), 'PV_CMDLINE=' + os.environ.get('PV_CMDLINE', ''), 'sh', 'nested.sh'] + sys.argv[1:]
        return l1.run(bench, shlex.join(command), seconds=1500, files=files, parts=parts, disks=drives(d))


if __name__ == '__main__':
    sys.exit(main())
