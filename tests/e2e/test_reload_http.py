"""HTTP over a reload: its addresses and its rules are those in force, until the new ones have proved themselves."""
import socket

import pytest

import bd
from test_reload import BACK, IN_FORCE, Registering, hang_up, said, status_with, write_token

OLD, NEW = "0123456789abcdef-old", "0123456789abcdef-new"
AGAIN = "HTTP requests are answered again"


@pytest.fixture
def slow(make_server, tmp_path):
    """Its next DNS server does what the test writes into a file, and nothing before; HTTP is to have another address and token."""
    server = make_server()
    server.config["http"]["token_file"] = write_token(server, OLD)
    server.then = tmp_path / "then"
    binary = tmp_path / "waiting"
    binary.write_text(f'#!/bin/sh\n[ "$1" = -version ] && exec {bd.COREDNS} -version\n'
                      f'while ! [ -s "{server.then}" ]; do sleep 0.02; done\n. "{server.then}"\n')
    binary.chmod(0o755)
    server.start()
    server.new_port = bd.free_address(server.host)[1]
    token = tmp_path / "token.new"
    token.write_text(NEW + "\n")
    token.chmod(0o600)
    server.config["server"]["binary"] = str(binary)
    server.config["http"] = {"listen": [f"{server.host}:{server.new_port}"], "token_file": str(token)}
    yield server
    server.then.write_text("exit 1\n")


def begin(server):
    """The reload, as far as it comes while the DNS server does not answer."""
    before = said(server, AGAIN)
    server.write_config()
    hang_up(server)
    bd.wait_for(lambda: said(server, AGAIN) > before, "requests that are answered again")


def do(server, what, end):
    before = said(server, end)
    server.then.write_text(what + "\n")
    bd.wait_for(lambda: said(server, end) > before or server.process.poll() is not None, end)
    assert server.process.poll() is None, server.log()


def refuses(server, port):
    try:
        socket.create_connection((server.host, port), bd.PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def test_the_old_ones_stay_until_the_new_ones_are_in_force(slow):
    begin(slow)
    for _ in range(3):
        assert (status_with(slow, OLD), status_with(slow, NEW)) == (200, 401)
    with socket.create_connection((slow.host, slow.new_port), bd.PATIENCE) as early:  # it waits for them, and is not refused
        early.sendall(f"GET /a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {NEW}\r\n\r\n".encode())
        old_port = slow.http_port
        do(slow, f'exec {bd.COREDNS} "$@"', IN_FORCE)
        early.settimeout(bd.PATIENCE)
        assert early.recv(4096).startswith(b"HTTP/1.1 200")
    assert refuses(slow, old_port)
    slow.http_port = slow.new_port
    assert (status_with(slow, OLD), status_with(slow, NEW)) == (401, 200)


def test_a_start_that_fails_refuses_nobody_at_the_old_address(slow):
    """Nobody else can have it meanwhile either, so that the old configuration comes back."""
    host = Registering(slow, 1, Authorization=f"Bearer {OLD}")
    host.start()
    bd.wait_for(lambda: host.done, "a registration")
    begin(slow)
    before = len(host.done)
    bd.wait_for(lambda: len(host.done) > before + 10, "registrations while the new server does not answer")
    with socket.socket() as thief, pytest.raises(OSError):
        thief.bind((slow.host, slow.http_port))
    (slow.folder / "token").unlink()  # nothing of HTTP is read again
    do(slow, "exit 1", BACK)
    before = len(host.done)
    bd.wait_for(lambda: len(host.done) > before + 10, "registrations after it")
    host.over.set()
    host.join(bd.PATIENCE)
    assert host.failed == []
    assert refuses(slow, slow.new_port)
    assert (status_with(slow, OLD), status_with(slow, NEW)) == (200, 401)
