"""POST, PUT and DELETE of record sets, row by row of interface.md."""
import json
import re

import pytest

JSON = ("-H", "Content-Type: application/json")

# A valid value a type, and the second one of another registration; as they come back.
VALUES = {
    "a": ("192.0.2.7", "192.0.2.8"),
    "aaaa": ("2001:db8::7", "2001:db8::8"),
    "cname": ("web.lab.example.", None),
    "txt": ('"a; b" "c"', '"d"'),
    "mx": ("10 mail.lab.example.", "20 mail2.lab.example."),
    "srv": ("0 5 443 web.lab.example.", "0 5 444 web.lab.example."),
    "ptr": ("web.lab.example.", "web2.lab.example."),
    "ns": ("ns1.lab.example.", "ns2.lab.example."),
}


def problem(answer, status, field=None):
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json", answer
    body = answer.json
    assert body["type"].startswith("urn:betterdns:problem:"), body
    assert body["status"] == status and body["title"] and body["detail"], body
    if field:
        assert body.get("field") == field, body
    return body


def post_json(server, path, **body):
    return server.curl(*JSON, "-d", json.dumps(body), path=path)


@pytest.mark.sanitize
@pytest.mark.parametrize("kind", VALUES)
def test_every_type(server, kind):
    first, second = VALUES[kind]
    name = f"type-{kind}"
    answer = server.register(name, first, kind=kind)
    assert answer.status == 201 and answer.json["served"] is True, answer
    body = answer.json
    assert body["name"] == f"{name}.lab.example." and body["zone"] == "lab.example."
    assert (body["class"], body["type"], body["values"]) == ("IN", kind.upper(), [first])
    assert [(r["id"], r["values"]) for r in body["registrations"]] == [(name, [first])]
    # A delegation is answered by a referral: no answer, but no NXDOMAIN either.
    served = server.query(f"{name}.lab.example")[0] if kind == "ns" else server.dig(f"{name}.lab.example", kind.upper())
    assert served == (0 if kind == "ns" else [first])
    if second:
        put = server.curl("-X", "PUT", "--data-urlencode", f"value={second}", path=f"/{kind}/{name}")
        assert put.status == 200 and put.json["values"] == [second] and put.json["registrations"] == [], put
    gone = server.curl("-X", "DELETE", path=f"/{kind}/{name}?wait=served")
    assert gone.status == 200 and gone.json["changed"] is True, gone
    assert server.query(f"{name}.lab.example")[0] == 3  # NXDOMAIN
    problem(server.curl(path=f"/{kind}/{name}"), 404)


def test_register_answers(server):
    answer = server.register("reg1", "192.0.2.7", wait="committed")
    assert answer.status == 201, answer
    assert answer.headers["location"] == "/a/reg1.lab.example."
    assert answer.headers["content-type"] == "application/json"
    body = answer.json
    assert set(body) == {"name", "zone", "class", "type", "ttl", "values", "registrations", "changed", "seq", "serial"}
    assert body["changed"] is True and body["ttl"] == 30
    (registration,) = body["registrations"]
    assert set(registration) == {"number", "id", "subject", "values", "source", "created", "lease", "expires", "check", "state", "withdrawn"}
    assert registration["subject"] is None and registration["source"].startswith("127.")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", registration["created"])
    got = server.curl(path=answer.headers["location"])
    assert got.status == 200 and got.headers["etag"] == answer.headers["etag"]
    assert got.json == {k: v for k, v in body.items() if k not in ("changed", "seq", "serial")}


def test_a_repeat_changes_nothing(server):
    first = server.register("repeat", "192.0.2.7")
    for name in ("repeat", "repeat.lab.example.", "REPEAT.lab.example"):
        again = server.register(name, "192.0.2.7")
        assert again.status == 200 and again.json["changed"] is False, again
        assert "location" not in again.headers
        assert again.json["serial"] == first.json["serial"]
        assert again.json["registrations"] == first.json["registrations"]


