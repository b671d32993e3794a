"""A port of HTTP that a supervisor holds open (systemd's socket units): who comes while betterdns is restarted waits."""
import http.client
import os
import socket
import sys
import threading
from pathlib import Path

import pytest

import bd

# As systemd does it: the sockets from descriptor 3 on, and the number of the process that they are for.
GIVE = """import os, sys
given = int(sys.argv[1])
if given != 3:
    os.dup2(given, 3)
    os.close(given)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="betterdns.socket")
os.execvp(sys.argv[2], sys.argv[2:])"""


@pytest.fixture
def held(make_server):
    server = make_server(server={"on_stop": "keep"})
    with socket.create_server((server.host, server.http_port), backlog=4096) as port:
        server.given = (port.fileno(),)
        server.wrapper = [sys.executable, "-c", GIVE, str(port.fileno())]
        yield server.start()


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
