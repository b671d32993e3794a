"""make install and make uninstall: what is put where, that it runs from there, and that nothing of it is left."""
import shutil
import subprocess
from pathlib import Path

import pytest

import bd

BUILD = Path(bd.BETTERDNS).resolve().parent


def install(what, destination, prefix):
    """As the Makefile's targets do it, which would build first."""
    subprocess.run([bd.ROOT / ".mk/install.sh", what, BUILD, destination, prefix], check=True, timeout=bd.PATIENCE)


def found(folder):
    return {str(p.relative_to(folder)): p.stat().st_mode & 0o777 for p in Path(folder).rglob("*") if p.is_file()}


@pytest.mark.parametrize("target", ["install", "uninstall"])
def test_the_makefile_does_it(target):
    done = subprocess.run(["make", "-n", target, f"B={BUILD}", "DESTDIR=/tmp/package", "PREFIX=/usr"], cwd=bd.ROOT, capture_output=True, text=True,
                          timeout=bd.PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f'.mk/install.sh {target} {BUILD} "/tmp/package" "/usr"'


def test_into_a_destination_and_out_of_it(tmp_path, make_server):
    install("install", tmp_path, "/usr")
    files = found(tmp_path)
    wanted = {"usr/bin/betterdns": 0o755, "usr/lib/systemd/system/betterdns.service": 0o644, "usr/lib/systemd/system/betterdns.socket": 0o644,
              "usr/share/doc/betterdns/README.md": 0o644,
              "usr/lib/betterdns/terminate-virsh": 0o755, "usr/share/doc/betterdns/examples/betterdns.yaml": 0o644,
              "usr/share/man/man1/betterdns.1": 0o644, "usr/share/man/man5/betterdns.yaml.5": 0o644, "usr/share/man/man7/betterdns-http.7": 0o644,
              "usr/share/bash-completion/completions/betterdns": 0o644, "usr/share/zsh/site-functions/_betterdns": 0o644,
              "usr/share/fish/vendor_completions.d/betterdns.fish": 0o644}
    assert wanted.items() <= files.items(), files
    examples = {p.name for p in (bd.ROOT / "examples").iterdir()}
    assert examples == {p.rsplit("/", 1)[1] for p in files if "/examples/" in p or "/lib/betterdns/" in p}
    unit = (tmp_path / "usr/lib/systemd/system/betterdns.service").read_text()
    assert "\nExecStart=/usr/bin/betterdns run " in unit and "/usr/local" not in unit.replace("/usr/local/bin:", "")
    make_server(program=str(tmp_path / "usr/bin/betterdns")).start()

    stranger = tmp_path / "usr/share/doc/other"
    stranger.mkdir()
    install("uninstall", tmp_path, "/usr")
    assert found(tmp_path) == {}
    assert [p.name for p in (tmp_path / "usr").rglob("*")] == ["share", "doc", "other"]


def test_the_folders_of_a_prefix_stay(tmp_path):
    """On a new machine /usr/local/bin is empty, and somebody's next `cp PROGRAM /usr/local/bin` has to find a folder."""
    theirs = ["bin", "lib", "share", "share/man"]
    for folder in theirs:
        (tmp_path / folder).mkdir()
    (tmp_path / "man").symlink_to("share/man")
    for what in ("install", "install", "uninstall"):
        install(what, "", tmp_path)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")) == sorted([*theirs, "man"])


def test_man_pages_and_completions_are_taken_along(tmp_path):
    """Whatever the build has of them."""
    build = tmp_path / "build"
    for path in ("betterdns", "man/one.1", "man/two.yaml.5", "completion/betterdns.bash", "completion/betterdns.zsh", "completion/betterdns.fish"):
        (build / path).parent.mkdir(parents=True, exist_ok=True)
        (build / path).write_text("x")
    root = tmp_path / "root"
    subprocess.run([bd.ROOT / ".mk/install.sh", "install", build, root, "/usr/local"], check=True, timeout=bd.PATIENCE)
    wanted = {"man/man1/one.1", "man/man5/two.yaml.5", "bash-completion/completions/betterdns", "zsh/site-functions/_betterdns",
              "fish/vendor_completions.d/betterdns.fish"}
    assert {f"usr/local/share/{path}" for path in wanted} <= found(root).keys()
    assert shutil.which("betterdns", path=str(root / "usr/local/bin"))
    subprocess.run([bd.ROOT / ".mk/install.sh", "uninstall", build, root, "/usr/local"], check=True, timeout=bd.PATIENCE)
    assert found(root) == {}
