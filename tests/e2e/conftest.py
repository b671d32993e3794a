import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from fixtures import *  # noqa: E402,F403

import cgroup  # noqa: E402
import mounts  # noqa: E402
import netns  # noqa: E402
import pid1  # noqa: E402
from fixtures import leave_out  # noqa: E402


def pytest_collection_modifyitems(config, items):
    leave_out(config, items, "mounts", "with mounts of their own", mounts.missing)
    leave_out(config, items, "cgroup", "with a control group of their own", cgroup.missing)
    leave_out(config, items, "netns", "with network namespaces of their own", netns.missing)
    leave_out(config, items, "systemd", "with a systemd of their own", pid1.missing)
    leave_out(config, items, "root", "with two users", lambda: None if os.geteuid() == 0 else "not root")
