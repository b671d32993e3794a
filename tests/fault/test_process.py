"""The whole program beside a real coredns while the n-th malloc, write or fsync fails: it does not die, what it acknowledged is there,
and it recovers by itself."""
import errno
import http.client
import os
import time

import pytest

import bd
from fault import FOR_EVER, Faults

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ERRORS = {"malloc": (errno.ENOMEM,), "write": (errno.EIO, errno.ENOSPC), "sync": (errno.EIO,)}


class Burst:
    """Requests of every sort on a few names; knows for each name what may be there."""

    def __init__(self, server):
        self.server, self.known, self.answered, self.bursts = server, {}, {}, 0

    def ask(self, method, path, body=None):
        try:
            status, text = self.server.request(method, path, body, FORM if body else {})
        except (OSError, http.client.HTTPException):
            assert self.server.process.poll() is None, f"it died: {self.server.log()[-3000:]}"
            status, text = 0, b""
        self.answered[status] = self.answered.get(status, 0) + 1
        return status, text

    def change(self, method, path, name, value, body=None):
        old = self.known.get(name, {None})
        status, text = self.ask(method, path, body)
        if status in (200, 201, 202):
            self.known[name] = {value}
        elif status in (0, 503):  # no answer, or one that says to ask again
            self.known[name] = old | {value}
        else:
            assert status == 404 and method == "DELETE", (method, path, status, text)
        return status

    def run(self):
        self.bursts += 1
        n = self.bursts
        name, value = f"h{n % 7}", f"10.1.{n // 250}.{n % 250 + 1}"
        self.change("POST", "/a", name, value, f"name={name}&value={value}")
        status, text = self.ask("GET", f"/a/{name}.lab.example.")
        assert status in (0, 200, 404, 503), (status, text)
        served = f"s{n % 5}"
        self.change("POST", "/a?wait=served&timeout=200ms", served, value, f"name={served}&value={value}")
        self.change("DELETE", f"/a/h{(n + 3) % 7}", f"h{(n + 3) % 7}", None)
        self.ask("GET", "/")
        self.ask("GET", "/status")

    def settle(self):
        bd.wait_for(lambda: self.ask("GET", "/readyz")[0] == 200, "readiness", 60)
        bd.wait_for(lambda: self.change("POST", "/a", "again", "10.9.9.9", "name=again&value=10.9.9.9") in (200, 201),
                    "that changes are taken again", 60)

    def compare(self):
        there = {r["name"].split(".")[0]: r["values"] for r in self.server.get("/a?limit=1000")["records"]}
        for name, allowed in self.known.items():
            values = there.get(name) or [None]
            assert len(values) == 1 and values[0] in allowed, (name, values, allowed)
            self.known[name] = {values[0]}

    def compare_dns(self):
        assert self.server.register("last", "10.8.8.8").status in (200, 201)
        for name, (value,) in {n: tuple(v) for n, v in self.known.items()}.items():
            bd.wait_for(lambda n=name, v=value: self.server.dig_quietly(f"{n}.lab.example") == ([v] if v else []),
                        f"{name} {value} in DNS, which has {self.server.dig_quietly(name + '.lab.example')}")


def campaign(make_server, tmp_path, kind, numbers):
    faults = Faults(tmp_path / "faults")
    server = make_server(env=faults.env)
    server.start()
    pid = server.status()["server"]["pid"]
    faults.only(process=server.process.pid)
    burst, failed = Burst(server), 0
    for n in numbers:
        faults.arm(kind, n, ERRORS[kind][n % len(ERRORS[kind])], 20 if n % 5 == 0 and kind != "malloc" else 1)
        for _ in range(400):
            burst.run()
            if faults.get(kind, "failed"):
                break
        failed += faults.disarm(kind) > 0
        assert server.process.poll() is None, f"it died: {server.log()[-3000:]}"
        burst.settle()
        burst.compare()
    assert failed >= len(list(numbers)) * 9 // 10, f"only {failed} faults were met"
    assert burst.answered.get(200, 0) > 0
    assert server.status()["server"]["pid"] == pid, "the DNS server was restarted"
    burst.compare_dns()
    assert server.stop() == 0, server.log()[-3000:]
    server.env = dict(os.environ)
    server.start()
    burst.compare()
    burst.compare_dns()


