"""The strategy "restart": a successor beside the server, on the same port; and what becomes of it when it does not come up."""
import os
import re
import signal
import time

import pytest

import bd
from test_strategy import FORM, ODD_SERVER, metric, odd, write
from traffic import Traffic, assert_answered, shown_everywhere


def events(server, kind):
    return server.get(f"/events?after=0&kind={kind}")["events"]


def test_50_publishes_lose_a_query_a_swap_at_most(make_server):
    """1,000 queries a second; whoever has a 2xx finds the new answer, whichever server is asked."""
    server = make_server(server={"strategy": "restart"}).start()
    assert write(server, "steady", "10.6.0.1")[0] == 201
    first, connection, old = server.status()["server"]["generation"], server.connection(), []
    with Traffic(server.dns, "steady.lab.example", "10.6.0.1") as traffic:
        for i in range(50):
            address = f"10.7.0.{i + 1}"
            status, text = write(server, "moving", address, connection)
            assert status in (200, 201), text
            shown = shown_everywhere(server, "moving.lab.example")
            old += [] if shown == [[address]] * len(shown) else [(address, shown)]
            bd.wait_for(lambda: traffic.asked >= 40 * (i + 1), "queries")
    assert old == []
    assert server.status()["server"]["generation"] == first + 50
    assert traffic.wrong == 0 and traffic.asked >= 2000
    print(f"50 swaps: {traffic.asked} queries, {traffic.lost} lost")
    assert_answered(server, traffic, 50)
    assert metric(server, "server_swaps_total") == server.status()["server"]["swaps"] == 51  # "steady", too
    assert metric(server, "server_failed_swaps_total") == 0
    assert metric(server, "publish_escalations_total") == 0
    assert len(server.processes()) == 1
    assert len(list(server.live.glob("Corefile*"))) <= 2  # the first one's, and the child's


def test_changes_that_arrive_during_a_swap_are_gathered(make_server):
    server = make_server(server={"strategy": "restart"}).start()
    before = server.status()["server"]["generation"]
    connection = server.connection()
    for i in range(200):
        assert write(server, f"many{i}", "10.0.0.1", connection, wait="committed")[0] == 201
    assert write(server, "last", "10.0.0.2")[0] == 201
    assert bd.addresses(server.dns, "many199.lab.example") == ["10.0.0.1"]
    assert 0 < server.status()["server"]["generation"] - before < 100


def test_a_stop_during_a_swap_ends_both(make_server):
    server = make_server(server={"strategy": "restart"})
    bd.write_large_zone(server.zone_file, 150000)
    server.start()
    assert write(server, "late", "10.0.0.1", wait="committed")[0] == 201
    bd.wait_for(lambda: len(server.processes()) == 2, "the successor")
    server.note_child()
    assert server.stop() == 0
    assert server.processes() == []


def test_a_kept_server_loses_only_its_successor(make_server):
    server = make_server(server={"strategy": "restart", "on_stop": "keep"})
    bd.write_large_zone(server.zone_file, 150000)
    server.start()
    assert write(server, "late", "10.0.0.1", wait="committed")[0] == 201
    bd.wait_for(lambda: len(server.processes()) == 2, "the successor")
    server.note_child()
    assert server.stop() == 0
    left = server.processes()  # the old one, or the new one where it was that quick
    assert len(left) == 1
    bd.wait_for(lambda: bd.addresses(server.dns, "late.lab.example") == ["10.0.0.1"], "the last change, told by the signal")
    server.start()
    assert server.status()["server"]["pid"] == left[0]
    assert write(server, "after", "10.0.0.2")[0] == 201


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_the_successor_steps_in_for_a_server_that_dies(make_server, how):
    server = make_server(server={"strategy": "restart"})
    bd.write_large_zone(server.zone_file, 150000)
    server.start()
    old = server.status()["server"]
    if how == signal.SIGSTOP:
        os.kill(old["pid"], how)  # it is found out in 1.5 s; the successor needs less
    assert write(server, "late", "10.0.0.1", wait="committed")[0] == 201
    if how == signal.SIGKILL:
        bd.wait_for(lambda: len(server.processes()) == 2, "the successor")
        os.kill(old["pid"], how)
    assert write(server, "late", "10.0.0.1")[0] == 200
    assert bd.addresses(server.dns, "late.lab.example") == ["10.0.0.1"]
    assert server.status()["server"]["generation"] == old["generation"] + 1
    assert metric(server, "server_swaps_total") == 1
    bd.wait_for(lambda: len(server.processes()) == 1, "the end of the old one")


