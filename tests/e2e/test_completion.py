"""Completion in the real shells: what they offer when somebody types a part of a command line."""
import os
import pty
import re
import select
import subprocess
import time

import pytest

import bd

ALL = ["bash", "zsh", "fish"]
WORDS = [
    ("", ["run", "check", "zone", "explain", "watch", "completion", "help"]),
    ("hea", ["health"]),
    ("zone ", ["check", "canon", "fmt", "log", "show", "rollback", "accept", "discard"]),
    ("-c x zone sh", ["show"]),
    ("zone log --s", ["--server", "--since"]),
    ("run --s", []),
    ("watch --kind ", ["registered", "withdrawn", "panic"]),
    ("watch --kind registered,wi", ["registered,withdrawn"]),
    ("explain web -o ", ["table", "json", "jsonl"]),
    ("explain web --output js", ["json", "jsonl"]),
    ("zone accept lab.example --wait ", ["served"]),
    ("completion ", ALL),
    ("completion bash ", []),
    ("help zo", ["zone"]),
    ("help zone f", ["fmt"]),
    ("zone fmt -- --", []),
    ("explain ", []),
]
ENV = {**os.environ, "TERM": "dumb", "PATH": f"{os.path.dirname(os.path.abspath(bd.BETTERDNS))}:{os.environ['PATH']}"}
for variable in ("BETTERDNS_CONFIG", "ZDOTDIR"):
    ENV.pop(variable, None)


def script(shell):
    return subprocess.run([bd.BETTERDNS, "completion", shell], capture_output=True, text=True, check=True, timeout=bd.PATIENCE).stdout


def run(command, text, cwd, *arguments):
    done = subprocess.run([*command, text, *arguments], cwd=cwd, env=ENV, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=bd.PATIENCE, check=False)
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout.splitlines()


def ask_bash(typed, cwd):
    """Bash cuts the words itself where a line is read; here as it does that: at blanks and at '='."""
    words = ["betterdns", *(w for w in re.split(r"\s+|(=)", typed) if w is not None)]
    words = [w for i, w in enumerate(words) if w or i == len(words) - 1]
    text = script("bash") + '\nCOMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _betterdns; (( ! ${#COMPREPLY[@]} )) || printf "%s\\n" "${COMPREPLY[@]}"'
    return run(["bash", "--norc", "-c"], text, cwd, "bash", *words)


def ask_fish(typed, cwd):
    lines = run(["fish", "--no-config", "-c"], script("fish") + "\ncomplete -C $argv[1]", cwd, f"betterdns {typed}")
    return [line.split("\t")[0] for line in lines]


class Terminal:
    """A shell that somebody types to."""

    def __init__(self, command, cwd):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(command[0], command, ENV)
        self.text = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self, pattern):
        deadline = time.monotonic() + bd.PATIENCE
        while not (found := re.search(pattern, self.text, re.DOTALL)):
            assert select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0], f"{pattern} not in {self.text!r}"
            self.text += os.read(self.fd, 65536).decode(errors="replace")
        self.text = self.text[found.end():]
        return found

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


class Zsh:
    """One with an editor, in which ^X asks for all that fits: what compadd takes of it is written down."""
    RC = """PS1='@@'; unsetopt prompt_cr prompt_sp; autoload -U compinit; compinit -D -u
compadd() {
    local -a fits
    builtin compadd -O fits "$@"
    (( ! $#fits )) || print -rl -- $fits >>FOLDER/offered
}
look() { : >FOLDER/offered; zle list-choices; print -r -- END >>FOLDER/offered; mv FOLDER/offered FOLDER/done; BUFFER= }
zle -N look
bindkey '^X' look
"""

    def __init__(self, folder):
        self.folder, self.asked = folder, 0
        (folder / "rc").write_text(self.RC.replace("FOLDER", str(folder)) + script("zsh"))
        self.terminal = Terminal(["zsh", "-f", "-i"], folder)
        self.say(f"source {folder}/rc")

    def say(self, command):
        self.asked += 1
        self.terminal.type(f"{command}; print -n 're''ady'{self.asked}\n")
        self.terminal.wait(f"ready{self.asked}@@")

    def ask(self, typed, cwd):
        done = self.folder / "done"
        done.unlink(missing_ok=True)
        self.say(f"cd {cwd}")
        self.terminal.type(f"betterdns {typed}\x18")
        bd.wait_for(done.exists, "zsh's answer")
        lines = done.read_text().splitlines()
        assert lines.pop() == "END"
        return lines


