#!/usr/bin/env python3
"""conformance: our ABI headers against Xen's own, name by name.

  conformance.py VARIANT INCLUDE_DIR COMPILER...

VARIANT is x86_64, x86_32 (the layouts that are for such guests too) or arm64. Every macro, enumerator,
structure and field of include/pv/abi is extracted from the headers themselves and compared with its counterpart
in <xen/...> (Debian: libxen-dev) in one translation unit: values, sizes, offsets. A name without a counterpart
is a failure unless exceptions.txt gives a reason. TAP; skipped where Xen's headers or the compiler are missing.
"""
import fnmatch
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import declarations as decl  # noqa: E402

# The order matters to Xen's: xen.h first.
XEN = '''xen.h errno.h event_channel.h grant_table.h memory.h sched.h vcpu.h version.h features.h callback.h physdev.h
elfnote.h domctl.h hvm/params.h hvm/hvm_op.h hvm/save.h io/ring.h io/blkif.h io/netif.h io/console.h io/xenbus.h
io/xs_wire.h io/protocols.h'''.split()
XEN_X86 = 'hvm/hvm_vcpu.h arch-x86/hvm/start_info.h arch-x86/cpuid.h'.split()
# Headers whose layouts are the same for 32-bit guests.
ANY_WIDTH = r'/io/(netif|console|xs_wire)\.h$|/hvm/(start_info|hvm_vcpu)\.h$'
# Headers whose structures a 32-bit guest has in the same layout, unless there is one of its own (pv/abi/x86_32.h).
HYPERCALLS = r'/abi/(event_channel|grant_table|memory|sched|vcpu|version|hvm/hvm_op)\.h$'
FREESTANDING = '#include <stddef.h>\n#include <stdint.h>\n'


class Exceptions:
    """exceptions.txt: what it says of itself, for one variant."""

    def __init__(self, path, variant):
        self.rules = []
        for line in open(path, encoding='utf-8'):
            line = line.split('#')[0].strip()
            if not line:
                continue
            m = re.match(r'(?:(\w+):\s*)?(\S+)\s+([-=])\s+(.+)$', line)
            if not m:
                raise decl.Unreadable('exceptions.txt: cannot read: ' + line)
            if m.group(1) in (None, variant):
                self.rules.append([m.group(2), m.group(4) if m.group(3) == '=' else None, False])

    def look_up(self, name):
        """(True, expression or None) if there is a rule for it."""
        for rule in self.rules:
            if fnmatch.fnmatchcase(name, rule[0]):
                rule[2] = True
                return True, rule[1]
        return False, None

    def calls(self):
        """[(call of a macro of ours, expression)]"""
        return [(r[0], self.look_up(r[0])[1]) for r in self.rules if '(' in r[0]]

    def unused(self):
        return [r[0] for r in self.rules if not r[2]]


def our_headers(include, variant):
    top = os.path.join(include, 'pv', 'abi')
    names = []
    for folder, _, files in os.walk(top):
        names += [os.path.relpath(os.path.join(folder, f), include) for f in files if f.endswith('.h')]
    other = 'arch-x86' if variant == 'arm64' else 'arch-arm'
    return sorted(n for n in names if other not in n)


def macro_pairs(ours_macros, enums, before, theirs, names, exc, missing):
    """[(our name, Xen's expression)] for macros, enumerators and the calls of macros in exceptions.txt."""
    pairs = [(name, expression) for name, expression in exc.calls()]
    for name in sorted(ours_macros) + enums:
        if not name.startswith('PV_') or name in before or re.match(r'PV_ABI_\w+_H$', name):
            continue
        stem = name[3:]
        known, expression = exc.look_up(name)
        if not known:
            found = [c for c in (stem, '__' + stem, 'XEN_' + stem) if c in theirs or c in names]
            if name in ours_macros and ours_macros[name] is None:
                found = []
            expression = found[0] if found else None
            if not found:
                missing.append(name)
        if expression:
            pairs.append((name, expression))
    return pairs


def structure_pairs(ours, their_tags, variant, exc, missing):
    """[(kind, our tag, Xen's type, fields)]; the layouts that are named x86_32 count in that variant only."""
    pairs = []
    for tag, (kind, fields) in ours.items():
        narrow = '_x86_32_' in tag
        if narrow and variant != 'x86_32':
            continue
        stem = tag.replace('_x86_32_', '_')[3:]
        known, expression = exc.look_up(tag)
        if not known:
            found = [c for c in (stem, 'xen_' + stem) if c in their_tags]
            expression = '%s %s' % (kind, found[0]) if found else None
            if not found:
                missing.append('%s %s' % (kind, tag))
        if expression:
            pairs.append((kind, tag, expression, fields))
    return pairs


