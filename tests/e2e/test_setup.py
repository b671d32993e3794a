"""The set-up scripts, against a false go, coredns and dpkg-query: which coredns is taken, built once, and what is said."""
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GO = """#!/bin/bash
case $1 in
    env) echo go1.26.0 ;;
    build)
        echo built >>"$FAKES/builds"
        while [[ $1 != -o ]]; do shift; done
        until [[ -e $FAKES/go-on ]]; do read -rt 0.05 <> <(:) || :; done
        printf '#!/bin/sh\\necho CoreDNS-1.15.0\\n' >"$2" && chmod +x "$2" ;;
esac
"""


class Fakes:
    """A PATH with only the system's tools and what a test puts before them."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder), "FAKES": str(folder)}

    def program(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def coredns(self, version, name="coredns"):
        return self.program(name, f"#!/bin/sh\necho CoreDNS-{version}\n")

    def start(self, script, *arguments, **env):
        return subprocess.Popen([ROOT / ".mk" / script, *arguments], env={**self.env, **env}, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, script, *arguments, **env):
        process = self.start(script, *arguments, **env)
        out, err = process.communicate(timeout=60)
        return process.returncode, out.strip(), err


@pytest.fixture
def fakes(tmp_path):
    return Fakes(tmp_path)


def test_a_coredns_in_path_is_taken(fakes):
    path = fakes.coredns("1.12.0")
    assert fakes.run("coredns.sh", "path")[:2] == (0, str(path))
    assert fakes.run("coredns.sh", "packages")[:2] == (0, "")


def test_the_environment_comes_first(fakes):
    fakes.coredns("1.15.0")
    mine = fakes.coredns("1.0.0", "mine")
    assert fakes.run("coredns.sh", "path", COREDNS=str(mine))[:2] == (0, str(mine))
    status, out, err = fakes.run("coredns.sh", "path", COREDNS="/nowhere/coredns")
    assert status != 0 and out == "" and "/nowhere/coredns" in err


def test_an_old_coredns_is_not_taken(fakes):
    fakes.coredns("1.11.4")
    fakes.program("go", GO)
    (fakes.folder / "go-on").touch()
    status, out, err = fakes.run("coredns.sh", "path")
    assert status == 0 and out.startswith(f"{fakes.folder}/.cache/betterdns/coredns-1.15.0-")
    assert "1.11.4, older than 1.12" in err


def test_two_at_once_build_once(fakes):
    fakes.program("go", GO)
    first = fakes.start("coredns.sh", "path")
    second = fakes.start("coredns.sh", "path")
    lines = {p: p.stderr.readline() for p in (first, second)}
    assert any("waiting for it" in line for line in lines.values()), lines
    (fakes.folder / "go-on").touch()
    paths = {p.communicate(timeout=60)[0].strip() for p in (first, second)}
    assert first.returncode == second.returncode == 0
    assert len(paths) == 1 and os.access(paths.pop(), os.X_OK)
    assert (fakes.folder / "builds").read_text().split() == ["built"]
    assert not list((fakes.folder / ".cache/betterdns").glob("build.*"))


def test_a_failed_build_leaves_nothing(fakes):
    fakes.program("go", GO.replace("CoreDNS-1.15.0", "CoreDNS-1.14.0"))
    (fakes.folder / "go-on").touch()
    status, out, err = fakes.run("coredns.sh", "path")
    assert status != 0 and out == "" and "not CoreDNS-1.15.0" in err
    assert [p.name for p in (fakes.folder / ".cache/betterdns").iterdir()] == ["lock"]


def test_nothing_to_install_is_quick_and_silent(fakes):
    fakes.coredns("1.15.0")
    fakes.program("apt-get", "#!/bin/sh\ntouch $FAKES/apt-was-run\n")
    assert fakes.run("deps.sh", "run") == (0, "", "")
    assert not (fakes.folder / "apt-was-run").exists()


def test_missing_packages_are_named(fakes):
    fakes.coredns("1.15.0")
    fakes.program("dpkg-query", "#!/bin/sh\nexit 1\n")
    apt = fakes.program("apt-get", "#!/bin/sh\necho no network; exit 100\n")
    fakes.program("sudo", f"#!/bin/sh\n[ \"$1\" = -v ] || exec {apt}\n")
    status, out, err = fakes.run("deps.sh", "run")
    assert status != 0 and out == ""
    assert "no network" in err and "apt-get install gcc" in err and "libcivetweb-dev" in err
