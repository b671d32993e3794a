"""Bad input that users really send, each with its answer; and odd input that is fine."""
import json

import pytest

JSON = ("-H", "Content-Type: application/json")


def post(server, **fields):
    kind = fields.pop("kind", "a")
    args = [x for k, v in fields.items() for x in ("--data-urlencode", f"{k}={v}")]
    return server.curl(*args, path=f"/{kind}")


def post_json(server, body, path="/a"):
    return server.curl(*JSON, "-d", body if isinstance(body, str) else json.dumps(body), path=path)


def refused(answer, status, field=None):
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json", answer
    if field:
        assert answer.json.get("field") == field, answer
    return answer.json


@pytest.mark.parametrize("name, absolute", [
    ("nodot.lab.example", "nodot.lab.example."),
    ("relative", "relative.lab.example."),
    ("UPPER.Lab.EXAMPLE.", "upper.lab.example."),
    ("_under_score", "_under_score.lab.example."),
    ("*.wild", "*.wild.lab.example."),
    ("@", "lab.example."),
])
def test_names_that_are_fine(server, name, absolute):
    answer = post(server, name=name, value="192.0.2.1")
    assert answer.status == 201 and answer.json["name"] == absolute, answer
    path = "/a/" + (name if name != "*.wild" else "%2A.wild")
    assert server.curl(path=path).json["name"] == absolute


@pytest.mark.parametrize("name", ["", "a..b", ".a", "a b", "-a", "a-", "a/b", "bücher", "a\nb", "web.other.example.", "x" * 64])
def test_names_that_are_not(server, name):
    refused(post(server, name=name, value="192.0.2.1"), 422, "name")


def test_a_name_outside_every_zone_names_the_zones(server):
    body = refused(post(server, name="web.other.test.", value="192.0.2.1"), 422, "name")
    assert "lab.example." in body["hint"]
    refused(server.curl(path="/a/web.other.test."), 422, "name")


def test_a_missing_name(server):
    refused(post(server, value="192.0.2.1"), 422, "name")
    refused(post_json(server, {"value": "192.0.2.1", "name": None}), 422, "name")


def name_of(octets):
    """A name of so many octets on the wire, below lab.example."""
    labels, left = [], octets - 13
    while left > 0:
        n = min(left, 64)
        n = n - 1 if left - n == 1 else n
        labels.append("l" * (n - 1))
        left -= n
    return ".".join(labels) + ".lab.example."


def test_a_name_of_255_octets_and_of_256(server):
    assert post(server, name=name_of(255), value="192.0.2.1").status == 201
    assert server.curl(path="/a/" + name_of(255)).status == 200
    refused(post(server, name=name_of(256), value="192.0.2.1"), 422, "name")
    refused(server.curl(path="/a/" + name_of(256)), 422, "name")


def test_a_slash_in_a_name(server):
    """Decoded after routing: %2F does not make a path."""
    refused(server.curl(path="/a/web%2Fx"), 404)
    assert post(server, name="web/x", value='"t"', kind="txt").status == 201
    assert server.curl(path="/txt/web%2Fx").json["name"] == "web/x.lab.example."
    refused(server.curl(path="/txt/web/x"), 404)
    refused(server.curl(path="/txt/web%00x"), 400)


def test_a_trailing_slash_is_as_without(server):
    post(server, name="slash", value="192.0.2.1")
    assert server.curl(path="/a/slash/").json["name"] == "slash.lab.example."
    assert server.curl(path="/a/").json["records"]


@pytest.mark.parametrize("value", ["2001:db8::1", "127.0.0.1/8", "010.0.0.1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "", "web", " ",
                                   "192.0.2.1 192.0.2.2", "192.0.2.1\n$INCLUDE /etc/passwd", "192.0.2.1;x", "0x7f.1"])
def test_values_that_are_no_address(server, value):
    refused(post(server, name="bad", value=value), 422, "value")
    assert server.curl(path="/a/bad").status == 404