@pytest.fixture(scope="module", name="zsh")
def shared_zsh(tmp_path_factory):
    shell = Zsh(tmp_path_factory.mktemp("zsh"))
    yield shell
    shell.terminal.close()


@pytest.fixture(name="ask", params=ALL)
def ask_shell(request):
    """What the shell offers: ask(what was typed, in which folder)."""
    return {"bash": ask_bash, "fish": ask_fish}.get(request.param) or request.getfixturevalue("zsh").ask


@pytest.mark.parametrize("typed, wanted", WORDS)
def test_words(ask, typed, wanted, tmp_path):
    found = ask(typed, tmp_path)
    last = typed.split(" ")[-1]
    assert set(wanted) <= set(found), found
    assert all(word.startswith(last) for word in found), found
    assert wanted or not found, found
    assert "man" not in found and "complete" not in found, "what is hidden is shown"


@pytest.mark.parametrize("typed, before", [("zone check la", ""), ("-c la", ""), ("check --config la", ""), ("check --config=la", "--config=")])
def test_files(ask, typed, before, tmp_path):
    for name in ("lab.zone", "lab 2.zone", "other"):
        (tmp_path / name).touch()
    found = {word.removeprefix(before).replace("\\ ", " ") for word in ask(typed, tmp_path)}  # zsh adds them in two steps
    assert found == {"lab 2.zone", "lab.zone"}


def test_zones_of_the_configuration(ask, tmp_path):
    (tmp_path / "c.yaml").write_text("zones: [{name: lab.example}, {name: home.arpa}]\n")
    assert set(ask("zone log -c c.yaml ", tmp_path)) == {"lab.example", "home.arpa"}
    assert set(ask("-c c.yaml zone rollback h", tmp_path)) == {"home.arpa"}
    assert set(ask("--config=c.yaml zone show l", tmp_path)) == {"lab.example"}
    assert ask("-c c.yaml zone rollback home.arpa ", tmp_path) == []
    assert ask("-c nowhere.yaml zone log ", tmp_path) == []


def test_installed_for_zsh(tmp_path):
    """As a file of that name in fpath, which is read at the first completion."""
    (tmp_path / "_betterdns").write_text(script("zsh"))
    terminal = Terminal(["zsh", "-f", "-i"], tmp_path)
    try:
        terminal.type(f"unsetopt prompt_cr prompt_sp; fpath=({tmp_path} $fpath); autoload -U compinit; compinit -D -u; PS1=@@; printf 're''ady'\n")
        terminal.wait("ready.*@@")
        terminal.type("betterdns expl\t--out\tjsonl --cur\tx\n")
        terminal.wait("curl .*/explain/x")
    finally:
        terminal.close()


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_typed_at_a_terminal(shell, tmp_path):
    """With the tabulator, as a person does it."""
    (tmp_path / "completion").write_text(script(shell))
    terminal = Terminal({"bash": ["bash", "--norc", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell], tmp_path)
    try:
        before = {"bash": "", "zsh": "unsetopt prompt_cr prompt_sp; autoload -U compinit; compinit -D -u; "}[shell]
        terminal.type(f"{before}source ./completion; PS1=@@; printf 're''ady'\n")
        terminal.wait("ready.*@@")
        terminal.type("betterdns expl\t--out\tjsonl --cur\tx\n")
        terminal.wait("curl .*/explain/x")
    finally:
        terminal.close()


def test_an_unknown_shell_is_said():
    done = subprocess.run([bd.BETTERDNS, "completion", "csh"], capture_output=True, text=True, timeout=bd.PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (2, "") and "bash, zsh, fish" in done.stderr
