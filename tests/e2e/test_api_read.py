"""GET: lists, the manifest in its formats, types, zones, status, health, metrics."""
import os
import re
import signal
import urllib.parse

import pytest

import bd

JSON = ("-H", "Accept: application/json")


@pytest.fixture(scope="module")
def full(server):
    """The server with a few records of many types."""
    for i in range(25):
        server.register(f"list{i:02}", f"10.7.0.{i}", wait="committed")
    server.register("six", "2001:db8::6", kind="aaaa", wait="committed")
    server.register("text", '"a; b" "c\\"d"', kind="txt", wait="committed")
    server.register("_http._tcp", "0 5 8080 list00.lab.example.", kind="srv", wait="committed")
    server.register("*.wild", "10.7.1.1", wait="served")
    return server


def refused(answer, status, field=None):
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json", answer
    assert not field or answer.json.get("field") == field, answer
    return answer.json


def names(answer):
    return [r["name"] for r in answer["records"]]


def test_list(full):
    answer = full.get("/a")
    assert set(answer) == {"records", "seq", "next"} and answer["next"] is None
    assert answer["seq"] == full.status()["seq"]
    assert all(r["type"] == "A" for r in answer["records"])
    assert names(answer) == sorted(names(answer), key=lambda n: n.split(".")[::-1])
    assert names(full.get("/aaaa")) == ["six.lab.example."]
    assert full.get("/mx")["records"] == []


@pytest.mark.parametrize("glob, count", [
    ("list*", 25), ("LIST0?", 10), ("list0[0-4]", 5), ("list0[!0-4].lab.example", 5), ("list07.lab.example.", 1), ("list07", 1),
    ("*.lab.example.", 27), ("none*", 0), ("\\*.wild", 1), ("ns1", 1)])
def test_list_by_glob(full, glob, count):
    assert len(full.get("/a?name=" + urllib.parse.quote(glob))["records"]) == count


def test_list_in_pages(full):
    whole = names(full.get("/a?name=list*"))
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        page = full.get(f"/a?name=list*&limit=10{cursor and '&cursor=' + cursor}")
        assert len(page["records"]) <= 10
        seen, cursor, pages = seen + names(page), page["next"], pages + 1
    assert seen == whole and pages == 3
    assert re.fullmatch(r"[A-Za-z0-9_-]+", full.get("/a?limit=1")["next"])


def test_a_page_begins_where_the_last_ended_though_records_came_and_went(full):
    full.register("page-a", "10.7.2.1", wait="committed")
    full.register("page-c", "10.7.2.3", wait="committed")
    cursor = full.get("/a?name=page-*&limit=1")["next"]
    full.curl("-X", "DELETE", path="/a/page-c", check=True)
    full.register("page-d", "10.7.2.4", wait="committed")
    assert names(full.get(f"/a?name=page-*&cursor={cursor}")) == ["page-d.lab.example."]


def test_bad_queries_of_lists(full):
    cursor = full.get("/a?limit=1")["next"]
    for query, field in (("limit=0", "limit"), ("limit=10001", "limit"), ("limit=x", "limit"), ("limit=-1", "limit"),
                         ("cursor=x", "cursor"), ("cursor=AAAA", "cursor"), ("cursor=", "cursor")):
        refused(full.curl(path=f"/a?{query}"), 400, field)
    refused(full.curl(path=f"/aaaa?cursor={cursor}"), 400, "cursor")
    refused(full.curl(path="/a?zone=other.example"), 422, "zone")
    assert full.get("/a?zone=lab.example&limit=10000")["records"] == full.get("/a?zone=LAB.example.")["records"]


def test_not_found_tells_the_other_types(full):
    body = refused(full.curl(path="/a/six"), 404)
    assert "AAAA" in body["hint"]
    assert "hint" not in refused(full.curl(path="/a/nobody"), 404)


