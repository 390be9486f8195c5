#!/usr/bin/env python3
"""headers: every public header compiles by itself, in C and in C++, without a word from the compiler.

  headers.py INCLUDE_DIR COMPILER...

C is C11 and freestanding, as guests use it. C++ is tried if the compiler can read it. Prints what it says; ends
with 1 if it says anything.
"""
import os
import subprocess
import sys

WARNINGS = ['-Wall', '-Wextra', '-Wundef', '-Werror', '-Wno-unused-parameter']
LANGUAGES = {
    'c': ['-std=c11', '-ffreestanding', '-Wshadow', '-Wstrict-prototypes'],
    'c++': ['-std=c++17'],
}


def compiles(cc, language, text):
    r = subprocess.run(cc + LANGUAGES[language] + WARNINGS + ['-fsyntax-only', '-x', language, '-'],
                       input=text, capture_output=True, text=True, timeout=60)
    return r.returncode == 0, r.stderr


def main():
    include, cc = sys.argv[1], sys.argv[2:] + ['-I', sys.argv[1]]
    languages = [n for n in LANGUAGES if compiles(cc, n, '#include <stdint.h>\n')[0]]
    other = 'arch-arm' if os.uname().machine == 'x86_64' else 'arch-x86'
    names = []
    for folder, _, files in os.walk(os.path.join(include, 'pv')):
        names += [os.path.relpath(os.path.join(folder, f), include) for f in files if f.endswith('.h')]
    names = sorted(n for n in names if other not in n)
    bad = 0
    for language in languages:
        for name in names:
            # Twice: the guard must hold.
            good, said = compiles(cc, language, '#include <%s>\n' % name * 2)
            if not good:
                bad += 1
                print('%s as %s:\n%s' % (name, language, said))
    print('%d headers, as %s: %d wrong' % (len(names), ' and '.join(languages), bad))
    return bool(bad) or not names or 'c' not in languages


if __name__ == '__main__':
    sys.exit(main())
