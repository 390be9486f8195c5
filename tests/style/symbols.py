#!/usr/bin/env python3
"""symbols: what a library defines and what it asks for.

  symbols.py [--needs NAME,...] NM LIBRARY

Every global that the library defines starts with pv_, and none ends in _ops (Linux owns those names). With
--needs, everything it does not define itself is among the given names. Prints what is not so; ends with 1 then.
"""
import subprocess
import sys


def main():
    args = sys.argv[1:]
    needs = None
    if args[0] == '--needs':
        needs = set(args[1].split(','))
        args = args[2:]
    nm, library = args
    shared = ['-D'] if '.so' in library else []
    r = subprocess.run([nm, '-g', '-P', *shared, library], capture_output=True, text=True, timeout=60)
    if r.returncode:
        sys.exit(r.stderr)
    defined = set()
    asked = set()
    for line in r.stdout.splitlines():
        words = line.split()
        if len(words) < 2 or len(words[1]) != 1:
            continue
        (asked if words[1] in 'Uwv' else defined).add(words[0].split('@')[0])
    # The linker's own, in shared libraries.
    defined -= {'_init', '_fini', '_edata', '_end', '__bss_start'}
    bad = ['%s: does not start with pv_' % n for n in sorted(defined) if not n.startswith('pv_')]
    bad += ['%s: ends in _ops' % n for n in sorted(defined) if n.endswith('_ops')]
    if needs is not None:
        bad += ['%s: is asked for, and is not one of %s' % (n, ' '.join(sorted(needs)))
                for n in sorted(asked - defined - needs)]
    print('\n'.join(bad))
    print('%d symbols defined, %d asked for, %d wrong' % (len(defined), len(asked - defined), len(bad)))
    return bool(bad) or not defined


if __name__ == '__main__':
    sys.exit(main())