def test_manifest_is_a_zone_file(full):
    answer = full.curl(path="/")
    assert answer.status == 200 and answer.headers["content-type"] == "text/dns"
    status = full.status()["zones"][0]
    head = [line for line in answer.text.splitlines() if line.startswith(";")]
    assert f"serial {status['serial']}" in head[0] and f"served serial {status['serial']}" in head[0], head
    assert any("coredns" in line and "ready" in line for line in head), head
    records = [line.split(None, 4) for line in answer.text.splitlines() if not line.startswith(";")]
    assert records[0][3] == "SOA" and records[0][4].split()[2] == str(status["serial"])
    assert ["list07.lab.example.", "30", "IN", "A", "10.7.0.7"] in records
    assert ["text.lab.example.", "30", "IN", "TXT", '"a; b" "c\\"d"'] in records


def test_a_zone_made_of_the_manifest_is_the_same(full, make_server):
    """It is a valid zone file: another server starts from it, and tells the same records."""
    other = make_server()
    other.zone_file.write_text(full.curl(path="/").text)
    other.start()

    def values(server):
        return sorted((r["name"], r["type"], r["ttl"], r["values"]) for r in server.get("/?format=json")["zones"][0]["records"])

    assert values(other) == values(full)


def test_manifest_as_json(full):
    by_accept, by_format = full.curl(*JSON, path="/"), full.curl(path="/?format=json")
    assert by_accept.headers["content-type"] == by_format.headers["content-type"] == "application/json"
    assert by_accept.json == by_format.json
    body = by_accept.json
    assert set(body) == {"seq", "server", "zones"}
    assert set(body["server"]) == {"kind", "state", "strategy"} and body["server"]["kind"] == "coredns"
    (zone,) = body["zones"]
    assert set(zone) == {"name", "serial", "served_serial", "soa", "records"}
    assert zone["name"] == "lab.example." and zone["soa"]["serial"] == zone["serial"] == zone["served_serial"]
    assert "SOA" not in {r["type"] for r in zone["records"]}
    assert full.curl(path="/a/list07").json in zone["records"]


def test_accept(full):
    def content_type(*accept):
        return full.curl(*accept, path="/").headers["content-type"]

    assert content_type("-H", "Accept: */*") == "text/dns"
    assert content_type("-H", "Accept:") == "text/dns"
    assert content_type("-H", "Accept: text/dns, application/json") == "text/dns"
    assert content_type("-H", "Accept: application/json, text/plain, */*") == "application/json"
    assert content_type("-H", "Accept: application/json;q=0, */*") == "text/dns"
    assert content_type("-H", "Accept: text/html,application/xhtml+xml,*/*;q=0.8").startswith("text/plain")


def test_manifest_filters(full):
    body = full.get("/?format=json&name=list0*&type=A")
    assert len(body["zones"][0]["records"]) == 10
    assert {r["type"] for r in full.get("/?format=json&type=srv")["zones"][0]["records"]} == {"SRV"}
    assert full.get("/?format=json&zone=lab.example.")["zones"][0]["name"] == "lab.example."
    refused(full.curl(path="/?zone=other.example"), 422, "zone")
    assert "'AAAA'" in refused(full.curl(path="/?type=AAAAA"), 400, "type")["hint"]
    refused(full.curl(path="/?format=xml"), 400, "format")
    refused(full.curl(path="/?serial=x"), 400, "serial")


def test_manifest_as_hosts(full):
    answer = full.curl(path="/?format=hosts")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert "10.7.0.7\tlist07.lab.example list07" in lines and "2001:db8::6\tsix.lab.example six" in lines
    assert "wild" not in answer.text


def test_manifest_for_prometheus(full):
    groups = full.get("/?format=prometheus")
    by_name = {(g["labels"]["__meta_betterdns_name"], g["labels"]["__meta_betterdns_type"]): g["targets"] for g in groups}
    assert by_name["list07.lab.example.", "A"] == ["10.7.0.7"]
    assert by_name["six.lab.example.", "AAAA"] == ["[2001:db8::6]"]
    assert by_name["_http._tcp.lab.example.", "SRV"] == ["list00.lab.example:8080"]
    assert all(set(g) == {"targets", "labels"} and all(isinstance(v, str) for v in g["labels"].values()) for g in groups)