def test_a_host_replaces_its_own_address(server):
    server.register("moved", "192.0.2.7")
    answer = server.register("moved", "192.0.2.8")
    assert answer.status == 200 and answer.json["changed"] is True, answer
    assert answer.json["values"] == ["192.0.2.8"] and len(answer.json["registrations"]) == 1
    assert server.dig("moved.lab.example") == ["192.0.2.8"]


def test_several_ids_share_a_name(server):
    assert server.register("shared", "192.0.2.1", id="one").status == 201
    assert server.register("shared", "192.0.2.2", id="two").status == 201
    assert sorted(server.dig("shared.lab.example")) == ["192.0.2.1", "192.0.2.2"]
    left = server.curl("-X", "DELETE", path="/a/shared?id=one&wait=served")
    assert left.status == 200 and left.json["values"] == ["192.0.2.2"], left
    assert [r["id"] for r in left.json["registrations"]] == ["two"]
    problem(server.curl("-X", "DELETE", path="/a/shared?id=one"), 404)
    assert server.dig("shared.lab.example") == ["192.0.2.2"]


def test_delete_one_value(server):
    server.register("several", "192.0.2.1", "192.0.2.2", "192.0.2.3")
    left = server.curl("-X", "DELETE", path="/a/several?value=192.0.2.2")
    assert left.status == 200 and left.json["values"] == ["192.0.2.1", "192.0.2.3"], left
    problem(server.curl("-X", "DELETE", path="/a/several?value=192.0.2.2"), 404)


def test_delete_with_an_empty_id_deletes_nothing(server):
    """curl -X DELETE …?id=$UNSET must not mean all."""
    server.register("guarded", "192.0.2.1")
    problem(server.curl("-X", "DELETE", path="/a/guarded?id="), 422, "id")
    problem(server.curl("-X", "DELETE", path="/a/guarded?value="), 422, "value")
    assert server.curl(path="/a/guarded").status == 200


def test_delete_of_nothing_is_404(server):
    problem(server.curl("-X", "DELETE", path="/a/never-was"), 404)


def test_put_keeps_the_ttl_and_ends_registrations(server):
    server.register("put1", "192.0.2.1", ttl=77)
    answer = server.curl("-X", "PUT", "-d", "value=192.0.2.9", path="/a/put1?wait=served")
    assert answer.status == 200 and answer.json["served"] is True, answer
    assert (answer.json["ttl"], answer.json["values"], answer.json["registrations"]) == (77, ["192.0.2.9"], [])
    answer = server.curl("-X", "PUT", "-d", "value=192.0.2.9&ttl=5m", path="/a/put1")
    assert answer.json["ttl"] == 300 and answer.json["changed"] is True
    again = server.curl("-X", "PUT", "-d", "value=192.0.2.9", path="/a/put1")
    assert again.status == 200 and again.json["changed"] is False


def test_put_of_nothing_is_404_and_of_another_name_400(server):
    body = problem(server.curl("-X", "PUT", "-d", "value=192.0.2.9", path="/a/put-none"), 404)
    assert "POST" in body["hint"]
    server.register("put2", "192.0.2.1")
    problem(server.curl("-X", "PUT", "-d", "name=other&value=192.0.2.9", path="/a/put2"), 400, "name")
    same = server.curl("-X", "PUT", "-d", "name=PUT2.lab.example.&value=192.0.2.9", path="/a/put2")
    assert same.status == 200, same
    problem(server.curl("-X", "PUT", "-d", "ttl=60", path="/a/put2"), 422, "value")
    problem(server.curl("-X", "PUT", "-d", "value=192.0.2.9&id=x", path="/a/put2"), 422, "id")


def test_what_nobody_registered_is_not_taken_over(server):
    server.register("owned", "192.0.2.1")
    server.curl("-X", "PUT", "-d", "value=192.0.2.2", path="/a/owned", check=True)
    body = problem(server.register("owned", "192.0.2.3"), 409, "name")
    assert "PUT /a/owned" in body["hint"], body
    assert server.dig("owned.lab.example") == ["192.0.2.2"]


