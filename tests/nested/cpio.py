"""Initramfs archives (cpio, "newc"), written without root and the same each time for the same content.

Several archives one after the other are one initramfs for Linux, so parts that seldom change are kept.
"""
import os
import stat


class Archive:
    def __init__(self, path):
        self.out = open(path, 'wb')
        self.folders = set()
        self.number = 0

    def _entry(self, name, mode, data=b'', size=None, rdev=(0, 0)):
        self.number += 1
        size = len(data) if size is None else size
        name = name.encode() + b'\0'
        fields = (self.number, mode, 0, 0, 1, 0, size, 0, 0, rdev[0], rdev[1], len(name), 0)
        head = b'070701' + b''.join(b'%08x' % x for x in fields) + name
        self.out.write(head + bytes(-len(head) % 4) + data)

    def folder(self, name):
        name = name.strip('/')
        if not name or name in self.folders:
            return
        self.folder(os.path.dirname(name))
        self.folders.add(name)
        self._entry(name, stat.S_IFDIR | 0o755)

    def data(self, name, data, mode=0o644):
        name = name.strip('/')
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFREG | mode, data)
        self.out.write(bytes(-len(data) % 4))

    def file(self, name, path, mode=None):
        """The file at `path`, symbolic links followed."""
        name = name.strip('/')
        self.folder(os.path.dirname(name))
        st = os.stat(path)
        self._entry(name, stat.S_IFREG | (stat.S_IMODE(st.st_mode) if mode is None else mode), size=st.st_size)
        with open(path, 'rb') as f:
            left = st.st_size
            while left:
                block = f.read(min(left, 1 << 20))
                if not block:
                    raise OSError('%s became shorter while it was read' % path)
                self.out.write(block)
                left -= len(block)
        self.out.write(bytes(-st.st_size % 4))

    def link(self, name, target):
        name = name.strip('/')
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())
        self.out.write(bytes(-len(target.encode()) % 4))

    def device(self, name, major, minor):
        self.folder(os.path.dirname(name))
        self._entry(name.strip('/'), stat.S_IFCHR | 0o600, rdev=(major, minor))

    def close(self):
        self._entry('TRAILER!!!', 0)
        self.out.write(bytes(-self.out.tell() % 512))
        self.out.close()
