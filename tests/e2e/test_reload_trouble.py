"""SIGHUP and SIGTERM at a bad moment: while a program is asked something, where a start comes to nothing halfway, where there is no room."""
import pytest

import bd
from test_corefile import other, own, text  # noqa: F401 (own is a fixture)
from test_reload import reload
from trouble import instead

# In the server's place: one that is asked why it refuses a Corefile does not answer.
DOES_NOT_SAY_WHY = """#!/bin/sh
case "$*" in *.why*) exec sleep 60 ;; esac
exec {binary} "$@"
"""


@pytest.fixture(name="asked")
def server_that_is_asked_why(own):
    server = own()
    instead(server, DOES_NOT_SAY_WHY)
    server.start()
    server.corefile.write_text(text(server, more="nonsense on this line"))
    bd.wait_for((server.live / "Corefile.why").exists, "that it is asked why")
    return server


@pytest.mark.sanitize
def test_a_reload_while_the_server_is_asked_why_it_refuses_a_corefile(asked):
    asked.corefile.write_text(text(asked, address="192.0.2.5"))
    reload(asked)
    assert not (asked.live / "Corefile.why").exists() and len(asked.processes()) == 1
    bd.wait_for(lambda: other(asked) == ["192.0.2.5"], "the Corefile that was mended")
    assert asked.register("web", "10.0.0.1").json["served"] is True


@pytest.mark.sanitize
def test_a_stop_while_the_server_is_asked_why_it_refuses_a_corefile(asked):
    assert asked.stop() == 0
    assert not (asked.live / "Corefile.why").exists() and not asked.processes()
