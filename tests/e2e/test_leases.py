"""Leases: a host that repeats itself stays, one that does not leaves, and neither a restart, a stop nor a clock makes a difference."""
import json
import os
import signal
import threading
import time

import pytest

import bd

LEASE = 10  # the shortest there is
LATE = 4    # gathering, publishing, and a busy machine


def registered(server, name):
    return server.request("GET", f"/a/{name}")[0] == 200


def lease(server, name, value="192.0.2.7", **fields):
    answer = server.register(name, value, lease=f"{LEASE}s", **fields)
    assert answer.status in (200, 201), answer
    return answer.json


class Renewals:
    """So many hosts that repeat themselves every two seconds."""

    def __init__(self, server, count):
        self.server, self.count, self.done = server, count, threading.Event()
        self.failed = []
        for number in range(count):
            assert lease(server, f"alive{number}", f"192.0.2.{number + 20}")["changed"]
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        while not self.done.wait(2):
            for number in range(self.count):
                body = f"name=alive{number}&value=192.0.2.{number + 20}&lease={LEASE}s"
                try:
                    status, text = self.server.request("POST", "/a", body, form)
                except OSError:
                    continue
                if status != 200:
                    self.failed.append(text)

    def stop(self):
        self.done.set()
        self.thread.join(bd.PATIENCE)
        assert not self.failed, self.failed[:3]


@pytest.fixture
def alive():
    """Hosts that go on living beside the one that dies: alive(server, 5)."""
    made = []

    def start(server, count):
        made.append(Renewals(server, count))
        return made[-1]

    yield start
    for renewals in made:
        renewals.stop()


def test_what_a_lease_says(make_server):
    server = make_server().start()
    answer = lease(server, "web")
    assert answer["ttl"] == LEASE // 3, "at most a third of the lease"
    reg = answer["registrations"][0]
    assert reg["lease"] == "10s" and reg["expires"].endswith("Z")
    assert server.register("short", "192.0.2.8", lease="9s").status == 422
    assert server.register("odd", "192.0.2.8", lease="soon").status == 422
    again = lease(server, "web")
    assert again["changed"] is False and again["seq"] == answer["seq"]
    longer = server.register("web", "192.0.2.7", lease="1h").json
    assert longer["changed"] is True and longer["registrations"][0]["lease"] == "1h"


def test_who_repeats_stays_and_who_does_not_leaves(make_server, alive):
    server = make_server().start()
    alive(server, 5)
    began = time.monotonic()
    lease(server, "dead")
    seq = server.status()["seq"]
    bd.wait_for(lambda: not registered(server, "dead"), "it expires", 3 * LEASE)
    assert LEASE - 0.5 <= time.monotonic() - began <= 2 * LEASE
    bd.wait_for(lambda: server.dig("dead.lab.example") == [], "DNS forgets it")
    assert server.status()["seq"] == seq + 1, "renewals change nothing"
    assert all(registered(server, f"alive{n}") for n in range(5))
    change = server.get(f"/changes?since={seq}")["changes"][0]
    assert change["source"] == "lease" and change["operations"][0]["after"] is None
    status, said = server.request("GET", "/explain/dead")
    assert status == 404 and json.loads(said)["detail"].endswith(", by lease"), said


def test_a_host_that_comes_back_with_another_address(make_server, alive):
    server = make_server().start()
    alive(server, 3)
    lease(server, "web", "192.0.2.7")
    bd.wait_for(lambda: not registered(server, "web"), "it expires", 3 * LEASE)
    assert lease(server, "web", "192.0.2.8")["served"] is True
    assert server.dig("web.lab.example") == ["192.0.2.8"]


def test_crashes_give_one_full_length_once(make_server, alive):
    """The first restart cannot know when the host was heard last, and gives it a full length; the second one does not give another."""
    length, each = 30, 12
    server = make_server().start()
    alive(server, 5)
    assert server.register("dead", "192.0.2.7", lease=f"{length}s").status == 201
    killed = []
    for _ in range(2):
        threading.Event().wait(each)
        assert registered(server, "dead")
        killed.append(time.monotonic())
        server.kill()
        threading.Event().wait(1)  # our own downtime expires nobody
        server.start()
    began = time.monotonic()
    bd.wait_for(lambda: not registered(server, "dead"), "it expires", 3 * length)
    gone = time.monotonic()
    # From the end of the first run on: a length, less the second run, of which a crash takes half at most.
    assert gone - killed[0] - 2 >= length - 0.5, "less the two seconds in which nobody ran"
    assert gone - began <= length - each / 2 + LATE, gone - began
    assert all(registered(server, f"alive{n}") for n in range(5))


def test_our_downtime_expires_nobody(make_server):
    server = make_server().start()
    for number in range(4):
        lease(server, f"host{number}", f"192.0.2.{number + 1}")
    server.kill()
    threading.Event().wait(LEASE + 2)
    server.start()
    assert all(registered(server, f"host{n}") for n in range(4))
    for number in range(4):
        assert lease(server, f"host{number}", f"192.0.2.{number + 1}")["changed"] is False


def test_our_stop_expires_nobody(make_server):
    """SIGSTOP, as a paused virtual machine: what was not seen did not happen."""
    server = make_server().start()
    for number in range(3):
        lease(server, f"host{number}", f"192.0.2.{number + 1}")
    os.kill(server.process.pid, signal.SIGSTOP)
    threading.Event().wait(LEASE + 3)
    os.kill(server.process.pid, signal.SIGCONT)
    for _ in range(10):
        assert all(registered(server, f"host{n}") for n in range(3))
        threading.Event().wait(0.2)


def test_expiry_under_load(make_server, alive):
    """Hundreds of other registrations a second: the dead leave in time, the living stay."""
    server = make_server().start()
    renewals = alive(server, 20)
    done, posted = threading.Event(), []

    def load(worker):
        connection, number = server.connection(), 0
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        while not done.is_set():
            number += 1
            status, _ = server.request("POST", "/a", f"name=load{worker}-{number % 50}&value=10.0.{worker}.{number % 250}", form, connection)
            assert status in (200, 201)
        posted.append(number)
        connection.close()

    threads = [threading.Thread(target=load, args=(w,)) for w in range(4)]
    began = time.monotonic()
    for number in range(3):
        lease(server, f"dead{number}", f"192.0.2.{number + 1}")
    for thread in threads:
        thread.start()
    try:
        bd.wait_for(lambda: not any(registered(server, f"dead{n}") for n in range(3)), "they expire", 3 * LEASE)
        took = time.monotonic() - began
        assert all(registered(server, f"alive{n}") for n in range(20))
    finally:
        done.set()
        for thread in threads:
            thread.join(bd.PATIENCE)
    assert took >= LEASE - 0.5 and sum(posted) > 100 and not renewals.failed
    print(f"expired after {took:.1f} s (lease {LEASE} s) under {sum(posted) / took:.0f} registrations/s")
