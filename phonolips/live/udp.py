"""Datagrams to one address: what OSC, VMC and Live Link Face share."""

import socket

from phonolips.errors import InputError
from phonolips.live.sinks import parse_address

# What fits a datagram that no network on the way cuts into pieces: Ethernet's 1500 bytes less 20 of IPv4 and 8 of UDP.
LARGEST = 1472


class Datagrams:
    """A socket that sends to one address; nobody need be there.

    Args:
        address: HOST:PORT or a part of it, as `live.sinks.parse_address` reads it.
        port: the usual one.
        host: where the address names none.

    Raises:
        InputError: the address is not one, or no such host.
        OSError: the system refuses, as it does broadcast addresses.
    """

    def __init__(self, address: str, port: int, host: str) -> None:
        name, number = parse_address(address, port, host)
        try:
            family, kind, protocol, _, where = socket.getaddrinfo(name, number, type=socket.SOCK_DGRAM)[0]
        except (socket.gaierror, UnicodeError) as error:
            raise InputError(f"no host {name!r}; expected a name or number such as 127.0.0.1:{port}") from error
        self._socket = socket.socket(family, kind, protocol)
        try:
            self._socket.connect(where)  # so that the system says where nobody listens
        except OSError:
            self._socket.close()
            raise

    def send(self, datagram: bytes) -> None:
        """Send one datagram; raise OSError where nobody on this machine listened to the one before.

        The system then has not sent this one, so it is sent again: whoever listens by now gets it, and every datagram
        that nobody got is told of once, one later.
        """
        try:
            self._socket.send(datagram)
        except ConnectionRefusedError:
            self._socket.send(datagram)
            raise

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