def expressions(kind, tag, fields):
    mine = '%s %s' % (kind, tag)
    yield 'sizeof(%s)' % mine
    for path, flexible in fields:
        yield 'offsetof(%s, %s)' % (mine, path)
        if not flexible:
            yield 'sizeof(((%s *)0)->%s)' % (mine, path)


def values(cc, source, structs):
    """{expression: its value for this compiler} of all sizes and offsets in these structures."""
    wanted = [e for kind, tag, _, fields in structs for e in expressions(kind, tag, fields)]
    source += 'unsigned long long pv_values[] = {1, %s};\n' % ', '.join(e + ' + 1' for e in wanted)
    text = decl.run(cc + ['-S', '-o', '-', '-x', 'c', '-'], source)
    found = [int(n) - 1 for n in re.findall(r'\.quad\s+(\d+)', text)]
    if len(found) != len(wanted) + 1:
        raise decl.Unreadable('%d values of %d in the compiler\'s output' % (len(found), len(wanted) + 1))
    return dict(zip(wanted, found[1:]))


def claims(constants, structs, exc, known):
    """[(kind of claim, what it is about, condition)]; `known` has values that hold elsewhere, of our side."""
    def value(e):
        return str(known.get(e, e))

    out = []
    for name, theirs in constants:
        # Strings first: an integer cast of one is no constant expression.
        out.append(('constant', name, (name, theirs)))
    for kind, tag, theirs, fields in structs:
        mine = '%s %s' % (kind, tag)
        out.append(('size', mine, '%s == sizeof(%s)' % (value('sizeof(%s)' % mine), theirs)))
        for path, flexible in fields:
            name = '%s.%s' % (tag, path)
            if exc.look_up(name)[0]:
                continue
            place = value('offsetof(%s, %s)' % (mine, path))
            out.append(('field', name, '%s == offsetof(%s, %s)' % (place, theirs, path)))
            if not flexible:
                width = value('sizeof(((%s *)0)->%s)' % (mine, path))
                out.append(('width', name, '%s == sizeof(((%s *)0)->%s)' % (width, theirs, path)))
    return out


def assertion(claim, bodies, index):
    kind, name, condition = claim
    if kind == 'constant':
        mine, theirs = condition
        body = (bodies.get(mine) or '').strip('() ')
        while body in bodies:
            body = (bodies[body] or '').strip('() ')
        if body.startswith('"'):
            condition = '!__builtin_strcmp(%s, %s)' % (mine, theirs)
        else:
            condition = '(unsigned long long)(%s) == (unsigned long long)(%s)' % (mine, theirs)
    return '_Static_assert(%s, "CLAIM %d");\n' % (condition, index)


def failures(cc, source, claims_made, bodies):
    """Names of the claims that do not hold, and whatever else the compiler has to say."""
    text = source + ''.join(assertion(c, bodies, i) for i, c in enumerate(claims_made))
    r = subprocess.run(cc + ['-w', '-fmax-errors=0' if 'clang' not in cc[0] else '-ferror-limit=0',
                             '-fsyntax-only', '-x', 'c', '-'], input=text, capture_output=True, text=True, timeout=120)
    wrong = sorted({int(n) for n in re.findall(r'error: .*CLAIM (\d+)', r.stderr)})
    other = [e for e in r.stderr.splitlines() if 'error:' in e and 'CLAIM' not in e]
    if r.returncode and not wrong and not other:
        other = [r.stderr]
    return [claims_made[i] for i in wrong], other


def wrong_on_purpose(claims_made):
    """One false claim of each kind, out of true ones."""
    out = []
    for kind in ('constant', 'size', 'field', 'width'):
        for k, name, condition in claims_made:
            if k == kind:
                if kind == 'constant':
                    condition = (condition[0], '(%s) + 1' % condition[1])
                else:
                    condition = '!(%s)' % condition
                out.append((kind, name, condition))
                break
    return out


class Tap:
    def __init__(self):
        self.count = self.bad = 0

    def say(self, ok, claim, notes=()):
        self.count += 1
        self.bad += not ok
        print('%sok %d - %s' % ('' if ok else 'not ', self.count, claim))
        for note in notes:
            print('# ' + note)


