"""The calls of preload_fail.c, told from Python. fail.h has the layout."""
import mmap
import os
import struct
from pathlib import Path

FOLDER = Path(os.environ["BETTERDNS_FAULT"])
KINDS = {name: number for number, name in enumerate(("malloc", "write", "sync", "open", "name", "map", "read"))}
FIELDS = ("calls", "first", "last", "error", "failed")
FOR_EVER, SHORT = 2**64 - 1, 4096
PROCESS = 8 * len(FIELDS) * len(KINDS)
SIZE = PROCESS + 8 + 256 + 16


class Faults:
    """One control file: Faults(path).env is what a process needs to be under it."""

    def __init__(self, path):
        with open(path, "wb") as file:
            file.truncate(SIZE)
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), SIZE)
        self.env = {"LD_PRELOAD": str(FOLDER / "preload_fail.so"), "BETTERDNS_FAIL": str(path)}

    def _at(self, kind, field):
        return 8 * (KINDS[kind] * len(FIELDS) + FIELDS.index(field))

    def get(self, kind, field):
        return struct.unpack_from("=Q", self.map, self._at(kind, field))[0]

    def set(self, kind, field, value):
        struct.pack_into("=Q", self.map, self._at(kind, field), value)

    def only(self, process=0, below="", thread=""):
        """Only calls of this process, on files below this folder, by threads of this name."""
        struct.pack_into("=Q256s16s", self.map, PROCESS, process, str(below).encode(), thread.encode())

    def arm(self, kind, n, error, times=1):
        """The n-th call from now on fails, and the times - 1 that follow it."""
        self.set(kind, "first", 0)
        self.set(kind, "failed", 0)
        self.set(kind, "error", error)
        first = self.get(kind, "calls") + n
        self.set(kind, "last", min(first + times - 1, FOR_EVER))
        self.set(kind, "first", first)

    def disarm(self, kind):
        self.set(kind, "first", 0)
        return self.get(kind, "failed")
