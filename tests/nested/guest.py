"""The small guest: Debian's kernel package, busybox, the Xen front ends, mke2fs, diskload, netload; a shell on hvc0.

Its first process is busybox's init, so that what the kernel asks for (power off, reboot) goes the way it does on a whole system.
"""
import os
import shutil

import l1

MODULES = ('xen_blkfront', 'xen_netfront')
VIRTIO = ('virtio_mmio', 'virtio_blk', 'virtio_net')

INITTAB = b'''::sysinit:/etc/start
TTY::respawn:/etc/shell
::ctrlaltdel:/bin/reboot
::shutdown:/bin/umount -a -r
'''
START = b'''#!/bin/sh
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
# With what the command line says of a module (xen_blkfront.max_indirect_segments=256), as modprobe does.
for m in $(cat /modules/order); do insmod /modules/$m.ko $(tr ' ' '\\n' </proc/cmdline | sed -n "s/^$m\\.//p"); done
ip link set lo up
read up rest < /proc/uptime
echo "guest: userspace after $up s, kernel $(uname -r)"
'''
SHELL = b'''#!/bin/sh
export PATH=/bin:/sbin HOME=/ PS1='guest# ' ENV=/etc/profile
exec sh -i
'''
# udhcpc's hook: takes what it is given.
LEASE = b'''#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr flush dev $interface
ip addr add $ip/$mask dev $interface
[ -z "$router" ] || ip route replace default via $router
[ -z "$dns" ] || echo "nameserver $dns" > /etc/resolv.conf
echo "lease: $ip from $serverid router $router"
'''


def initrd(bench, flavour='cloud-amd64', name='guest', modules=MODULES, tty='hvc0'):
    """The path of the guest's initramfs."""
    package = bench.kernel_package(flavour)
    mke2fs = shutil.which('mke2fs', path=os.environ.get('PATH', '') + ':/sbin:/usr/sbin')
    if not mke2fs:
        raise l1.Missing('mke2fs not found: guests make file systems with it')

    loads = [os.path.join(bench.build, 'tests/nested', name) for name in ('diskload', 'netload')]
    for program in loads:
        if not os.access(program, os.X_OK):
            raise l1.Missing('%s is not built' % program)

    def make(a):
        for folder in ('proc', 'sys', 'dev', 'tmp', 'mnt', 'run'):
            a.folder(folder)
        a.device('dev/console', 5, 1)
        l1.put_busybox(a, bench.busybox(flavour), bench.busybox())
        l1.put_modules(a, package, modules)
        a.link('init', 'bin/busybox')
        a.data('etc/inittab', INITTAB.replace(b'TTY', tty.encode()))
        a.data('etc/start', START, 0o755)
        a.data('etc/shell', SHELL, 0o755)
        a.data('etc/lease', LEASE, 0o755)
        if flavour == l1.FLAVOUR_32:
            return
        # By this name busybox has no command of its own.
        a.file('bin/mkfs.ext4', mke2fs, 0o755)
        a.file('etc/mke2fs.conf', '/etc/mke2fs.conf')
        for program in loads:
            a.file('bin/' + os.path.basename(program), program, 0o755)
        for x in sorted({x for p in [mke2fs] + loads for x in l1.libraries_of(p)}):
            a.file(x, x, 0o755)

    return bench.part(name + '-' + flavour, [package, mke2fs] + loads + [bench.busybox(flavour), __file__], make)


def image(bench, flavour='cloud-amd64'):
    """The part of L1 that has it as /images/guest (or guest-FLAVOUR)."""
    path = initrd(bench, flavour)
    name = 'guest' if flavour == 'cloud-amd64' else 'guest-' + flavour
    return bench.part('l1-' + name, [path], lambda a: a.file('images/' + name, path, 0o644))


def virtio_image(bench):
    """The part of L1 with the same guest for a machine of QEMU's: virtio in place of the Xen front ends, /images/guest-virtio."""
    path = initrd(bench, name='virtio', modules=VIRTIO, tty='ttyS0')
    return bench.part('l1-guest-virtio', [path], lambda a: a.file('images/guest-virtio', path, 0o644))
