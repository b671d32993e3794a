"""The wall clock jumps by a year, forwards or backwards: nobody expires, and nobody lives for ever; the server is neither thought to
hang nor left alone, and what is published is served as ever."""
import os
import signal
import threading
import time
from pathlib import Path

import pytest

import bd
from test_strategy import metric
from traffic import Traffic, assert_answered
from trouble import ENDS_AT_ONCE, YEAR, Clock, ends_at_once, instead, starts

FAULT = Path(os.environ.get("BETTERDNS_FAULT", bd.ROOT / "build" / "tests" / "fault"))
LEASE = 10


def register(server, name, value):
    answer = server.register(name, value, lease=f"{LEASE}s")
    assert answer.status in (200, 201), answer
    return answer.json


def with_a_clock(server):
    clock = Clock(server, FAULT)
    server.start()
    return clock


@pytest.mark.parametrize("jump", [YEAR, -YEAR])
def test_a_clock_that_jumps_expires_nobody(make_server, jump):
    server = make_server()
    clock = with_a_clock(server)
    names = [f"host{n}" for n in range(4)]
    for number, name in enumerate(names):
        register(server, name, f"192.0.2.{number + 1}")
    before = register(server, "host0", "192.0.2.1")["registrations"][0]["expires"]
    clock.set(jump)
    heard = time.monotonic()
    after = register(server, "host0", "192.0.2.1")["registrations"][0]["expires"]
    assert after[:4] != before[:4], "what people are told goes by their clock"
    for turn in range(LEASE):  # one of four is silent from now on
        for number, name in enumerate(names[1:], 2):
            if turn % 2 == 0:
                assert register(server, name, f"192.0.2.{number}")["changed"] is False
        status = server.request("GET", "/a/host0")[0]
        assert status == 200 or time.monotonic() - heard >= LEASE - 1
        threading.Event().wait(1)
    bd.wait_for(lambda: server.request("GET", "/a/host0")[0] == 404, "it expires nevertheless")
    assert all(server.request("GET", f"/a/{name}")[0] == 200 for name in names[1:])


@pytest.mark.parametrize("strategy", ["file", "signal", "restart"])
def test_jumps_while_changes_are_published(make_server, strategy):
    """A year on, back, and one back from there; a change before and after each; then a kill, whose pause is not a year either."""
    server = make_server(server={"strategy": strategy})
    clock = with_a_clock(server)
    assert server.register("moving", "10.7.0.0").json["served"] is True
    before, number = server.status()["server"], 0
    with Traffic(server.dns, "moving.lab.example", "10.7.0.0") as traffic:
        for jump in (YEAR, 0, -YEAR, YEAR, -YEAR, 0) * 2:
            clock.set(jump)
            for _ in range(3):
                number += 1
                traffic.comes(f"10.7.0.{number}")
                assert server.register("moving", f"10.7.0.{number}").json["served"] is True
                traffic.served(f"10.7.0.{number}")
        after = server.status()["server"]
    swaps = after["generation"] - before["generation"]
    assert_answered(server, traffic, swaps)
    assert swaps == (number if strategy == "restart" else 0)
    os.kill(after["pid"], signal.SIGKILL)
    clock.set(YEAR)
    bd.wait_for(lambda: server.status()["server"]["generation"] > after["generation"] and server.is_ready(), "a new server")
    assert server.dig("moving.lab.example") == [f"10.7.0.{number}"]


def test_a_minute_of_health_forgets_the_failures(make_server):
    """Pauses that are far apart: a busy machine makes them longer, and the end of a minute makes one that is none."""
    server = make_server()
    instead(server, ENDS_AT_ONCE)
    ends_at_once(server, 0)
    clock = with_a_clock(server)

    def start_again(failing):
        """How long after the end of the one that was killed, or of the last one that failed, the one that stays was started."""
        before, first = server.status()["server"], len(starts(server))
        ends_at_once(server, failing)
        killed = time.time()
        os.kill(before["pid"], signal.SIGKILL)
        bd.wait_for(lambda: server.status()["server"]["generation"] > before["generation"] and server.is_ready(), "a new server")
        assert len(starts(server)) == first + failing + 1
        return starts(server)[-1] - ([killed] + starts(server))[-2 if failing else 0]

    def pass_by(seconds):
        clock.pass_by(seconds)
        probes = metric(server, "probes_total")
        bd.wait_for(lambda: metric(server, "probes_total") > probes + 1, "that it looks at the clock")

    assert start_again(4) >= 0.75 * 0.8 - 0.01
    pass_by(35)
    assert start_again(0) >= 0.75 * 1.6 - 0.01, "less than a minute"
    pass_by(35)
    assert start_again(0) >= 0.75 * 3.2 - 0.01, "a minute counts from the last start"
    pass_by(61)
    assert start_again(0) < 0.75 * 6.4, "forgotten: at once"
