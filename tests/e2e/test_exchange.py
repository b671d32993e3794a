"""Strategies exchanged at run time: GET and PUT /controller/strategy, with queries and writers running."""
import json
import re

import pytest

import bd
from test_strategy import FORM, metric, write
from traffic import Traffic, assert_answered, shown_everywhere

PATH = "/controller/strategy"


def put(server, name):
    status, text = server.request("PUT", PATH, f"strategy={name}", FORM)
    assert status == 200, text
    return json.loads(text)


def corefiles(server):
    """Of the child alone, once it is."""
    return "".join(p.read_text() for p in server.live.glob("Corefile*"))


def test_auto_says_what_it_has_chosen_and_why(make_server):
    server = make_server().start()
    now = server.get(PATH)
    assert set(now) == {"strategy", "chosen", "reason"}
    assert now["strategy"] == "auto" and now["chosen"] == "file"
    assert "no query is lost and no connection closed" in now["reason"] and "records" in now["reason"]
    shown = server.status()["server"]
    assert (shown["strategy"], shown["chosen"], shown["strategy_reason"]) == ("auto", "file", now["reason"])
    assert server.get("/?format=json")["server"]["strategy"] == "auto"
    assert write(server, "web", "10.0.0.1")[0] == 201
    bd.wait_for(lambda: re.search("a load takes .* ms, 1 changes an hour: it is looked at every 5 ms", server.get(PATH)["reason"]), "measures")


# A look at a small zone costs nothing against the wait for it; a load of a large one takes so long that looking often wins nothing.
# A million: test_scale.py.
@pytest.mark.parametrize("records, ms", [(100, 5), (10_000, 5), (100_000, 100)])
def test_auto_at_its_sizes(make_server, records, ms):
    server = make_server()
    bd.write_large_zone(server.zone_file, records)
    server.start()
    assert_auto(server, records, ms)


def assert_auto(server, records, ms):
    """Polled so often, and said so, at the server as in the status."""
    now, shown = server.get(PATH), server.status()["server"]
    assert (now["strategy"], now["chosen"]) == (shown["strategy"], shown["chosen"]) == ("auto", "file"), now
    assert now["reason"] == shown["strategy_reason"]
    found = re.search(r"the largest zone has (\d+) records.*: it is looked at every (\d+) ms", now["reason"])
    assert found and records <= int(found.group(1)) <= records + 10 and int(found.group(2)) == ms, now
    assert f"reload {ms}ms" in corefiles(server)


def test_every_way_to_ask(make_server):
    server = make_server(server={"strategy": "file"}).start()
    assert server.get(PATH) == {"strategy": "file", "chosen": "file", "reason": "as configured"}
    status, text = server.request("PUT", PATH, '{"strategy":"signal"}', {"Content-Type": "application/json"})
    assert status == 200 and json.loads(text) == {
        "strategy": "signal", "chosen": "signal", "reason": "asked for at run time, until the next start"}
    assert put(server, "restart")["chosen"] == "restart"
    status, text = server.request("PUT", PATH + "?strategy=auto")
    assert status == 200 and json.loads(text)["chosen"] == "file" and "until the next start" in json.loads(text)["reason"]
    assert server.get(PATH)["strategy"] == "auto"
    server.stop()
    server.start()
    assert server.get(PATH) == {"strategy": "file", "chosen": "file", "reason": "as configured"}


def test_what_is_refused(make_server):
    server = make_server().start()
    for body, status in (("strategy=notify", 422), ("strategy=", 422), ("", 422), ("strategy=file&strategy=signal", 422),
                         ("strategie=file", 422), ("strategy=file&until=never", 422)):
        got, text = server.request("PUT", PATH, body, FORM)
        assert got == status and json.loads(text)["status"] == status, (body, got, text)
    assert server.request("PUT", PATH, '{"strategy":1}', {"Content-Type": "application/json"})[0] == 422
    assert server.request("PUT", PATH + "?wait=served", "strategy=file", FORM)[0] == 400
    assert server.request("GET", PATH + "?strategy=file")[0] == 400
    problem = json.loads(server.request("PUT", PATH, "strategy=notify", FORM)[1])
    assert problem["field"] == "strategy" and "auto, file, signal, restart" in problem["detail"]
    status, _ = server.request("POST", PATH, "strategy=file", FORM)
    assert status == 405
    # a web page may not: as with every write
    assert server.request("PUT", PATH, "strategy=file", {**FORM, "Origin": "http://evil.example"})[0] == 403
    assert server.get(PATH)["strategy"] == "auto"


