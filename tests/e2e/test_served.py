"""Promise 1: when a 2xx with wait=served is there, DNS answers; without it the 2xx is honest all the same."""
import json
import os
import signal
import threading
import time

import pytest

import bd


@pytest.mark.sanitize
def test_register_then_dig(server):
    answer = server.register("hello", "192.0.2.7")
    assert answer.status == 201 and answer.json["served"] is True, answer
    assert 0 <= answer.json["served_in_ms"] < 5000
    assert server.dig("hello.lab.example") == ["192.0.2.7"]


def test_2000_registrations_each_asked_for_at_once(server):
    connection, misses = server.connection(), []
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for i in range(2000):
        body = f"name=many{i}&value=10.1.{i // 250}.{i % 250 + 1}"
        status, text = server.request("POST", "/a?wait=served", body, headers, connection)
        rcode, answers = server.query(f"many{i}.lab.example")
        if status != 201 or (rcode, answers) != (0, 1):
            misses.append((i, status, text, rcode, answers))
    assert misses == []


def test_real_curl_and_dig_200_times(server):
    for i in range(200):
        assert server.register(f"real{i}", f"10.2.0.{i + 1}").status == 201
        assert server.dig(f"real{i}.lab.example") == [f"10.2.0.{i + 1}"]


def test_a_change_of_address_is_served_when_acknowledged(server):
    for i in range(1, 40):
        assert server.register("moves", f"10.3.0.{i}").status in (200, 201)
        assert server.dig("moves.lab.example") == [f"10.3.0.{i}"]


def test_a_deletion_is_served_when_acknowledged(server):
    server.register("leaves", "10.4.0.1")
    answer = server.curl("-X", "DELETE", path="/a/leaves?wait=served")
    assert answer.status == 200 and answer.json["served"] is True, answer
    assert server.query("leaves.lab.example")[0] == 3  # NXDOMAIN


def test_sixteen_writers_all_served(server):
    misses = []

    def write(writer):
        connection = server.connection()
        for i in range(40):
            name = f"w{writer}-{i}"
            status, text = server.request("POST", "/a?wait=served", f"name={name}&value=10.5.{writer}.{i + 1}",
                                          {"Content-Type": "application/x-www-form-urlencoded"}, connection)
            if status != 201 or server.query(f"{name}.lab.example") != (0, 1):
                misses.append((name, status, text))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(bd.PATIENCE * 4)
    assert misses == []


def test_a_repeat_waits_for_what_it_repeats(server):
    assert server.register("again", "10.6.0.1", wait="committed").status == 201
    answer = server.register("again", "10.6.0.1")
    assert answer.status == 200 and answer.json["changed"] is False and answer.json["served"] is True, answer
    assert server.dig("again.lab.example") == ["10.6.0.1"]


def test_202_with_the_reason_when_the_server_hangs(make_server):
    server = make_server().start()
    pid = server.status()["server"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        answer = server.curl("-d", "name=late", "-d", "value=10.7.0.1", path="/a?wait=served&timeout=300ms")
    finally:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass  # a hung server is ended by its supervisor
    assert answer.status == 202, answer
    assert answer.json["served"] is False and answer.json["reason"], answer
    assert server.get("/a/late")["values"] == ["10.7.0.1"]  # durable all the same
    bd.wait_for(lambda: server.dig_quietly("late.lab.example") == ["10.7.0.1"], "the change to be served later")


def test_a_slow_clock_of_the_client_does_not_matter(server):
    started = time.monotonic()
    answer = server.curl("-d", "name=quick", "-d", "value=10.8.0.1", path="/a?wait=served&timeout=1ms")
    assert answer.status in (201, 202), answer
    assert time.monotonic() - started < 5
    assert server.curl(path="/a/quick").status == 200


def test_an_unknown_wait_is_refused_and_changes_nothing(server):
    before = server.get("/status")["seq"]
    answer = server.curl("-d", "name=typo", "-d", "value=10.9.0.1", path="/a?wait=servd")
    assert answer.status == 400 and json.loads(answer.body)["type"].startswith("urn:betterdns:problem:"), answer
    assert server.get("/status")["seq"] == before


def test_a_state_that_was_restored_from_a_backup_is_no_reason_to_lie(make_server):
    server = make_server(server={"on_stop": "keep"}).start()
    server.register("old", "10.0.0.1")
    server.stop()
    backup = {f.name: f.read_bytes() for f in server.data.glob("state.db*")}
    server.start()
    for i in range(30):
        server.register(f"lost{i}", "10.0.0.1")
    seen = server.status()["zones"][0]["serial"]
    server.stop()
    for f in server.data.glob("state.db*"):
        f.unlink()
    for name, content in backup.items():
        (server.data / name).write_bytes(content)
    server.start()
    assert server.status()["zones"][0]["serial"] > seen
    for i in range(20):
        assert server.register(f"new{i}", "10.0.0.2").json["served"] is True
        assert server.query(f"new{i}.lab.example") == (0, 1)
    # The zone file knows them still: its records come back, and their hosts may take them over.
    bd.wait_for(lambda: server.dig("lost1.lab.example") == ["10.0.0.1"], "the zone file's records")
    assert server.register("lost1", "10.0.0.3").status in (200, 201)
    assert server.dig("lost1.lab.example") == ["10.0.0.3"]
