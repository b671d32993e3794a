"""Somebody's hands in the directory of the live copies: what is not as it was left is written again, before a server could load it;
what cannot be written is said, in /status and to who waits."""
import os
import shutil
import signal

import pytest

import bd
from test_child import server_status
from test_strategy import write


def kill_server(server):
    """Until another one is ready."""
    before = server_status(server)
    os.kill(before["pid"], signal.SIGKILL)
    bd.wait_for(lambda: server_status(server)["generation"] > before["generation"] and server.is_ready(), "a new server")


def forged(copy):
    """The same serial, another address."""
    return copy.replace("10.0.0.1", "10.9.9.9")


@pytest.mark.parametrize("damage", [lambda text: "", lambda text: "no zone\n", lambda text: text[:len(text) // 2], forged],
                         ids=["empty", "garbage", "half", "forged"])
def test_no_server_starts_with_a_damaged_copy(make_server, damage):
    server = make_server().start()
    assert write(server, "web", "10.0.0.1")[0] == 201
    copy = server.live / "lab.example.zone"
    before = server_status(server)
    os.kill(server.process.pid, signal.SIGSTOP)  # it is not to see the damage before the server has ended
    os.kill(before["pid"], signal.SIGKILL)
    copy.write_text(damage(copy.read_text()))
    os.kill(server.process.pid, signal.SIGCONT)
    bd.wait_for(lambda: server_status(server)["generation"] > before["generation"] and server.is_ready(), "a new server")
    assert bd.addresses(server.dns, "web.lab.example") == ["10.0.0.1"]
    assert server_status(server)["generation"] == before["generation"] + 1  # at the first try


def test_a_damaged_copy_is_mended_before_anything_else_happens(make_server):
    server = make_server().start()
    assert write(server, "web", "10.0.0.1")[0] == 201
    copy = server.live / "lab.example.zone"
    whole = copy.read_text()
    copy.write_text(forged(whole))
    bd.wait_for(lambda: copy.read_text() == whole, "the live copy as it was")
    assert bd.addresses(server.dns, "web.lab.example") == ["10.0.0.1"]


def test_a_copy_that_cannot_be_written_is_said(make_server):
    server = make_server().start()
    assert write(server, "web", "10.0.0.1")[0] == 201
    copy = server.live / "lab.example.zone"
    copy.unlink()
    copy.mkdir()
    (copy / "file").write_text("in the way\n")
    answer = server.register("late", "10.0.0.2", wait="served&timeout=1s")
    why = "the live copy cannot be written: Is a directory"
    assert answer.status == 202 and why in answer.json["reason"], answer
    status = server.status()
    zone = status["zones"][0]
    assert why in status["server"]["reason"] and why in zone["last_error"]["message"], status
    assert [e["message"] for e in zone["errors"]] == [why] and zone["errors"][0]["file"] == str(copy)
    assert bd.addresses(server.dns, "web.lab.example") == ["10.0.0.1"]  # DNS goes on
    shutil.rmtree(copy)
    bd.wait_for(lambda: server.status()["zones"][0]["served_serial"] == zone["serial"], "the change in DNS")
    assert bd.addresses(server.dns, "late.lab.example") == ["10.0.0.2"]
    status = server.status()
    assert status["server"]["reason"] is None and status["zones"][0]["errors"] == []
    kill_server(server)
    assert bd.addresses(server.dns, "late.lab.example") == ["10.0.0.2"]


def test_a_server_is_started_again_though_the_data_directory_is_gone(make_server):
    server = make_server().start()
    assert write(server, "web", "10.0.0.1")[0] == 201
    shutil.rmtree(server.data)
    kill_server(server)
    assert bd.addresses(server.dns, "web.lab.example") == ["10.0.0.1"]
    assert [p.name for p in server.data.glob("child.*")] == [f"child.{server_status(server)['generation']}.lock"]
