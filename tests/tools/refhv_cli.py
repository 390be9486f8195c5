#!/usr/bin/env python3
"""refhv_cli: claims about the command line: what each command says, its exit code, and what it leaves behind.

  refhv_cli.py REFHV HELLO.ELF

Works in a runtime folder of its own. HELLO.ELF says hello, echoes lines, and powers off at "exit" or when it is asked to.
"""
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

REFHV, HELLO = map(os.path.abspath, sys.argv[1:3])
MAN = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'docs', 'man', 'refhv.1')
OK, USAGE, CONFIG, IMAGE, RESOURCE, NO_DOMAIN, BUSY, TIMEOUT, ENGINE, STATE, CRASHED, KILLED = 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
claims = []


def claim(f):
    claims.append(f)
    return f


class Skip(Exception):
    """What this machine lacks."""


class Place:
    """A folder with a runtime folder and configurations in it."""

    def __init__(self, top):
        self.top = top
        self.run_dir = os.path.join(top, 'run')
        self.env = dict(os.environ, REFHV_RUNDIR=self.run_dir)

    def path(self, name):
        return os.path.join(self.top, name)

    def write(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)
        return self.path(name)

    def cfg(self, name='hello', more=''):
        return self.write(name + '.cfg', f'name = "{name}"\nkernel = "{HELLO}"\nmemory = 32\n{more}\n')

    def refhv(self, *args, code=OK, stdin='', timeout=20):
        p = subprocess.run([REFHV, *args], env=self.env, input=stdin, capture_output=True, text=True, timeout=timeout)
        assert p.returncode == code, f'{args}: exit {p.returncode} instead of {code}\n{p.stdout}{p.stderr}'
        return p

    def fails(self, code, *args, says=()):
        p = self.refhv(*args, code=code)
        lines = [x for x in p.stderr.splitlines() if 'warning:' not in x]
        assert len(lines) == 1 and lines[0].startswith('refhv: '), f'{args}: not one clear line: {p.stderr}'
        for s in says:
            assert s in lines[0], f'{args}: no "{s}" in: {lines[0]}'
        assert not self.folders(), f'{args} left {self.folders()}'

    def folders(self):
        if not os.path.isdir(self.run_dir):
            return []
        return sorted(x for x in os.listdir(self.run_dir) if not x.startswith('.'))

    def info(self, name='hello'):
        return json.loads(self.refhv('info', '--json', name).stdout)

    def listed(self):
        return json.loads(self.refhv('list', '--json').stdout)

    def console(self):
        try:
            with open(os.path.join(self.run_dir, 'hello', 'console.log')) as f:
                return f.read()
        except OSError:
            return ''

    def asks(self):
        """Until the guest reads what is typed."""
        for _ in range(400):
            if '> ' in self.console():
                return
            time.sleep(0.01)
        raise AssertionError('the guest did not come up: ' + self.console())

    def gone(self, pid):
        for _ in range(400):
            try:
                with open(f'/proc/{pid}/stat') as f:
                    if f.read().rsplit(')', 1)[1].split()[0] == 'Z':
                        return
            except OSError:
                return
            time.sleep(0.01)
        raise AssertionError(f'process {pid} is still there')


@claim
def help_and_version_are_there_for_every_command(p):
    top = p.refhv('--help').stdout
    commands = [x.split()[0] for x in top.splitlines() if x.startswith('  ')]
    assert len(commands) >= 17 and len(set(commands)) == len(commands), commands
    with open(MAN) as f:
        man = f.read()
    for cmd in commands:
        assert f'.It Nm Cm {cmd}' in man, f'{cmd} is not in refhv(1)'
        assert f'usage: refhv {cmd}' in p.refhv(cmd, '--help').stdout
    assert 'version' in json.loads(p.refhv('version', '--json').stdout)


@claim
def bad_command_lines_are_refused_with_one_line(p):
    p.fails(USAGE, 'frobnicate', says=['unknown command'])
    p.fails(USAGE, 'list', '--wibble', says=['unknown option'])
    p.fails(USAGE, 'create', says=['missing'])
    p.fails(USAGE, 'destroy', 'a', 'b', says=['too many'])
    p.fails(USAGE, 'shutdown', 'a', '--timeout', 'soon', says=['seconds'])
    p.fails(USAGE, 'shutdown', 'a', '--timeout', says=['seconds'])


