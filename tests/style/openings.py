#!/usr/bin/env python3
"""openings: every source file opens with a comment that says what it is.

  openings.py SOURCE_ROOT

C, assembly, linker scripts, Python, shell and build files. In the first two, a header guard or an include may
not come first. Also refused anywhere: words that put work off. Prints what is not so; ends with 1 then.
"""
import os
import re
import sys

PUT_OFF = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b')


def opening(name, text):
    """What should open the file, as a pattern; None for files that are not sources."""
    if name.endswith(('.c', '.h', '.S', '.lds')):
        return r'(/\*|# )'
    if text.startswith('#!') or name.endswith(('.py', '.sh')):
        return r'(#!.*\n)?(#|""")'
    if name == 'meson.build':
        return r'(#|\Z|project\(|\w+ = files\(\)|install_)'
    return None


def main():
    top = sys.argv[1]
    count = 0
    bad = []
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(f for f in folders if f not in ('.git', 'corpus', 'subprojects') and not f.startswith('build'))
        for name in sorted(files):
            path = os.path.join(folder, name)
            try:
                with open(path, encoding='utf-8') as f:
                    text = f.read()
            except (UnicodeDecodeError, OSError):
                continue
            pattern = opening(name, text)
            if not pattern:
                continue
            count += 1
            path = os.path.relpath(path, top)
            if not re.match(pattern, text):
                bad.append(path + ': does not open with a comment')
            if path != os.path.join('tests', 'style', 'openings.py'):
                bad += ['%s:%d: puts work off' % (path, text.count('\n', 0, m.start()) + 1)
                        for m in PUT_OFF.finditer(text)]
    print('\n'.join(bad))
    print('%d files, %d complaints' % (count, len(bad)))
    return bool(bad) or not count


if __name__ == '__main__':
    sys.exit(main())
