"""A configuration for betterdns doctor, of which nothing is in the way until a test puts something there."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import bd

NOBODY = 65534
ZONE = "$TTL 60\n@ SOA ns1 admin 7 3600 600 86400 10\n@ NS ns1\nns1 A 192.0.2.53\n"


class Machine:
    def __init__(self, folder):
        self.folder = folder
        self.host, port = bd.free_address()
        self.dns = (self.host, bd.free_address(self.host)[1])
        self.data, self.live, self.zone = folder / "data", folder / "live", folder / "lab.zone"
        for path in (self.data, self.live):
            path.mkdir(0o750)
        self.zone.write_text(ZONE)
        self.config = {"data": str(self.data), "live": str(self.live), "http": {"listen": [f"{self.host}:{port}"]},
                       "zones": [{"name": "lab.example", "file": str(self.zone)}],
                       "server": {"listen": "%s:%d" % self.dns, "binary": bd.COREDNS}}
        self.http = (self.host, port)

    def doctor(self, *wrapper, env=None, limits=None):
        """What is found, each as (level, check, what, mend); of mend the command comes first."""
        config = self.folder / "c.yaml"
        config.write_text(json.dumps(self.config))
        done = subprocess.run([*wrapper, bd.BETTERDNS, "doctor", "-c", str(config)], capture_output=True, text=True, timeout=bd.PATIENCE,
                              env={**os.environ, **(env or {})}, preexec_fn=limits, check=False)
        assert done.stderr == "", done
        found = re.findall(r"^(note|warning|error): (\w+): (.*)\n(?:  mend: (.*)\n)?(?:  or: (.*)\n)?", done.stdout, re.MULTILINE)
        bad = [f for f in found if f[0] != "note"]
        assert done.returncode == (1 if bad else 0), done
        lines = done.stdout.splitlines()
        errors, warnings = (sum(f[0] == level for f in found) for level in ("error", "warning"))
        assert lines[-1] == (f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}" if bad else "nothing is in the way")
        assert len(lines) == 1 + sum(1 + bool(f[3]) + bool(f[4]) for f in found), done.stdout
        return [(level, check, what, f"{mend} | {other}" if other else mend) for level, check, what, mend, other in found]

    def only(self, *wrapper, **how):
        """The only thing that is found but for notes: it, and its mend."""
        bad = [f for f in self.doctor(*wrapper, **how) if f[0] != "note"]
        assert len(bad) == 1, bad
        level, check, what, mend = bad[0]
        assert mend, "nothing says how it is mended"
        return level, check, what, mend

    def healthy(self, *wrapper, **how):
        found = self.doctor(*wrapper, **how)
        assert all(f[0] == "note" for f in found), found
        return found


def machine():
    """For a fixture: `yield from` it."""
    folder = bd.temporary_folder()
    yield Machine(Path(folder))
    shutil.rmtree(folder, ignore_errors=True)


def do(mend):
    subprocess.run(mend.split(" | ")[0], shell=True, check=True, timeout=bd.PATIENCE)


def write_block(machine, path):
    """Of a Corefile: all that it needs for the zone."""
    path.write_text(f"""lab.example:{machine.dns[1]} {{
    bind {machine.dns[0]} {{$BETTERDNS_PROBE}}
    nsid {{$BETTERDNS_NSID}}
    file {machine.live}/lab.example.zone {{
        reload 100ms
    }}
}}
""")
    return path


def program(machine, name, text, mode=0o755):
    path = machine.folder / name
    path.write_text(text)
    path.chmod(mode)
    machine.config["server"]["binary"] = str(path)
    return path