def test_a_semicolon_is_not_cut_off(server):
    """Unquoted it begins a comment in a zone file; somebody's DKIM key must not end there."""
    body = refused(post(server, name="dkim", value="v=DKIM1; k=rsa; p=MIGf", kind="txt"), 422, "value")
    assert '"v=DKIM1; k=rsa; p=MIGf"' in body["hint"]
    answer = post(server, name="dkim", value='"v=DKIM1; k=rsa" v=a\\;b', kind="txt")
    assert answer.status == 201 and answer.json["values"] == ['"v=DKIM1; k=rsa" "v=a;b"'], answer


def test_the_hint_knows_the_other_family(server):
    assert "/aaaa" in refused(post(server, name="bad", value="2001:db8::1"), 422, "value")["hint"]
    assert "/a" in refused(post(server, name="bad", value="192.0.2.1", kind="aaaa"), 422, "value")["hint"]


@pytest.mark.parametrize("ttl", ["-1", "2147483648", "abc", "1.5", "", "99999999999999999999", "1e3"])
def test_ttls_that_are_not(server, ttl):
    refused(post(server, name="ttl", value="192.0.2.1", ttl=ttl), 422, "ttl")


@pytest.mark.parametrize("ttl", [-1, 2147483648, 1.5, True, [5], "x"])
def test_ttls_that_are_not_in_json(server, ttl):
    refused(post_json(server, {"name": "ttl", "value": "192.0.2.1", "ttl": ttl}), 422, "ttl")


@pytest.mark.parametrize("ttl, seconds", [("0", 0), (0, 0), (2147483647, 2147483647), ("5m", 300), ("1h30m", 5400), ("300", 300)])
def test_ttls_that_are_fine(server, ttl, seconds):
    answer = post_json(server, {"name": "ttl-fine", "value": "192.0.2.1", "ttl": ttl})
    assert answer.status < 300 and answer.json["ttl"] == seconds, answer


def test_2000_values(server):
    values = [f"10.{i >> 8}.{i & 255}.1" for i in range(2000)]
    answer = server.curl(*JSON, "-d", json.dumps({"name": "many", "values": values}), path="/a?wait=served")
    assert answer.status == 201 and len(answer.json["values"]) == 2000, answer
    assert len(server.dig("many.lab.example", "A", "+tcp")) == 2000
    bad = values[:1700] + ["10.0.0.256"]
    body = refused(post_json(server, {"name": "many2", "values": bad}), 422, "values")
    assert "1700" in body["detail"]


@pytest.mark.parametrize("value", [1, True, None, {"a": "192.0.2.1"}, []])
def test_a_value_that_is_no_text(server, value):
    answer = post_json(server, {"name": "typed", "value": value})
    assert answer.status == 422, answer


def test_value_and_values(server):
    refused(post_json(server, {"name": "two", "value": "192.0.2.1", "values": ["192.0.2.2"]}), 422, "values")


def test_unknown_fields_and_the_nearest(server):
    body = refused(post(server, name="x", valeu="192.0.2.1"), 422, "valeu")
    assert "value" in body["hint"]
    refused(post(server, name="x", value="192.0.2.1", **{"name.x": "y"}), 422, "name.x")
    body = refused(post(server, name="x", value="192.0.2.1", wait="served"), 422, "wait")
    assert "?wait=" in body["hint"]


@pytest.mark.parametrize("typo, name", [("wiat=served", "wait"), ("dryrun=1", "dry_run"), ("retrun=manifest", "return")])
def test_a_misspelt_query_writes_nothing(server, typo, name):
    data = ("-d", "name=typo", "-d", "value=192.0.2.1")
    for args, path in ((data, "/a"), (data[2:] + ("-X", "PUT"), "/a/typo"), (("-X", "DELETE"), "/a/typo"),
                       (("-X", "POST"), "/a?name=typo&value=192.0.2.1")):
        body = refused(server.curl(*args, path=path + ("&" if "?" in path else "?") + typo), 400, typo.split("=")[0])
        assert f"'{name}'" in body["hint"], body
    assert server.curl(path="/a/typo").status == 404
    refused(server.curl(*data, path="/a?xyzzyxyzzy"), 400, "xyzzyxyzzy")


