#!/usr/bin/env python3
# refhv_web: the `web` guest as its clients see it: pages, large files, mail, and connections that outlive a save, a restore and moves. TAP.
#
# usage: refhv_web.py REFHV WEB.ELF
import hashlib
import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time

refhv, elf = map(os.path.abspath, sys.argv[1:3])
tmp = tempfile.TemporaryDirectory()
env = dict(os.environ, REFHV_RUNDIR=os.path.join(tmp.name, "run"))
os.mkdir(env["REFHV_RUNDIR"], 0o700)
cfg = os.path.join(tmp.name, "web.cfg")
LARGE = 48 << 20
cases = []


def case(fn):
    cases.append(fn)
    return fn


def cmd(*argv, code=0, timeout=60):
    p = subprocess.run([refhv, *argv], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)
    assert p.returncode == code, f"refhv {' '.join(argv)}: exit {p.returncode}, not {code}: {p.stderr or p.stdout}"
    return p.stdout


def info():
    return json.loads(cmd("info", "--json", "web"))


def port(guest_port):
    return next(f["host_port"] for f in info()["vifs"][0]["forwards"] if f["guest_port"] == guest_port)


def start(extra=""):
    with open(cfg, "w") as f:
        f.write(f'name = "web"\nkernel = "{elf}"\nmemory = 128\ndisk = ["{tmp.name}/site.tar,raw,xvda,ro"]\n'
                f'vif = ["hostfwd=tcp:127.0.0.1:0-:80,hostfwd=tcp:127.0.0.1:0-:25"]\n{extra}')
    cmd("create", cfg)
    for _ in range(200):
        try:
            if fetch("/small")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("the guest does not answer")


def request(path, method="GET", headers=""):
    s = socket.create_connection(("127.0.0.1", port(80)), timeout=30)
    s.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode())
    f = s.makefile("rb")
    status = int(f.readline().split()[1])
    length = 0
    while (line := f.readline().strip()):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return status, length, f


def fetch(path, **kw):
    status, length, f = request(path, **kw)
    return status, f.read(length)


class Download(threading.Thread):
    """Reads the large file at a limited rate, so that something can happen meanwhile."""

    def __init__(self, rate):
        super().__init__()
        self.rate, self.digest, self.got = rate, None, 0
        self.start()

    def run(self):
        try:
            status, length, f = request("/large.bin")
            h, t0 = hashlib.sha256(), time.monotonic()
            while self.got < length:
                b = f.read(min(65536, length - self.got))
                if not b:
                    self.digest = f"cut off after {self.got}"
                    return
                h.update(b)
                self.got += len(b)
                ahead = self.got / self.rate - (time.monotonic() - t0)
                if ahead > 0:
                    time.sleep(ahead)
            self.digest = h.hexdigest()
        except OSError as e:
            self.digest = str(e)


@case
def pages_and_large_files_arrive_intact():
    start()
    assert fetch("/small") == (200, b"small\n")
    assert hashlib.sha256(fetch("/large.bin")[1]).hexdigest() == want
    assert fetch("/missing")[0] == 404
    assert fetch("/large.bin", headers="Range: bytes=1000-1999\r\n") == (206, data[1000:2000])


@case
def version_two_grants_and_fifo_events_survive_a_save():
    start('extra = "gnttab=v2 evtchn=fifo"\n')
    assert hashlib.sha256(fetch("/large.bin")[1]).hexdigest() == want
    path = os.path.join(tmp.name, "v2")
    cmd("save", "web", path)
    cmd("restore", path)
    assert hashlib.sha256(fetch("/large.bin")[1]).hexdigest() == want


@case
def many_connections_at_once_each_get_their_own_bytes():
    start()
    out = []

    def one(i):
        lo = i * 1000003 % (LARGE - 300000)
        out.append(fetch("/large.bin", headers=f"Range: bytes={lo}-{lo + 299999}\r\n") == (206, data[lo:lo + 300000]))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(24)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert out == [True] * 24, out


@case
def mail_is_accepted_into_the_log():
    start()
    with smtplib.SMTP("127.0.0.1", port(25), timeout=20) as s:
        s.sendmail("a@example.org", ["b@example.org"], "Subject: hello\r\n\r\nfirst line\r\n.dot\r\n")
    for _ in range(50):
        with open(os.path.join(env["REFHV_RUNDIR"], "web", "console.log")) as f:
            log = f.read()
        if "first line" in log:
            break
        time.sleep(0.05)
    assert "first line" in log and ".dot" in log, log


@case
def a_download_survives_save_and_restore():
    start()
    d = Download(30 << 20)
    time.sleep(0.5)
    path = os.path.join(tmp.name, "saved")
    cmd("save", "web", path)
    assert d.is_alive(), f"too early to tell: {d.digest}"
    time.sleep(0.5)
    cmd("restore", path)
    d.join(60)
    assert d.digest == want, d.digest