def test_the_hint_names_the_line_of_the_file(make_server):
    server = make_server()
    server.zone_file.write_text("$TTL 60\n@ SOA ns1 hostmaster ( 1 3600 600\n  86400 10 )\n  NS ns1\n"
                                f"ns1 A {server.host}\n; the web server\nweb A 192.0.2.80\n")
    server.start()
    body = problem(server.register("web", "192.0.2.3"), 409, "name")
    assert "PUT /a/web" in body["hint"] and f"{server.zone_file}:7" in body["hint"], body
    answer = server.curl("-X", "PUT", "-d", "value=192.0.2.3", path="/a/web?wait=served")
    assert answer.status == 200 and answer.json["ttl"] == 60, answer


def test_cname_beside_other_data_is_409(server):
    server.register("both", "192.0.2.1")
    body = problem(server.register("both", "web.lab.example.", kind="cname"), 409)
    assert "PUT" not in body.get("hint", "")
    server.register("alias", "web.lab.example.", kind="cname")
    problem(server.register("alias", "192.0.2.1"), 409)


def test_the_first_versions_body(server):
    body = {"name": "yolo.lab.example.", "class": "IN", "record_type": "A", "value": "127.0.0.1"}
    answer = post_json(server, "/a", **body)
    assert answer.status == 201 and answer.json["values"] == ["127.0.0.1"], answer
    put = server.curl("-X", "PUT", *JSON, "-d", json.dumps(dict(body, value="127.0.0.2")), path="/a/yolo.lab.example.")
    assert put.status == 200 and put.json["values"] == ["127.0.0.2"], put
    text = server.curl(*JSON, "-d", json.dumps(dict(body, name="yolo2.lab.example.")), path="/a?return=manifest")
    assert text.status == 201 and text.headers["content-type"] == "text/dns", text
    assert re.search(r"^yolo2\.lab\.example\.\s+30\s+IN\s+A\s+127\.0\.0\.1$", text.text, re.M), text.text


def test_body_of_another_type_names_the_route(server):
    body = problem(post_json(server, "/a", name="x", record_type="AAAA", value="::1"), 400, "record_type")
    assert "/aaaa" in body["hint"]
    problem(post_json(server, "/a", name="x", type="AAAAA", value="::1"), 422, "type")
    problem(post_json(server, "/a", name="x", **{"class": "CH"}, value="192.0.2.1"), 422, "class")
    assert post_json(server, "/a", name="type-ok", type="a", **{"class": "in"}, value="192.0.2.1").status == 201


def test_forms_json_and_query(server):
    assert server.curl("-d", "name=by-form", "-d", "value=192.0.2.1", path="/a").status == 201
    assert post_json(server, "/a", name="by-json", value="192.0.2.1", ttl=60).json["ttl"] == 60
    answer = server.curl("-X", "POST", path="/a?name=by-query&value=192.0.2.1&ttl=61&wait=served")
    assert answer.status == 201 and answer.json["ttl"] == 61 and answer.json["served"] is True, answer
    many = post_json(server, "/a", name="by-list", values=["192.0.2.2", "192.0.2.1", "192.0.2.2"])
    assert many.json["values"] == ["192.0.2.1", "192.0.2.2"], many
    problem(server.curl("-d", "value=192.0.2.1", path="/a?name=split"), 400, "name")


def test_percent_encoding_is_decoded_once_and_never_in_json(server):
    answer = server.curl("-d", "name=en%63oded&value=192.0.2.1", path="/a")
    assert answer.json["name"] == "encoded.lab.example.", answer
    assert server.curl(path="/a/%65ncoded").status == 200
    txt = post_json(server, "/txt", name="pct%41", value='"50%41"')
    assert (txt.json["name"], txt.json["values"]) == ("pct%41.lab.example.", ['"50%41"']), txt


def test_dry_run_changes_nothing(server):
    before = server.status()
    answer = server.register("dry", "192.0.2.1", wait="served&dry_run=1")
    assert answer.status == 200 and answer.json["changed"] is True and answer.json["dry_run"] is True, answer
    assert answer.json["values"] == ["192.0.2.1"] and "location" not in answer.headers
    problem(server.curl(path="/a/dry"), 404)
    problem(server.curl("-X", "DELETE", path="/a/dry?dry_run=1"), 404)
    assert server.status()["seq"] == before["seq"]
    problem(server.register("dry", "192.0.2.1", wait="committed&dry_run=yes"), 400, "dry_run")


