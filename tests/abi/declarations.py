"""declarations: the names that a preprocessed C header declares: macros, enumerators, structures, fields.

Reads only the plain C of ABI headers: no bit-fields, no pointers to functions. Whatever it cannot read is an
error, so that nothing is passed over in silence. Trusts the compiler's preprocessor.
"""
import re
import subprocess

TOKEN = re.compile(r'[A-Za-z_]\w*|\d\w*|"(?:[^"\\]|\\.)*"|\S')


class Unreadable(Exception):
    pass


def run(command, text):
    r = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    if r.returncode:
        raise Unreadable(' '.join(command) + ':\n' + r.stderr)
    return r.stdout


def macros(cc, text):
    """{name: body, or None for a macro with parameters} of the macros that stand at the end of `text`."""
    found = {}
    for line in run(cc + ['-E', '-dM', '-x', 'c', '-'], text).splitlines():
        m = re.match(r'#define (\w+)(\(?)(.*)', line)
        if m:
            found[m.group(1)] = None if m.group(2) else m.group(3).strip()
    return found


def texts(cc, text):
    """{file: its preprocessed text}, in the order of inclusion."""
    found = {}
    current = ''
    for line in run(cc + ['-E', '-x', 'c', '-'], text).splitlines():
        m = re.match(r'# \d+ "([^"]*)"', line)
        if m:
            current = m.group(1)
        else:
            found[current] = found.get(current, '') + line + '\n'
    return found


def enumerators(text):
    names = []
    for m in re.finditer(r'\benum\b\s*\w*\s*\{([^}]*)\}', text):
        names += re.findall(r'(?:^|,)\s*([A-Za-z_]\w*)', re.sub(r'\([^()]*\)', '', m.group(1)))
    return names


def without_attributes(tokens):
    out = []
    i = 0
    while i < len(tokens):
        if tokens[i] == '__attribute__':
            i += 1
            depth = 0
            while True:
                depth += {'(': 1, ')': -1}.get(tokens[i], 0)
                i += 1
                if not depth:
                    break
        else:
            out.append(tokens[i])
            i += 1
    return out


def closing(tokens, i):
    """The index of the brace that closes the one at i."""
    depth = 0
    while True:
        depth += {'{': 1, '}': -1}.get(tokens[i], 0)
        if not depth:
            return i
        i += 1


def declarators(tokens):
    """[(name, is a flexible array)] of `a, b[2], c[]`, with or without the type in front."""
    out = []
    piece = []
    for t in tokens + [',']:
        if t != ',':
            piece.append(t)
            continue
        cut = piece.index('[') if '[' in piece else len(piece)
        if not cut or ':' in piece or '(' in piece[:cut]:
            raise Unreadable('cannot read: ' + ' '.join(tokens))
        out.append((piece[cut - 1], piece[cut:] == ['[', ']']))
        piece = []
    return out


def fields(tokens):
    """[(path, is a flexible array)] of a structure's body; members of unnamed structures count as its own."""
    out = []
    i = 0
    while i < len(tokens):
        end = i
        inner = None
        while tokens[end] != ';':
            if tokens[end] == '{':
                inner = fields(tokens[end + 1:closing(tokens, end)])
                end = closing(tokens, end)
                i = end + 1
            end += 1
        names = declarators(tokens[i:end]) if tokens[i:end] else [(None, False)]
        for name, flexible in names:
            if name:
                out.append((name, flexible))
            for path, f in inner or []:
                array = tokens[i:end].count('[')
                if not array:
                    out.append((name + '.' + path if name else path, f))
        i = end + 1
    return out


def structures(text, prefix):
    """{name: (struct or union, fields)} of the outermost structures whose tag starts with `prefix`."""
    tokens = without_attributes(TOKEN.findall(text))
    found = {}
    i = 0
    while i < len(tokens):
        if tokens[i] in ('struct', 'union') and i + 2 < len(tokens) and tokens[i + 2] == '{':
            end = closing(tokens, i + 2)
            if tokens[i + 1].startswith(prefix):
                found[tokens[i + 1]] = (tokens[i], fields(tokens[i + 3:end]))
            i = end
        i += 1
    expected = re.findall(r'\b(?:struct|union)\s+(%s\w+)\s*\{' % prefix, text)
    if sorted(expected) != sorted(found):
        raise Unreadable('structures not read: %s' % (set(expected) ^ set(found)))
    return found


def tags(text):
    return set(re.findall(r'\b(?:struct|union)\s+(\w+)\s*\{', text))
