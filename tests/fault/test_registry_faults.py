"""registry_faults: the library alone, a process for each n-th call that fails. Every n up to 2,000; of fsync that is
`make soak`. (Of malloc a start has more than that: "later" counts from its end.)"""
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from fault import FOLDER, KINDS

# So many calls of a kind there are between the start and the end of one process, at least: beyond it n means nothing.
KINDS_TO_THE_END = {"open": 60, "name": 60, "map": 60, "read": 200}


def run(kind, first, last, step=1):
    done = subprocess.run([str(FOLDER / "registry_faults"), kind, str(first), str(last), str(step)], capture_output=True,
                          text=True, timeout=3600, check=False, env={**os.environ})
    assert done.returncode == 0 and f"{kind}: 0 of " in done.stdout, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "last"), [("malloc", 2000), ("later", 1500), ("write", 2000)])
def test_every_n(kind, last):
    run(kind, 1, last)


@pytest.mark.slow
def test_the_first_syncs_one_by_one_and_a_spread_of_the_rest():
    """A process that meets its 2,000th has made 2,000 commits."""
    run("sync", 1, 300)
    run("sync", 301, 2000, 17)


@pytest.mark.parametrize("kind", sorted(KINDS_TO_THE_END))
def test_other_calls(kind):
    assert kind in KINDS
    run(kind, 1, KINDS_TO_THE_END[kind])


@pytest.mark.soak
def test_every_sync_soak():
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda first: run("sync", first, first + 249), range(1, 2001, 250)))