def test_wait(server):
    answer = server.register("waits", "192.0.2.1", wait="served&timeout=2s")
    assert answer.json["served"] is True and 0 <= answer.json["served_in_ms"] < 2000
    assert "served" not in server.register("waits", "192.0.2.2", wait="committed").json
    problem(server.register("waits", "192.0.2.3", wait="forever"), 400, "wait")
    problem(server.register("waits", "192.0.2.3", wait="served&timeout=5"), 400, "timeout")
    problem(server.register("waits", "192.0.2.3", wait="committed&return=nothing"), 400, "return")
    late = server.register("waits", "192.0.2.4", wait="served&timeout=0s")
    # Served before the first look is honest, too; that a hung server gives 202 is in test_served.py.
    assert late.json["served"] is (late.status == 200), late
    assert late.status == 200 or (late.status == 202 and late.json["reason"]), late
    assert server.curl(path="/a/waits").json["values"] == ["192.0.2.4"]


def test_the_callers_address(make_server):
    server = make_server(http={"trusted_proxies": ["127.0.0.0/8"]}).start()
    via = ("-H", "X-Forwarded-For: 198.51.100.9")
    answer = server.curl(*via, "-d", "name=me", path="/a?wait=served")
    assert answer.status == 201 and answer.json["values"] == ["198.51.100.9"], answer
    assert answer.json["registrations"][0]["source"] == "198.51.100.9"
    problem(server.curl(*via, "-d", "name=me", path="/aaaa"), 422, "value")
    six = server.curl("-H", "X-Forwarded-For: 2001:db8::9", "-d", "name=me6", path="/aaaa")
    assert six.json["values"] == ["2001:db8::9"], six
    problem(server.curl(*via, "-d", "name=me", path="/txt"), 422, "value")


def test_a_loopback_caller_must_give_a_value(server):
    body = problem(server.curl("-d", "name=me", path="/a"), 422, "value")
    assert "value=" in body["hint"]


def test_preconditions(server):
    first = server.register("etag", "192.0.2.1")
    tag = first.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)

    def put(value, *headers):
        return server.curl("-X", "PUT", *(x for h in headers for x in ("-H", h)), "-d", f"value={value}", path="/a/etag")

    other = '"' + "0" * 32 + '"'
    problem(put("192.0.2.2", f"If-Match: {other}"), 412)
    problem(put("192.0.2.2", f"If-Match: W/{tag}"), 412)
    problem(put("192.0.2.2", 'If-Match: "something else"'), 412)
    problem(put("192.0.2.2", f"If-Match: {tag[1:]}"), 400)
    problem(put("192.0.2.2", "If-None-Match: *"), 412)
    problem(put("192.0.2.2", f"If-None-Match: {tag}"), 400)
    changed = put("192.0.2.2", f"If-Match: {other}, {tag}")
    assert changed.status == 200 and changed.headers["etag"] != tag, changed
    problem(put("192.0.2.3", f"If-Match: {tag}"), 412)
    assert put("192.0.2.3", "If-Match: *").status == 200
    new = server.curl("-H", "If-None-Match: *", "-d", "name=only-new&value=192.0.2.1", path="/a")
    assert new.status == 201, new
    problem(server.curl("-H", "If-None-Match: *", "-d", "name=only-new&value=192.0.2.2", path="/a"), 412)
    problem(server.curl("-X", "DELETE", "-H", f"If-Match: {tag}", path="/a/etag"), 412)


def test_get_with_if_none_match(server):
    tag = server.register("cached", "192.0.2.1").headers["etag"]
    for header in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = server.curl("-H", f"If-None-Match: {header}", path="/a/cached")
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", tag), answer
    assert server.curl("-H", 'If-None-Match: "x"', path="/a/cached").status == 200
    problem(server.curl("-H", 'If-Match: "x"', path="/a/cached"), 412)
