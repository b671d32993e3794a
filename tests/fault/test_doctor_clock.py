"""betterdns doctor under a clock that stands in the past, as a machine without a battery starts with."""
import json
import os
import struct
import subprocess
from pathlib import Path

import bd

FAULT = Path(os.environ.get("BETTERDNS_FAULT", bd.ROOT / "build" / "tests" / "fault"))


def test_the_clock_is_before_the_program_was_made(tmp_path):
    (host, port), (_, http_port) = bd.free_address(), bd.free_address()
    (tmp_path / "clock").write_bytes(struct.pack("=q", -20 * 366 * 86400))
    config = tmp_path / "c.yaml"
    config.write_text(json.dumps({"data": "data", "live": "live", "http": {"listen": [f"{host}:{http_port}"]}, "zones": [{"name": "lab.example"}],
                                  "server": {"listen": f"{host}:{port}", "binary": bd.COREDNS}}))
    env = {**os.environ, "LD_PRELOAD": str(FAULT / "preload_clock.so"), "CLOCK_FILE": str(tmp_path / "clock")}
    done = subprocess.run([bd.BETTERDNS, "doctor", "-c", str(config)], env=env, capture_output=True, text=True, timeout=bd.PATIENCE, check=False)
    assert done.returncode == 1 and done.stdout.startswith("error: clock: the clock says 200"), done
    assert "this program was made at 20" in done.stdout and "  mend: timedatectl set-ntp true\n" in done.stdout
