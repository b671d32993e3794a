"""Checks, leases and maintenance as users type them: forms, JSON, GET /health, PUT /health, maintenance, metrics, explain, the command."""
import http.server
import json
import random
import re
import shutil
import subprocess
import threading
import time
from datetime import datetime, timezone

import pytest

import bd

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# A quarter of a second would do on a quiet machine.
QUICK = {"interval": "1s", "timeout": "900ms", "fall": 2, "rise": 1}


class Backend:
    """A real HTTP server on a loopback address, that can be killed and started anew."""

    def __init__(self, host=None):
        self.host, self.port = bd.free_address(host)
        self.status = 200
        self.paths = []
        self.server = None

    def start(self):
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                backend.paths.append((self.path, self.headers["Host"]))
                self.send_response(backend.status)
                self.send_header("Content-Length", "3")
                self.end_headers()
                self.wfile.write(b"hi\n")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((self.host, self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def kill(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @property
    def url(self):
        return f"http://:{self.port}/healthz"


@pytest.fixture(scope="module")
def server():
    yield from bd.shared_server(checks={"allow": ["127.0.0.0/8"], **QUICK, "exec": {"disk": ["/bin/true"]}},
                                maintenance={"ttl": "1s"})


@pytest.fixture
def backend():
    b = Backend().start()
    yield b
    b.kill()


def registration(record, number=0):
    return record["registrations"][number]


def seconds_from_now(text):
    assert RFC3339.fullmatch(text), text
    return (datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc) - datetime.now(timezone.utc)).total_seconds()


def health_of(server, name):
    return server.get(f"/health/{name}")


def has_state(server, name, state):
    """The one check of a name, once it is in this state."""
    def look():
        status, body = server.request("GET", f"/health/{name}")
        got = json.loads(body) if status == 200 else {}
        return got if got.get("state") == state else None
    return bd.wait_for(look, f"{name} is {state}")


# ---- registering ----

def test_as_users_type_it(server, backend):
    answer = server.curl("-d", "name=typed", "-d", f"value={backend.host}", "-d", f"check={backend.url}", "-d", "check.interval=1s",
                         "-d", "lease=3m", path="/a")
    assert answer.status == 201, answer
    got = registration(answer.json)
    assert got["lease"] == "3m" and 175 <= seconds_from_now(got["expires"]) <= 181, got
    assert got["check"] == {"url": backend.url, "interval": "1s"}
    assert got["state"] == "UNKNOWN" and got["withdrawn"] is False
    health = has_state(server, "typed", "AVAILABLE")
    assert health["name"] == "typed.lab.example."
    check, = health["checks"]
    assert check["id"] == "typed" and check["number"] == got["number"] and check["address"] == backend.host
    assert check["url"] == backend.url and check["state"] == "AVAILABLE" and check["withdrawn"] is False
    assert RFC3339.fullmatch(check["since"])
    assert check["last"]["ok"] is True and "200" in check["last"]["output"] and check["last"]["latency_ms"] >= 0
    assert "hi" not in check["last"]["output"]
    assert [(t["from"], t["to"]) for t in check["transitions"]] == [("UNKNOWN", "AVAILABLE")]
    assert backend.paths[0] == ("/healthz", f"{backend.host}:{backend.port}")
    assert registration(server.get("/a/typed"))["state"] == "AVAILABLE"
    again = server.curl("-d", "name=typed", "-d", f"value={backend.host}", "-d", f"check={backend.url}", "-d", "check.interval=1s",
                        "-d", "lease=3m", path="/a")
    assert again.status == 200 and again.json["changed"] is False
    assert registration(again.json)["number"] == got["number"] and registration(again.json)["state"] == "AVAILABLE"


def test_as_json(server, backend):
    body = {"name": "json", "value": backend.host, "lease": "90s",
            "check": {"url": backend.url, "interval": "1s", "timeout": "500ms", "fall": 1, "rise": 3, "initial": "AVAILABLE",
                      "status": "200-299", "grace": "0s", "deregister_after": "never"}}
    answer = server.curl("-H", "Content-Type: application/json", "-d", json.dumps(body), path="/a")
    assert answer.status == 201, answer
    got = registration(answer.json)
    assert got["check"] == body["check"] and got["lease"] == "1m30s"
    assert answer.json["ttl"] == 30
    has_state(server, "json", "AVAILABLE")


def test_without_check_and_lease(server):
    got = registration(server.register("bare", "192.0.2.7", wait="committed").json)
    assert got["lease"] is None and got["expires"] is None and got["check"] is None and got["withdrawn"] is False
    assert got["state"] == "UNKNOWN"


def test_a_lease_limits_the_ttl(server):
    answer = server.register("short", "192.0.2.7", wait="committed", lease="30s")
    assert answer.json["ttl"] == 10, answer


@pytest.mark.parametrize("fields, field, words", [
    ({"lease": "9s"}, "lease", "too short"),
    ({"lease": "9999ms"}, "lease", "too short"),
    ({"lease": "100000000000h"}, "lease", ""),
    ({"lease": "180"}, "lease", "not a time"),
    ({"lease": ""}, "lease", "not a time"),
    ({"lease": "soon"}, "lease", "not a time"),
    ({"check": "gopher://:70/"}, "check", ""),
    ({"check": ""}, "check", ""),
    ({"check": "http://:80"}, None, None),
    ({"check": "http://:80", "check.interval": "500ms"}, "check.interval", ""),
    ({"check": "http://:80", "check.intervall": "1s"}, "check", "intervall"),
    ({"check": "http://:80", "check.fall": "0"}, "check.fall", ""),
    ({"check": "http://:80", "check.status": "teapot"}, "check.status", ""),
    ({"check": "http://:80", "check.deregister_after": "9s"}, "check.deregister_after", ""),
    ({"check": "http://user:secret@:80/"}, "check", ""),
    ({"check.interval": "1s"}, "check", ""),
    ({"check": "exec:disk"}, None, None),
    ({"check": "exec:rm"}, "check", "rm"),
    ({"check": "exec:/bin/sh"}, "check", ""),
    ({"check": "http://:80", "check.terminate": "x"}, "check", "terminate"),
    ({"terminate": "x"}, "terminate", "hooks never come from a request"),
    ({"terminate.argv": "x"}, "terminate", "hooks never come from a request"),
    ({"webhook": "http://192.0.2.1/"}, "webhook", "hooks never come from a request"),
    ({"hook": "x"}, "hook", "hooks never come from a request"),
    ({"notify": "x"}, "notify", "hooks never come from a request"),
])
def test_what_is_refused(server, fields, field, words):
    name = f"refused{random.randrange(1 << 30)}"
    args = [x for k, v in fields.items() for x in ("--data-urlencode", f"{k}={v}")]
    answer = server.curl("-d", f"name={name}", "-d", "value=127.0.0.9", *args, path="/a?dry_run=1")
    if field is None:
        assert answer.status == 200, answer
        return
    assert answer.status == 422 and answer.headers["content-type"] == "application/problem+json", answer
    assert answer.json["field"] == field and words in answer.json["detail"], answer


def test_check_of_what_has_no_address(server):
    answer = server.register("text", "hello", kind="txt", wait="committed", check="http://:80/")
    assert answer.status == 422 and answer.json["field"] == "check", answer
    assert "ttl" in answer.json["hint"], answer
    assert server.register("text", "hello", kind="txt", wait="committed", check="ttl:60s").status == 201


def test_put_takes_neither(server):
    for field in ("check=http://:80/", "lease=1m"):
        answer = server.curl("-X", "PUT", "-d", "value=192.0.2.7", "-d", field, path="/a/put")
        assert answer.status == 422 and answer.json["field"] == field.split("=")[0], answer


def test_only_what_the_caller_may_reach(make_server):
    """No checks.allow: loopback and others' addresses are out of reach, and the caller is told."""
    s = make_server().start()
    for value in ("127.0.0.9", "169.254.169.254", "192.0.2.7", "224.0.0.1", "0.0.0.0"):
        answer = s.register("x", value, wait="committed", check="http://:80/")
        assert answer.status == 422 and answer.json["field"] == "check", answer
        assert "checks.allow" in answer.json["hint"] and value in answer.json["detail"], answer
    answer = s.register("x", "::1", kind="aaaa", wait="committed", check="tcp://:22")
    assert answer.status == 422, answer
    several = s.register("x", "192.0.2.7", "127.0.0.9", wait="committed", check="tcp://:22")
    assert several.status == 422, several
    assert s.request("GET", "/a/x")[0] == 404
    # A report of its own reaches nobody.
    assert s.register("x", "192.0.2.7", wait="committed", check="ttl:60s").status == 201


def test_the_caller_behind_a_proxy(make_server):
    """Who is behind one that is trusted may be asked; the proxy's own address, which sends for everybody, says nothing."""
    s = make_server(http={"trusted_proxies": ["127.0.0.0/8"], "allow": ["127.0.0.0/8", "192.0.2.0/24"]}).start()
    own = s.curl("-H", "X-Forwarded-For: 192.0.2.55", "-d", "name=own", "-d", "check=tcp://:22", path="/a")
    assert own.status == 201 and own.json["values"] == ["192.0.2.55"], own
    other = s.curl("-H", "X-Forwarded-For: 192.0.2.55", "-d", "name=other", "-d", "value=192.0.2.56", "-d", "check=tcp://:22", path="/a")
    assert other.status == 422 and other.json["field"] == "check" and "192.0.2.56" in other.json["detail"], other


# ---- GET and PUT /health ----

def test_list(server, backend):
    server.register("listed", backend.host, wait="committed", check=backend.url)
    has_state(server, "listed", "AVAILABLE")
    got = server.get("/health")
    assert isinstance(got["panic"], bool) and got["seq"] <= server.status()["seq"] and set(got) == {"health", "panic", "seq"}
    names = [h["name"] for h in got["health"]]
    assert len(names) == len(set(names)) and "listed.lab.example." in names
    listed = next(h for h in got["health"] if h["name"] == "listed.lab.example.")
    assert listed["state"] == "AVAILABLE" and [c["address"] for c in listed["checks"]] == [backend.host]
    assert "bare.lab.example." not in names


def test_not_found(server):
    server.register("unchecked", "192.0.2.7", wait="committed")
    for name in ("unchecked", "nobody"):
        for method, body in (("GET", None), ("PUT", "status=pass")):
            status, answer = server.request(method, f"/health/{name}", body, {"Content-Type": "application/x-www-form-urlencoded"})
            assert status == 404, answer
    assert server.request("GET", "/health/x.example.org.")[0] == 422
    assert server.request("GET", "/health?x=1")[0] == 400
    assert server.request("DELETE", "/health/unchecked")[0] == 405


def report(server, name, status, **more):
    args = [x for k, v in more.items() if k != "id" for x in ("--data-urlencode", f"{k}={v}")]
    query = f"?id={more['id']}" if "id" in more else ""
    return server.curl("-X", "PUT", "-d", f"status={status}", *args, path=f"/health/{name}{query}")


def test_a_hosts_own_report(server):
    assert server.register("own", "192.0.2.77", check="ttl:60s", **{"check.fall": "1"}).json["served"] is True
    has_state(server, "own", "UNKNOWN")
    assert report(server, "own", "pass", output="all is well").status == 200
    check = has_state(server, "own", "AVAILABLE")["checks"][0]
    assert check["last"]["output"] == "all is well" and check["url"] == "ttl:1m"
    assert report(server, "own", "fail", output="disk full").status == 200
    got = has_state(server, "own", "UNAVAILABLE")["checks"][0]
    assert got["last"]["ok"] is False and got["transitions"][-1]["output"] == "disk full"
    bd.wait_for(lambda: server.dig("own.lab.example") == [], "DNS shows it no more")
    record = server.get("/a/own")
    assert record["values"] == ["192.0.2.77"] and registration(record)["withdrawn"] is True
    assert registration(record)["lease"] is None and registration(record)["expires"] is None
    assert registration(record)["state"] == "UNAVAILABLE" and health_of(server, "own")["checks"][0]["withdrawn"] is True
    assert report(server, "own", "warn").status == 200
    has_state(server, "own", "AVAILABLE")
    bd.wait_for(lambda: server.dig("own.lab.example") == ["192.0.2.77"], "DNS shows it again")
    assert registration(server.get("/a/own"))["withdrawn"] is False


def test_a_report_outlives_a_crash(make_server):
    s = make_server(checks={"allow": ["127.0.0.0/8"]}).start()
    s.register("web", "192.0.2.7", check="ttl:60s")
    for status, state, shown in (("fail", "UNAVAILABLE", []), ("pass", "AVAILABLE", ["192.0.2.7"])):
        assert s.curl("-X", "PUT", "-d", f"status={status}", path="/health/web", check=True).json["state"] == state
        s.kill()
        s.start()
        assert s.get("/health/web")["state"] == state
        bd.wait_for(lambda: s.dig_quietly("web.lab.example") == shown, f"DNS after {status}")


def test_reports_of_several(server):
    for i in (1, 2):
        server.register("pair", f"192.0.2.{80 + i}", wait="committed", id=f"h{i}", check="ttl:60s", **{"check.fall": "1"})
    bd.wait_for(lambda: len(health_of(server, "pair")["checks"]) == 2, "both are known")
    assert report(server, "pair", "fail", id="h1").status == 200
    has_state(server, "pair", "UNAVAILABLE")
    assert {c["id"]: c["state"] for c in health_of(server, "pair")["checks"]} == {"h1": "UNAVAILABLE", "h2": "UNKNOWN"}
    bd.wait_for(lambda: server.dig("pair.lab.example") == ["192.0.2.82"], "the other stays")
    assert report(server, "pair", "pass", id="h3").status == 404
    # The last one stays in DNS, marked.
    assert report(server, "pair", "fail", id="h2").status == 200
    bd.wait_for(lambda: any(c["kept"] for c in health_of(server, "pair")["checks"]), "the last one is kept")
    assert server.dig("pair.lab.example") == ["192.0.2.82"]
    assert re.search(r"^  192\.0\.2\.81 +UNAVAILABLE +ttl:1m  withdrawn  ", cli(server, "health", "pair").stdout, re.MULTILINE)
    assert re.search(r"^  192\.0\.2\.82 +UNAVAILABLE +ttl:1m  kept  ", cli(server, "health", "pair").stdout, re.MULTILINE)
    assert [c["reason"].endswith("; kept in DNS, since it is the last of its name")
            for c in server.get("/explain/pair")["records"][0]["checks"]] == [False, True]
    assert [(r["withdrawn"], r.get("kept")) for r in server.get("/a/pair")["registrations"]] == [(True, None), (False, True)]


def test_bad_reports(server, backend):
    server.register("bad", "192.0.2.78", wait="committed", check="ttl:60s")
    bd.wait_for(lambda: server.request("GET", "/health/bad")[0] == 200, "it is known")
    for args, field in ((["-d", "status=fine"], "status"), (["-d", "output=x"], "status"),
                        (["-d", "status=pass", "-d", "status=fail"], "status"), (["-d", "status=pass", "-d", "x=1"], None)):
        answer = server.curl("-X", "PUT", *args, path="/health/bad")
        assert answer.status == 422 and answer.json.get("field") == field, answer
    server.register("noreport", backend.host, wait="committed", check=backend.url)
    has_state(server, "noreport", "AVAILABLE")
    answer = report(server, "noreport", "fail")
    assert answer.status == 404 and "probed" in answer.json["detail"], answer
    assert health_of(server, "noreport")["state"] == "AVAILABLE"


# ---- the whole way ----

def test_a_dead_host_leaves_dns_and_comes_back(server, backend):
    server.register("dies", backend.host, check=backend.url)
    has_state(server, "dies", "AVAILABLE")
    start = time.monotonic()
    backend.kill()
    bd.wait_for(lambda: server.dig("dies.lab.example") == [], "DNS shows it no more")
    print(f"gone after {time.monotonic() - start:.2f} s")
    record = server.get("/a/dies")
    assert record["values"] == [backend.host] and registration(record)["withdrawn"] is True
    assert f"{backend.host}" in server.zone_file.read_text()
    start = time.monotonic()
    backend.start()
    bd.wait_for(lambda: server.dig("dies.lab.example") == [backend.host], "DNS shows it again")
    print(f"back after {time.monotonic() - start:.2f} s")
    states = [(t["from"], t["to"]) for t in health_of(server, "dies")["checks"][0]["transitions"]]
    assert states == [("UNKNOWN", "AVAILABLE"), ("AVAILABLE", "UNAVAILABLE"), ("UNAVAILABLE", "AVAILABLE")]
    assert registration(server.get("/a/dies"))["number"] == registration(record)["number"]


def test_a_bad_status_is_a_failure(server, backend):
    server.register("ill", backend.host, check=backend.url)
    has_state(server, "ill", "AVAILABLE")
    backend.status = 503
    got = has_state(server, "ill", "UNAVAILABLE")["checks"][0]
    assert "503" in got["last"]["output"]


# ---- maintenance ----

def test_maintenance(server):
    server.register("drain", "192.0.2.90", ttl="2")
    answer = server.curl("-X", "PUT", path="/maintenance/drain")
    assert answer.status == 200 and answer.json["name"] == "drain.lab.example." and answer.json["state"] == "draining", answer
    # The old TTL of 2 s, then maintenance.ttl, and what it takes until DNS shows either.
    assert 3 <= answer.json["safe_in_s"] <= 9 and 2 <= seconds_from_now(answer.json["safe_at"]) <= 9
    bd.wait_for(lambda: server.dig("drain.lab.example") == [], "DNS shows it no more")
    done = bd.wait_for(lambda: (a := server.curl("-X", "PUT", path="/maintenance/drain").json)["state"] == "drained" and a, "it is drained")
    assert done["safe_in_s"] == 0
    assert server.get("/a/drain")["values"] == ["192.0.2.90"]
    record = server.get("/explain/drain")["records"][0]
    assert record["served"] is None and registration(record)["withdrawn"] is True and registration(record)["draining"] is True
    assert "    maintenance until DELETE /maintenance/NAME\n" in cli(server, "explain", "drain").stdout
    # A repeat does not end it.
    assert server.register("drain", "192.0.2.90", ttl="2", wait="committed").json["changed"] is False
    assert server.dig("drain.lab.example") == []
    answer = server.curl("-X", "DELETE", path="/maintenance/drain")
    assert answer.status == 200, answer
    bd.wait_for(lambda: server.dig("drain.lab.example") == ["192.0.2.90"], "DNS shows it again")
    assert "draining" not in registration(server.get("/a/drain"))


def test_maintenance_of_what_is_checked(server):
    server.register("drained", "192.0.2.91", wait="committed", check="ttl:60s", **{"check.deregister_after": "never"})
    bd.wait_for(lambda: server.request("GET", "/health/drained")[0] == 200, "it is known")
    assert report(server, "drained", "pass").status == 200
    assert server.curl("-X", "PUT", path="/maintenance/drained").status == 200
    assert health_of(server, "drained")["checks"][0]["draining"] is True
    assert re.search(r"^  192\.0\.2\.91 +AVAILABLE +ttl:1m  draining  ", cli(server, "health", "drained").stdout, re.MULTILINE)
    check = server.get("/explain/drained")["records"][0]["checks"][0]
    assert check["reason"] == "in maintenance, until DELETE /maintenance/NAME" and check["deregister_after"] == "never"
    assert server.curl("-X", "DELETE", path="/maintenance/drained").status == 200
    assert health_of(server, "drained")["checks"][0]["draining"] is False


def test_maintenance_of_nobody(server):
    for method in ("PUT", "DELETE"):
        assert server.request(method, "/maintenance/nobody")[0] == 404
    assert server.request("PUT", "/maintenance/x.example.org.")[0] == 422
    assert server.request("GET", "/maintenance/drain")[0] == 405


# ---- what tells of it ----

def test_metrics(make_server, backend):
    server = make_server(checks={"allow": ["127.0.0.0/8"], **QUICK}).start()
    server.register("metric", backend.host, wait="committed", check=backend.url, lease="3m")
    has_state(server, "metric", "AVAILABLE")
    text = server.request("GET", "/metrics")[1].decode()
    assert "metric.lab" not in text and backend.host not in text
    values = dict(re.findall(r"^(betterdns_\S+) (\S+)$", text, re.MULTILINE))
    assert float(values.pop('betterdns_health_checks_total{result="success"}')) >= 1
    assert {k: v for k, v in values.items() if re.match("betterdns_(health|leases|terminations)", k)} == {
        "betterdns_health_panic": "0", "betterdns_health_isolated": "0", "betterdns_health_hosts": "1", "betterdns_health_hosts_down": "0",
        "betterdns_leases": "1", "betterdns_health_checks_total{result=\"failure\"}": "0", "betterdns_health_checks_late_total": "0",
        "betterdns_health_checks_in_flight": values["betterdns_health_checks_in_flight"],
        **{f"betterdns_health_targets{{state=\"{s}\"}}": str(int(s == "AVAILABLE")) for s in ("UNKNOWN", "AVAILABLE", "UNAVAILABLE")},
        **{f'betterdns_terminations_total{{result="{r}",dry_run="{d}"}}': "0" for r in ("ok", "failed") for d in ("true", "false")}}
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True, check=False, timeout=bd.PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
    assert server.status()["health"] == {"panic": False, "isolated": False, "hosts": 1, "down": 0, "targets": 1, "unavailable": 0,
                                         "witnesses": 0, "answering": 0, "waiting": 0, "next": []}
    backend.kill()
    host, = bd.wait_for(lambda: server.status()["health"]["next"], "its end is told of")
    assert host["name"] == "metric.lab.example." and host["id"] == "metric" and 100 < host["in_s"] <= 180 and host["reason"], host
    assert server.status()["health"]["waiting"] == 1


def test_explain(server, backend):
    server.register("why", backend.host, check=backend.url, lease="3m")
    has_state(server, "why", "AVAILABLE")
    got = server.get("/explain/why")["records"][0]
    assert registration(got)["state"] == "AVAILABLE" and registration(got)["lease"] == "3m" and registration(got)["expires"]
    check, = got["checks"]
    assert check["url"] == backend.url and check["interval"] == "1s" and check["fall"] == 2 and check["deregister_after"] == "2m"
    assert check["state"] == "AVAILABLE" and check["reason"] is None
    backend.kill()
    bd.wait_for(lambda: server.dig("why.lab.example") == [], "it is withdrawn")
    got = server.get("/explain/why")["records"][0]
    assert got["served"] is None and got["values"] == [backend.host], got
    assert got["checks"][0]["reason"].startswith("UNAVAILABLE since "), got
    done = cli(server, "explain", "why")
    assert done.returncode == 0 and re.search(rf"checked .*{re.escape(backend.url)} UNAVAILABLE", done.stdout), done
    assert "because     UNAVAILABLE since" in done.stdout and "lease" in done.stdout, done


def cli(server, *args):
    return subprocess.run([bd.BETTERDNS, *args, "--server", server.url], capture_output=True, timeout=bd.PATIENCE, check=False, text=True)


def test_command(server, backend):
    server.register("told", backend.host, wait="committed", check=backend.url)
    has_state(server, "told", "AVAILABLE")
    done = cli(server, "health", "told")
    assert done.returncode == 0 and re.search(rf"^told\.lab\.example\.  AVAILABLE\n  {re.escape(backend.host)} +AVAILABLE +http", done.stdout), done
    assert "UNKNOWN -> AVAILABLE" in done.stdout
    done = cli(server, "health")
    assert done.returncode == 0 and "told.lab.example.  AVAILABLE" in done.stdout, done
    assert cli(server, "health", "nobody").returncode == 3
    lines = cli(server, "health", "-o", "jsonl").stdout.splitlines()
    assert "told.lab.example." in [json.loads(line)["name"] for line in lines]
    assert json.loads(cli(server, "health", "told", "-o", "json").stdout)["state"] == "AVAILABLE"


# ---- a refused start ----

@pytest.mark.parametrize("terminate, mode, code, words", [
    ({"enabled": True}, None, 7, "give http.token_file"),
    ({"enabled": True, "kind": "exec", "argv": ["/no/such"]}, 0o600, 3, "/no/such"),
    ({"enabled": True, "kind": "exec", "argv": ["/bin/true"], "user": "no-such-user"}, 0o600, 7, "there is no user no-such-user"),
    ({"enabled": True, "kind": "webhook", "url": "http://192.0.2.1/", "secret_file": "secret"}, 0o640, 5, "can be read by others"),
    ({"enabled": True, "kind": "webhook", "url": "http://192.0.2.1/", "secret_file": "none"}, 0o600, 3, "No such file"),
])
def test_refused_terminators(make_server, terminate, mode, code, words):
    s = make_server(terminate=terminate)
    if mode:
        for name, bits in (("token", 0o600), ("secret", mode)):
            (s.folder / name).write_text("0123456789abcdef\n")
            (s.folder / name).chmod(bits)
        s.config["http"]["token_file"] = str(s.folder / "token")
    s.launch()
    assert s.process.wait(bd.PATIENCE) == code, s.log()
    assert words in s.log() and not s.note_child(), s.log()


def test_a_right_terminator(make_server):
    s = make_server(terminate={"kind": "exec", "argv": ["/bin/true", "{name}", "{address}", "{id}"]}).start()
    assert s.stop() == 0
