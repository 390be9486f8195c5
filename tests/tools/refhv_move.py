#!/usr/bin/env python3
# refhv_move: save, restore, migrate and receive as a person types them, with the `tick` guest, whose count must go on without a gap or a
# repetition wherever it continues. TAP.
#
# usage: refhv_move.py REFHV TICK.ELF
import json
import os
import re
import signal
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
cfg = os.path.join(tmp.name, "tick.cfg")
cases = []


def case(fn):
    cases.append(fn)
    return fn


def cmd(*argv, code=0, timeout=60):
    p = subprocess.run([refhv, *argv], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)
    assert p.returncode == code, f"refhv {' '.join(argv)}: exit {p.returncode}, not {code}: {p.stderr or p.stdout}"
    return p


def listen(where):
    p = subprocess.Popen([refhv, "receive", where], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert p.stdout.readline().startswith("waiting"), p.stderr.read()
    return p


def info(name="tick"):
    return json.loads(cmd("info", "--json", name).stdout)


def count(name="tick"):
    """The newest count; fails if this console's lines do not follow one another."""
    for _ in range(100):
        with open(os.path.join(env["REFHV_RUNDIR"], name, "console.log")) as f:
            n = [int(x) for x in re.findall(r"^tick (\d+) worst", f.read(), re.M)]
        if n:
            break
        time.sleep(0.02)
    assert n, "the guest prints nothing"
    assert n == list(range(n[0], n[0] + len(n))), f"lines are missing or repeated: {n}"
    return n[-1]


def start(vcpus=1, more=""):
    with open(cfg, "w") as f:
        f.write(f'name = "tick"\nkernel = "{elf}"\nmemory = 64\nvcpus = {vcpus}\n{more}\n')
    cmd("create", cfg)
    time.sleep(0.3)


def where(i=0):
    return f"unix:{tmp.name}/move{i}"


def holders(path):
    """The processes, as far as we may look, that have a file open."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found += [pid for fd in os.listdir(f"/proc/{pid}/fd") if os.readlink(f"/proc/{pid}/fd/{fd}") == path]
        except OSError:
            pass
    return found


@case
def a_saved_domain_goes_on_where_it_stopped():
    start()
    path = os.path.join(tmp.name, "saved")
    cmd("save", "tick", path)
    cmd("info", "tick", code=6)
    time.sleep(0.5)
    cmd("restore", path)
    time.sleep(0.3)
    assert info()["uptime_seconds"] < 3, "time went on in the file"
    assert count() > 10
    assert not holders(path), "the file is still held"


@case
def a_guest_with_fifo_event_channels_goes_on_after_a_save_and_a_move():
    start(more='extra = "evtchn=fifo"')
    path = os.path.join(tmp.name, "fifo")
    cmd("save", "tick", path)
    cmd("restore", path)
    time.sleep(0.2)
    before = count()
    r = listen(where())
    cmd("migrate", "tick", where())
    assert r.wait(20) == 0, r.stderr.read()
    time.sleep(0.3)
    assert count() > before, "the guest stands still"


@case
def a_checkpoint_leaves_the_domain_running_and_can_be_restored_twice():
    start()
    path = os.path.join(tmp.name, "checkpoint")
    cmd("save", "-c", "tick", path)
    before = count()
    time.sleep(0.2)
    assert count() > before
    for _ in range(2):
        cmd("destroy", "tick")
        cmd("restore", path)
        time.sleep(0.2)
        count()


@case
def a_paused_domain_stays_paused_across_a_save():
    start()
    cmd("pause", "tick")
    path = os.path.join(tmp.name, "paused")
    cmd("save", "tick", path)
    cmd("restore", path)
    assert info()["state"] == "paused"
    cmd("unpause", "tick")
    time.sleep(0.2)
    count()


@case
def ten_moves_in_a_row_lose_no_line_and_keep_the_name():
    start()
    pids = {info()["pid"]}
    last = 0
    for i in range(10):
        r = listen(where(i) if i % 2 else f"tcp:127.0.0.1:{free_port()}") if i % 2 == 0 else listen(where(i))
        at = r.args[2]
        cmd("migrate", "tick", at)
        assert r.wait(20) == 0, r.stderr.read()
        now = count()
        assert now > last, "the guest stands still"
        last = now
        pids.add(info()["pid"])
    assert len(pids) == 11
    assert [x["name"] for x in json.loads(cmd("list", "--json").stdout)] == ["tick"]


@case
def a_moved_domain_starts_anew_under_its_own_name():
    start(more='extra = "100"\non_poweroff = "restart"')
    r = listen(where())
    cmd("migrate", "tick", where())
    assert r.wait(20) == 0, r.stderr.read()
    pid = info()["pid"]
    for _ in range(400):
        names = [x["name"] for x in json.loads(cmd("list", "--json").stdout)]
        assert names == ["tick"], names
        now = json.loads(cmd("list", "--json", "tick").stdout)[0]["pid"]
        if now != pid:
            break
        time.sleep(0.02)
    else:
        raise AssertionError("the guest did not end and start again")
    assert info()["name"] == "tick"
    r = listen(where(1))
    cmd("migrate", "tick", where(1))
    assert r.wait(20) == 0, r.stderr.read()
    assert info()["name"] == "tick" and info()["pid"] != now


@case
def a_domain_has_its_name_though_the_receiving_command_is_killed_on_the_way():
    start()
    pid = info()["pid"]
    r = listen(where())
    with socket.socket(socket.AF_UNIX) as s, socket.socket(socket.AF_UNIX) as there:
        s.bind(where(1)[5:])
        s.listen(1)
        m = subprocess.Popen([refhv, "migrate", "tick", where(1)], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        here, _ = s.accept()
        there.connect(where()[5:])

        def forward():
            while data := here.recv(1 << 16):
                there.sendall(data)

        threading.Thread(target=forward, daemon=True).start()
        said = b""
        while b"running" not in said:
            data = there.recv(256)
            assert data, f"the receiver said no more than {said}"
            if b"holding" in data:
                r.kill()
                r.wait()
            here.sendall(data)
            said += data
        assert m.wait(20) == 0, m.stderr.read()
    assert info()["name"] == "tick" and info()["pid"] != pid
    assert [x["name"] for x in json.loads(cmd("list", "--json").stdout)] == ["tick"]
    before = count()
    time.sleep(0.1)
    assert count() > before


@case
def the_name_is_there_at_every_moment_of_a_move():
    start()
    for i in range(3):
        r = listen(where(i))
        m = subprocess.Popen([refhv, "migrate", "tick", where(i)], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while m.poll() is None:
            cmd("domid", "tick")
        assert m.returncode == 0, m.stderr.read()
        assert len(json.loads(cmd("list", "--json").stdout)) == 1, "the process that it came from is still listed"
        assert r.wait(20) == 0


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@case
def four_vcpus_move():
    start(vcpus=4)
    r = listen(where())
    cmd("migrate", "tick", where())
    assert r.wait(20) == 0
    time.sleep(0.2)
    count()
    assert info()["vcpus"] == 4


@case
def nobody_listening_is_one_clear_error_and_the_domain_goes_on():
    start()
    p = cmd("migrate", "tick", where(), code=5)
    assert p.stderr.count("\n") == 1 and "connect" in p.stderr, p.stderr
    before = count()
    time.sleep(0.2)
    assert count() > before


@case
def a_wrong_address_is_a_usage_error():
    start()
    p = cmd("migrate", "tick", "somewhere", code=2)
    assert "unix:PATH or tcp:HOST:PORT" in p.stderr
    cmd("receive", "unix:", code=2)
    for port in ("", "0", "65536", "70000", "-1", "http", "80x", "4294967376"):
        for p in (cmd("migrate", "tick", f"tcp:127.0.0.1:{port}", code=2), cmd("receive", f"tcp::{port}", code=2)):
            assert "1 to 65535" in p.stderr, p.stderr


@case
def a_receiver_that_dies_at_any_moment_leaves_the_domain_where_it_was():
    start()
    for delay in (0, 0.001, 0.003, 0.01):
        s = socket.socket(socket.AF_UNIX)
        path = os.path.join(tmp.name, f"dead{delay}")
        s.bind(path)
        s.listen(1)
        m = subprocess.Popen([refhv, "migrate", "tick", f"unix:{path}"], env=env, stderr=subprocess.PIPE, text=True)
        c, _ = s.accept()
        c.sendall(b"ready\n")
        time.sleep(delay)
        c.close()
        assert m.wait(20) == 10, m.stderr.read()
        before = count()
        time.sleep(0.1)
        assert count() > before


@case
def a_refusal_is_told_with_its_reason():
    start()
    with socket.socket(socket.AF_UNIX) as s:
        path = os.path.join(tmp.name, "refuses")
        s.bind(path)
        s.listen(1)
        m = subprocess.Popen([refhv, "migrate", "tick", f"unix:{path}"], env=env, stderr=subprocess.PIPE, text=True)
        c, _ = s.accept()
        c.sendall(b"no disk xvda is not here\n")
        assert m.wait(20) == 10
        assert "disk xvda is not here" in m.stderr.read()
    count()


@case
def interrupting_a_move_calls_it_off():
    start()
    with socket.socket(socket.AF_UNIX) as s:
        path = os.path.join(tmp.name, "hangs")
        s.bind(path)
        s.listen(1)
        m = subprocess.Popen([refhv, "migrate", "tick", f"unix:{path}"], env=env, stderr=subprocess.PIPE, text=True)
        c, _ = s.accept()
        time.sleep(0.1)
        cmd("pause", "tick", code=10)
        m.send_signal(signal.SIGINT)
        m.wait(20)
        for _ in range(100):
            if subprocess.run([refhv, "pause", "tick"], env=env, stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.05)
        else:
            raise AssertionError("the move goes on without anybody")
        cmd("unpause", "tick")
        c.close()
    before = count()
    time.sleep(0.1)
    assert count() > before


@case
def what_is_no_saved_domain_is_refused():
    for content, word in ((b"", "early"), (b"#!/bin/sh\n" * 100, "no saved domain"), (b"Xen saved domain, xl format\n \0 \r" + bytes(100), "no saved")):
        path = os.path.join(tmp.name, "junk")
        with open(path, "wb") as f:
            f.write(content)
        p = cmd("restore", path, code=4)
        assert word in p.stderr and p.stderr.count("\n") == 1, p.stderr
    cmd("restore", os.path.join(tmp.name, "missing"), code=5)
    cmd("restore", tmp.name, code=4)


@case
def a_damaged_file_starts_nothing():
    start()
    path = os.path.join(tmp.name, "whole")
    cmd("save", "tick", path)
    with open(path, "rb") as f:
        whole = f.read()
    for cut in (60, 500, len(whole) // 2, len(whole) - 9):
        with open(path, "wb") as f:
            f.write(whole[:cut])
        cmd("restore", path, code=4)
        assert json.loads(cmd("list", "--json").stdout) == []
    with open(path, "wb") as f:
        f.write(whole)
    cmd("restore", path)
    count()


@case
def a_save_that_cannot_be_written_leaves_the_domain_running():
    start()
    cmd("save", "tick", "/nonexistent/file", code=5)
    small = os.path.join(tmp.name, "small")
    os.mkdir(small)
    if os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], stderr=subprocess.DEVNULL).returncode == 0:
        try:
            cmd("save", "tick", os.path.join(small, "full"), code=5)
            assert os.listdir(small) == [], "something is left behind"
        finally:
            subprocess.run(["umount", small])
    before = count()
    time.sleep(0.1)
    assert count() > before


@case
def a_save_replaces_nothing_but_a_file():
    start()
    for path in ("/dev/null", tmp.name):
        p = cmd("save", "-c", "tick", path, code=2)
        assert "not a regular file" in p.stderr, p.stderr
    link = os.path.join(tmp.name, "link")
    os.symlink("/dev/null", link)
    cmd("save", "-c", "tick", link, code=2)
    count()


@case
def a_save_whose_asker_gives_up_leaves_the_domain_running_and_no_file():
    start()
    path = os.path.join(tmp.name, "given-up")
    for timeout in ("0.0001", "0.001"):
        p = subprocess.run([refhv, "save", "--timeout", timeout, "tick", path], env=env, stderr=subprocess.PIPE, text=True)
        assert p.returncode in (0, 8), f"exit {p.returncode}: {p.stderr}"
        time.sleep(0.1)
        if p.returncode == 0:
            cmd("restore", path)
            os.unlink(path)
        left = [f for f in os.listdir(tmp.name) if f.startswith("given-up")]
        assert not left, f"left behind: {left}"
    # A client that asks, hears that all is written, and goes away without a word.
    with socket.socket(socket.AF_UNIX) as s, open(os.path.join(tmp.name, "orphan"), "wb+") as f:
        s.connect(os.path.join(env["REFHV_RUNDIR"], "tick", "control.sock"))
        socket.send_fds(s, [b'{"cmd":"save"}\n'], [f.fileno()])
        answer = s.recv(4096)
        assert b'"ok":true' in answer, answer
    time.sleep(0.1)
    before = count()
    time.sleep(0.2)
    assert count() > before


@case
def a_receiver_that_says_nothing_does_not_keep_the_guest_standing():
    start()
    path = os.path.join(tmp.name, "silent")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen(1)
        m = subprocess.Popen([refhv, "migrate", "tick", f"unix:{path}"], env=env, stderr=subprocess.PIPE, text=True)
        c, _ = s.accept()
        c.sendall(b"ready\n")
        c.settimeout(1)
        t = time.monotonic()
        try:
            while c.recv(1 << 20):
                pass
        except TimeoutError:
            pass
        # The control socket answers meanwhile.
        assert info()["name"] == "tick"
        assert m.wait(20) == 10
        assert time.monotonic() - t < 10
        c.close()
    before = count()
    time.sleep(0.2)
    assert count() > before


@case
def a_move_that_is_given_up_before_the_receiver_holds_it_stays():
    start()
    path = os.path.join(tmp.name, "late")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen(1)
        m = subprocess.Popen([refhv, "migrate", "--timeout", "0.5", "tick", f"unix:{path}"], env=env, stderr=subprocess.DEVNULL)
        c, _ = s.accept()
        c.sendall(b"ready\n")
        c.settimeout(0.3)
        try:
            while c.recv(1 << 20):
                pass
        except TimeoutError:
            pass
        assert m.wait(20) == 8
        time.sleep(0.3)
        try:
            c.sendall(b"holding\n")
            c.settimeout(2)
            got = c.recv(100)
        except OSError:
            got = b""
        assert b"go" not in got, "the domain was given away after the move had been called off"
        c.close()
    before = count()
    time.sleep(0.2)
    assert count() > before


print(f"1..{len(cases)}", flush=True)
failed = 0
for i, fn in enumerate(cases, 1):
    try:
        fn()
        print(f"ok {i} - {fn.__name__}", flush=True)
    except (AssertionError, OSError, subprocess.SubprocessError, KeyError, ValueError) as e:
        failed += 1
        print(f"not ok {i} - {fn.__name__}", flush=True)
        for line in str(e).splitlines() or [repr(e)]:
            print(f"# {line}", flush=True)
    for d in json.loads(subprocess.run([refhv, "list", "--json"], env=env, stdout=subprocess.PIPE, text=True).stdout or "[]"):
        subprocess.run([refhv, "destroy", d["name"]], env=env, stderr=subprocess.DEVNULL)
sys.exit(failed > 0)