SPREAD = {"malloc": [*range(1, 120), *range(120, 2000, 61)], "write": [*range(1, 40), *range(60, 600, 71)],
          "sync": [*range(1, 30)]}


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(SPREAD))
def test_a_spread(make_server, tmp_path, kind):
    campaign(make_server, tmp_path, kind, SPREAD[kind])


@pytest.mark.soak
@pytest.mark.parametrize("kind", sorted(SPREAD))
def test_every_n_soak(make_server, tmp_path, kind):
    campaign(make_server, tmp_path, kind, range(1, 2001))


def test_without_any_memory_each_client_gets_an_answer(make_server, tmp_path):
    """In words and at once; then there is memory again."""
    faults = Faults(tmp_path / "faults")
    server = make_server(env=faults.env)
    server.start()
    faults.only(process=server.process.pid)
    burst = Burst(server)
    for n in (*range(1, 12), *range(12, 60, 7)):
        faults.arm("malloc", n, errno.ENOMEM, FOR_EVER)
        started = time.monotonic()
        burst.run()
        assert 0 not in burst.answered, f"no answer without memory from the malloc {n} on"
        assert time.monotonic() - started < 4, "a client waited"
        faults.disarm("malloc")
    assert burst.answered.get(503, 0) >= 20
    burst.settle()
    burst.compare()
    burst.compare_dns()


def test_without_memory_a_manifest_is_whole_or_none(make_server, tmp_path):
    faults = Faults(tmp_path / "faults")
    server = make_server(env=faults.env)
    server.start()
    faults.only(process=server.process.pid)
    for i in range(40):
        values = "&".join(f"value=10.3.{i}.{k}" for k in range(1, 251))
        assert server.request("POST", "/a", f"name=m{i}&{values}", FORM)[0] == 201
    server.register("last", "10.4.4.4")
    refused = 0
    for path in ("/", "/?format=json", "/?format=prometheus", "/?format=hosts"):
        whole = server.request("GET", path)[1]
        for n in range(1, 25):
            faults.arm("malloc", n, errno.ENOMEM)
            try:
                status, body = server.request("GET", path)
            except (OSError, http.client.HTTPException):
                status, body = 0, b""
            faults.disarm("malloc")
            assert status in (0, 503) or body == whole, (path, n, len(body), len(whole))
            refused += status != 200
    assert refused >= 20


def test_without_memory_a_resource_is_still_known(make_server, tmp_path):
    faults = Faults(tmp_path / "faults")
    server = make_server(env=faults.env)
    server.start()
    faults.only(process=server.process.pid)
    answered = set()
    for n in range(1, 16):
        faults.arm("malloc", n, errno.ENOMEM)
        answered.add(server.request("PUT", "/healthz", "x=1", FORM)[0])
        faults.disarm("malloc")
    assert answered == {405, 503}


def test_a_full_disk_and_room_again(make_server, tmp_path):
    """No write finds room, whatever file it is for; then there is room again."""
    faults = Faults(tmp_path / "faults")
    server = make_server(env=faults.env)
    server.start()
    faults.only(process=server.process.pid, below=server.folder / "data")
    burst = Burst(server)
    burst.run()
    faults.arm("write", 1, errno.ENOSPC, FOR_EVER)
    status, text = burst.ask("POST", "/a", "name=full&value=10.2.2.2")
    assert status == 503 and b"store-full" in text
    for _ in range(20):
        burst.run()
    assert burst.answered.get(503, 0) >= 30
    assert server.status()["store_full"] is True and server.status()["read_only"] is False
    assert server.query("ns1.lab.example") == (0, 1)
    assert server.log().count("no room") == 1, server.log()[-2000:]
    faults.disarm("write")
    burst.settle()
    assert server.status()["store_full"] is False
    burst.compare()
    burst.compare_dns()
