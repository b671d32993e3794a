"""The user's own Corefile: checked, followed, refused with the last good one in force."""
import os
import signal
import time

import pytest

import bd
from test_replace import events
from test_strategy import metric, write
from traffic import Traffic

BLOCK = """lab.example:{port} {{
    bind {host} {{$BETTERDNS_PROBE}}
    nsid {{$BETTERDNS_NSID}}
    errors
    {more}
    file {live}/lab.example.zone {{
        reload {reload}
    }}
}}
"""
OTHER = """other.example:{port} {{
    bind {host}
    template IN A {{
        answer "{{{{ .Name }}}} 30 IN A {address}"
    }}
}}
"""


def text(server, block=BLOCK, reload="100ms", more="", address="192.0.2.99"):
    return (block + OTHER).format(port=server.dns[1], host=server.dns[0], live=server.live, reload=reload, more=more, address=address)


@pytest.fixture
def own(make_server):
    def make(strategy="auto", **kwargs):
        server = make_server(server={"strategy": strategy})
        server.corefile = server.folder / "my.Corefile"
        server.config["server"]["corefile"] = str(server.corefile)
        server.corefile.write_text(text(server, **kwargs))
        return server
    return make


def other(server):
    return bd.addresses(server.dns, "any.other.example")


def test_it_is_what_the_server_reads(own):
    server = own().start()
    assert server.register("web", "10.0.0.1").json["served"] is True
    assert server.dig("web.lab.example") == ["10.0.0.1"] and other(server) == ["192.0.2.99"]
    assert server.status()["server"]["chosen"] == "file"
    old = server.status()["server"]["pid"]
    os.kill(old, signal.SIGKILL)
    bd.wait_for(lambda: server.status()["server"]["pid"] not in (None, old) and server.is_ready(), "a new child")
    assert server.register("after", "10.0.0.2").json["served"] is True and other(server) == ["192.0.2.99"]


@pytest.mark.parametrize("reload,chosen", [("100ms", "file"), ("0", "signal"), ("30s", "signal")])
def test_auto_goes_by_its_reload(own, reload, chosen):
    server = own(reload=reload).start()
    now = server.get("/controller/strategy")
    assert now["chosen"] == chosen, now
    assert ("no 'reload' of 2s or less" in now["reason"]) == (chosen == "signal")
    assert server.register("web", "10.0.0.1").json["served"] is True
    status, body = server.request("PUT", "/controller/strategy?strategy=file")
    assert status == (200 if chosen == "file" else 422), body


def test_restart_with_it(own):
    server = own("restart").start()
    for i in range(5):
        assert write(server, "web", f"10.0.0.{i + 1}")[0] in (200, 201)
        assert bd.addresses(server.dns, "web.lab.example") == [f"10.0.0.{i + 1}"] and other(server) == ["192.0.2.99"]
    assert server.status()["server"]["generation"] == 6


def refused(server, code=7):
    server.launch()
    assert server.process.wait(bd.PATIENCE) == code, server.log()
    assert "hint:" in server.log()
    return server.log()


def test_a_start_with_a_broken_one_is_refused_in_the_servers_words(own):
    server = own(more="nonsense on this line")
    log = refused(server)
    assert f"{server.corefile}:5 - Error during parsing: Unknown directive 'nonsense'" in log, log


def test_a_start_without_a_block_for_our_zone_is_refused(own):
    server = own(block="")
    log = refused(server)
    assert f"{server.corefile} has no block for lab.example. on port {server.dns[1]}" in log
    assert f"file {server.live}/lab.example.zone" in log


def test_a_start_without_the_file_is_refused(own):
    server = own()
    server.corefile.unlink()
    assert str(server.corefile) in refused(server, 3)


def test_auto_follows_a_change_of_its_reload(own):
    """By itself, not when it is asked for: a change is told by the new way, and none is late."""
    server = own().start()
    assert write(server, "web", "10.0.0.1")[0] == 201
    for reload, address in (("0", "192.0.2.1"), ("100ms", "192.0.2.2")):
        before = server.log().count("the strategy is another one")
        server.corefile.write_text(text(server, reload=reload, address=address))
        bd.wait_for(lambda: server.log().count("the strategy is another one") > before, "another strategy")
        assert write(server, "web", f"10.0.1.{address[-1]}")[0] == 200
        assert other(server) == [address]
        assert server.get("/controller/strategy")["chosen"] == ("signal" if reload == "0" else "file")
    assert metric(server, "publish_escalations_total") == 0


def test_a_start_with_file_where_nothing_polls_is_refused(own):
    server = own("file", reload="0")
    assert "as the strategy 'file' needs it" in refused(server)


@pytest.mark.parametrize("lost,word", [("nsid {{$BETTERDNS_NSID}}\n", "nsid {$BETTERDNS_NSID}"), (" {{$BETTERDNS_PROBE}}", "{$BETTERDNS_PROBE}")])
def test_without_its_words_served_cannot_be_told(own, lost, word):
    server = own(block=BLOCK.replace(lost, ""))
    server.start()
    started = time.monotonic()
    answer = server.register("web", "10.0.0.1")
    assert answer.status == 202 and answer.json["served"] is False and word in answer.json["reason"], answer
    assert time.monotonic() - started < 4  # the time-out is not waited for
    bd.wait_for(lambda: bd.addresses(server.dns, "web.lab.example") == ["10.0.0.1"], "DNS")
    for i in range(5):  # it goes on
        assert server.register("web", f"10.0.1.{i}").status == 202
        bd.wait_for(lambda: bd.addresses(server.dns, "web.lab.example") == [f"10.0.1.{i}"], "DNS")
    zone = server.status()["zones"][0]
    assert zone["served_serial"] is None and zone["lag_ms"] == 0 and server.is_ready()
    old = server.status()["server"]["pid"]
    os.kill(old, signal.SIGSTOP)  # it is watched all the same
    bd.wait_for(lambda: server.status()["server"]["pid"] not in (None, old) and server.is_ready(), "a new child")


