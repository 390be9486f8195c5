"""A boot drive with a real Debian on it: a partition, ext4, kernel, initrd, systemd, and a configuration for GRUB.

Made by mmdebstrap from this machine's package sources and kept below the build folder, one per version of the kernel.
"""
import glob
import hashlib
import os
import shutil
import struct
import subprocess
import tempfile

import l1
from l1 import fetch

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1024
FINISH = os.path.join(HERE, 'rootfs-finish')
START = 1 << 20  # of the partition, in bytes
PACKAGES = 'linux-image-cloud-amd64,systemd-sysv,udev,initramfs-tools,e2fsprogs,iproute2'
UNWANTED = ('/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*')

GRUB = '''set timeout=0
menuentry "Debian" {
	linux /vmlinuz root=/dev/xvda1 ro console=hvc0 quiet
	initrd /initrd.img
}
'''

def partition_table():
    """A master boot record with one Linux partition."""
    first = START // 512
    entry = struct.pack('<B3sB3sII', 0x80, b'\0\2\0', 0x83, b'\xff\xff\xff', first, MIB * 2048 - first)
    return bytes(446) + entry + bytes(48) + b'\x55\xaa'


def drive(bench):
    """The path of the drive's image."""
    for tool in ('mmdebstrap', 'mke2fs'):
        if not shutil.which(tool, path=os.environ.get('PATH', '') + ':/sbin:/usr/sbin'):
            raise l1.Missing(tool + ' not found: a Debian root is made with it')
    kernel = bench.kernel_package()
    key = hashlib.sha256(kernel.encode())
    for part in (__file__, FINISH):
        with open(part, 'rb') as f:
            key.update(f.read())
    path = os.path.join(bench.work, 'debian-%s.img' % key.hexdigest()[:16])
    if os.path.exists(path):
        return path
    for old in glob.glob(os.path.join(bench.work, 'debian-*.img')):
        os.unlink(old)
    # Where this is not root's, mmdebstrap works as another user of a name space, who must reach the folder.
    with tempfile.TemporaryDirectory(prefix='refhv-drive-') as d:
        os.chmod(d, 0o777)
        image, grub = os.path.join(d, 'drive'), os.path.join(d, 'grub.cfg')
        with open(image, 'wb') as f:
            f.write(partition_table())
            f.truncate(MIB << 20)
        os.chmod(image, 0o666)
        with open(grub, 'w') as f:
            f.write(GRUB)
        argv = ['mmdebstrap', '--quiet', '--variant=minbase', '--format=null', '--include=' + PACKAGES,
                '--aptopt=APT::Install-Recommends "false"', '--customize-hook=' + FINISH]
        argv += ['--dpkgopt=path-exclude=' + x for x in UNWANTED]
        with open(os.path.join(bench.work, 'debian.log'), 'w') as log:
            rc = subprocess.run(argv + ['bookworm', '/dev/null', fetch.sources()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                env=dict(os.environ, DRIVE=image, TREE=d + '/tree', GRUB_CFG=grub, START=str(START),
                                         SIZE=str(MIB - (START >> 20)), TMPDIR='/tmp')).returncode
        if rc:
            raise l1.Missing('mmdebstrap failed: see ' + log.name)
        subprocess.run(['cp', '--sparse=always', image, path + '.new'], check=True)
        os.rename(path + '.new', path)
    return path


def grub(bench):
    """The part of L1 that has GRUB's image for PVH guests as /images/grub."""
    path = bench.packages.unpack('grub-xen-host') + '/usr/lib/grub-xen/grub-i386-xen_pvh.bin'
    return bench.part('l1-grub', [path], lambda a: a.file('images/grub', path, 0o644))
