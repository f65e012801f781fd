"""What HAProxy and Linux say, read; and what is kept of it."""

import socket
import socketserver
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from cdml.adapters.targets.haproxy import listeners
from cdml.adapters.targets.haproxy.runtime_api import Runtime, Server, servers
from cdml.adapters.targets.haproxy.slots import Held, SlotFolder
from cdml.errors import ConfigurationError, ServiceError

COLUMNS = "# pxname,svname,qcur,scur,status,bck,addr,uweight,\n"
STATISTICS = (
    COLUMNS
    + "models,blue,1,2,UP 1/3,0,127.0.0.1:5001,95,\n"
    + "models,green,0,0,DOWN,0,[::1]:5002,5,\n"
    + "models,sorry,0,0,no check,1,127.0.0.1:5003,1,\n"
    + "other,blue,0,0,UP,0,127.0.0.1:6001,1,\n\n"
)
HELD = Held(version="1", digest="sha256:" + "a" * 64, source="s", fence=3)


@contextmanager
def answering(*answers):
    """Somebody at a Unix socket who gives these answers, one a connection; gives its path."""
    left, asked = list(answers), []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            asked.append(self.rfile.readline().decode().strip())
            self.wfile.write(left.pop(0).encode())

    with tempfile.TemporaryDirectory(prefix="h-") as folder:
        path = f"{folder}/s"
        with socketserver.UnixStreamServer(path, Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            yield Runtime(path), asked
            server.shutdown()
            thread.join()


def test_the_servers_of_a_backend_are_read_from_the_statistics():
    found = servers(STATISTICS, "models")

    assert (
        Server(name="blue", host="127.0.0.1", port=5001, weight=95, up=True, requests=3)
        == found["blue"]
    )
    assert (
        Server(name="green", host="::1", port=5002, weight=5, up=False, requests=0)
        == found["green"]
    )
    assert found["sorry"].backup
    assert found["sorry"].up
    assert ["blue", "green", "sorry"] == list(found)


@pytest.mark.parametrize("status", ["DOWN", "DOWN 1/2", "MAINT", "DRAIN", "NOLB", "MAINT (via x)"])
def test_only_servers_that_get_traffic_are_up(status):
    row = f"models,blue,0,0,{status},0,127.0.0.1:1,1,\n"

    assert not servers(COLUMNS + row, "models")["blue"].up


@pytest.mark.parametrize(
    "said", ["# pxname,svname,\nmodels,blue,\n", COLUMNS + "models,blue,x,0,UP,0,1.1.1.1:1,1,\n"]
)
def test_other_statistics_are_a_service_error(said):
    with pytest.raises(ServiceError, match="cannot be read"):
        servers(said, "models")


def test_a_backend_nobody_knows_is_told_with_the_nearest():
    with (
        answering(STATISTICS, "# name\nmodels\nother\n\n") as (runtime, _),
        pytest.raises(ConfigurationError, match="unknown backend 'modls'; did you mean 'models'"),
    ):
        runtime.servers("modls")


def test_orders_go_out_together_and_are_answered_by_nothing():
    with answering("\n\n") as (runtime, asked):
        runtime.order("models", ("blue", "weight 5"), ("green", "state ready"))

    assert ["set server models/blue weight 5;set server models/green state ready"] == asked


@pytest.mark.parametrize(
    ("said", "kind", "problem"),
    [
        ("Permission denied\n\n", ConfigurationError, "accepts no commands"),
        ("No such server.\n\n", ServiceError, "rejected a command to models: No such server."),
    ],
)
def test_an_order_that_is_refused_is_an_error(said, kind, problem):
    with answering(said) as (runtime, _), pytest.raises(kind, match=problem):
        runtime.order("models", ("blue", "weight 5"))


def test_a_socket_that_is_not_there_is_a_service_error():
    with pytest.raises(ServiceError, match="does not answer at /nowhere/s"):
        Runtime("/nowhere/s", patience=0).state("models")


@pytest.mark.parametrize(
    ("family", "bound", "asked"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET, "0.0.0.0", "127.0.0.1"),  # noqa: S104 - for as long as a test runs
        (socket.AF_INET6, "::1", "::1"),
    ],
)
@pytest.mark.parametrize("answers", [True, False], ids=["asked", "listed"])
def test_a_listener_is_known_for_as_long_as_it_listens(family, bound, asked, answers, monkeypatch):
    if not answers:  # as where a sandbox keeps the question from the kernel
        monkeypatch.setattr(listeners, "_NETLINK_SOCK_DIAG", 31)

    def listening(port=0):
        made = socket.socket(family)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((bound, port))
        made.listen()
        return made

    first = listening()
    port = first.getsockname()[1]
    known = listeners.listener(asked, port)
    assert known == listeners.listener(asked, port) is not None
    assert listeners.is_port_taken(asked, port)
    first.close()
    assert listeners.listener(asked, port) is None
    assert not listeners.is_port_taken(asked, port)
    second = listening(port)
    assert known != listeners.listener(asked, port) is not None
    second.close()


def test_slots_are_written_whole_and_read_by_others(tmp_path):
    slots = SlotFolder(tmp_path / "state", "production/flights")
    with slots.claim(3) as held:
        held["blue"] = HELD

    assert {"blue": HELD} == SlotFolder(tmp_path / "state", "production/flights").read()


def test_older_orders_are_refused_though_the_newer_one_failed(tmp_path):
    slots = SlotFolder(tmp_path, "production/flights")

    def fail():
        with slots.claim(5) as held:
            held["blue"] = HELD
            raise ServiceError("HAProxy does not answer.")

    with pytest.raises(ServiceError, match="does not answer"):
        fail()
    assert {} == slots.read()
    with pytest.raises(ServiceError, match="fencing token 4, as it has 5"):
        slots.claim(4).__enter__()
    with slots.claim(5):
        pass


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "state").write_text("a file")
    with pytest.raises(ServiceError, match="cannot be written") as caught:
        SlotFolder(tmp_path / "state", "production/flights").claim(1).__enter__()

    assert "deploy.target.state" in caught.value.hint


def test_one_claim_waits_for_another(tmp_path):
    slots, order = SlotFolder(tmp_path, "production/flights"), []

    def second():
        with slots.claim(1):
            order.append("second")

    with slots.claim(1):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join(10)

    assert ["first", "second"] == order
    assert Path(tmp_path / "slots.json").exists()