def test_a_change_of_it_is_taken_over(own):
    server = own().start()
    pid = server.status()["server"]["pid"]
    assert write(server, "steady", "10.6.0.1")[0] == 201
    with Traffic(server.dns, "steady.lab.example", "10.6.0.1") as traffic:
        for i in range(5):
            server.corefile.write_text(text(server, address=f"192.0.2.{i + 1}"))
            bd.wait_for(lambda: other(server) == [f"192.0.2.{i + 1}"], "the new Corefile")
            assert write(server, "web", f"10.0.0.{i + 1}")[0] in (200, 201)
            assert bd.addresses(server.dns, "web.lab.example") == [f"10.0.0.{i + 1}"]
    assert traffic.lost == 0 and traffic.wrong == 0, (traffic.asked, traffic.lost)
    assert server.status()["server"]["pid"] == pid and server.status()["server"]["reason"] is None


@pytest.mark.parametrize("change,says", [
    ({"more": "nonsense"}, ":5 - Error during parsing: Unknown directive 'nonsense'"),
    ({"more": "acl {\n what\n }"}, ":6 - "),
    ({"more": "forward . where"}, "my.Corefile: plugin/forward: "),
    ({"more": "health nowhere.invalid:1"}, "refused"),
    ({"block": ""}, "has no block for lab.example."),
    ({"block": BLOCK.replace("nsid {{$BETTERDNS_NSID}}\n", "")}, "send betterdns SIGHUP for that"),
])
def test_a_change_that_is_refused_leaves_the_last_good_one(own, change, says):
    server = own().start()
    server.corefile.write_text(text(server, address="192.0.2.1"))
    bd.wait_for(lambda: other(server) == ["192.0.2.1"], "a good change")
    server.corefile.write_text(text(server, address="192.0.2.2", **change))
    reason = bd.wait_for(lambda: server.status()["server"]["reason"], "the reason")
    assert says in reason and "the last good one stays" in reason and str(server.corefile) in reason
    assert reason in [e["detail"] for e in events(server, "rejected")]
    assert other(server) == ["192.0.2.1"] and server.is_ready()
    assert not (server.live / "Corefile.why").exists()
    assert write(server, "web", "10.0.0.1")[0] == 201
    old = server.status()["server"]["pid"]
    os.kill(old, signal.SIGKILL)  # a restart does not stumble over it
    bd.wait_for(lambda: server.status()["server"]["pid"] not in (None, old) and server.is_ready(), "a new child")
    assert other(server) == ["192.0.2.1"]
    assert write(server, "web", "10.0.0.2")[0] == 200
    server.corefile.write_text(text(server, address="192.0.2.3"))
    bd.wait_for(lambda: other(server) == ["192.0.2.3"], "a change that mends it")
    bd.wait_for(lambda: server.status()["server"]["reason"] is None, "the end of the trouble")


def test_a_living_server_with_an_older_one_is_replaced(own):
    server = own()
    server.config["server"]["on_stop"] = "keep"
    server.start()
    pid = server.status()["server"]["pid"]
    server.stop()
    server.start()
    assert server.status()["server"]["pid"] == pid  # nothing has changed
    server.stop()
    server.corefile.write_text(text(server, address="192.0.2.5"))
    server.start()
    assert server.status()["server"]["pid"] != pid and other(server) == ["192.0.2.5"]
    assert write(server, "web", "10.0.0.1")[0] == 201


def test_one_that_starts_no_server_any_more_gives_way_to_the_one_before(own):
    """The server took it over while it ran; what it needs at a start is gone since."""
    server = own().start()
    extra = server.folder / "extra.zone"
    extra.write_text("@ 30 IN SOA ns h 1 3600 600 86400 30\n@ 30 IN NS ns\n")
    server.corefile.write_text(text(server, address="192.0.2.1"))
    bd.wait_for(lambda: other(server) == ["192.0.2.1"], "a good change")
    more = f"extra.example:{server.dns[1]} {{\n    bind {server.dns[0]}\n    file {extra} {{\n        reload 0\n    }}\n}}\n"
    server.corefile.write_text(text(server, address="192.0.2.2") + more)
    bd.wait_for(lambda: other(server) == ["192.0.2.2"], "a change that works as long as its file is there")
    assert write(server, "web", "10.0.0.1")[0] == 201
    extra.unlink()
    old = server.status()["server"]["pid"]
    os.kill(old, signal.SIGKILL)
    bd.wait_for(lambda: server.status()["server"]["pid"] not in (None, old) and server.is_ready(), "a new child")
    assert other(server) == ["192.0.2.1"] and bd.addresses(server.dns, "web.lab.example") == ["10.0.0.1"]
    reason = server.status()["server"]["reason"]
    assert "did not start with its new configuration; the last good one stays" in reason
    assert reason in [e["detail"] for e in events(server, "rejected")]
    server.corefile.write_text(text(server, address="192.0.2.3"))
    bd.wait_for(lambda: other(server) == ["192.0.2.3"], "a change that mends it")
    bd.wait_for(lambda: server.status()["server"]["reason"] is None, "the end of the trouble")
