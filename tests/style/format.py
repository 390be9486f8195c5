#!/usr/bin/env python3
"""format: every C file is as clang-format writes it.

  format.py SOURCE_ROOT

Skipped (exit 77) without clang-format, and with another major version than the one the tree is kept with:
versions disagree about details. The remedy is `clang-format -i FILE`.
"""
import os
import re
import subprocess
import sys

MAJOR = 14


def main():
    try:
        version = subprocess.run(['clang-format', '--version'], capture_output=True, text=True, timeout=60).stdout
    except OSError:
        print('skipped: no clang-format')
        return 77
    m = re.search(r'version (\d+)', version)
    if not m or int(m.group(1)) != MAJOR:
        print('skipped: the tree is kept with clang-format %d, here is: %s' % (MAJOR, version.strip()))
        return 77
    top = sys.argv[1]
    files = []
    for folder, folders, names in os.walk(top):
        folders[:] = [f for f in folders if not f.startswith(('.', 'build'))]
        files += [os.path.join(folder, n) for n in names if n.endswith(('.c', '.h'))]
    r = subprocess.run(['clang-format', '--dry-run', '-Werror', '--ferror-limit=1'] + sorted(files),
                       capture_output=True, text=True, timeout=300)
    bad = sorted(set(re.findall(r'^(.*?):\d+:\d+: error', r.stderr, re.M)))
    print('\n'.join(os.path.relpath(b, top) + ': is not formatted; clang-format -i' for b in bad))
    print('%d files, %d not formatted' % (len(files), len(bad)))
    return bool(r.returncode) or not files


if __name__ == '__main__':
    sys.exit(main())
