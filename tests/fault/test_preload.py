"""The preload itself: counts, fails the n-th call, and only where it is told to."""
import errno
import os
import subprocess
import sys

from fault import Faults

WRITES = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
for n in range(1, 6):
    try:
        os.write(fd, b"x")
        os.fsync(fd)
        print(n, "done")
    except OSError as error:
        print(n, error.errno)
"""


def run(faults, path):
    done = subprocess.run([sys.executable, "-c", WRITES, str(path)], env={**os.environ, **faults.env}, capture_output=True,
                          text=True, check=True, timeout=60)
    return done.stdout.split("\n")[:-1]


def test_the_nth_call_fails_and_no_other(tmp_path):
    faults = Faults(tmp_path / "faults")
    faults.only(below=tmp_path / "data")
    faults.arm("write", 2, errno.ENOSPC)
    faults.arm("sync", 3, errno.EIO)
    assert run(faults, tmp_path / "data") == ["1 done", f"2 {errno.ENOSPC}", "3 done", f"4 {errno.EIO}", "5 done"]
    assert (faults.get("write", "calls"), faults.get("sync", "calls")) == (5, 4)
    assert (faults.disarm("write"), faults.disarm("sync")) == (1, 1)
    faults.arm("write", 2, errno.EIO, 2**64)
    assert run(faults, tmp_path / "elsewhere") == [f"{n} done" for n in range(1, 6)]
    assert run(faults, tmp_path / "data") == ["1 done"] + [f"{n} {errno.EIO}" for n in range(2, 6)]
