import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "e2e")]
from fixtures import *  # noqa: E402,F403

# Where `make fault-programs` has put what is built from this folder.
os.environ.setdefault("BETTERDNS_FAULT", str(Path(__file__).parents[2] / "build" / "tests" / "fault"))


import power  # noqa: E402


def pytest_collection_modifyitems(config, items):
    """What this machine cannot do is neither passed nor skipped: it is not among the tests, and the report says so."""
    cuts = [item for item in items if item.get_closest_marker("power")]
    if not cuts:
        return
    lacks = power.missing()
    if not lacks:
        power.enter_namespace()
        return
    items[:] = [item for item in items if item not in cuts]
    config.hook.pytest_deselected(items=cuts)
    config.not_applicable = f"not applicable: {len(cuts)} tests with a disk of their own ({lacks})"


def pytest_terminal_summary(terminalreporter, config):
    if hasattr(config, "not_applicable"):
        terminalreporter.write_line(config.not_applicable)
