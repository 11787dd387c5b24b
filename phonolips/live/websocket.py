"""A WebSocket server: whoever connects is sent what the frames are, and then each frame, as JSON.

What it sends is, in effect, what is being said; so it listens on this machine alone unless it is told otherwise, and of
web pages only those that this machine serves may connect.
"""

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Sequence
from concurrent.futures import TimeoutError as LateError
from typing import TYPE_CHECKING, Any

from phonolips.errors import InputError
from phonolips.extras import need
from phonolips.live.frame import LiveFrame
from phonolips.live.lines import as_line, frame_object, header
from phonolips.live.sinks import LOOPBACK, parse_address
from phonolips.model.speakers import LipSpeaker

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

PORT = 8765  # the one of the examples of `websockets`
MOST_WAITING_BYTES = 50_000  # for one receiver; some 15 frames, half a second. More is kept from one that does not read
# Web pages that this machine serves; programs that are no browsers name no origin.
LOCAL_PAGES = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
LATE_SECONDS = 2.0  # for the server's own thread to do what is asked of it


class WebSocketServer:
    """Serves frames to any number of receivers, none of which can hold up another.

    Args:
        host: address to listen at.
        port: 0 = any that is free.
        first: what each receiver is sent first.
        origins: web pages that may connect, as browsers name them, besides LOCAL_PAGES.

    Raises:
        MissingToolError: websockets is not installed.
        OSError: the address is taken, or not ours.
    """

    def __init__(self, host: str, port: int, first: dict[str, Any], origins: Sequence[str] = ()) -> None:
        need("live", "a WebSocket server")
        self._host, self._port, self._first = host, port, as_line(first)
        self._origins: list[Any] = [None, LOCAL_PAGES, *origins]
        self._receivers: set[ServerConnection] = set()
        self.dropped = 0  # frames that a receiver was not sent, since it did not read those before
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="websocket", daemon=True)
        self._thread.start()
        try:
            self._server = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result()
        except BaseException:
            self._end_loop()
            raise
        self.port: int = self._server.sockets[0].getsockname()[1]

    def send(self, frame: LiveFrame) -> None:
        """Send a frame to all who are connected and read; raise OSError where the server does not get to it."""
        if not self._receivers:
            return
        text = as_line(frame_object(frame))
        try:
            asyncio.run_coroutine_threadsafe(self._send(text), self._loop).result(LATE_SECONDS)
        except LateError:
            raise OSError("the server is too busy to send") from None

    def close(self) -> None:
        """Say goodbye to all receivers, and free the port."""
        self._server.close()
        with contextlib.suppress(LateError):
            asyncio.run_coroutine_threadsafe(self._server.wait_closed(), self._loop).result(LATE_SECONDS)
        self._end_loop()

    async def _serve(self) -> Any:
        from websockets.asyncio.server import serve

        logging.getLogger("websockets.server").setLevel(logging.CRITICAL)  # a port scan is no news
        return await serve(
            self._receive, self._host, self._port, origins=self._origins, compression=None, close_timeout=0.5
        )

    async def _receive(self, connection: "ServerConnection") -> None:
        """Serve one receiver until it leaves; what it sends is ignored."""
        await connection.send(self._first)
        self._receivers.add(connection)
        try:
            async for _ in connection:
                pass
        finally:
            self._receivers.discard(connection)

    async def _send(self, text: str) -> None:
        from websockets.asyncio.server import broadcast

        ready = [each for each in self._receivers if each.transport.get_write_buffer_size() <= MOST_WAITING_BYTES]
        self.dropped += len(self._receivers) - len(ready)
        broadcast(ready, text)

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LATE_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()


def open_websocket(
    address: str,
    *,
    speaker: LipSpeaker,
    fps: float,
    host: str = LOOPBACK,
    delay_seconds: float | None = None,
    origins: Sequence[str] = (),
    **_: object,
) -> WebSocketServer:
    """Open a server at `[HOST:]PORT`, 127.0.0.1:8765 unless told otherwise.

    Raises:
        InputError: no such address, or not one of this machine.
        MissingToolError: websockets is not installed.
        OSError: the system refuses.
    """
    where, port = parse_address(address, PORT, host)
    try:
        return WebSocketServer(where, port, header(speaker, fps, delay_seconds), origins)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"`to` websocket:{address}: cannot listen at {where}, port {port}: {reason}") from error
