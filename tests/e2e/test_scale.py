"""A million records: memory, a start that adopts the server, and reads and writes beside each other."""
import time

import pytest

import bd
from test_exchange import assert_auto

RECORDS = 1_000_000
RSS_MB = 150  # the number
READY_S = 1.5
# A machine of two cores, and the server's own work at the same time: the bench prints what a quiet one takes. What others do there besides is
# no part of it.
FACTOR = 10

pytestmark = pytest.mark.slow


def is_clean(server):
    return server.status()["zones"][0]["file_state"] == "clean"


@pytest.fixture(name="large", scope="module")
def imported():
    """The zone imported, served and exported; then stopped, while coredns goes on."""
    server = bd.Server(bd.temporary_folder(), server={"on_stop": "keep"})
    bd.write_large_zone(server.zone_file, RECORDS)
    try:
        server.launch()
        bd.wait_for(server.is_ready, "readiness after the import", 240)
        bd.wait_for(lambda: is_clean(server), "the export", 240)
        assert bd.memory_mb(server.process.pid) <= RSS_MB, "after the import"
        assert server.stop() == 0
        yield server
    finally:
        server.close()


def test_a_start_with_the_server_alive_is_quick_and_small(large):
    began = time.monotonic()
    large.start()
    took = time.monotonic() - began
    used, waited = bd.processor_seconds(large.process.pid)
    print(f"ready after {took:.2f} s: {used:.2f} s of a processor, {waited:.2f} s without one")
    assert took - waited <= READY_S * FACTOR
    bd.wait_for(lambda: is_clean(large), "the look at the people's file", 60)
    assert bd.memory_mb(large.process.pid) <= RSS_MB
    assert large.status()["server"]["generation"] == 1, "another child was started"


def test_auto_at_a_million(large):
    if large.process.poll() is not None:
        large.start()
    assert_auto(large, RECORDS, 100)


def test_one_change_among_a_million_is_durable_and_served(large):
    if large.process.poll() is not None:
        large.start()
    answer = large.register("web", "192.0.2.7", wait="committed")
    assert answer.status == 201, answer
    large.kill()
    large.start()
    assert large.get("/a/web")["values"] == ["192.0.2.7"]
    bd.wait_for(lambda: large.dig_quietly("web.lab.example") == ["192.0.2.7"], "the change in DNS", 120)
    bd.wait_for(lambda: is_clean(large), "the export", 120)
    assert bd.memory_mb(large.process.pid) <= RSS_MB, "after a publish and an export"


def test_a_slow_reader_of_everything_does_not_hold_up_writes(large):
    if large.process.poll() is not None:
        large.start()
    before = bd.memory_mb(large.process.pid)
    reader, writer = large.connection(), large.connection()
    reader.request("GET", "/", headers={"Accept": "text/plain"})
    everything = reader.getresponse()
    assert everything.status == 200
    lines, slowest = everything.read(1 << 20).count(b"\n"), 0.0
    for i in range(20):  # the reader has had the first bytes only, and waits
        began = time.monotonic()
        status, body = large.request("POST", "/a", f"name=beside{i}&value=192.0.2.{i}",
                                     {"Content-Type": "application/x-www-form-urlencoded"}, connection=writer)
        assert status == 201, body
        slowest = max(slowest, time.monotonic() - began)
    while piece := everything.read(1 << 20):
        lines += piece.count(b"\n")
    assert lines > RECORDS, lines
    assert slowest < 5, slowest
    assert bd.memory_mb(large.process.pid) - before < 30
    reader.close()
    writer.close()
