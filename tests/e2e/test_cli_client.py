"""The command line as an HTTP client: what it asks, what it prints, and which exit code a status is. The server is this test's."""
import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import bd

pytestmark = pytest.mark.sanitize

CHANGES = {"changes": [
    {"seq": 7, "time": "2026-11-24T12:00:00Z", "zone": "lab.example.", "serial": 3, "source": "http", "actor": "192.0.2.7",
     "operations": [
         {"name": "web.lab.example.", "type": "A", "before": None, "after": {"ttl": 30, "values": ["192.0.2.7"]}},
         {"name": "lab.example.", "type": "MX", "before": {"ttl": 30, "values": ["10 a.lab.example.", "20 b.lab.example."]},
          "after": {"ttl": 60, "values": ["10 a.lab.example."]}},
         {"name": "www.lab.example.", "type": "A", "before": {"ttl": 30, "values": ["192.0.2.8"]},
          "after": {"ttl": 30, "values": ["192.0.2.8"]}},
         {"name": "sick.lab.example.", "type": "A", "before": {"ttl": 30, "values": ["192.0.2.1", "192.0.2.2"], "withdrawn": ["192.0.2.2"]},
          "after": {"ttl": 30, "values": ["192.0.2.1", "192.0.2.2"], "withdrawn": ["192.0.2.1"]}},
         {"name": "gone.lab.example.", "type": "A", "before": {"ttl": 30, "values": ["192.0.2.3"], "withdrawn": ["192.0.2.3"]},
          "after": None}]},
    {"seq": 7, "time": "2026-11-24T12:00:00Z", "zone": "2.0.192.in-addr.arpa.", "serial": 9, "source": "http",
     "actor": "192.0.2.7", "operations": [
         {"name": "7.2.0.192.in-addr.arpa.", "type": "PTR", "before": {"ttl": 30, "values": ["web.lab.example."]},
          "after": None}]}],
    "next": None, "oldest": 0}
TABLE = """\
7  2026-11-24T12:00:00Z  lab.example. serial 3  http  192.0.2.7
    + web A 192.0.2.7
    - @ MX 20 b.lab.example.
    ~ @ MX TTL 60, was 30
    = www A registered otherwise
    ~ sick A 192.0.2.1 withdrawn from DNS
    ~ sick A 192.0.2.2 shown by DNS again
    - gone A 192.0.2.3
7  2026-11-24T12:00:00Z  2.0.192.in-addr.arpa. serial 9  http  192.0.2.7
    - 7 PTR web.lab.example.
"""


class Fake:
    """answers: (status, body) for each request in turn, the last one for all that follow."""

    def __init__(self):
        self.answers, self.asked, self.headers = [(200, {})], [], []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                fake.asked.append((self.command, self.path, body))
                fake.headers.append(self.headers)
                status, answer = fake.answers.pop(0) if len(fake.answers) > 1 else fake.answers[0]
                content = answer if isinstance(answer, bytes) else json.dumps(answer, separators=(",", ":")).encode()
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture(name="fake")
def fake_fixture():
    fake = Fake()
    yield fake
    fake.close()


