#!/usr/bin/env python3
"""includes: includes point down through the layers of the design, and only down.

  includes.py SOURCE_ROOT

The guest side and the host side never see each other; freestanding layers see no hosted header. Prints each
include that points elsewhere; ends with 1 if there is one. A public header that is not listed here is an error
too: it has to say first which side it belongs to.
"""
import os
import re
import sys

FREESTANDING = {'stdint.h', 'stddef.h', 'stdbool.h', 'stdarg.h', 'limits.h'}

COMMON = 'elf net ring stream xenbus xs'.split()
GUEST = 'os guest evtchn gnttab guest_bus xs_client'.split()
HOST = 'vmm domain state store'.split()

# The layer of a path: the first prefix that fits.
LAYERS = [('include/pv/abi/', 'abi'), ('include/pv/front/', 'front.h'), ('include/pv/back/', 'back.h')]
LAYERS += [('include/pv/%s.h' % n, 'common.h') for n in COMMON]
LAYERS += [('include/pv/%s.h' % n, 'guest.h') for n in GUEST]
LAYERS += [('include/pv/%s.h' % n, 'host.h') for n in HOST]
LAYERS += [('libpv/common/', 'common'), ('libpv/guest/', 'guest'), ('libpv/host/', 'host'),
           ('frontends/', 'frontends'), ('backends/', 'backends'), ('refhv/', 'refhv'), ('examples/', 'examples'),
           ('bindings/', 'examples')]

PUBLIC = 'abi common.h guest.h host.h front.h back.h'.split()

# What a layer may include besides itself. Hosted ones, in capitals, may include any system header.
MAY = {
    'abi': '',
    'common.h': 'abi',
    'guest.h': 'abi common.h front.h',
    'host.h': 'abi common.h',
    'front.h': 'abi common.h',
    'back.h': 'abi common.h',
    'common': 'abi common.h',
    'guest': 'abi common.h guest.h front.h common',
    'host': 'abi common.h host.h common',
    'frontends': 'abi common.h front.h common',
    'backends': 'abi common.h back.h common',
    'refhv': 'abi common.h host.h front.h back.h HOSTED',
    'examples': ' '.join(PUBLIC) + ' HOSTED',
}

# Folders that the build adds to the include path, for includes that are not next to the file.
ROOTS = ['include', 'refhv', 'examples/guests/kernel', '.']


def layer(path):
    for prefix, name in LAYERS:
        if path.startswith(prefix):
            return name
    return None


def resolve(top, path, quoted, name):
    """The included file's path below `top`, or None for a system header."""
    places = [os.path.dirname(path)] if quoted else []
    for place in places + ROOTS:
        found = os.path.normpath(os.path.join(place, name))
        if os.path.isfile(os.path.join(top, found)):
            return found.replace(os.sep, '/')
    return None


def sources(top):
    for folder, folders, files in os.walk(top):
        folders[:] = [f for f in folders if not f.startswith(('.', 'build'))]
        for name in files:
            if name.endswith(('.c', '.h', '.S')):
                yield os.path.relpath(os.path.join(folder, name), top).replace(os.sep, '/')


def complaints(top, path, mine):
    may = MAY[mine].split()
    allowed = {'stdint.h'} if mine == 'abi' else FREESTANDING
    with open(os.path.join(top, path), encoding='utf-8') as f:
        for number, line in enumerate(f, 1):
            m = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if not m:
                continue
            target = resolve(top, path, m.group(1) == '"', m.group(2))
            where = '%s:%d: %s' % (path, number, m.group(2))
            if target is None:
                if m.group(2).startswith('pv/'):
                    yield where + ' does not exist'
                elif 'HOSTED' not in may and m.group(2) not in allowed:
                    yield where + ' is not for a freestanding layer'
                continue
            theirs = layer(target)
            if theirs != mine and theirs not in may:
                yield '%s is of layer %s, which %s may not include' % (where, theirs, mine)


def main():
    top = sys.argv[1]
    count = 0
    bad = []
    for path in sorted(sources(top)):
        mine = layer(path)
        if mine is None:
            if path.startswith(('include/', 'libpv/')):
                bad.append(path + ': belongs to no layer; add it to tests/style/includes.py')
            continue
        count += 1
        bad += complaints(top, path, mine)
    print('\n'.join(bad))
    print('%d files, %d includes that point the wrong way' % (count, len(bad)))
    return bool(bad) or not count


if __name__ == '__main__':
    sys.exit(main())
