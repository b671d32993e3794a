"""The README is a test: `make run`, then its first lines as they stand; and its configuration is one that the program takes."""
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import bd

README = bd.ROOT / "README.md"


def fences(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


def in_its_place(text, server):
    """The README's addresses, file and program are those of `make run`; a test has its own."""
    text = text.replace(".run/lab.example.zone", str(server.zone_file)).replace("build/betterdns", bd.BETTERDNS)
    text = text.replace("@127.0.0.1 -p 5300", f"@{server.dns[0]} -p {server.dns[1]}")
    return text.replace("http://127.0.0.1:8000", server.url).replace("127.0.0.1:8000", server.url)


def shell(line, **options):
    return subprocess.run(["bash", "-euo", "pipefail", "-c", line], capture_output=True, timeout=bd.PATIENCE, check=False, **options)


def test_install_register_dig_by_line_15():
    lines = README.read_text().split("\n")[:15]
    for word in ("make run", "curl", "dig"):
        assert any(word in line for line in lines), word


def test_the_examples_answer_what_they_say(make_server):
    """Every console block: a line after `$ ` is run, the lines below it are what it prints ('…' stands for anything). What only
    looks may have to look again: DNS follows an edit of the file within a second or so. Where a comment names an exit code, what
    is on stderr is shown too."""
    server = make_server().start()
    blocks = fences("console")
    assert len(blocks) >= 2
    commands = 0
    for block in blocks:
        for command, expected in re.findall(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            if command.startswith(("make", "git", "sudo")):
                continue
            pattern = re.escape(in_its_place(expected, server).strip()).replace("…", ".*")
            code = re.search(r"# exit code (\d+)$", command)
            seen = []

            def fits():
                done = shell(in_its_place(command, server), env={**os.environ, "BETTERDNS_SERVER": server.url})
                text = (done.stdout + done.stderr if code else done.stdout).decode().strip()
                seen.append((done, pattern))
                return done.returncode == (int(code.group(1)) if code else 0) and re.fullmatch(pattern, text, re.DOTALL)
            if command.startswith("dig ") or " explain " in command or " zone log " in command:
                try:
                    bd.wait_for(fits, command)
                finally:
                    print(seen[-1])
            else:
                assert fits(), seen
            commands += 1
    assert commands >= 20


def test_its_configuration_is_taken(tmp_path):
    blocks = fences("yaml")
    assert blocks
    for block in blocks:
        path = tmp_path / "betterdns.yaml"
        path.write_text(block)
        (tmp_path / "token").write_text("0123456789abcdef0123456789abcdef\n")
        (tmp_path / "token").chmod(0o600)
        done = subprocess.run([bd.BETTERDNS, "check", "-c", str(path)], capture_output=True, timeout=bd.PATIENCE, check=False)
        assert done.returncode in (0, 3, 5), done  # 3, 5: files of another machine are not here
        assert b"betterdns.yaml:" not in done.stderr, done.stderr.decode()


@pytest.mark.slow
def test_make_run_itself(tmp_path):
    """`make run` in a copy of the checkout, on addresses of the test's own: its configuration is written beforehand, and not touched."""
    copy = tmp_path / "project"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=bd.ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, listed):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(bd.ROOT / name, copy / name, follow_symlinks=False)
    server = bd.Server(tmp_path)
    (copy / ".run").mkdir()
    config = (copy / ".mk" / "run.sh").read_text().split("<<YAML\n")[1].split("\nYAML\n")[0]
    config = config.replace("127.0.0.1:8000", f"{server.host}:{server.http_port}").replace("127.0.0.1:5300", f"{server.dns[0]}:{server.dns[1]}")
    (copy / ".run" / "betterdns.yaml").write_text(config)
    server.live = copy / ".run" / "live"
    server.data = copy / ".run" / "data"
    log = open(tmp_path / "log", "wb")
    process = subprocess.Popen(["make", "run"], cwd=copy, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                               env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})
    log.close()
    try:
        bd.wait_for(lambda: process.poll() is not None or server.is_ready(), "make run to answer", 600)
        text = (tmp_path / "log").read_text()
        assert process.poll() is None, text
        # what it says to try, as it says it
        curl = re.search(r"^\s*(curl .*)$", text, re.MULTILINE).group(1)
        dig = re.search(r"^\s*(dig .*)$", text, re.MULTILINE).group(1)
        assert shell(curl).returncode == 0, curl
        assert shell(dig).stdout == b"192.0.2.7\n", dig
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(bd.PATIENCE)
        server.process = None
        server.close()


def test_the_first_versions_request(server):
    """The body that the first version of this program took, word for word."""
    body = '{"name":"yolo.lab.example.","class":"IN","record_type":"A","value":"127.0.0.1"}'
    answer = server.curl("-H", "Content-Type: application/json", "-d", body, path="/a?wait=served")
    assert answer.status == 201, answer
    assert server.dig("yolo.lab.example") == ["127.0.0.1"]
    manifest = server.curl("-H", "Content-Type: application/json", "-d", body, path="/a?return=manifest")
    assert manifest.status == 200 and "yolo" in manifest.text and "SOA" in manifest.text, manifest


def test_the_files_that_examples_has(tmp_path):
    """Every example configuration is one that this version takes."""
    found = sorted(Path(bd.ROOT / "examples").glob("*.yaml"))
    assert found
    for path in found:
        done = subprocess.run([bd.BETTERDNS, "check", "-c", str(path)], capture_output=True, timeout=bd.PATIENCE, check=False)
        assert f"{path.name}:".encode() not in done.stderr, done.stderr.decode()
