#!/usr/bin/env python3
# move: live migration of a busy 256 MiB `web` guest to another process on this machine, ten times, while one client downloads a
# large file and another asks a small page every millisecond. Prints total time, downtime and the longest gap that a client saw.
#
# usage: move.py REFHV WEB.ELF HTTPGAP [MOVES [unix|tcp]]
# Fails if a download breaks, a checksum differs, or a request fails. Times are printed, not judged.
import hashlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

refhv, web, httpgap = map(os.path.abspath, sys.argv[1:4])
moves = int(sys.argv[4]) if len(sys.argv) > 4 else 10
transport = sys.argv[5] if len(sys.argv) > 5 else "unix"
SIZE = 96 << 20


def run(*argv, **kw):
    return subprocess.run([refhv, *argv], env=env, check=True, stdout=subprocess.PIPE, text=True, **kw).stdout


def fetch(port, digests, stop):
    """Downloads the file again and again; each time the digest must be right."""
    while not stop.is_set():
        s = socket.create_connection(("127.0.0.1", port), timeout=30)
        s.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        f = s.makefile("rb")
        length = 0
        while (line := f.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        h = hashlib.sha256()
        while length:
            b = f.read(min(length, 1 << 20))
            if not b:
                digests.append("cut off")
                return
            h.update(b)
            length -= len(b)
        digests.append(h.hexdigest())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


with tempfile.TemporaryDirectory() as d:
    env = dict(os.environ, REFHV_RUNDIR=os.path.join(d, "run"))
    os.mkdir(env["REFHV_RUNDIR"], 0o700)
    data = os.urandom(SIZE)
    want = hashlib.sha256(data).hexdigest()
    with open(os.path.join(d, "large.bin"), "wb") as f:
        f.write(data)
    with open(os.path.join(d, "small"), "w") as f:
        f.write("small\n")
    subprocess.run(["tar", "-C", d, "-cf", os.path.join(d, "site.tar"), "large.bin", "small"], check=True)
    cfg = os.path.join(d, "web.cfg")
    with open(cfg, "w") as f:
        f.write(f'name = "web"\nkernel = "{web}"\nmemory = 256\nvcpus = 1\n'
                f'disk = ["{d}/site.tar,raw,xvda,ro"]\nvif = ["hostfwd=tcp:127.0.0.1:0-:80"]\n')
    run("create", cfg)
    receiver = None
    try:
        info = json.loads(run("info", "--json", "web"))
        port = info["vifs"][0]["forwards"][0]["host_port"]
        for _ in range(100):
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
                    s.sendall(b"GET /small HTTP/1.0\r\n\r\n")
                    if s.recv(100).startswith(b"HTTP/1.1 200"):
                        break
            except OSError:
                pass
            time.sleep(0.1)
        else:
            sys.exit("move: the guest does not answer")
        stop, digests = threading.Event(), []
        t = threading.Thread(target=fetch, args=(port, digests, stop))
        t.start()
        gap = subprocess.Popen([httpgap, "127.0.0.1", str(port), "/small", "120"], stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        total, down, pids = [], [], {info["pid"]}
        for i in range(moves):
            where = f"unix:{d}/move{i}" if transport == "unix" else f"tcp:127.0.0.1:{free_port()}"
            receiver = subprocess.Popen([refhv, "receive", where], env=env, stdout=subprocess.PIPE, text=True)
            receiver.stdout.readline()
            out = json.loads(run("migrate", "--json", "web", where))
            total.append(out["total_ms"])
            down.append(out["downtime_ms"])
            receiver.wait(30)
            pids.add(json.loads(run("info", "--json", "web"))["pid"])
            time.sleep(0.3)
        gap.send_signal(2)
        line = gap.communicate(timeout=30)[0].strip()
        stop.set()
        t.join(60)
        print(f"move: {moves} moves over {transport} through {len(pids)} processes, 256 MiB web guest, busy")
        print(f"move: total median {statistics.median(total):.0f} ms, worst {max(total):.0f} ms; "
              f"downtime median {statistics.median(down):.1f} ms, worst {max(down):.1f} ms")
        print(f"move: client asking every millisecond: {line}  (goal: longest gap under 30 ms)")
        print(f"move: downloads of {SIZE >> 20} MiB meanwhile: {len(digests)}, wrong: {sum(x != want for x in digests)}")
        failures = int(re.search(r"failures (\d+)", line).group(1))
        if failures or any(x != want for x in digests) or not digests or len(pids) != moves + 1:
            sys.exit("move: FAILED")
    finally:
        if receiver and receiver.poll() is None:
            receiver.kill()
        subprocess.run([refhv, "destroy", "web"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
