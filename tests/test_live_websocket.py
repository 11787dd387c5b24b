"""The WebSocket server, with the client of `websockets`: what receivers get, who may connect, and who falls behind."""

import json
import socket
import time

import numpy as np
import pytest
from conftest import skip_without

skip_without("live")

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from phonolips.errors import InputError
from phonolips.live.frame import LiveFrame
from phonolips.live.sinks import open_sink
from phonolips.live.websocket import MOST_WAITING_BYTES, WebSocketServer
from phonolips.model.network import load_network


def a_frame(index=0) -> LiveFrame:
    posteriors = np.full((4, 40), 1 / 40, np.float32)
    return LiveFrame(index, (index + 0.5) / 25, np.zeros((40, 2), np.float32), 25.0, (), posteriors, np.zeros(3))


@pytest.fixture
def server():
    made = WebSocketServer("127.0.0.1", 0, {"format": "phonolips-live"}, ["https://example.org"])
    yield made
    made.close()


def joined(server, count=1, **options):
    """Connect, and wait until the server counts so many receivers; return the connection and what came first."""
    connection = connect(f"ws://127.0.0.1:{server.port}", compression=None, **options)
    first = json.loads(connection.recv(5))
    late = time.monotonic() + 5
    while len(server._receivers) < count and time.monotonic() < late:
        time.sleep(0.005)
    assert len(server._receivers) == count
    return connection, first


def test_every_receiver_gets_what_frames_are_and_then_each_of_them(server):
    server.send(a_frame(9))  # to nobody
    one, first = joined(server)
    assert first == {"format": "phonolips-live"}
    server.send(a_frame(0))
    two, _ = joined(server, 2)
    server.send(a_frame(1))
    one.send("what receivers say is ignored")
    server.send(a_frame(2))
    assert [json.loads(one.recv(5))["frame"] for _ in range(3)] == [0, 1, 2]
    assert [json.loads(two.recv(5))["frame"] for _ in range(2)] == [1, 2]
    two.close()
    server.send(a_frame(3))
    assert json.loads(one.recv(5))["frame"] == 3
    one.close()
    assert server.dropped == 0


def test_who_does_not_read_loses_frames_and_holds_up_nobody(server):
    reading, _ = joined(server)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", server.port))
    raw.sendall(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    late = time.monotonic() + 5
    while len(server._receivers) < 2 and time.monotonic() < late:
        time.sleep(0.005)
    longest, count = 0.0, 0
    while not server.dropped and count < 5_000:  # until what the system keeps for it is full
        before = time.monotonic()
        server.send(a_frame(count))
        longest = max(longest, time.monotonic() - before)
        assert json.loads(reading.recv(5))["frame"] == count
        count += 1
    assert server.dropped
    assert longest < 1
    waiting = [each.transport.get_write_buffer_size() for each in server._receivers]
    assert max(waiting) < 2 * MOST_WAITING_BYTES
    reading.close()
    raw.close()


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        (None, True),
        ("http://localhost:8000", True),
        ("https://127.0.0.1", True),
        ("http://[::1]:5173", True),
        ("https://example.org", True),
        ("https://example.com", False),
        ("http://localhost.example.com", False),
        ("null", False),
    ],
)
def test_of_web_pages_only_those_of_this_machine_and_named_ones_may_connect(server, origin, may):
    if may:
        joined(server, origin=origin)[0].close()
        return
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{server.port}", origin=origin)
    assert refused.value.response.status_code == 403


def test_it_listens_on_this_machine_alone_and_says_so_where_it_cannot(server):
    assert {each.getsockname()[0] for each in server._server.sockets} == {"127.0.0.1"}
    with pytest.raises(InputError, match=rf"^`to` websocket:{server.port}: cannot listen at 127.0.0.1, port") as caught:
        open_sink(f"websocket:{server.port}", speaker=load_network().lip_speaker(None), fps=25.0)
    assert "\n" not in str(caught.value)


def test_the_end_closes_connections_and_frees_the_port():
    made = WebSocketServer("127.0.0.1", 0, {})
    connection, _ = joined(made)
    port = made.port
    made.close()
    with pytest.raises(Exception, match="received 1001"):
        connection.recv(5)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