@claim
def configuration_errors_name_file_line_and_remedy(p):
    p.fails(CONFIG, 'create', p.path('none.cfg'), says=['none.cfg', 'No such file'])
    p.fails(CONFIG, 'create', p.write('a.cfg', 'name="a"\nimport os\n'), says=['a.cfg:2: ', 'Python', '; '])
    p.fails(CONFIG, 'create', p.cfg(more='disk = ["/x,qcow2,xvda,rw"]'), says=['hello.cfg:4: ', 'qemu-img convert'])
    p.fails(CONFIG, 'run', p.cfg(more='vcpus = 0'), says=['hello.cfg:4: ', 'vcpus'])
    p.fails(ENGINE, 'create', p.cfg(more='engine = "kvm"'), says=['engine'])


@claim
def image_errors_name_the_file(p):
    p.fails(IMAGE, 'create', p.write('a.cfg', 'name="a"\nkernel="/none"\nmemory=8\n'), says=['/none', 'check the path'])
    p.fails(IMAGE, 'create', p.write('a.cfg', 'name="a"\nkernel="/dev"\nmemory=8\n'), says=['/dev', 'not a regular file'])
    p.write('text', 'this is not a kernel')
    p.fails(IMAGE, 'create', p.write('a.cfg', 'name="a"\nkernel="text"\nmemory=8\n'), says=['text'])
    with open(HELLO, 'rb') as f, open(p.path('half'), 'wb') as g:
        g.write(f.read()[:3000])
    p.fails(IMAGE, 'create', p.write('a.cfg', 'name="a"\nkernel="half"\nmemory=8\n'), says=['half'])
    p.fails(IMAGE, 'create', p.write('a.cfg', f'name="a"\nkernel="{HELLO}"\nmemory=1\n'), says=['memory'])


@claim
def a_kernel_that_is_none_for_xen_is_an_image_error(p):
    p.fails(IMAGE, 'create', p.write('a.cfg', 'name="a"\nkernel="/bin/ls"\nmemory=8\n'), says=['/bin/ls', 'no Xen PV notes', 'give a kernel'])
    with open(HELLO, 'rb') as f:
        hello = f.read()
    # The VIRT_BASE note: owner "Xen", a number of 8 bytes, type 3.
    head = struct.pack('<III4s', 4, 8, 3, b'Xen')
    assert hello.count(head) == 1
    at = hello.index(head) + len(head)
    for base in (0, 0x1000, 0xf000, 0x7ffffff00000, 0xffffffff80000000, 0x10000001):
        with open(p.path('odd'), 'wb') as f:
            f.write(hello[:at] + struct.pack('<Q', base) + hello[at + 8:])
        p.fails(IMAGE, 'create', p.write('a.cfg', 'name="a"\nkernel="odd"\nmemory=8\n'), says=['odd', '; '])


@claim
def resource_errors_name_the_resource(p):
    p.fails(RESOURCE, 'create', p.cfg(more='disk = ["/none.img,raw,xvda,rw"]'), says=['/none.img', 'check the path'])
    p.fails(RESOURCE, 'create', p.cfg(more='disk = ["/,raw,xvda,ro"]'), says=['raw image or a block device'])
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        s.listen()
        port = s.getsockname()[1]
        cfg = p.cfg(more=f'vif = ["hostfwd=tcp:127.0.0.1:{port}-:80"]')
        p.fails(RESOURCE, 'create', cfg, says=[str(port)])
        assert p.refhv('create', cfg, code=RESOURCE).stderr.count('user networking') == 1


@claim
def errors_come_as_json_too(p):
    r = p.refhv('info', '--json', 'none', code=NO_DOMAIN)
    e = json.loads(r.stdout)['error']
    assert e['exit'] == 'no-domain' and 'none' in e['what'] and e['remedy']


@claim
def run_shows_the_console_and_ends_with_the_guests_verdict(p):
    r = p.refhv('run', p.cfg(), stdin='abc\nexit\n', timeout=30)
    assert r.stdout.startswith('hello') and 'you said: abc' in r.stdout, r.stdout
    assert r.stderr == '', r.stderr
    assert not p.folders()
    with open(os.path.join(p.run_dir, '.log', 'hello.console.log')) as f:
        assert f.read() == r.stdout


@claim
def configuration_can_come_from_standard_input(p):
    with open(p.cfg()) as f:
        text = f.read()
    p.refhv('create', '-', stdin=text)
    assert p.listed()[0]['name'] == 'hello'
    p.refhv('destroy', 'hello')


