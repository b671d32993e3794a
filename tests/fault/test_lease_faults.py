"""lease_faults: running time, renewals, notes and terminations, a process for each n-th call that fails."""
import os
import subprocess

import pytest

from fault import FOLDER, KINDS


@pytest.mark.parametrize(("kind", "last", "step"), [("malloc", 1500, 3), ("later", 1500, 3), ("write", 600, 2),
                                                    ("sync", 200, 1), ("open", 60, 1), ("name", 60, 1), ("map", 60, 1),
                                                    ("read", 200, 1)])
def test_what_was_answered_holds(kind, last, step):
    assert kind.replace("later", "malloc") in KINDS
    done = subprocess.run([str(FOLDER / "lease_faults"), kind, "1", str(last), str(step)], capture_output=True, text=True,
                          timeout=1800, check=False, env={**os.environ})
    assert done.returncode == 0 and f"{kind}: 0 of " in done.stdout, done.stdout[-3000:] + done.stderr[-1000:]
