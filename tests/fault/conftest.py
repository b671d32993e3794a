import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "e2e")]
from fixtures import *  # noqa: E402,F403

# Where `make fault-programs` has put what is built from this folder.
os.environ.setdefault("BETTERDNS_FAULT", str(Path(__file__).parents[2] / "build" / "tests" / "fault"))

import power  # noqa: E402


def pytest_collection_modifyitems(config, items):
    if leave_out(config, items, "power", "with a disk of their own", power.missing):  # noqa: F405
        power.enter_namespace()