@claim
def warnings_name_their_line_and_do_not_stop(p):
    r = p.refhv('run', p.cfg(more='vnc = 1\nwibble = 2'), stdin='exit\n')
    assert 'hello.cfg:4: warning: vnc' in r.stderr and 'hello.cfg:5: warning: unknown key wibble' in r.stderr
    assert p.refhv('run', '-q', p.cfg(more='vnc = 1'), stdin='exit\n').stderr == ''


@claim
def memory_that_is_not_there_is_warned_of(p):
    with open('/proc/meminfo') as f:
        mib = next(int(x.split()[1]) for x in f if x.startswith('MemAvailable')) >> 10
    text = f'name = "hello"\nkernel = "{HELLO}"\n'
    r = p.refhv('create', '-n', p.write('a.cfg', text + f'memory = {mib * 2}\n'))
    assert r.stderr.count('\n') == 1 and 'a.cfg: warning: memory' in r.stderr, r.stderr
    assert p.refhv('create', '-n', '-q', p.path('a.cfg')).stderr == ''
    r = p.refhv('create', '-n', p.write('a.cfg', text + 'engine = "user"\nmemory = 16\nmaxmem = 32\n'))
    assert r.stderr.count('\n') == 1 and 'a.cfg:5: warning: maxmem' in r.stderr and 'balloon' in r.stderr, r.stderr


