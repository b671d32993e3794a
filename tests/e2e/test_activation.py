"""A port of HTTP that a supervisor holds open (systemd's socket units): who comes while betterdns is restarted waits."""
import contextlib
import http.client
import os
import re
import socket
import sys
import threading
from pathlib import Path

import pytest

import bd
from test_reload import reload

# As systemd does it: the sockets from descriptor 3 on, and the number of the process that they are for.
GIVE = """import fcntl, os, sys
given = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1].split(",")]  # none is in the way of another
for i, fd in enumerate(given):
    os.dup2(fd, 3 + i)
os.closerange(3 + len(given), max(given) + 1)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(given)), LISTEN_FDNAMES="betterdns.socket")
os.execvp(sys.argv[2], sys.argv[2:])"""


def give(server, *sockets):
    server.given = tuple(s.fileno() for s in sockets)
    server.wrapper = [sys.executable, "-c", GIVE, ",".join(str(fd) for fd in server.given)]
    return server


@pytest.fixture
def held(make_server):
    server = make_server(server={"on_stop": "keep"})
    with socket.create_server((server.host, server.http_port), backlog=4096) as port:
        yield give(server, port).start()


class Hosts(threading.Thread):
    """They register one after the other; each connection is made anew."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.over, self.registered, self.refused = server, threading.Event(), [], []

    def run(self):
        serial = 0
        while not self.over.is_set():
            serial += 1
            client = http.client.HTTPConnection(self.server.host, self.server.http_port, timeout=bd.PATIENCE)
            try:
                client.request("POST", "/a", f"name=h{serial}&value=10.1.{serial >> 8 & 255}.{serial & 255}",
                               {"Content-Type": "application/x-www-form-urlencoded"})
                if client.getresponse().status == 201:
                    self.registered.append(serial)
            except ConnectionRefusedError as error:
                self.refused.append((serial, str(error)))
            except OSError:
                pass  # it was connected when the program ended: curl tries again
            except http.client.HTTPException:
                pass
            finally:
                client.close()


def test_nobody_is_refused_while_it_is_restarted(held):
    hosts = Hosts(held)
    hosts.start()
    for end in (held.stop, held.kill, held.stop):
        before = len(hosts.registered)
        bd.wait_for(lambda n=before: len(hosts.registered) > n + 20, "registrations")
        end()
        held.start()
    hosts.over.set()
    hosts.join(bd.PATIENCE)
    assert hosts.refused == []
    there = {r["name"].split(".")[0] for r in held.get("/a?limit=10000")["records"]}
    assert {f"h{serial}" for serial in hosts.registered} <= there
    assert held.register("last", "192.0.2.1").json["served"] is True


def test_what_it_starts_inherits_neither_socket_nor_words(held):
    pid = held.status()["server"]["pid"]
    with open(f"/proc/{pid}/environ", "rb") as f:
        assert b"LISTEN_" not in f.read()
    inherited = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}
    assert inherited and f"socket:[{os.fstat(held.given[0]).st_ino}]" not in inherited


UNUSED = "is not in http.listen: who connects there waits, and is never answered"


def sockets_of(pid):
    found = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(os.readlink(path))
    return found


def test_what_is_given_and_not_used_is_said_and_not_inherited(make_server):
    server = make_server()
    with socket.create_server((server.host, server.http_port)) as port, \
         socket.create_server(bd.free_address(server.host)) as other, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        give(server, port, other, datagrams).start()
        assert "%s address=%s:%d\n" % (f'{UNUSED}"', *other.getsockname()) in server.log() and server.log().count(UNUSED) == 1
        assert re.search(r"no listening TCP socket.* descriptor=5\n", server.log())
        inherited = sockets_of(server.status()["server"]["pid"])
        assert inherited and not inherited & {f"socket:[{os.fstat(s.fileno()).st_ino}]" for s in (port, other, datagrams)}


def test_one_that_a_reload_removes_is_left_alone(make_server):
    """Its client waits in the kernel, as at any time when nobody listens there; all others are served."""
    server = make_server()
    with socket.create_server((server.host, server.http_port)) as port, socket.create_server(bd.free_address(server.host)) as other:
        server.config["http"]["listen"].append("%s:%d" % other.getsockname())
        give(server, port, other).start()
        assert UNUSED not in server.log()
        reload(server, change=lambda config: config["http"]["listen"].pop())
        assert "%s address=%s:%d\n" % (f'{UNUSED}"', *other.getsockname()) in server.log()
        with socket.create_connection(other.getsockname(), bd.PATIENCE) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for i in range(20):
                assert server.register(f"h{i}", "192.0.2.1", wait="committed").status == 201
            # put back, it is answered
            reload(server, change=lambda config: config["http"]["listen"].append("%s:%d" % other.getsockname()))
            client.settimeout(bd.PATIENCE)
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
