#!/usr/bin/env python3
# disk: reads and writes of a guest on the `user` engine through its block frontend, beside fio with io_uring on the same file. With writes fio
# does as well as it can: at depth 1 with plain system calls, where that is quicker.
#
# usage: disk.py REFHV DISKBENCH.ELF [FOLDER]
# The files lie in FOLDER (default: the system's folder for temporary files), and one more is written in memory (/dev/shm). fio and the guest take turns, so that what else the machine
# does falls on both. Printed are medians of the rounds, the median of the rounds' ratios, and the ratio of the best rounds: a guest needs two
# CPUs at once where fio needs one, so a busy machine shows in the first and less in the second.
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile

refhv, image = map(os.path.abspath, sys.argv[1:3])
folder = sys.argv[3] if len(sys.argv) > 3 else None
MIB = 1 << 20
FILE_MIB = 512
ROUNDS = 5
MS = 500
WARM = [
    ("random 4 KiB, depth 32", "rand", 4096, 32),
    ("random 4 KiB, depth 1", "rand", 4096, 1),
    ("sequential 1 MiB, depth 1", "seq", MIB, 1),
    ("sequential 1 MiB, depth 8", "seq", MIB, 8),
]
COLD = [WARM[0], WARM[3]]
WRITES = [(name, kind + "write", size, depth) for name, kind, size, depth in WARM]

if not shutil.which("fio"):
    print("disk: skipped: there is no fio")
    sys.exit(77)


def make_file(path):
    zero = bytes(4088)
    with open(path, "wb") as f:
        for at in range(0, FILE_MIB * MIB, MIB):
            f.write(b"".join(struct.pack("<Q", at + page) + zero for page in range(0, MIB, 4096)))
        f.flush()
        os.fsync(f.fileno())


def forget(path):
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def direct_works(path):
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
        return True
    except OSError:
        return False


def fio(path, kind, size, depth, direct, engine="io_uring"):
    rw = {"rand": "randread", "seq": "read", "randwrite": "randwrite", "seqwrite": "write"}[kind]
    out = subprocess.run(
        ["fio", "--name=disk", f"--filename={path}", f"--ioengine={engine}", f"--rw={rw}", f"--bs={size}", f"--iodepth={depth}",
         f"--direct={direct}", f"--size={FILE_MIB}M", "--invalidate=0", "--norandommap", "--randrepeat=0", "--time_based", f"--runtime={MS}ms",
         "--output-format=json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if out.returncode:
        sys.exit(f"disk: fio failed:\n{out.stderr.decode(errors='replace')}")
    text = out.stdout.decode()
    job = json.loads(text[text.index("{"):])["jobs"][0]
    return (job["read"]["bw_bytes"] + job["write"]["bw_bytes"]) / 1e6


def fio_at_best(path, kind, size, depth):
    return max(fio(path, kind, size, depth, 0, engine) for engine in ("io_uring", "psync") if depth == 1 or engine == "io_uring")


def guest(path, kind, size, depth, d):
    cfg = os.path.join(d, "disk.cfg")
    with open(cfg, "w") as f:
        f.write(f'name = "diskbench"\nkernel = "{image}"\nmemory = 64\nvcpus = 1\ncmdline = "{kind}:{size}:{depth}:{MS}"\n'
                f'disk = [ "{path},raw,xvda,{"rw" if kind.endswith("write") else "r"}" ]\n')
    out = subprocess.run([refhv, "run", cfg], env=dict(os.environ, REFHV_RUNDIR=os.path.join(d, "run")), stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    text = out.stdout.decode(errors="replace")
    words = [line.split() for line in text.splitlines() if line.startswith("diskbench ")]
    if out.returncode or len(words) != 1:
        sys.exit(f"disk: the guest ended with {out.returncode}:\n{text}")
    return size * int(words[0][3]) / int(words[0][5]) * 1e3


def measure(title, jobs, path, d, cold):
    print(f"{title + ', MB/s':42} {'fio':>7} {'guest':>7}  guest/fio  best/best")
    for name, *job in jobs:
        pairs = []
        for _ in range(ROUNDS):
            one = []
            for run in (lambda: fio_at_best(path, *job) if job[0].endswith("write") else fio(path, *job, cold), lambda: guest(path, *job, d)):
                if cold:
                    forget(path)
                one.append(run())
            pairs.append(one)
        f, g = zip(*pairs)
        ratio = statistics.median(y / x for x, y in pairs)
        print(f"  {name:40} {statistics.median(f):7.0f} {statistics.median(g):7.0f}  {ratio:9.2f}  {max(g) / max(f):9.2f}", flush=True)


with tempfile.TemporaryDirectory(dir=folder) as d:
    path = os.path.join(d, "disk.img")
    make_file(path)
    measure("file in the page cache", WARM, path, d, 0)
    if direct_works(path):
        measure("file not in the page cache, fio O_DIRECT", COLD, path, d, 1)
    else:
        print("no second table: this file system has no O_DIRECT")
    measure("written into the page cache", WRITES, path, d, 0)
    os.unlink(path)
with tempfile.TemporaryDirectory(dir="/dev/shm") as memory, tempfile.TemporaryDirectory(dir=folder) as d:
    path = os.path.join(memory, "disk.img")
    make_file(path)
    measure("written into a file in memory", WRITES, path, d, 0)
