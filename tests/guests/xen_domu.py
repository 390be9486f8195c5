#!/usr/bin/env python3
"""hello, conformance and web as PVH and as PV domains of real Xen, under xl, with Linux's blkback and netback.

xen_domu.py --work FOLDER hello.elf conformance.elf web.elf

Needs a dom0 that cannot be had from packages in seconds, so it must stand ready: XEN_PEER names a folder with a
program `run.sh JOB SECONDS`, which boots Xen with a Linux dom0, shares the folder JOB with it as /job, runs /job/run.sh
there as root, and returns when that machine is off. The dom0 has xl, xenstored, xenconsoled, curl, busybox with
udhcpd, loop, xen-blkback, xen-netback, and a bridge br0 with the address 10.0.0.1/24. Without XEN_PEER all is skipped.

What runs in dom0 is xen_domu_job.sh; its transcripts stay in WORK/xen-domu/out.
"""
import argparse
import hashlib
import io
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile

SITE = (('index.html', 64), ('middle.bin', 1 << 19), ('large.bin', 8 << 20))


def skip(reason):
    print('1..0 # SKIP ' + reason)
    sys.exit(0)


def make_site(job):
    """site.tar, and the checksums of what is in it."""
    noise = random.Random(1)
    with tarfile.open(os.path.join(job, 'site.tar'), 'w', format=tarfile.USTAR_FORMAT) as tar, \
            open(os.path.join(job, 'site.sums'), 'w') as sums:
        for name, size in SITE:
            data = noise.randbytes(size)
            entry = tarfile.TarInfo(name)
            entry.size = size
            tar.addfile(entry, io.BytesIO(data))
            sums.write('%s  %s\n' % (hashlib.sha256(data).hexdigest(), name))


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--work', required=True)
    a.add_argument('--seconds', type=int, default=840)
    a.add_argument('images', nargs=3, metavar='IMAGE')
    a = a.parse_args()
    peer = os.environ.get('XEN_PEER')
    if not peer:
        skip('XEN_PEER names no folder with a prepared dom0')
    if not os.access(os.path.join(peer, 'run.sh'), os.X_OK):
        skip('no run.sh in XEN_PEER, ' + peer)
    job = os.path.join(os.path.abspath(a.work), 'xen-domu')
    shutil.rmtree(job, ignore_errors=True)
    os.makedirs(os.path.join(job, 'out'))
    for image in a.images:
        shutil.copy(image, job)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'xen_domu_job.sh')
    shutil.copy(script, os.path.join(job, 'run.sh'))
    make_site(job)
    with open(os.path.join(job, 'machine.log'), 'w') as log:
        subprocess.run([os.path.join(peer, 'run.sh'), job, str(a.seconds)], stdin=subprocess.DEVNULL,
                       stdout=log, stderr=subprocess.STDOUT)
    try:
        with open(os.path.join(job, 'out', 'tap')) as f:
            lines = f.read().splitlines()
    except FileNotFoundError:
        lines = []
    n, failed = 0, False
    for line in lines:
        if re.match('(not )?ok - ', line):
            n += 1
            failed = failed or line.startswith('not')
            line = line.replace('ok - ', 'ok %d - ' % n, 1)
        print(line)
    # The job says when it has come to its end: a dom0 that dies half way must not pass.
    ended = '# end' in lines
    print('%s %d - the_whole_job_ran' % ('ok' if ended else 'not ok', n + 1))
    if not ended:
        with open(os.path.join(job, 'machine.log'), errors='replace') as f:
            print('\n'.join('# ' + x.rstrip() for x in f.readlines()[-20:]))
    print('1..%d' % (n + 1))
    return failed or not ended


if __name__ == '__main__':
    sys.exit(main())