def test_it_needs_the_token(make_server, tmp_path):
    token = tmp_path / "token"
    token.write_text("0123456789abcdef0123456789abcdef\n")
    token.chmod(0o600)
    server = make_server(http={"token_file": str(token)}).start()
    assert server.request("PUT", PATH, "strategy=signal", FORM)[0] == 401
    status, text = server.request("PUT", PATH, "strategy=signal", {**FORM, "Authorization": f"Bearer {token.read_text().strip()}"})
    assert status == 200 and json.loads(text)["chosen"] == "signal"


def test_exchanges_while_queries_run(make_server):
    """Each strategy after each other one, four changes with each: no answer is old, and only a swap may cost a query."""
    server = make_server().start()
    assert write(server, "steady", "10.6.0.1")[0] == 201
    order = ["signal", "file", "restart", "file", "auto", "restart", "signal", "restart", "auto", "signal"] * 2
    connection, old, n = server.connection(), [], 0
    before = server.status()["server"]["generation"]
    with Traffic(server.dns, "steady.lab.example", "10.6.0.1") as traffic:
        for name in order:
            assert put(server, name)["strategy"] == name
            for _ in range(4):
                n += 1
                address = f"10.7.{n >> 8}.{n & 255}"
                status, text = write(server, "moving", address, connection)
                assert status in (200, 201), text
                shown = shown_everywhere(server, "moving.lab.example")
                old += [] if shown == [[address]] * len(shown) else [(name, address, shown)]
    assert old == [] and traffic.wrong == 0
    swaps = server.status()["server"]["generation"] - before
    print(f"{len(order)} exchanges, {swaps} swaps: {traffic.asked} queries, {traffic.lost} lost")
    assert swaps == 4 * order.count("restart")
    assert_answered(server, traffic, swaps)
    assert metric(server, "publish_escalations_total") == 0


def test_an_exchange_during_a_swap(make_server):
    """The older server can be told of a change, and the newer one, which has begun without it, shares the port: that is not served."""
    zones = [{"name": "lab.example"}, {"name": "small.example"}]
    server = make_server(server={"strategy": "restart"}, zones=zones)
    zones[0]["file"] = str(server.zone_file)
    bd.write_large_zone(server.zone_file, 60000)
    server.start()
    assert write(server, "moving.small.example.", "10.7.0.0")[0] == 201
    old = server.status()["server"]["pid"]
    assert write(server, "late.lab.example.", "10.0.0.1", wait="committed")[0] == 201
    bd.wait_for(lambda: server.status()["server"]["state"] == "replacing", "the successor")
    put(server, "file")
    number, during = 0, 0
    while number < 5 + during:
        swapping = server.status()["server"]["pid"] == old or len(server.processes()) > 1
        number, during = number + 1, during + swapping
        address = f"10.7.{number >> 8}.{number & 255}"
        status, text = write(server, "moving.small.example.", address)
        assert status in (200, 201), text
        shown = shown_everywhere(server, "moving.small.example", 12)
        assert shown == [[address]] * 12, (number, during)
    assert during > 0
    assert bd.addresses(server.dns, "late.lab.example") == ["10.0.0.1"] and len(server.processes()) == 1


def test_the_child_is_configured_for_the_new_one(make_server):
    server = make_server(server={"strategy": "file"}).start()
    assert write(server, "one", "10.0.0.1")[0] == 201
    pid = server.status()["server"]["pid"]
    put(server, "signal")
    bd.wait_for(lambda: "reload 0ms" in corefiles(server), "no polling")
    assert write(server, "two", "10.0.0.2")[0] == 201
    put(server, "file")
    bd.wait_for(lambda: "reload 5ms" in corefiles(server), "polling")
    assert write(server, "three", "10.0.0.3")[0] == 201
    assert server.status()["server"]["pid"] == pid
    assert metric(server, "publish_escalations_total") == 0
