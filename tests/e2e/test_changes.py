"""A thousand changes while 5,000 queries a second are asked, each of them counted, and 50 swaps while 1,000 are."""
import os
import random

import pytest

import bd
from test_outages import launch
from test_strategy import write
from traffic import Traffic, assert_answered, address_of

RATE, CLIENTS = 5000, 4
FIRST = 10 << 16  # 10.10.0.0


def memory(server):
    """Of betterdns and of its server, MB."""
    return [bd.memory_mb(pid) for pid in (server.process.pid, server.status()["server"]["pid"])]


def change(server, traffic, connection, number):
    """The next address of the name that is asked for; by most it is awaited, and asked for by those who have waited."""
    traffic.comes(address_of(FIRST + number))
    wait = "served&timeout=30s" if random.random() < 0.8 else "committed"
    status, text = write(server, "moving", address_of(FIRST + number), connection, wait)
    assert status in (200, 201), text
    if wait != "committed":
        traffic.served(address_of(FIRST + number))


def changes(server, count, warm_up=100, rate=RATE):
    """The traffic that has seen them, and how much memory has grown since the first ones."""
    connection = server.connection()
    with Traffic(server.dns, "moving.lab.example", address_of(FIRST), rate, CLIENTS) as traffic:
        for number in range(1, warm_up + 1):
            change(server, traffic, connection, number)
        before = memory(server)
        for number in range(warm_up + 1, count + 1):
            change(server, traffic, connection, number)
        change(server, traffic, connection, count)
        after = memory(server)
    print(f"{count} changes; over TCP {traffic.tcp_asked} questions, {traffic.tcp_lost} lost, {traffic.closed} connections closed;",
          "MB " + ", ".join(f"{b:.1f} to {a:.1f}" for b, a in zip(before, after)))
    return traffic, [a - b for b, a in zip(before, after)]


def assert_flat(grown, count):
    """Events and the pages of state.db are kept up to 16 MiB each, less than a kilobyte a change; a Go program's heap breathes."""
    assert grown[0] < 3 + count / 1000 and grown[1] < 32, grown


def launch_moving(make_server, strategy):
    server = launch(make_server, server={"strategy": strategy})
    assert write(server, "moving", address_of(FIRST))[0] == 201
    return server


def many(make_server, strategy, count):
    server = launch_moving(make_server, strategy)
    pid = server.status()["server"]["pid"]
    traffic, grown = changes(server, count)
    assert_answered(server, traffic)
    assert traffic.tcp_asked > 0 and traffic.tcp_wrong == 0
    if strategy == "file":
        assert traffic.closed == traffic.tcp_lost == 0
    assert server.status()["server"]["pid"] == pid
    assert_flat(grown, count)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["file", "signal"])
def test_1000_changes_lose_no_query(make_server, strategy):
    many(make_server, strategy, 1000)


@pytest.mark.slow
def test_50_swaps_lose_a_query_each_at_most(make_server):
    server = launch_moving(make_server, "restart")
    before = server.status()["server"]["generation"]
    # fewer, for two servers and ours start and load beside the asker; the benchmark has the full rate
    traffic, grown = changes(server, 50, warm_up=0, rate=1000)
    swaps = server.status()["server"]["generation"] - before
    assert 0 < swaps <= 51
    assert_answered(server, traffic, swaps)
    assert_flat(grown, 50)
    assert len(server.processes()) == 1


@pytest.mark.soak
@pytest.mark.parametrize("strategy", ["file", "signal"])
def test_changes_soak(make_server, strategy):
    many(make_server, strategy, max(1000, int(os.environ.get("BETTERDNS_SOAK_ROUNDS", "10000"))))
