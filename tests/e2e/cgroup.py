"""A control group of a test's own, with a limit of memory: version 2, or 1."""
import contextlib
import functools
import os
import time
from pathlib import Path

TOP = Path("/sys/fs/cgroup")


class Group:
    """`with Group(octets) as group`: group.path/cgroup.procs takes processes. It goes when the last of them is gone."""

    def __init__(self, octets):
        two = (TOP / "cgroup.controllers").exists()
        self.path = (TOP if two else TOP / "memory") / f"betterdns-test.{os.getpid()}.{time.monotonic_ns()}"
        self.file = "memory.max" if two else "memory.limit_in_bytes"
        self.octets = octets

    def limit(self, octets):
        (self.path / self.file).write_text(str(octets))

    def __enter__(self):
        self.path.mkdir()
        try:
            self.limit(self.octets)
        except OSError:
            self.path.rmdir()
            raise
        return self

    def __exit__(self, *_):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                self.path.rmdir()
                return
            time.sleep(0.01)
        raise AssertionError(f"{self.path} is in use: {(self.path / 'cgroup.procs').read_text()}")


@functools.lru_cache
def missing():
    """What this machine lacks for it, or None."""
    try:
        with Group(1 << 30):
            return None
    except OSError as error:
        return str(error)