def test_a_query_parameter_that_is_given_twice(server):
    data = ("-d", "name=twice", "-d", "value=192.0.2.1")
    refused(server.curl(*data, path="/a?dry_run=0&dry_run=1"), 400, "dry_run")
    refused(server.curl("-X", "POST", path="/a?name=twice&value=192.0.2.1&wait=committed&wait=served"), 400, "wait")
    assert server.curl(path="/a/twice").status == 404
    refused(server.curl(path="/a?limit=1&limit=2"), 400)
    answer = server.curl("-X", "POST", path="/a?name=both&value=192.0.2.1&value=192.0.2.2")
    assert answer.status == 201 and len(answer.json["values"]) == 2, answer


@pytest.mark.parametrize("path, name", [
    ("/?fromat=json", "format"), ("/a?limti=1", "limit"), ("/a/x?name=y", None), ("/types?x=1", None), ("/zones?zone=x", None),
    ("/zones/lab.example?x=1", None), ("/status?x=1", None), ("/metrics?x=1", None), ("/version?x=1", None)])
def test_a_misspelt_query_of_a_read(server, path, name):
    assert refused(server.curl(path=path), 400).get("hint") == (name and f"did you mean '{name}'?")


@pytest.mark.parametrize("query", ["x=1", "1732486920", "x=1&x=2"])
def test_probes_may_have_any_query(server, query):
    """Load balancers add one, so that no cache answers them."""
    assert server.curl(path=f"/healthz?{query}").status == server.curl(path=f"/readyz?{query}").status == 200


def test_a_body_of_another_type_or_name_disagrees_with_the_request(server):
    for answer in (post(server, name="x", value="192.0.2.1", type="AAAA"),
                   server.curl("-X", "PUT", "-d", "name=y", "-d", "value=192.0.2.1", path="/a/x")):
        assert refused(answer, 400)["title"] == "The body disagrees with the request"


@pytest.mark.parametrize("field", ["terminate", "webhook", "hook", "notify", "terminate.argv", "check", "check.interval"])
def test_what_a_request_cannot_ask_for(server, field):
    refused(post(server, name="x", value="192.0.2.1", **{field: "10s"}), 422, field.split(".")[0])


def test_an_empty_id(server):
    refused(post(server, name="x", value="192.0.2.1", id=""), 422, "id")
    refused(post(server, name="x", value="192.0.2.1", id="x" * 256), 422, "id")
    refused(post(server, name="x", value="192.0.2.1", id="a\tb"), 422, "id")


def test_bodies_that_are_not_what_they_say(server):
    refused(server.curl("-H", "Content-Type: application/yaml", "-d", "name: x", path="/a"), 415)
    refused(server.curl(*JSON, "-d", "name=x&value=192.0.2.1", path="/a"), 400)
    refused(server.curl("-d", '{"name":"x","value":"192.0.2.1"}', path="/a"), 400)
    refused(post_json(server, '{"name":"x"'), 400)
    refused(post_json(server, '{"name":"x","name":"y","value":"192.0.2.1"}'), 400)
    refused(post_json(server, '["x"]'), 400)
    refused(post_json(server, "[" * 5000), 400)


def test_a_get_with_a_body(server):
    post(server, name="get-body", value="192.0.2.1")
    answer = server.curl("-X", "GET", "-d", "name=ignored", path="/a/get-body")
    assert answer.status == 200 and answer.json["values"] == ["192.0.2.1"], answer


def test_methods_that_are_not(server):
    answer = server.curl("-X", "PATCH", "-d", "name=x", path="/a/x")
    refused(answer, 405)
    assert {m.strip() for m in answer.headers["allow"].split(",")} >= {"GET", "PUT", "DELETE"}
    answer = server.curl("-X", "DELETE", path="/a")
    refused(answer, 405)
    assert {m.strip() for m in answer.headers["allow"].split(",")} >= {"GET", "POST"}
    refused(server.curl(path="/nothing"), 404)


def test_the_soa_has_no_route(server):
    refused(server.curl(path="/soa"), 404)


@pytest.mark.parametrize("typo, meant", [("dryrun=1", "dry_run"), ("wiat=served", "wait"), ("time_out=2s", "timeout")])
def test_a_misspelt_parameter_beside_a_body_writes_nothing(server, typo, meant):
    answer = server.curl("-d", "name=misspelt", "-d", "value=192.0.2.1", path=f"/a?{typo}")
    assert answer.status == 400 and meant in answer.json["hint"], answer
    assert server.curl(path="/a/misspelt").status == 404
