"""The man pages as mandoc and groff read them; that every row of the tables is in them is tests/unit/test_man.c."""
import re
import subprocess

import pytest

import bd

PAGES = ["betterdns.1", "betterdns.yaml.5", "betterdns-http.7"]


def page(name):
    return subprocess.run([bd.BETTERDNS, "man", name], capture_output=True, check=True, timeout=bd.PATIENCE).stdout


def reader(command, text):
    """What a reader of man pages prints; that it has nothing to complain of."""
    done = subprocess.run(command, input=text, capture_output=True, timeout=bd.PATIENCE, check=False)
    assert done.returncode == 0 and done.stderr == b"", (command, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout.decode()


@pytest.mark.parametrize("name", PAGES)
def test_readers_have_nothing_to_complain_of(name):
    text = page(name)
    assert reader(["mandoc", "-Tlint", "-Wwarning"], text) == ""
    assert reader(["groff", "-man", "-ww", "-Tutf8", "-P-c"], text)
    assert re.search(r"[\x80-\xff]", text.decode("latin-1")) is None, "not ASCII: some readers take it for Latin-1"


@pytest.mark.parametrize("name, wanted", [
    ("betterdns.1", ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "SIGNALS", "SYSTEMD", "ENVIRONMENT", "FILES", "EXIT STATUS",
                     "EXAMPLES", "SEE ALSO"]),
    ("betterdns.yaml.5", ["NAME", "DESCRIPTION", "OPTIONS", "FILES", "EXAMPLES", "SEE ALSO"]),
    ("betterdns-http.7", ["NAME", "DESCRIPTION", "ROUTES", "EXAMPLES", "SEE ALSO"])])
def test_sections(name, wanted):
    text = re.sub(r".\x08", "", reader(["mandoc", "-Tascii"], page(name)))
    assert re.findall(r"^[A-Z]+(?: [A-Z]+)*$", text, re.MULTILINE) == wanted


def test_the_build_keeps_them():
    """make: the pages and the completions are as the program prints them."""
    dry = subprocess.run(["make", "-n", "-W", "build/betterdns", "build/man/betterdns.1", "build/completion/betterdns.fish"], cwd=bd.ROOT,
                         capture_output=True, text=True, timeout=bd.PATIENCE, check=True).stdout
    assert "build/betterdns man betterdns.1 >build/man/betterdns.1" in dry
    assert "build/betterdns completion fish >build/completion/betterdns.fish" in dry


def test_an_unknown_page_is_said():
    done = subprocess.run([bd.BETTERDNS, "man", "x"], capture_output=True, text=True, timeout=bd.PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (2, "") and "betterdns-http.7" in done.stderr
