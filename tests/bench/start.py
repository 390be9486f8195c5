#!/usr/bin/env python3
# start: from exec of `refhv run hello` to the guest's first console byte, beside /bin/echo in the same run; and what a running domain holds.
#
# usage: start.py REFHV HELLO.ELF
# Memory: resident pages of the domain process and of the guest process, without the guest's RAM.
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

refhv, hello = map(os.path.abspath, sys.argv[1:3])
ROUNDS = 15


def first_byte(argv, env, feed):
    t = time.monotonic()
    p = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, close_fds=False)
    b = os.read(p.stdout.fileno(), 1)
    t = time.monotonic() - t
    if not b:
        sys.exit(f"start: {argv[0]} printed nothing")
    if feed:
        p.stdin.write(feed)
    p.stdin.close()
    rest = p.stdout.read()
    if p.wait(20) != 0:
        sys.exit(f"start: {argv} ended with {p.returncode}:\n{(b + rest).decode(errors='replace')}")
    return t * 1e3


def resident(pid):
    kib = 0
    ram = False
    with open(f"/proc/{pid}/smaps") as f:
        for line in f:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                ram = "/memfd:" in line and "ram" in line
            elif line.startswith("Rss:") and not ram:
                kib += int(line.split()[1])
    return kib


with tempfile.TemporaryDirectory() as d:
    env = dict(os.environ, REFHV_RUNDIR=d)
    cfg = os.path.join(d, "hello.cfg")
    with open(cfg, "w") as f:
        f.write(f'name = "hello"\nkernel = "{hello}"\nmemory = 32\nvcpus = 1\n')
    guest, echo = [], []
    for _ in range(ROUNDS):
        guest.append(first_byte([refhv, "run", cfg], env, b"exit\n"))
        echo.append(first_byte(["/bin/echo", "x"], env, None))
    g, e = statistics.median(guest), statistics.median(echo)
    print(f"start: refhv run hello, exec to first console byte: median {g:.2f} ms, best {min(guest):.2f} ms; "
          f"/bin/echo {e:.2f} ms; ratio {g / e:.1f} (goal: under 10 ms)")
    subprocess.run([refhv, "create", cfg], env=env, check=True, stdout=subprocess.DEVNULL)
    try:
        info = json.loads(subprocess.run([refhv, "info", "--json", "hello"], env=env, check=True, stdout=subprocess.PIPE).stdout)
        pids = [info["pid"], info["guest_pid"]]
        kib = [resident(p) for p in pids]
        print(f"memory: domain process {kib[0]} KiB + guest process {kib[1]} KiB = {sum(kib) / 1024:.1f} MiB resident, "
              f"guest RAM apart (goal: under 8 MiB)")
    finally:
        subprocess.run([refhv, "destroy", "hello"], env=env, stdout=subprocess.DEVNULL)