@claim
def an_output_that_nobody_reads_leaves_the_console(p):
    r = subprocess.Popen([REFHV, 'run', p.cfg()], env=p.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert r.stdout.readline().startswith('hello')
    p.asks()
    r.stdout.close()
    r.stdin.write('more\n')
    r.stdin.flush()
    assert r.wait(20) == OK, r.returncode
    assert 'hello goes on' in r.stderr.read()
    assert p.info()['state'] in ('running', 'blocked')
    p.refhv('destroy', 'hello')


@claim
def dry_run_prints_the_description_and_starts_nothing(p):
    o = json.loads(p.refhv('create', '-n', p.cfg(more='vcpus = 2')).stdout)
    assert o['name'] == 'hello' and o['vcpus'] == 2 and o['memory_kib'] == 32768
    assert not p.folders()


@claim
def paused_domain_is_listed_and_runs_when_unpaused(p):
    o = json.loads(p.refhv('create', '--paused', '--json', p.cfg()).stdout)
    all = p.listed()
    assert [(d['name'], d['domid'], d['state']) for d in all] == [('hello', o['domid'], 'paused')]
    text = p.refhv('list').stdout.splitlines()
    assert text[1].split() == ['hello', str(o['domid']), '32', '1', '--p---', '0.0'], text
    assert p.refhv('domid', 'hello').stdout.strip() == str(o['domid'])
    assert p.refhv('domname', str(o['domid'])).stdout.strip() == 'hello'
    assert 'refhv unpause' in p.refhv('shutdown', 'hello', code=STATE).stderr
    p.refhv('unpause', 'hello')
    p.asks()
    p.refhv('pause', 'hello')
    assert p.info()['state'] == 'paused'
    p.refhv('unpause', 'hello')
    assert p.info()['state'] in ('running', 'blocked')
    p.refhv('shutdown', '-w', 'hello')
    assert not p.folders() and not p.listed()


@claim
def names_are_unique_and_free_again(p):
    p.refhv('create', '-p', p.cfg())
    r = p.refhv('create', p.cfg(), code=BUSY)
    assert 'hello' in r.stderr and 'change name=' in r.stderr
    assert len(p.listed()) == 1
    p.refhv('destroy', 'hello')
    p.refhv('create', '-p', p.cfg())
    p.refhv('destroy', 'hello')


@claim
def several_domains_live_side_by_side_and_one_ends_alone(p):
    for n in 'abc':
        p.refhv('create', '-p', p.cfg(n))
    assert [d['name'] for d in p.listed()] == ['a', 'b', 'c']
    p.refhv('destroy', 'b')
    assert [d['name'] for d in p.listed()] == ['a', 'c']
    assert len({d['domid'] for d in p.listed()}) == 2
    for n in 'ac':
        p.refhv('destroy', n)
    assert not p.folders()


@claim
def unknown_domains_have_a_code_of_their_own(p):
    for cmd in ('info', 'console', 'shutdown', 'reboot', 'destroy', 'pause', 'unpause', 'domid', 'domname', 'list'):
        p.fails(NO_DOMAIN, cmd, 'none', says=['none', 'refhv list'])
    p.fails(NO_DOMAIN, 'domname', '12345')


@claim
def killed_domain_process_leaves_nothing(p):
    p.refhv('create', '-p', p.cfg())
    i = p.info()
    os.kill(i['pid'], signal.SIGKILL)
    for _ in range(200):
        if not p.folders():
            break
        time.sleep(0.02)
    assert not p.folders(), p.folders()
    p.gone(i['pid'])
    p.gone(i['guest_pid'])
    assert not p.listed()


@claim
def killed_keeper_does_not_hurt_and_its_folder_is_cleaned_later(p):
    p.refhv('create', '-p', p.cfg())
    i = p.info()
    with open(f'/proc/{i["pid"]}/status') as f:
        keeper = [int(x.split()[1]) for x in f if x.startswith('PPid:')][0]
    os.kill(keeper, signal.SIGKILL)
    assert p.info()['state'] == 'paused'
    os.kill(i['pid'], signal.SIGKILL)
    p.gone(i['pid'])
    assert p.folders() == ['hello']
    assert not p.listed()
    assert not p.folders()


@claim
def name_of_a_stale_folder_is_free(p):
    os.makedirs(os.path.join(p.run_dir, 'hello'), mode=0o700)
    os.chmod(p.run_dir, 0o700)
    p.write('run/hello/info', '{"domid": 1, "uuid": "no", "pid": 1}')
    p.refhv('create', '-p', p.cfg())
    p.refhv('destroy', 'hello')


@claim
def run_that_is_interrupted_or_killed_takes_its_domain_along(p):
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
        with subprocess.Popen([REFHV, 'run', '-p', p.cfg()], env=p.env, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as r:
            for _ in range(200):
                if [d for d in p.listed() if d['state'] == 'paused']:
                    break
                time.sleep(0.02)
            pid = p.info()['pid']
            r.send_signal(sig)
            r.communicate(timeout=10)
            assert r.returncode == (-sig if sig == signal.SIGKILL else KILLED), r.returncode
        p.gone(pid)
        for _ in range(200):
            if not p.folders():
                break
            time.sleep(0.02)
        assert not p.folders()


@claim
def destroyed_from_outside_is_what_run_reports(p):
    with subprocess.Popen([REFHV, 'run', '-p', p.cfg()], env=p.env, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as r:
        for _ in range(200):
            if p.listed():
                break
            time.sleep(0.02)
        p.refhv('destroy', 'hello')
        _, err = r.communicate(timeout=10)
        assert r.returncode == KILLED and 'destroyed' in err, (r.returncode, err)


@claim
def written_disk_belongs_to_one_domain_and_read_ones_are_shared(p):
    image = p.write('disk.img', 'x' * 4096)
    p.refhv('create', '-p', p.cfg('one', f'disk=["{image},raw,xvda,w"]'))
    for mode in 'rw':
        r = p.refhv('create', '-p', p.cfg('two', f'disk=["{image},raw,xvda,{mode}"]'), code=RESOURCE)
        assert 'in use' in r.stderr and r.stderr.count('\n') == 1, r.stderr
    p.refhv('destroy', 'one')
    r = p.refhv('create', '-p', p.cfg('two', f'disk=["{image},raw,xvda,w", "{image},raw,xvdb,w"]'), code=RESOURCE)
    assert 'in use' in r.stderr, r.stderr
    for name in ('one', 'two'):
        p.refhv('create', '-p', p.cfg(name, f'disk=["{image},raw,xvda,r"]'))


@claim
def disk_that_has_another_size_is_told_to_the_guest(p):
    image = p.write('disk.img', 'x' * 8192)
    p.refhv('create', '-p', p.cfg(more=f'disk=["{image},raw,xvda,w"]'))
    p.write('disk.img', 'x' * 12800)
    r = p.refhv('block-resize', '-v', 'hello', 'xvda')
    assert '25 sectors' in r.stdout, r.stdout
    assert p.info()['disks'][0]['sectors'] == 25
    assert json.loads(p.refhv('block-resize', '--json', 'hello', '51712').stdout)['sectors'] == 25
    for vdev in ('xvdb', 'nonsense'):
        r = p.refhv('block-resize', 'hello', vdev, code=USAGE)
        assert r.stderr.count('\n') == 1, r.stderr
    assert p.info()['state'] == 'paused'


@claim
def control_socket_survives_nonsense(p):
    p.refhv('create', '-p', p.cfg())
    for data in (b'\n', b'{}\n', b'{"cmd": 7}\n', b'{"cmd":"info"', b'\xff\0\n', b'x' * 300000, b'[' * 5000 + b'\n',
                 b'{"cmd":"shutdown","reason":"now"}\n', b'{"cmd":"nothing"}\n'):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(p.run_dir, 'hello', 'control.sock'))
            s.settimeout(5)
            try:
                s.sendall(data)
                if data.endswith(b'\n'):
                    answer = s.makefile('rb').readline()
                    assert json.loads(answer)['ok'] is False, answer
            except (BrokenPipeError, ConnectionResetError):
                pass
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(p.run_dir, 'hello', 'control.sock'))
        s.sendall(b'{"cmd":"info"}\n{"cmd":"info"}\n')
        f = s.makefile('rb')
        assert json.loads(f.readline())['ok'] and json.loads(f.readline())['ok']
    p.refhv('destroy', 'hello')


@claim
def console_shows_what_was_printed_before(p):
    p.refhv('create', p.cfg(more='on_poweroff = "preserve"'))
    p.asks()
    p.refhv('shutdown', '-w', 'hello')
    assert p.info()['state'] == 'shutdown'
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(p.run_dir, 'hello', 'console.sock'))
        s.settimeout(5)
        assert s.recv(100).startswith(b'hello')
    with open(os.path.join(p.run_dir, 'hello', 'console.log')) as f:
        assert f.read().startswith('hello')
    p.refhv('unpause', 'hello', code=STATE)
    p.refhv('destroy', 'hello')


