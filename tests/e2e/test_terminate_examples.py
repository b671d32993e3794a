"""The terminators of examples/: whom they end, and what of a host's words they do not take."""
import os
import pathlib
import signal
import subprocess
import sys

import pytest

import bd

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
# What a host could choose for its id.
HOSTILE = ["", "-x", "--all", "a b", "a/b", "../x", "a;b", "$(id)", "`id`", "a\nb", "a'b", 'a"b', "*", "a,b", "a|b", "ä"]


@pytest.fixture(name="folder")
def _folder(tmp_path):
    return tmp_path


def run(name, *args, path=None):
    env = dict(os.environ, PATH=f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"])
    return subprocess.run([EXAMPLES / f"terminate-{name}", *args], env=env, capture_output=True, text=True, timeout=bd.PATIENCE, check=False)


def fake(folder, name, script):
    """A program that notes its arguments, and answers as the script says."""
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "$*" >>"{folder}/asked"\n{script}\n')
    program.chmod(0o755)


def asked(folder):
    file = folder / "asked"
    return file.read_text().splitlines() if file.exists() else []


def ended(folder, name):
    """What was asked for when web was ended; it is forgotten."""
    assert run(name, "web", path=folder).returncode == 0
    lines = asked(folder)
    (folder / "asked").unlink()
    return lines


VIRSH = """case "$1 $2" in
"list --all") printf 'web\\nother\\n42\\n\\n' ;;
"domstate --domain") echo "${STATE:-running}" ;;
"destroy --domain") exit 0 ;;
*) exit 9 ;;
esac"""


def test_virsh(folder, monkeypatch):
    fake(folder, "virsh", VIRSH)
    assert ended(folder, "virsh")[-1] == "destroy --domain web"
    monkeypatch.setenv("STATE", "shut off")
    assert not any("destroy" in line for line in ended(folder, "virsh"))
    monkeypatch.delenv("STATE")
    for odd in (*HOSTILE, "42", "we", "webb", "w.b", "nobody"):
        assert run("virsh", odd, path=folder).returncode == 1, odd
    assert run("virsh", path=folder).returncode == 1
    assert run("virsh", "web", "other", path=folder).returncode == 1
    assert not any("destroy" in line for line in asked(folder))


DOCKER = """case "$1" in
ps) printf 'web\\nother,alias\\nabcdef123456\\n' ;;
inspect) echo "${RUNNING:-true}" ;;
kill) exit 0 ;;
*) exit 9 ;;
esac"""


def test_docker(folder, monkeypatch):
    fake(folder, "docker", DOCKER)
    assert ended(folder, "docker")[-1] == "kill web"
    monkeypatch.setenv("RUNNING", "false")
    assert not any("kill" in line for line in ended(folder, "docker"))
    monkeypatch.delenv("RUNNING")
    # The beginning of a hash is no name; a container that has gone is a success.
    done = run("docker", "abcdef", path=folder)
    assert done.returncode == 0 and done.stdout == "there is no container abcdef\n"
    for odd in HOSTILE:
        assert run("docker", odd, path=folder).returncode == 1, odd
    assert not any(line.startswith("kill") for line in asked(folder))


@pytest.mark.parametrize("program", ["virsh", "docker"])
def test_a_program_that_fails(folder, program):
    fake(folder, program, "exit 1")
    assert run(program, "web", path=folder).returncode == 1


def victim(folder, ignores_term=False):
    """A process, its number in a file, and its name."""
    script = ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" if ignores_term else "") + "print(flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"\n"
    (folder / "web.pid").write_text(f"{process.pid}\n")
    return process, pathlib.Path(f"/proc/{process.pid}/comm").read_text().strip()


@pytest.mark.parametrize("ignores_term", [False, True])
def test_pidfile(folder, ignores_term):
    process, name = victim(folder, ignores_term)
    done = subprocess.Popen([EXAMPLES / "terminate-pidfile", folder, "web", name])
    assert process.wait(bd.PATIENCE) == -(signal.SIGKILL if ignores_term else signal.SIGTERM)
    assert done.wait(bd.PATIENCE) == 0


def test_pidfile_of_another(folder):
    process, _ = victim(folder)
    assert run("pidfile", folder, "web", "worker").returncode == 0
    assert process.poll() is None
    assert run("pidfile", folder, "nobody", "worker").stdout == f"there is no {folder}/nobody.pid\n"
    process.kill()
    process.wait(bd.PATIENCE)


@pytest.mark.parametrize("text", ["", "\n", "0\n", "1\n", "-1\n", "01\n", "12 13\n", "x\n", "$(id)\n", "123456789012\n"])
def test_pidfile_that_is_none(folder, text):
    (folder / "web.pid").write_text(text)
    assert run("pidfile", folder, "web", "worker").returncode == 1, text


def test_pidfile_elsewhere(folder):
    inside = folder / "inside"
    inside.mkdir()
    process, name = victim(folder)
    for odd in (*HOSTILE, "../web", "..", ".web"):
        assert run("pidfile", inside, odd, name).returncode == 1, odd
    assert process.poll() is None
    process.kill()
    process.wait(bd.PATIENCE)