def test_a_large_manifest_is_streamed_whole(make_server):
    server = make_server()
    lines = ["$TTL 60", "@ SOA ns1 h 1 3600 600 86400 10", "@ NS ns1", f"ns1 A {server.host}"]
    lines += [f"h{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in range(5000)]
    server.zone_file.write_text("\n".join(lines) + "\n")
    server.start()
    answer = server.curl(path="/")
    assert answer.headers.get("transfer-encoding") == "chunked" and "content-length" not in answer.headers
    assert answer.text.count(" A ") + answer.text.count("\tA\t") == 5001
    assert len(server.get("/?format=json")["zones"][0]["records"]) == 5002
    assert len(server.curl("--http1.0", path="/?format=hosts").text.splitlines()) == 5001
    assert server.request("HEAD", "/") == (200, b"")


def test_several_zones(make_server):
    server = make_server()
    server.config["zones"] += [
        {"name": "2.0.192.in-addr.arpa", "file": str(server.folder / "rev.zone"), "ns": ["ns1.lab.example."]},
        {"name": "sub.lab.example", "file": str(server.folder / "sub.zone"), "ns": ["ns1.lab.example."]}]
    server.start()
    assert server.register("7.2.0.192.in-addr.arpa", "web.lab.example.", kind="ptr").json["zone"] == "2.0.192.in-addr.arpa."
    assert server.register("deep.sub", "192.0.2.1").json["zone"] == "sub.lab.example."
    assert server.dig("deep.sub.lab.example") == ["192.0.2.1"]
    assert server.dig("7.2.0.192.in-addr.arpa", "PTR") == ["web.lab.example."]
    assert names(server.get("/a?zone=sub.lab.example")) == ["deep.sub.lab.example."]
    assert names(server.get("/a?name=deep")) == ["deep.sub.lab.example."]
    assert [z["name"] for z in server.get("/zones")["zones"]] == ["lab.example.", "2.0.192.in-addr.arpa.", "sub.lab.example."]
    first = server.get("/ns?limit=1")
    rest = server.get(f"/ns?cursor={first['next']}")
    assert [r["zone"] for r in first["records"] + rest["records"]] == ["lab.example.", "2.0.192.in-addr.arpa.", "sub.lab.example."]


def test_types(full):
    types = {t["name"]: t for t in full.get("/types")["types"]}
    assert {"A", "AAAA", "CNAME", "TXT", "MX", "SRV", "PTR", "NS", "SOA"} <= set(types)
    assert types["AAAA"]["route"] == "/aaaa" and types["AAAA"]["code"] == 28 and types["SOA"]["route"] is None
    for t in types.values():
        if t["route"]:
            assert full.curl(path=t["route"]).status == 200
            answer = full.curl("-d", f"name=ex-{t['name'].lower()}", "--data-urlencode", f"value={t['example']}",
                               path=t["route"] + "?dry_run=1")
            assert answer.status == 200 and answer.json["changed"] is True, answer


def test_zones(full):
    (zone,) = full.get("/zones")["zones"]
    assert zone == full.get("/zones/lab.example") == full.get("/zones/LAB.example./")
    assert zone["name"] == "lab.example." and zone["soa"]["serial"] == zone["serial"]
    assert zone["file"] == str(full.zone_file) and zone["records"] >= zone["record_sets"] > 25
    refused(full.curl(path="/zones/other.example"), 404)
    refused(full.curl(path="/zones/web"), 404)


def test_status(full):
    status = full.status()
    assert set(status) == {"seq", "read_only", "read_only_reason", "store_full", "server", "health", "zones"} and status["read_only"] is False
    assert set(status["server"]) == {"kind", "version", "state", "pid", "generation", "adopted", "swaps", "strategy", "chosen", "strategy_reason",
                                     "reason"}
    assert status["server"]["state"] == "ready" and status["server"]["pid"] > 1 and status["server"]["strategy"] == "auto"
    assert status["server"]["chosen"] == "file" and "looked at every 5 ms" in status["server"]["strategy_reason"]
    (zone,) = status["zones"]
    assert set(zone) == {"name", "serial", "served_serial", "lag_ms", "load_ms", "published", "last_error", "file", "file_state", "exported_seq", "errors", "notes"}
    full.register("status", "10.7.3.1")
    bd.wait_for(lambda: full.status()["zones"][0]["exported_seq"] == full.status()["seq"], "the export")
    zone = full.status()["zones"][0]
    assert zone["file_state"] == "clean" and zone["lag_ms"] == 0 and zone["errors"] == [] and zone["notes"] == []
    assert zone["served_serial"] == zone["serial"]


def test_health_and_version(full):
    assert full.curl(path="/healthz").status == 200
    assert full.curl(path="/readyz").status == 200
    version = full.get("/version")
    assert re.match(r"\S+", version["version"]) and version["server"]["kind"] == "coredns"


def test_open_routes_need_no_token(make_server):
    server = make_server()
    token = server.folder / "token"
    token.write_text("a-secret-of-this-test\n")
    token.chmod(0o600)
    server.config["http"]["token_file"] = str(token)
    server.start()
    for path in ("/healthz", "/readyz", "/version"):
        assert server.curl(path=path).status == 200
    for path in ("/", "/a", "/status", "/metrics", "/zones", "/types"):
        refused(server.curl(path=path), 401)
    assert server.curl("-H", "Authorization: Bearer a-secret-of-this-test", path="/status").status == 200


METRIC = re.compile(r'^(betterdns_[a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? (\d+(?:\.\d+)?)$')


def test_metrics(full):
    answer = full.curl(path="/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    kinds, helped, seen, order = {}, set(), {}, []
    for line in answer.text.splitlines():
        if line.startswith("# HELP "):
            name, text = line[7:].split(" ", 1)
            assert name not in helped and text
            helped.add(name)
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            kinds[name] = kind
        else:
            match = METRIC.match(line)
            assert match, line
            name = match.group(1)
            assert name in helped and name in kinds, line
            assert (name, match.group(2)) not in seen, line
            seen[name, match.group(2)] = float(match.group(3))
            if not order or order[-1] != name:
                order.append(name)
    assert len(order) == len(set(order)), "a metric's rows stand together"
    for name, kind in kinds.items():
        assert name.endswith("_total") == (kind == "counter"), name
    assert seen["betterdns_server_ready", None] == 1 and seen["betterdns_seq", None] == full.status()["seq"]
    assert seen["betterdns_http_requests_total", None] > 10
    assert "list07" not in answer.text


def test_not_ready_is_503_with_retry_after(make_server):
    """The DNS server is gone and cannot come back: the API lives on, and says what is the matter."""
    server = make_server()
    binary = server.folder / "coredns"
    binary.symlink_to(bd.COREDNS)
    server.config["server"]["binary"] = str(binary)
    server.start()
    binary.unlink()
    os.kill(server.status()["server"]["pid"], signal.SIGKILL)
    answer = bd.wait_for(lambda: (a := server.curl(path="/readyz")).status == 503 and a, "readyz to say so")
    refused(answer, 503)
    assert answer.headers["retry-after"] and "coredns" in answer.json["detail"]
    assert server.curl(path="/healthz").status == 200
    late = server.register("late", "10.7.4.1", wait="served&timeout=50ms")
    assert late.status == 202 and late.json["served"] is False and late.json["reason"], late
    assert server.curl(path="/a/late").status == 200
    binary.symlink_to(bd.COREDNS)
    bd.wait_for(server.is_ready, "readiness")
    assert server.register("late", "10.7.4.1").json["served"] is True
    assert server.dig("late.lab.example") == ["10.7.4.1"]