@claim
def guest_that_reboots_is_the_same_domain_in_a_new_process(p):
    o = json.loads(p.refhv('create', '--json', p.cfg()).stdout)
    p.asks()
    before = p.info()
    p.refhv('reboot', '-w', 'hello')
    for _ in range(400):
        r = subprocess.run([REFHV, 'info', '--json', 'hello'], env=p.env, capture_output=True, text=True)
        if r.returncode == OK and json.loads(r.stdout)['pid'] != before['pid']:
            break
        time.sleep(0.01)
    i = json.loads(r.stdout)
    assert i['pid'] != before['pid'] and i['domid'] == before['domid'] == o['domid']
    p.gone(before['guest_pid'])
    for _ in range(400):
        if p.console().count('type lines') == 2:
            break
        time.sleep(0.01)
    assert p.console().count('type lines') == 2
    p.refhv('shutdown', '-w', 'hello')
    assert not p.folders()


@claim
def guest_that_does_not_react_is_a_timeout_and_can_be_destroyed(p):
    p.refhv('create', p.cfg())
    p.asks()
    # A stopped guest process reads nothing.
    os.kill(p.info()['guest_pid'], signal.SIGSTOP)
    r = p.refhv('shutdown', '--timeout', '0.5', 'hello', code=TIMEOUT)
    assert 'does not react' in r.stderr and 'refhv destroy' in r.stderr
    p.refhv('destroy', 'hello')
    assert not p.folders()


@claim
def killed_guest_process_is_a_crash(p):
    p.refhv('create', p.cfg(more='on_crash = "preserve"'))
    p.asks()
    os.kill(p.info()['guest_pid'], signal.SIGKILL)
    for _ in range(200):
        if p.info()['state'] == 'crashed':
            break
        time.sleep(0.01)
    i = p.info()
    assert i['state'] == 'crashed' and i['crash'], i
    assert p.refhv('list').stdout.splitlines()[1].split()[4] == '---sc-'
    p.refhv('destroy', 'hello')


@claim
def domain_process_that_hangs_can_still_be_listed_and_destroyed(p):
    p.refhv('create', '-p', p.cfg())
    i = p.info()
    os.kill(i['pid'], signal.SIGSTOP)
    assert p.listed()[0]['state'] == 'no-answer'
    p.refhv('destroy', 'hello')
    p.gone(i['pid'])
    p.gone(i['guest_pid'])
    assert not p.folders()


