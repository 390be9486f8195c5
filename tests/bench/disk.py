#!/usr/bin/env python3
# disk: reads of a guest on the `user` engine through its block frontend, beside fio with io_uring on the same file.
#
# usage: disk.py REFHV DISKBENCH.ELF [FOLDER]
# The file lies in FOLDER (default: the system's folder for temporary files) and in the page cache. Jobs alternate between fio and the
# guest, so that what else the machine does falls on both; printed are the medians of the rounds and their ratio.
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
ROUNDS = 3
MS = 1000
# name, kind, bytes, depth, goal
JOBS = [
    ("random 4 KiB, depth 32", "rand", 4096, 32, True),
    ("sequential 1 MiB, depth 1", "seq", MIB, 1, True),
    ("sequential 1 MiB, depth 8", "seq", MIB, 8, True),
]

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


def fio(path, kind, size, depth, direct):
    out = subprocess.run(
        ["fio", "--name=disk", "--filename=" + path, "--readonly", "--ioengine=io_uring", "--rw=" + {"rand": "randread", "seq": "read"}[kind],
         f"--bs={size}", f"--iodepth={depth}", f"--direct={direct}", f"--size={FILE_MIB}M", "--invalidate=0", "--norandommap", "--time_based",
         f"--runtime={MS}ms", "--output-format=json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if out.returncode:
        return None
    text = out.stdout.decode()
    return json.loads(text[text.index("{"):])["jobs"][0]["read"]["bw_bytes"]


def guest(cfg, env):
    out = subprocess.run([refhv, "run", cfg], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    text = out.stdout.decode(errors="replace")
    rates = {}
    for line in text.splitlines():
        word = line.split()
        if len(word) >= 6 and word[0] == "diskbench":
            rates[word[1]] = int(word[1].split(":")[1]) * int(word[3]) / int(word[5]) * 1e9
    if out.returncode or len(rates) != 1:
        sys.exit(f"disk: the guest ended with {out.returncode}:\n{text}")
    return rates.popitem()[1]


def measure(d, direct):
    path = os.path.join(d, "disk.img")
    env = dict(os.environ, REFHV_RUNDIR=os.path.join(d, "run"))
    print(f"disk: {'O_DIRECT' if direct else 'page cache'}, MB/s{'':9} {'fio':>8} {'guest':>8} guest/fio")
    for name, kind, size, depth, _ in JOBS:
        cfg = os.path.join(d, "disk.cfg")
        with open(cfg, "w") as f:
            f.write(f'name = "diskbench"\nkernel = "{image}"\nmemory = 64\nvcpus = 1\n'
                    f'cmdline = "{kind}:{size}:{depth}:{MS}"\n'
                    f'disk = [ "{path},raw,xvda,r" ]\n')
        pairs = [(fio(path, kind, size, depth, direct), guest(cfg, env)) for _ in range(ROUNDS)]
        f, g = (statistics.median(p[i] for p in pairs) / 1e6 for i in (0, 1))
        ratio = statistics.median(p[1] / p[0] for p in pairs)
        print(f"  {name:26} {f:8.0f} {g:8.0f}  {ratio:.2f}", flush=True)


with tempfile.TemporaryDirectory(dir=folder) as d:
    make_file(os.path.join(d, "disk.img"))
    measure(d, 0)