@case
def a_download_survives_ten_moves():
    start()
    d = Download(12 << 20)
    pids = {info()["pid"]}
    for i in range(10):
        r = subprocess.Popen([refhv, "receive", f"unix:{tmp.name}/m{i}"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        r.stdout.readline()
        cmd("migrate", "web", f"unix:{tmp.name}/m{i}")
        assert r.wait(30) == 0, r.stderr.read()
        pids.add(info()["pid"])
    assert d.is_alive(), f"too early to tell: {d.digest}"
    d.join(60)
    assert d.digest == want, d.digest
    assert len(pids) == 11


@case
def mail_in_the_middle_of_its_text_survives_a_move():
    start()
    s = socket.create_connection(("127.0.0.1", port(25)), timeout=20)
    f = s.makefile("rb")

    def say(text, code):
        if text:
            s.sendall(text.encode() + b"\r\n")
        line = f.readline()
        while line[3:4] == b"-":
            line = f.readline()
        assert line.startswith(str(code).encode()), line

    say(None, 220)
    say("EHLO x", 250)
    say("MAIL FROM:<a@example.org>", 250)
    say("RCPT TO:<b@example.org>", 250)
    say("DATA", 354)
    s.sendall(b"Subject: x\r\n\r\nbefore the move\r\n")
    r = subprocess.Popen([refhv, "receive", f"unix:{tmp.name}/mail"], env=env, stdout=subprocess.PIPE, text=True)
    r.stdout.readline()
    cmd("migrate", "web", f"unix:{tmp.name}/mail")
    assert r.wait(30) == 0
    s.sendall(b"after the move\r\n")
    say(".", 250)
    say("QUIT", 221)


@case
def shutdown_frees_the_port_and_leaves_nothing():
    start()
    p = port(80)
    cmd("shutdown", "--wait", "web")
    assert json.loads(cmd("list", "--json")) == []
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", p), timeout=1).close()
        except OSError:
            return
        time.sleep(0.05)
    raise AssertionError("user networking is still there")


def released(p):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", p))


@case
def a_domain_process_that_is_killed_takes_its_network_with_it():
    start()
    p = port(80)
    os.kill(info()["pid"], signal.SIGKILL)
    for _ in range(200):
        if json.loads(cmd("list", "--json")) == []:
            break
        time.sleep(0.02)
    released(p)


@case
def a_receiver_that_fails_leaves_the_network_to_the_source():
    start()
    where = f"unix:{tmp.name}/fails"
    r = subprocess.Popen([refhv, "receive", where], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    r.stdout.readline()
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f"{tmp.name}/between")
        s.listen(1)
        m = subprocess.Popen([refhv, "migrate", "web", f"unix:{tmp.name}/between"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        here, _ = s.accept()
        there = socket.socket(socket.AF_UNIX)
        there.connect(where[5:])
        ready = threading.Event()

        def hear():
            while data := there.recv(4096):
                if b"ready" in data:
                    ready.set()

        threading.Thread(target=hear, daemon=True).start()
        while not ready.is_set():
            here.settimeout(0.05)
            try:
                there.sendall(here.recv(4096))
            except TimeoutError:
                pass
        there.shutdown(socket.SHUT_RDWR)
        here.close()
        assert m.wait(20) == 10, m.stderr.read()
        assert r.wait(20) != 0
    assert info()["vifs"][0]["link"] == "up"
    assert fetch("/small") == (200, b"small\n")


@case
def networking_that_dies_is_told_once_and_comes_back_with_a_move():
    start()
    assert info()["vifs"][0]["link"] == "up"
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as f:
                line = f.read()
        except OSError:
            continue
        if "refhv-netd" in line.split("\0")[0] and env["REFHV_RUNDIR"] in line and info()["uuid"] in line:
            os.kill(int(pid), signal.SIGKILL)
    for _ in range(100):
        if info()["vifs"][0]["link"] == "down":
            break
        time.sleep(0.02)
    assert info()["vifs"][0]["link"] == "down"
    with open(os.path.join(env["REFHV_RUNDIR"], "web", "refhv.log")) as f:
        assert f.read().count("user networking has died") == 1
    where = f"unix:{tmp.name}/anew"
    r = subprocess.Popen([refhv, "receive", where], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    r.stdout.readline()
    cmd("migrate", "web", where)
    assert r.wait(20) == 0, r.stderr.read()
    assert info()["vifs"][0]["link"] == "up"
    assert fetch("/small") == (200, b"small\n")


data = os.urandom(LARGE)
want = hashlib.sha256(data).hexdigest()
with open(os.path.join(tmp.name, "large.bin"), "wb") as out_file:
    out_file.write(data)
with open(os.path.join(tmp.name, "small"), "w") as out_file:
    out_file.write("small\n")
subprocess.run(["tar", "-C", tmp.name, "-cf", os.path.join(tmp.name, "site.tar"), "large.bin", "small"], check=True)
print(f"1..{len(cases)}", flush=True)
failed = 0
for i, fn in enumerate(cases, 1):
    try:
        fn()
        print(f"ok {i} - {fn.__name__}", flush=True)
    except (AssertionError, OSError, subprocess.SubprocessError, smtplib.SMTPException, KeyError, ValueError) as e:
        failed += 1
        print(f"not ok {i} - {fn.__name__}", flush=True)
        for line in (str(e) or repr(e)).splitlines():
            print(f"# {line}", flush=True)
    for dom in json.loads(subprocess.run([refhv, "list", "--json"], env=env, stdout=subprocess.PIPE, text=True).stdout or "[]"):
        subprocess.run([refhv, "destroy", dom["name"]], env=env, stderr=subprocess.DEVNULL)
sys.exit(failed > 0)