def run(*arguments, env=None, cwd=None):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BETTERDNS_")}
    return subprocess.run([os.path.abspath(bd.BETTERDNS), *arguments], env={**environment, **(env or {})}, cwd=cwd,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def ask(fake, *arguments, **options):
    result = run(*arguments, "--server", fake.url, **options)
    assert result.returncode == 0 and result.stderr == "", result
    return result.stdout


def refused(result, code):
    assert result.returncode == code and result.stdout == "", result
    assert result.stderr.startswith("betterdns: ") and result.stderr.endswith("\n")
    return result.stderr


# ---- what is asked ----

@pytest.mark.parametrize("arguments, request_line, form", [
    (["zone", "show", "lab.example"], "GET /?zone=lab.example&format=zone", ""),
    (["zone", "show", "lab.example", "--seq", "7"], "GET /?zone=lab.example&seq=7&format=zone", ""),
    (["--serial=3", "zone", "show", "lab.example", "-ojson"], "GET /?zone=lab.example&serial=3&format=json", ""),
    (["zone", "log", "a b/c", "--since", "7", "--name", "w&b", "--limit", "5"],
     "GET /changes?since=7&zone=a%20b%2Fc&name=w%26b&limit=5", ""),
    (["zone", "log", "--limit", "x y"], "GET /changes?limit=x%20y", ""),
    (["zone", "log", "-o", "json"], "GET /changes", ""),
    (["zone", "rollback", "lab.example", "7"], "POST /rollback", "zone=lab.example&seq=7"),
    (["zone", "rollback", "lab.example", "7", "--wait", "served"], "POST /rollback?wait=served", "zone=lab.example&seq=7"),
    (["zone", "accept", "0/63.x"], "POST /zones/0%2F63.x/accept", ""),
    (["zone", "discard", ".."], "POST /zones/%2E%2E/discard", ""),
    (["explain", "w\\.b.lab.example"], "GET /explain/w%5C.b.lab.example", ""),
])
def test_each_command_is_one_request_and_curl_sends_the_same(fake, arguments, request_line, form):
    ask(fake, *arguments)
    assert fake.asked == [(*request_line.split(), form)]
    command = ask(fake, *arguments, "--curl")
    assert len(fake.asked) == 1 and command.startswith("curl -fsS ")
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done
    assert fake.asked[1] == fake.asked[0]


def test_the_server_is_named_by_option_or_environment(fake):
    assert run("explain", "web", env={"BETTERDNS_SERVER": fake.url + "/"}).returncode == 0
    assert run("explain", "web", "--server", fake.url + "/below/", env={"BETTERDNS_SERVER": "http://127.0.0.1:1"}).returncode == 0
    assert run("explain", "web", "--server", fake.url[7:]).returncode == 0
    assert [path for _, path, _ in fake.asked] == ["/explain/web", "/below/explain/web", "/explain/web"]
    shown = run("explain", "web", "--curl")
    assert "http://127.0.0.1:8000/explain/web" in shown.stdout


def test_no_proxy_of_the_environment_stands_before_loopback(fake):
    proxy = {name: "http://127.0.0.1:1" for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY")}
    ask(fake, "explain", "web", env=proxy)
    assert len(fake.asked) == 1


def test_a_token_is_sent_and_never_shown(fake, tmp_path):
    (tmp_path / "it's").write_text("s3cret\n")
    ask(fake, "explain", "web", "--token-file", "it's", cwd=tmp_path)
    assert fake.headers[0]["Authorization"] == "Bearer s3cret"
    command = ask(fake, "explain", "web", "--token-file", "it's", "--curl", cwd=tmp_path)
    assert "s3cret" not in command
    subprocess.run(["sh", "-c", command], check=True, timeout=60, cwd=tmp_path, stdout=subprocess.DEVNULL)
    assert fake.headers[1]["Authorization"] == "Bearer s3cret"
    (tmp_path / "two").write_text("a\nb\n")
    assert "one line" in refused(run("explain", "web", "--token-file", "two", "--server", fake.url, cwd=tmp_path), 7)
    assert "No such file" in refused(run("explain", "web", "--token-file", "none", "--server", fake.url, cwd=tmp_path), 3)
    assert len(fake.asked) == 2


# ---- exit codes ----

@pytest.mark.parametrize("status, code", [
    (400, 7), (401, 5), (403, 5), (404, 3), (405, 1), (409, 4), (412, 4), (413, 7), (415, 7), (422, 7), (501, 1), (503, 1),
    (301, 1), (421, 1)])
def test_a_status_is_an_exit_code_and_a_sentence(fake, status, code):
    fake.answers = [(status, {"status": status, "detail": "it is so\x1b[2J", "hint": "do that"})]
    for command in (["zone", "log"], ["zone", "rollback", "z", "1"]):
        stderr = refused(run(*command, "--server", fake.url), code)
        assert stderr == "betterdns: it is so\\x1b[2J\nhint: do that\n"
    assert len(fake.asked) == 2  # a redirect is not followed
    fake.answers = [(status, b"<html>")]
    assert f"answered with status {status}" in refused(run("explain", "x", "--server", fake.url), code)


def test_not_served_yet_is_8(fake):
    fake.answers = [(202, {"changed": True, "seq": 8, "serial": 4, "served": False, "reason": "coredns is down"})]
    stderr = refused(run("zone", "rollback", "z", "1", "--wait", "served", "--server", fake.url), 8)
    assert stderr == "betterdns: the change is made, but not served yet: coredns is down\n"


def test_nobody_there_is_6():
    host, port = bd.free_address()
    stderr = refused(run("zone", "log", "--server", f"http://{host}:{port}"), 6)
    assert f"{host}:{port}" in stderr and "hint: is betterdns running there?" in stderr
    refused(run("zone", "log", "--server", "http://no.such.invalid"), 6)


def test_an_answer_that_is_no_json_is_1(fake):
    fake.answers = [(200, b"<html>")]
    for command in (["zone", "log"], ["explain", "x"], ["zone", "accept", "z"]):
        assert "no JSON" in refused(run(*command, "--server", fake.url), 1)


# ---- what is printed ----

def test_the_log_as_a_table_json_and_lines(fake):
    fake.answers = [(200, CHANGES)]
    assert ask(fake, "zone", "log") == TABLE
    assert json.loads(ask(fake, "zone", "log", "-o", "json")) == CHANGES
    lines = ask(fake, "zone", "log", "-o", "jsonl").splitlines()
    assert [json.loads(line) for line in lines] == CHANGES["changes"]


def test_the_log_goes_on_from_page_to_page_up_to_the_limit(fake):
    def page(first, n, following):
        return 200, {"changes": [{"seq": first + i, "time": "t", "zone": "z.", "serial": 1, "source": "http", "actor": "a",
                                  "operations": []} for i in range(n)], "next": following, "oldest": 0}

    fake.answers = [page(1, 2, 2), page(3, 2, 4), page(5, 1, None)]
    assert [line.split()[0] for line in ask(fake, "zone", "log").splitlines()] == ["1", "2", "3", "4", "5"]
    assert [path for _, path, _ in fake.asked] == [
        "/changes?limit=1000", "/changes?since=2&limit=1000", "/changes?since=4&limit=1000"]
    fake.asked.clear()
    fake.answers = [page(1, 2, 2), page(3, 1, 3)]
    assert len(ask(fake, "zone", "log", "--limit", "3", "--since", "0").splitlines()) == 3
    assert [path for _, path, _ in fake.asked] == ["/changes?since=0&limit=3", "/changes?since=2&limit=1"]
    fake.answers = [page(1, 2, 2), (503, {"detail": "starting"})]
    refused(run("zone", "log", "--server", fake.url), 1)  # not half of it


def test_nothing_of_an_answer_acts_on_a_terminal(fake):
    bad = json.loads(json.dumps(CHANGES).replace("192.0.2.7", "\\u001b[2J\\u202e\\n"))
    fake.answers = [(200, bad)]
    table = ask(fake, "zone", "log")
    assert "\x1b" not in table and "\u202e" not in table and table.count("\n") == TABLE.count("\n")


def test_a_zone_is_printed_as_it_comes(fake):
    fake.answers = [(200, b"; zone\nx. 1 IN A 192.0.2.1\n")]
    assert ask(fake, "zone", "show", "x") == "; zone\nx. 1 IN A 192.0.2.1\n"
    fake.answers = [(200, {"zones": [{"records": [{"name": "a."}, {"name": "b."}]}]})]
    assert ask(fake, "zone", "show", "x", "-o", "jsonl") == '{"name":"a."}\n{"name":"b."}\n'


def test_a_write_says_what_became_of_it(fake):
    fake.answers = [(200, {"zone": "lab.example.", "changed": True, "seq": 58, "serial": 9})]
    assert ask(fake, "zone", "rollback", "lab.example", "12") == "lab.example.: change 58, serial 9\n"
    fake.answers = [(200, {"zone": "lab.example.", "changed": False, "seq": 58, "serial": 9})]
    assert ask(fake, "zone", "accept", "lab.example") == "lab.example.: nothing to change, serial 9\n"


def test_explain_says_where_a_name_comes_from(fake):
    fake.answers = [(200, {
        "name": "web.lab.example.", "zone": "lab.example.", "serial": 4, "served_serial": 3, "seq": 9, "unanswered": None,
        "records": [{"type": "A", "ttl": 30, "values": ["192.0.2.7", "192.0.2.8"],
                     "registrations": [{"number": 3, "seq": 6, "id": "web", "source": "192.0.2.7", "created": "2026-11-24T12:00:00Z",
                                        "subject": None}],
                     "changed": {"seq": 7, "time": "2026-11-24T12:00:00Z", "source": "http", "actor": "192.0.2.7"},
                     "lines": [{"file": "/etc/z", "line": 5}], "served": {"ttl": 30, "values": ["192.0.2.7"]}},
                    {"type": "TXT", "ttl": 30, "values": ["\"x\""], "registrations": [], "changed": None, "lines": [],
                     "served": None}]})]
    assert ask(fake, "explain", "web") == """\
web.lab.example.  zone lab.example. serial 4, served 3
A 30 192.0.2.7 192.0.2.8
    registered  6 2026-11-24T12:00:00Z 192.0.2.7 web
    changed     7 2026-11-24T12:00:00Z http 192.0.2.7
    written in  /etc/z:5
    served      30 192.0.2.7
TXT 30 "x"
    served      no
"""
