#!/usr/bin/env python3
"""refhv_devices: claims about what is changed in a domain that runs: disks and cards that come and go, memory, vCPUs.

  refhv_devices.py REFHV HELLO.ELF WEB.ELF

HELLO.ELF has no drivers, so it uses nothing that it is given; it reboots when it is asked to. WEB.ELF uses a card.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

REFHV, HELLO, WEB = map(os.path.abspath, sys.argv[1:4])
OK, USAGE, CONFIG, RESOURCE, NO_DOMAIN, BUSY, TIMEOUT, ENGINE, STATE = 0, 2, 3, 5, 6, 7, 8, 9, 10
claims = []


def claim(f):
    claims.append(f)
    return f


class Store:
    """The domain's xenstore, by its socket (xen/include/public/io/xs_wire.h)."""
    WRITE = 11

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)

    def write(self, path, value):
        body = path.encode() + b'\0' + value.encode()
        self.s.sendall(struct.pack('<4I', self.WRITE, 0, 0, len(body)) + body)
        kind, _, _, n = struct.unpack('<4I', self.s.recv(16, socket.MSG_WAITALL))
        said = self.s.recv(n, socket.MSG_WAITALL)
        assert kind == self.WRITE, (path, said)


class Place:
    def __init__(self, top):
        self.top, self.env = top, dict(os.environ, REFHV_RUNDIR=os.path.join(top, 'run'))

    def path(self, name):
        return os.path.join(self.top, name)

    def refhv(self, *args, code=OK, timeout=30):
        p = subprocess.run([REFHV, *args], env=self.env, cwd=self.top, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        assert p.returncode == code, f'{args}: exit {p.returncode} instead of {code}\n{p.stdout}{p.stderr}'
        return p.stdout if code == OK else p.stderr

    def create(self, name='hello', kernel=HELLO, more='', memory=32):
        with open(self.path(name + '.cfg'), 'w') as f:
            f.write(f'name = "{name}"\nkernel = "{kernel}"\nmemory = {memory}\n{more}\n')
        self.refhv('create', '-q', self.path(name + '.cfg'))

    def image(self, name, mib=1):
        with open(self.path(name), 'wb') as f:
            f.truncate(mib << 20)
        return self.path(name)

    def info(self, name='hello'):
        return json.loads(self.refhv('info', '--json', name))

    def info_or_nothing(self, name='hello'):
        r = subprocess.run([REFHV, 'info', '--json', name], env=self.env, capture_output=True, text=True)
        return json.loads(r.stdout) if r.returncode == 0 else {}

    def disks(self, name='hello'):
        return {x['vdev']: x for x in self.info(name)['disks']}

    def within(self, seconds, what, why=''):
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, why or 'not in time'
            time.sleep(0.05)

    def pid(self, name='hello'):
        return self.info(name)['pid']

    def reboot(self, name='hello'):
        before = self.pid(name)
        self.refhv('reboot', name)

        self.within(15, lambda: self.info_or_nothing(name).get('pid') not in (before, None), 'it has not come back')


@claim
def a_disk_is_there_for_the_guest_to_find(p):
    p.image('x.img', 4)
    p.create()
    p.refhv('block-attach', 'hello', 'x.img,raw,xvdb,rw')
    d = p.disks()['xvdb']
    assert (d['devid'], d['sectors'], d['state']) == (51728, 8192, '2'), d
    lines = p.refhv('block-list', 'hello').splitlines()
    assert lines[0].split()[:3] == ['Vdev', 'BE', 'handle'] and lines[1].split()[0] == '51728' and lines[1].split()[3] == '2', lines
    assert lines[1].split()[-1] == d['backend']


@claim
def a_disk_that_comes_later_has_an_io_uring_if_the_first_has(p):
    p.image('first.img')
    p.create('first', more='disk = ["first.img,raw,xvda,rw"]')
    for i in range(3):
        p.image(f'later{i}.img')
        p.refhv('block-attach', 'first', f'later{i}.img,raw,xvd{"bcd"[i]},rw')
    ring = {name: d['stats']['io_uring'] for name, d in p.disks('first').items()}
    # Two are prepared for.
    assert ring['xvdb'] == ring['xvdc'] == ring['xvda'] and not ring['xvdd'], ring
    p.refhv('destroy', 'first')


@claim
def a_specification_may_be_several_arguments(p):
    p.image('y.img')
    p.refhv('block-attach', 'hello', 'phy:' + p.path('y.img'), 'xvdc', 'r')
    assert p.disks()['xvdc']['readonly']


@claim
def what_cannot_be_attached_is_refused_and_changes_nothing(p):
    before = p.disks()
    p.image('z.img')
    assert 'xvdb already' in p.refhv('block-attach', 'hello', 'z.img,raw,xvdb,rw', code=BUSY)
    assert 'in use' in p.refhv('block-attach', 'hello', 'x.img,raw,xvdd,rw', code=RESOURCE)
    assert 'No such file' in p.refhv('block-attach', 'hello', 'none.img,raw,xvdd,rw', code=RESOURCE)
    p.refhv('block-attach', 'hello', 'z.img,qcow2,xvdd,rw', code=CONFIG)
    p.refhv('block-attach', 'nobody', 'z.img,raw,xvdd,rw', code=NO_DOMAIN)
    assert p.disks().keys() == before.keys()


@claim
def a_reboot_keeps_what_came(p):
    p.reboot()
    assert set(p.disks()) == {'xvdb', 'xvdc'} and p.disks()['xvdc']['readonly']


@claim
def a_disk_that_no_guest_uses_goes_at_once(p):
    p.refhv('block-detach', 'hello', 'xvdb')
    p.refhv('block-detach', 'hello', '51744')
    assert p.disks() == {} and len(p.refhv('block-list', 'hello').splitlines()) == 1
    # Nobody holds it any more, the keeper included.
    p.refhv('block-attach', 'hello', 'x.img,raw,xvdb,rw')
    p.refhv('block-detach', 'hello', 'xvdb')
    assert 'has no such disk' in p.refhv('block-detach', 'hello', 'xvdb', code=USAGE)
    p.refhv('block-detach', 'hello', 'wibble', code=USAGE)
    p.reboot()
    assert p.disks() == {}


@claim
def waiting_for_a_guest_without_a_driver_ends_in_time(p):
    assert 'did not connect' in p.refhv('block-attach', '--wait', '--timeout', '0.3', 'hello', 'x.img,raw,xvdb,rw', code=TIMEOUT)
    assert p.disks()['xvdb']['state'] == '2'
    p.refhv('block-detach', '--force', 'hello', 'xvdb')


@claim
def thirty_disks_come_and_go(p):
    for i in range(30):
        p.image(f'n{i}.img')
        p.refhv('block-attach', 'hello', f'n{i}.img,raw,d{i + 1},rw')
    assert len(p.disks()) == 30
    for i in range(30):
        p.refhv('block-detach', 'hello', f'd{i + 1}')
    assert p.disks() == {}


@claim
def a_paused_domain_takes_devices(p):
    p.refhv('pause', 'hello')
    p.refhv('block-attach', 'hello', 'x.img,raw,xvdb,rw')
    p.refhv('block-detach', 'hello', 'xvdb')
    p.refhv('unpause', 'hello')


@claim
def a_card_comes_with_its_network_and_goes_with_it(p):
    p.refhv('network-attach', 'hello', 'net=user', 'hostfwd=tcp:127.0.0.1:0-:80')
    v = p.info()['vifs'][0]
    assert v['devid'] == 0 and v['forwards'][0]['guest_port'] == 80 and v['link'] == 'up', v
    p.refhv('network-attach', 'hello', 'mac=00:16:3e:00:00:07')
    assert [x['devid'] for x in p.info()['vifs']] == [0, 1]
    lines = p.refhv('network-list', 'hello').splitlines()
    assert [x.split()[2] for x in lines[1:]] == [v['mac'], '00:16:3e:00:00:07'], lines
    assert 'mac already' in p.refhv('network-attach', 'hello', 'mac=00:16:3e:00:00:07', code=BUSY)
    p.reboot()
    assert [x['link'] for x in p.info()['vifs']] == ['up', 'up']
    p.refhv('network-detach', 'hello', '0')
    p.refhv('network-detach', 'hello', '00:16:3e:00:00:07')
    assert p.info()['vifs'] == []
    p.within(5, lambda: not netds(p), 'its network stays')
    assert 'has no such card' in p.refhv('network-detach', 'hello', '1', code=USAGE)
    p.refhv('network-detach', 'hello', '00:16:3e:00:00:08', code=USAGE)


def netds(p):
    """Processes of user networking whose log is in our folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/comm') as f:
                netd = f.read().startswith('refhv-netd')
            if netd and os.readlink(f'/proc/{pid}/fd/2').startswith(p.top):
                found.append(pid)
        except OSError:
            pass
    return found


@claim
def memory_and_vcpus_are_asked_for_in_the_store(p):
    p.refhv('destroy', 'hello')
    p.create(more='engine = "user"\nvcpus = 1\nmaxvcpus = 4')
    p.refhv('mem-set', 'hello', '16')
    p.refhv('mem-set', 'hello', '20m')
    assert '1 to 32 MiB' in p.refhv('mem-set', 'hello', '64', code=USAGE)
    p.refhv('mem-set', 'hello', '12parsec', code=USAGE)
    p.refhv('vcpu-set', 'hello', '3')
    assert '1 to 4' in p.refhv('vcpu-set', 'hello', '5', code=USAGE)
    p.refhv('vcpu-set', 'hello', '0', code=USAGE)
    p.refhv('sysrq', 'hello', 's')
    p.refhv('sysrq', 'hello', 'too-long', code=USAGE)
    i = p.info()
    assert (i['memory_kib'], i['vcpus'], i['memory_now_kib']) == (20480, 3, 32768), i
    assert 'has not come to' in p.refhv('mem-set', '--wait', '--timeout', '0.2', 'hello', '16', code=TIMEOUT)
    p.refhv('mem-max', 'hello', '24')
    assert '24 MiB' in p.refhv('mem-set', 'hello', '32', code=USAGE)
    p.refhv('destroy', 'hello')


def serve(p):
    """A guest with a card, and a disk that is a site."""
    with open(p.path('index'), 'w') as f:
        f.write('hello')
    subprocess.run(['tar', '--format=ustar', '-C', p.top, '-cf', p.path('site.tar'), 'index'], check=True)
    p.create('web', WEB, 'disk = ["site.tar,raw,xvda,ro"]\nvif = [""]', 64)


@claim
def a_domain_has_the_consoles_that_it_asks_for(p):
    p.create(more='consoles = 3')
    assert p.info()['consoles'] == 3
    for name in ('console', 'console1', 'console2'):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(p.path(f'run/hello/{name}.sock'))
        assert os.path.exists(p.path(f'run/hello/{name}.log'))
    p.refhv('console', '-n', '3', 'hello', code=STATE)
    p.refhv('console', '-n', 'x', 'hello', code=USAGE)
    p.refhv('console', 'hello', '-n', code=USAGE)
    p.refhv('destroy', 'hello')


@claim
def prefaulted_memory_is_there_at_once(p):
    p.create(more='prefault = 1')
    with open(f'/proc/{p.pid()}/status') as f:
        shmem = next(int(x.split()[1]) for x in f if x.startswith('RssShmem'))
    assert shmem >= 32768, shmem
    p.refhv('destroy', 'hello')


@claim
def reset_starts_a_guest_anew_without_asking_it(p):
    p.create()
    before = p.pid()
    p.refhv('pause', 'hello')
    p.refhv('trigger', 'hello', 'reset')
    p.within(15, lambda: p.info_or_nothing().get('pid') not in (before, None), 'it has not come back')
    p.refhv('destroy', 'hello')


@claim
def power_button_asks_the_guest_and_nmis_need_a_cpu_that_has_them(p):
    p.create(more='engine = "user"')
    assert 'has no NMIs' in p.refhv('trigger', 'hello', 'nmi', code=ENGINE)
    assert 'nmi, reset or power' in p.refhv('trigger', 'hello', 'sleep', code=USAGE)
    assert 'is no vCPU' in p.refhv('trigger', 'hello', 'nmi', 'x', code=USAGE)
    p.refhv('trigger', 'hello', 'power')
    p.within(15, lambda: not p.info_or_nothing(), 'it has not powered off')


@claim
def a_channel_has_a_socket_as_long_as_the_domain_lives(p):
    path = p.path('agent.sock')
    channel = 'channel = ["name=agent,connection=socket,path=agent.sock", "name=t,connection=pty"]'
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.close()
    # What was left behind by somebody is in nobody's way; what is served is.
    p.create(more=channel)
    assert os.stat(path).st_mode & 0o777 == 0o600
    a, t = p.info()['channels']
    assert (a['devid'], a['name'], a['connection'], a['path']) == (1, 'agent', 'socket', path), a
    assert t['devid'] == 2 and os.path.exists(t['path']), t
    assert path in p.refhv('channel-list', 'hello') and t['path'] in p.refhv('channel-list', 'hello')
    with open(p.path('other.cfg'), 'w') as f:
        f.write(f'name = "other"\nkernel = "{HELLO}"\nmemory = 32\n{channel}\n')
    assert 'agent.sock' in p.refhv('create', p.path('other.cfg'), code=RESOURCE)
    p.reboot()
    for _ in range(2):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.sendall(b'hello')
        s.close()
    # It goes with a saved domain, and comes back with it; one that moves here takes its place over.
    p.refhv('save', 'hello', 'image')
    p.within(5, lambda: not os.path.exists(path), 'the socket stays')
    p.refhv('restore', 'image')
    assert [x['devid'] for x in p.info()['channels']] == [1, 2]
    before, s = os.stat(path).st_ino, socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.close()
    r = subprocess.Popen([REFHV, 'receive', 'unix:' + p.path('way')], env=p.env, stdout=subprocess.DEVNULL)
    p.within(10, lambda: os.path.exists(p.path('way')))
    p.refhv('migrate', 'hello', 'unix:' + p.path('way'))
    assert r.wait(20) == 0
    time.sleep(1)
    assert os.stat(path).st_ino != before
    p.refhv('destroy', 'hello')
    p.within(5, lambda: not os.path.exists(path), 'the socket stays')
    # A name that is something else's.
    p.image('agent.sock')
    assert 'agent.sock' in p.refhv('create', p.path('other.cfg'), code=RESOURCE)
    os.unlink(path)


@claim
def a_frontend_that_cannot_be_served_is_told_a_few_times_and_no_more(p):
    p.image('x.img')
    p.create(more='disk = ["x.img,raw,xvda,rw"]')
    front = f'/local/domain/{p.info()["domid"]}/device/vbd/51712'
    store = Store(p.path('run/hello/xenstore.sock'))
    store.write(front + '/ring-ref', '4000000000')
    store.write(front + '/event-channel', '1')
    for _ in range(40):
        for state in '1', '3':
            store.write(front + '/state', state)
    p.info()
    with open(p.path('run/hello/refhv.log')) as f:
        lines = [x for x in f if 'vbd 51712' in x]
    assert 1 < len(lines) <= 9 and 'not told any more' in lines[-1], lines
    p.refhv('destroy', 'hello')


@claim
def large_pages_are_for_the_kvm_engine(p):
    with open(p.path('large.cfg'), 'w') as f:
        f.write(f'name = "large"\nkernel = "{HELLO}"\nmemory = 32\nengine = "user"\nhugepages = "yes"\n')
    assert 'needs the kvm engine' in p.refhv('create', p.path('large.cfg'), code=CONFIG)
    p.create(more='engine = "user"\nhugepages = "transparent"')
    p.refhv('destroy', 'hello')


@claim
def more_vcpus_than_the_engine_has_are_refused(p):
    with open(p.path('many.cfg'), 'w') as f:
        f.write(f'name = "many"\nkernel = "{HELLO}"\nmemory = 32\nengine = "user"\nvcpus = 65\n')
    assert '1 to 64 vCPUs' in p.refhv('create', p.path('many.cfg'), code=ENGINE)


@claim
def more_memory_than_the_machine_has_is_refused(p):
    with open(p.path('much.cfg'), 'w') as f:
        f.write(f'name = "much"\nkernel = "{HELLO}"\nmemory = 1000000\n')
    assert 'more than this machine has' in p.refhv('create', '-q', p.path('much.cfg'), code=RESOURCE)


@claim
def a_guest_lets_its_card_go_when_it_is_asked(p):
    serve(p)
    p.within(15, lambda: p.info('web')['vifs'][0]['state'] == '4', 'the guest does not connect its card')
    p.refhv('network-detach', 'web', '0')
    assert p.info('web')['vifs'] == []
    p.refhv('destroy', 'web')


@claim
def a_guest_that_keeps_its_card_loses_it_by_force(p):
    serve(p)
    p.within(15, lambda: p.info('web')['vifs'][0]['state'] == '4', 'the guest does not connect its card')
    p.refhv('pause', 'web')
    assert 'still has' in p.refhv('network-detach', '--timeout', '0.3', 'web', '0', code=TIMEOUT)
    assert p.info('web')['vifs'][0]['leaving']
    p.refhv('network-detach', '--force', 'web', '0')
    assert p.info('web')['vifs'] == []
    p.refhv('unpause', 'web')
    time.sleep(0.3)
    assert p.info('web')['state'] in ('running', 'blocked')
    p.refhv('destroy', 'web')


def main():
    bad = 0
    print(f'1..{len(claims)}')
    with tempfile.TemporaryDirectory(prefix='refhv-devices-') as top:
        p = Place(top)
        for i, f in enumerate(claims):
            try:
                f(p)
                print(f'ok {i + 1} - {f.__name__}', flush=True)
            except Exception as e:
                bad += 1
                print(f'not ok {i + 1} - {f.__name__}\n# ' + str(e).replace('\n', '\n# '), flush=True)
        for d in json.loads(p.refhv('list', '--json')):
            subprocess.run([REFHV, 'destroy', d['name']], env=p.env, capture_output=True)
    return bad > 0


sys.exit(main())
