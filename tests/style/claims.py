"""Every claim that the documents name is a test that exists; where they name a unit test before it, it is in that one.

claims.py SOURCE-ROOT: claims are the words in backquotes that are nothing but lower case and underscores, in the documents that list tests;
`suite: claim, claim; suite: claim` is how docs/security.md writes where they are.
"""
import glob
import os
import re
import sys

root = sys.argv[1]
documents = ['docs/security.md', 'docs/features-blk.md', 'docs/features-net.md']
places = ['tests/**/*.c', 'tests/**/*.py', 'tests/nested/cases/*.sh', 'examples/guests/conformance/*.c']
text = ''
for place in places:
    for path in glob.glob(os.path.join(root, place), recursive=True):
        with open(path) as f:
            text += os.path.basename(path) + '\n' + f.read()


def words(path):
    with open(path) as f:
        return set(re.findall(r'\w+', f.read()))


known = set(re.findall(r'\w+', text))

print('1..%d' % len(documents))
failed = 0
for n, name in enumerate(documents, 1):
    with open(os.path.join(root, name)) as f:
        page = f.read()
    claims = set(re.findall(r'`([a-z0-9]+(?:_[a-z0-9]+){3,})`', page))
    absent = sorted(claims - known)
    for suite, named in re.findall(r'([a-z0-9-]+): ((?:`[a-z0-9_]+`(?:, )?)+)', page):
        path = os.path.join(root, 'tests/unit', suite.replace('-', '_') + '.c')
        if os.path.exists(path):
            absent += ['%s: %s' % (suite, c) for c in re.findall(r'`(\w+)`', named) if c not in words(path)]
    failed += bool(absent)
    print('%s %d - %s names tests that exist' % ('not ok' if absent or not claims else 'ok', n, name))
    for claim in absent:
        print('# no such test: ' + claim)
sys.exit(failed > 0)
