"""No descriptor is left, no memory is left, for betterdns or for its server: what runs goes on answering, each query counted, and all is
well again when there is room."""
import contextlib
import http.client
import os
import signal

import pytest

import bd
from test_child import server_status
from test_outages import ADDRESS, NAME, launch, replaced
from test_strategy import FORM, write
from traffic import Traffic, assert_answered
from trouble import AddressSpace, ControlGroup, crowd, descriptors, limit


def grow(path, records):
    """A hand edit that adds so many."""
    with path.open("a", encoding="ascii") as zone:
        zone.writelines(f"h{i} A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(records))


def test_more_clients_than_descriptors(make_server):
    """They get no more of them than leaves enough for a new server."""
    server = make_server()
    server.wrapper = ["prlimit", "--nofile=150:150"]
    server.start()
    assert write(server, "steady", ADDRESS)[0] == 201
    with Traffic(server.dns, NAME, ADDRESS) as traffic:
        with crowd((server.host, server.http_port), 400):
            bd.wait_for(lambda: traffic.asked > 1000, "a second")
            lost = traffic.lost
            before = server.processes()
            os.kill(before[0], signal.SIGKILL)
            bd.wait_for(lambda: server.processes() not in ([], before), "a new server")
            bd.wait_for(lambda: server.dig_quietly(NAME) == [ADDRESS], "an answer")
        bd.wait_for(server.is_ready, "readiness")
    assert lost <= bd.dropped(server.dns) and traffic.wrong == traffic.old == 0
    assert write(server, "after", "10.0.0.1")[0] == 201


def test_no_descriptor_at_all(make_server):
    """Nothing can be opened: the server goes on; one that is killed meanwhile comes back as soon as there are some again."""
    server = launch(make_server)
    with Traffic(server.dns, NAME, ADDRESS) as traffic:
        limit(server.process.pid, "nofile", descriptors(server.process.pid))
        before = traffic.asked
        for i in range(20):
            with contextlib.suppress(OSError, http.client.HTTPException):
                server.request("POST", "/a", f"name=n{i}&value=10.0.0.{i + 1}", FORM)
        bd.wait_for(lambda: traffic.asked > before + 1000, "a second without")
    assert_answered(server, traffic)
    pid = server.processes()[0]
    os.kill(pid, signal.SIGKILL)
    bd.wait_for(lambda: "the DNS server has ended" in server.log(), "that it is seen")
    assert server.process.poll() is None
    limit(server.process.pid, "nofile", 4096)
    bd.wait_for(lambda: server.is_ready() and server_status(server)["pid"] != pid, "a new server")
    assert write(server, "after", "10.0.0.1")[0] == 201
    assert bd.addresses(server.dns, "after.lab.example") == ["10.0.0.1"] and bd.addresses(server.dns, NAME) == [ADDRESS]


def test_no_address_space(make_server):
    """Answered in words or not at all; nobody dies, and what was acknowledged is there."""
    server = launch(make_server)
    pid, known = server_status(server)["pid"], {}
    with Traffic(server.dns, NAME, ADDRESS) as traffic:
        limit(server.process.pid, "as", 1 << 20)  # what it has it keeps, and gets nothing
        refused, i = 0, 0
        while refused < 20 and i < 2000:
            i += 1
            values = "&".join(f"value=10.{i >> 8}.{i & 255}.{k}" for k in range(1, 251))
            try:
                status, _ = server.request("POST", "/a", f"name=m{i}&{values}", FORM)
            except (OSError, http.client.HTTPException):
                status = 0
            known[f"m{i}"] = status
            refused += status not in (200, 201, 202)
            assert server.process.poll() is None, server.log()[-2000:]
        limit(server.process.pid, "as", None)
    assert_answered(server, traffic)
    print(f"{refused} of {i} refused for want of memory")
    assert refused
    bd.wait_for(lambda: write(server, "after", "10.0.0.1")[0] in (200, 201), "that changes are taken again")
    for name, status in known.items():
        assert status not in (200, 201, 202) or server.request("GET", f"/a/{name}")[0] == 200, name
    assert server_status(server)["pid"] == pid


def test_a_server_without_descriptors(make_server):
    """Its clients over TCP have them all. Over UDP it answers as ever; what it cannot open meanwhile it reads as soon as they have gone."""
    server = launch(make_server)
    pid = server_status(server)["pid"]
    room = descriptors(pid) + 20
    limit(pid, "nofile", room)
    with Traffic(server.dns, NAME, ADDRESS) as traffic:
        with crowd(server.dns, 60):
            bd.wait_for(lambda: len(os.listdir(f"/proc/{pid}/fd")) >= room, "that it has none left")
            status, text = write(server, "meanwhile", "10.0.0.1", wait="served&timeout=500ms")
            assert status == 202, text
            asked = traffic.asked
            bd.wait_for(lambda: traffic.asked > asked + 1000, "a second without")
        bd.wait_for(lambda: bd.addresses(server.dns, "meanwhile.lab.example") == ["10.0.0.1"], "the change in DNS")
    assert_answered(server, traffic)
    assert write(server, "after", "10.0.0.2")[0] == 201


@pytest.mark.parametrize("limits", [pytest.param(ControlGroup, marks=pytest.mark.cgroup), AddressSpace])
def test_a_server_that_hits_its_memory_limit(make_server, limits):
    """It ends again and again: it is said, betterdns goes on, and the server comes back when it may have more."""
    server = make_server()
    with contextlib.ExitStack() as stack:
        memory = limits(server, stack)
        server.start()
        assert write(server, "steady", ADDRESS)[0] == 201
        before = server_status(server)
        with Traffic(server.dns, NAME, ADDRESS) as traffic:
            memory.limit(before["pid"], 32 << 20)
            grow(server.zone_file, 200000)
            bd.wait_for(lambda: memory.ends in server.log(), "its end")
            bd.wait_for(lambda: server_status(server)["state"] == "backing-off", "a pause")
            status, answer = write(server, "meanwhile", "10.0.0.1", wait="served&timeout=100ms")
            assert status == 202, answer
            memory.limit(None, None)
            bd.wait_for(lambda: replaced(server, before), "a server that stays")
            assert write(server, "after", "10.0.0.2")[0] == 201
            outage = traffic.take()["gap_ms"]
        print(f"out for {outage:.0f} ms; {traffic.lost} of {traffic.asked} queries lost")
        assert traffic.wrong == traffic.old == 0 and 0 < traffic.lost <= outage + 50
        assert bd.addresses(server.dns, "meanwhile.lab.example") == ["10.0.0.1"]
        assert bd.addresses(server.dns, "h199999.lab.example") == ["10.3.13.63"]