@claim
def console_takes_what_is_typed_and_gives_it_to_all_who_look(p):
    p.refhv('create', p.cfg())
    p.asks()
    one, two = (socket.socket(socket.AF_UNIX) for _ in range(2))
    for s in (one, two):
        s.connect(os.path.join(p.run_dir, 'hello', 'console.sock'))
        s.settimeout(5)
    one.sendall(b'abc\n')
    for s in (one, two):
        got = b''
        while b'you said: abc' not in got:
            got += s.recv(1000)
        s.close()
    with subprocess.Popen([REFHV, 'console', 'hello'], env=p.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as c:
        out, _ = c.communicate(b'exit\n', timeout=10)
        assert c.returncode == OK and out.endswith(b'goodbye\n'), out


def until(fd, what):
    got = b''
    while what not in got:
        got += os.read(fd, 1000)
    return got


@claim
def leaving_the_console_restores_the_terminal_and_the_domain_goes_on(p):
    try:
        master, slave = pty.openpty()
    except OSError as x:
        raise Skip(f'no pseudo-terminals here: {x}')
    before = termios.tcgetattr(slave)
    for argv in (['run', p.cfg()], ['console', 'hello']):
        with subprocess.Popen([REFHV, *argv], env=p.env, stdin=slave, stdout=slave, stderr=slave) as r:
            until(master, b'> ')
            assert termios.tcgetattr(slave) != before, 'the terminal is not raw'
            os.write(master, b'abc\r')
            until(master, b'you said: abc')
            os.write(master, b'\x1d')
            assert r.wait(10) == OK
        assert termios.tcgetattr(slave) == before
        assert p.listed()[0]['state'] in ('running', 'blocked')
    with subprocess.Popen([REFHV, 'console', 'hello'], env=p.env, stdin=slave, stdout=slave, stderr=slave) as r:
        until(master, b'> ')
        r.send_signal(signal.SIGTERM)
        r.wait(10)
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)
    p.refhv('shutdown', '-w', 'hello')


@claim
def domain_holds_nothing_that_its_caller_had_open(p):
    r, w = os.pipe()
    high = os.dup2(w, 251, inheritable=True)
    os.set_inheritable(w, True)
    subprocess.run([REFHV, 'create', p.cfg()], env=p.env, pass_fds=(w, high), check=True, stdout=subprocess.DEVNULL, timeout=20)
    os.close(w)
    os.close(high)
    p.asks()
    os.set_blocking(r, False)
    assert os.read(r, 1) == b'', 'somebody still holds the pipe'
    os.close(r)
    p.refhv('destroy', 'hello')


@claim
def domain_process_has_no_rights_left(p):
    p.refhv('create', '-p', p.cfg())
    i = p.info()
    with open(f'/proc/{i["pid"]}/status') as f:
        s = dict(x.split(':\t', 1) for x in f.read().splitlines() if ':\t' in x)
    assert s['NoNewPrivs'] == '1' and s['Seccomp'] == '2' and int(s['CapEff'], 16) == 0, s
    for t in os.listdir(f'/proc/{i["pid"]}/task'):
        with open(f'/proc/{i["pid"]}/task/{t}/status') as f:
            assert 'Seccomp:\t2' in f.read()
    with open('/proc/self/uid_map') as f:
        initial = f.read().split() == ['0', '0', '4294967295']
    if initial and os.geteuid() == 0:
        for pid in i['pid'], i['guest_pid']:
            with open(f'/proc/{pid}/status') as f:
                ids = [x.split() for x in f.read().splitlines() if x.startswith(('Uid:', 'Gid:', 'Groups:'))]
            assert all(int(n) >= 65534 for x in ids for n in x[1:]), ids
    p.refhv('destroy', 'hello')


@claim
def runtime_folder_of_others_is_refused(p):
    os.makedirs(p.run_dir, mode=0o700)
    os.chmod(p.run_dir, 0o777)
    r = p.refhv('list', code=RESOURCE)
    assert 'REFHV_RUNDIR' in r.stderr
    os.chmod(p.run_dir, 0o700)


def main():
    failed = 0
    print(f'1..{len(claims)}')
    for n, f in enumerate(claims, 1):
        with tempfile.TemporaryDirectory(prefix='refhv-cli-') as top:
            p = Place(top)
            try:
                f(p)
                print(f'ok {n} - {f.__name__}', flush=True)
            except Skip as x:
                print(f'ok {n} - {f.__name__} # SKIP {x}', flush=True)
            except Exception as x:
                failed += 1
                print(f'not ok {n} - {f.__name__}')
                print('\n'.join('# ' + l for l in f'{type(x).__name__}: {x}'.splitlines()), flush=True)
            finally:
                for name in p.folders():
                    subprocess.run([REFHV, 'destroy', name], env=p.env, capture_output=True, timeout=20)
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