def skip(why):
    # Meson takes a skipped plan as such only from a program that ends well.
    print('1..0 # SKIP ' + why)
    sys.exit(0)


def usable(cc):
    try:
        r = subprocess.run(cc + ['-fsyntax-only', '-x', 'c', '-'], input=FREESTANDING, capture_output=True,
                           text=True, timeout=60)
    except OSError:
        return False
    return r.returncode == 0


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    variant, include, cc = sys.argv[1], sys.argv[2], sys.argv[3:]
    wide_cc = cc = cc + ['-std=gnu11', '-ffreestanding', '-I', include]
    if variant == 'x86_32':
        cc = cc + ['-m32']
    if not os.path.exists('/usr/include/xen/xen.h'):
        skip("Xen's headers are missing (Debian: libxen-dev)")
    if not usable(cc):
        skip('no compiler for %s (%s)' % (variant, ' '.join(sys.argv[3:])))
    # Debian's architecture headers are in the general folder; a cross compiler does not look there by itself.
    cc += ['-idirafter', '/usr/include']
    exc = Exceptions(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'exceptions.txt'), variant)

    ours = FREESTANDING + ''.join('#include <%s>\n' % n for n in our_headers(include, variant))
    xen = '#define __XEN_TOOLS__ 1\n' + FREESTANDING
    xen += ''.join('#include <xen/%s>\n' % n for n in XEN + (XEN_X86 if variant != 'arm64' else []))
    both = xen + ours

    before = decl.macros(cc, FREESTANDING)
    my_macros = decl.macros(cc, ours)
    my_texts = {f: t for f, t in decl.texts(cc, ours).items() if '/pv/abi/' in f}
    my_text = ''.join(my_texts.values())
    xen_macros = decl.macros(cc, xen)
    xen_text = ''.join(t for f, t in decl.texts(cc, xen).items() if '/xen/' in f)

    missing = []
    mine = decl.structures(my_text, 'pv_')
    if variant == 'x86_32':
        same = ''.join(t for f, t in my_texts.items() if re.search(ANY_WIDTH, f))
        same = decl.structures(same, 'pv_')
        calls = ''.join(t for f, t in my_texts.items() if re.search(HYPERCALLS, f))
        calls = [tag for tag in decl.structures(calls, 'pv_') if tag.replace('pv_', 'pv_x86_32_', 1) not in mine]
        mine = {tag: m for tag, m in mine.items() if tag in same or tag in calls or '_x86_32_' in tag}
    structs = structure_pairs(mine, decl.tags(xen_text), variant, exc, missing)
    known = {}
    if variant == 'x86_32':
        # Ours as they are in the host, which is not a 32-bit program.
        known = values(wide_cc, ours, [s for s in structs if s[1] in calls or '_x86_32_' in s[1]])
    constants = []
    if variant != 'x86_32':
        names = set(decl.enumerators(xen_text))
        constants = macro_pairs(my_macros, decl.enumerators(my_text), before, xen_macros, names, exc, missing)
    made = claims(constants, structs, exc, known)
    wrong, other = failures(cc, both, made, my_macros)
    noticed, _ = failures(cc, both, wrong_on_purpose(made), my_macros)

    tap = Tap()
    number = {k: sum(1 for c in made if c[0] == k) for k in ('constant', 'size', 'field', 'width')}
    tap.say(not other, '%s: both sets of headers compile in one file' % variant, other)
    tap.say(not missing, '%s: every name of ours is one of Xen\'s, or says why not' % variant, missing)
    for kind, claim in (('constant', '%d constants have Xen\'s values'), ('size', '%d structures have Xen\'s sizes'),
                        ('field', '%d fields are at Xen\'s offsets'), ('width', '%d fields have Xen\'s sizes')):
        if number[kind]:
            bad = [name for k, name, _ in wrong if k == kind]
            tap.say(not bad, variant + ': ' + claim % number[kind], bad)
    tap.say(len(noticed) == sum(1 for n in number.values() if n) and len(noticed) > 2,
            '%s: a wrong claim of each kind is noticed' % variant)
    if variant != 'x86_32':
        tap.say(not exc.unused(), variant + ': no exception is out of date', exc.unused())
    print('1..%d' % tap.count)
    sys.exit(tap.bad != 0)


if __name__ == '__main__':
    try:
        main()
    except decl.Unreadable as e:
        print('Bail out! ' + str(e).replace('\n', '\n# '))
        sys.exit(1)
