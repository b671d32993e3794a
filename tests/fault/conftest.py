import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "e2e")]
from fixtures import *  # noqa: E402,F403

# Where `make fault-programs` has put what is built from this folder.
os.environ.setdefault("BETTERDNS_FAULT", str(Path(__file__).parents[2] / "build" / "tests" / "fault"))
