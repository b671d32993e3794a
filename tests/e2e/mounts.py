"""A betterdns with mounts of its own: in a mount namespace that is gone with it; without root in a user namespace too."""
import functools
import os
import subprocess
from pathlib import Path

import bd


def unshare():
    return ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]


@functools.lru_cache
def missing():
    """What this machine lacks for it, or None."""
    done = subprocess.run([*unshare(), "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True, timeout=bd.PATIENCE,
                          check=False)
    return None if done.returncode == 0 else done.stderr.strip() or "no right to mount"


def mounted(server, script):
    """The server will start behind this script, in which $1 is the folder of its zone file."""
    script = f"set -e; {script}; shift; exec \"$@\""
    server.wrapper = [*unshare(), "--propagation", "private", "sh", "-c", script, "sh", str(server.zone_file.parent)]
    return server


def inside(server, path):
    """The path as the running server sees it."""
    return Path(f"/proc/{server.process.pid}/root{path}")
