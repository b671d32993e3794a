"""$GENERATE and $INCLUDE as BIND reads them: lines and trees of files made at random, read by betterdns
and by named-compilezone."""

import os
import random
import subprocess

import pytest

import bd

ROUNDS = int(os.environ.get("DIRECTIVE_ROUNDS", "120"))
HEAD = "$ORIGIN example.org.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
IGNORE = "-i none -k ignore -m ignore -M ignore -n ignore -r ignore -S ignore -T ignore -W ignore"


def run(argv, cwd):
    return subprocess.run(argv, cwd=cwd, capture_output=True, timeout=60, check=False)


def ours(cwd, name):
    """(the records or None, what was said)"""
    done = run([os.path.abspath(bd.BETTERDNS), "zone", "canon", "example.org", name], cwd)
    assert done.returncode in (0, 7), done.stderr
    return set(done.stdout.splitlines()) if done.returncode == 0 else None, done.stderr.decode()


def bind(cwd, name):
    done = run(["named-compilezone", "-q", *IGNORE.split(), "-s", "full", "-F", "text", "-o", "bind.out",
                "example.org", name], cwd)
    if done.returncode != 0:
        return None
    records, said = ours(cwd, "bind.out")
    assert records is not None, said
    return records


def number(rng, plain):
    """$ in one of its forms. One word has either $ or ${…}: BIND's program adds the offset of the last
    ${…} to a later $ too, while its manual says that $ is ${0,0,d}."""
    if plain:
        return "$"
    kind = rng.randrange(6)
    text = "${" + str(rng.randint(-20, 300))
    if kind > 2:
        text += f",{rng.randrange(12)}"
    if kind > 3:
        text += "," + rng.choice("doxXnN")
    return text + "}"


def template(rng, others):
    plain = rng.random() < 0.4
    return "".join(rng.choice((number(rng, plain), rng.choice(others))) for _ in range(rng.randint(1, 4)))


def generate(rng):
    start = rng.choice((0, 1, 9, 250, rng.randrange(70000)))
    line = f"$GENERATE {start}-{start + rng.randrange(20)}"
    if rng.random() < 0.3:
        line += f"/{rng.randint(1, 7)}"
    line += " " + template(rng, ("h", "x-", ".s", "$$", r"\$", r"\\", r"\046", "_")) + ".y"
    line += rng.choice(("", " 300", " IN", " 5m IN", " IN 1h"))
    kind = rng.choice(("A", "AAAA", "CNAME", "PTR", "MX", "TXT", "TYPE65280"))
    value = {
        "A": lambda: f"192.0.2.{number(rng, rng.random() < 0.5)}",
        "AAAA": lambda: "2001:db8::" + rng.choice(("${0,4,x}", "${-1,1,X}", "$")),
        "CNAME": lambda: template(rng, ("t", "-u", ".v")) + ".z",
        "PTR": lambda: template(rng, ("t", "-u", ".v")) + ".example.net.",
        "MX": lambda: f"\"${{0}} {template(rng, ('m', '-n'))}.z\"",
        "TXT": lambda: rng.choice((template(rng, ("a", r"\"", "$$", r"\$", r"\032")),
                                   '"' + template(rng, ("a", " ", "$$", r"\$", " b")) + '"',
                                   r'"\"' + template(rng, ("a", " ", "$$", r"\$", " b")) + r'\""')),
        "TYPE65280": lambda: r'"\# 2 0${0,3,x}"',
    }[kind]()
    return f"{line} {kind} {value}\n"


@pytest.mark.parametrize("batch", range(4))
def test_generate_is_binds(tmp_path, batch):
    accepted = 0
    for i in range(batch, ROUNDS, 4):
        line = generate(random.Random(f"generate {i}"))
        (tmp_path / "zone").write_text(HEAD + line)
        mine, said = ours(tmp_path, "zone")
        theirs = bind(tmp_path, "zone")
        if mine is None and "is outside the zone" in said:
            continue  # RFC 1034 section 4.2.1: BIND leaves out what we refuse
        if mine is not None and theirs is not None:
            accepted += 1
        assert mine == theirs, (i, line, said, (mine or set()) ^ (theirs or set()))
    assert accepted > ROUNDS // 12


def tree(rng, folder, depth, names):
    """Writes a file and those that it includes; its name. No $TTL inside: RFC 1035 section 5.1 does not
    know it, and BIND takes it over into the includer."""
    name = f"f{len(names)}"
    names.append(name)
    lines = []
    for i in range(rng.randint(1, 5)):
        kind = rng.randrange(6)
        if kind < 2 and depth < 6 and len(names) < 30:
            inner = tree(rng, folder, depth + 1, names)
            lines.append(f"$INCLUDE {inner}" + rng.choice(("", " sub", " deep.sub", " other.example.org.", " @")))
        elif kind == 2:
            lines.append("$ORIGIN " + rng.choice(("o", "p.o", "example.org.", "q.example.org.")))
        elif kind == 3 and i:
            lines.append(rng.choice((" 60 A 192.0.2.7", "\tTXT \"inherited\"")))
        else:
            lines.append(f"{rng.choice('abc')} A 192.0.2.{rng.randrange(256)}")
    # BIND wants a line end behind a directive, also where the file ends.
    end = "\n" if lines[-1].startswith("$") else rng.choice(("", "\n"))
    (folder / name).write_text("\n".join(lines) + end)
    return name


@pytest.mark.parametrize("batch", range(4))
def test_include_is_binds(tmp_path, batch):
    for i in range(batch, ROUNDS, 4):
        rng = random.Random(f"include {i}")
        names = []
        (tmp_path / "zone").write_text(HEAD + f"w A 192.0.2.9\n$INCLUDE {tree(rng, tmp_path, 1, names)}\n TXT \"w\"\nz A 192.0.2.9\n")
        mine, said = ours(tmp_path, "zone")
        assert mine is not None, said
        assert mine == bind(tmp_path, "zone"), (i, names)