def test_a_betterdns_that_is_killed_during_a_swap_leaves_nothing_behind(make_server):
    server = make_server(server={"strategy": "restart"})
    bd.write_large_zone(server.zone_file, 150000)
    server.start()
    assert write(server, "late", "10.0.0.1", wait="committed")[0] == 201
    bd.wait_for(lambda: server.status()["server"]["state"] == "replacing", "the successor")
    server.kill()
    server.start()
    assert write(server, "late", "10.0.0.1")[0] == 200
    bd.wait_for(lambda: len(server.processes()) == 1, "one server")
    assert shown_everywhere(server, "late.lab.example") == [["10.0.0.1"]] * 6
    assert write(server, "after", "10.0.0.2")[0] == 201


def test_a_successor_that_does_not_come_up_leaves_the_old_one(make_server):
    server = make_server(server={"strategy": "restart", "binary": ODD_SERVER}).start()
    assert write(server, "well", "10.0.0.1")[0] == 201
    now = server.status()["server"]
    odd(server, "deaf stillborn")
    status, text = write(server, "ill", "10.0.0.2", wait="served&timeout=1s")
    assert status == 202, text
    told = bd.wait_for(lambda: events(server, "escalated"), "the event")
    assert "the old one stays" in told[0]["detail"] and "exit code 7" in told[0]["detail"]
    after = server.status()["server"]
    assert after["pid"] == now["pid"] and server.is_ready()
    bd.wait_for(lambda: "the old one stays" in (server.status()["server"]["reason"] or ""), "the reason")
    assert len(events(server, "escalated")) < 20  # it is tried again, not all the time
    assert 0 < metric(server, "server_failed_swaps_total") < 20 and metric(server, "server_swaps_total") == 1  # "well"
    odd(server, "deaf")  # nobody asks for anything: the next try comes by itself
    bd.wait_for(lambda: server.status()["zones"][0]["lag_ms"] == 0, "the change")
    assert metric(server, "publish_escalations_total") == 0
    assert write(server, "again", "10.0.0.3", wait="served&timeout=20s")[0] == 201
    assert server.status()["server"]["pid"] != now["pid"]
    bd.wait_for(lambda: server.status()["server"]["reason"] is None, "the end of the trouble")


def test_every_zone_comes_with_a_swap(make_server):
    names = [f"z{i}.example" for i in range(20)]
    server = make_server(server={"strategy": "restart"}, zones=[{"name": n} for n in names]).start()
    for i in range(3):
        for n in names:
            status, _ = server.request("POST", "/a", f"name=web{i}.{n}.&value=10.0.0.{i + 1}", FORM)
            assert status == 201
        assert write(server, f"end{i}.{names[-1]}.", "10.0.0.9")[0] == 201
        served = bd.wait_for(lambda: [z for z in server.status()["zones"] if z["served_serial"] == z["serial"]][len(names) - 1:], "all zones")
        assert served
        assert [n for n in names if bd.addresses(server.dns, f"web{i}.{n}") != [f"10.0.0.{i + 1}"]] == []


def test_each_escalation_is_the_next_stronger_way(make_server):
    """A server that neither looks nor obeys: after the signal, a minute later, a new one."""
    server = make_server(server={"strategy": "signal", "binary": ODD_SERVER}).start()
    assert write(server, "obeyed", "10.0.0.1")[0] == 201
    odd(server, "deaf stubborn")
    old = server.status()["server"]["pid"]
    started = time.monotonic()
    assert write(server, "refused", "10.0.0.2", wait="served&timeout=20s")[0] == 201
    assert 1 < time.monotonic() - started < bd.PATIENCE
    assert server.status()["server"]["pid"] != old
    assert metric(server, "publish_escalations_total") == 1
    detail = events(server, "escalated")[0]["detail"]
    assert re.search("'restart' is tried after 'signal'", detail), detail
    assert server.status()["server"]["reason"] is None


@pytest.mark.slow
def test_from_file_to_signal_to_restart(make_server):
    """Nothing helps but the last: a minute lies between one way and the next, and whoever waits is told why."""
    server = make_server(server={"strategy": "file", "binary": ODD_SERVER}).start()
    assert write(server, "seen", "10.0.0.1")[0] == 201
    odd(server, "deaf stubborn")
    old = server.status()["server"]["pid"]
    status, text = write(server, "missed", "10.0.0.2", wait="served&timeout=5s")
    assert status == 202 and b"'signal' is tried after 'file'" in text or b"nothing has helped so far" in text, text
    bd.wait_for(lambda: len(events(server, "escalated")) == 2, "the second escalation", 62 + bd.PATIENCE)
    assert [e["detail"].split(": ", 1)[1] for e in events(server, "escalated")] == [
        "'signal' is tried after 'file'", "'restart' is tried after 'signal'"]
    assert write(server, "missed", "10.0.0.2")[0] == 200
    assert server.status()["server"]["pid"] != old and metric(server, "publish_escalations_total") == 2
    odd(server)
    status, text = write(server, "well", "10.0.0.3")  # the way that is configured is in force again
    assert status == 201, text  # its 64 s were no load: the zone need not be left in peace for as long
    assert server.status()["zones"][0]["load_ms"] < 2000
    assert server.status()["server"]["generation"] == 2
