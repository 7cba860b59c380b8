"""The sockets on which the server listens."""

from __future__ import annotations

import socket

from waitress.adjustments import Adjustments

_BACKLOG = 1024


def bind(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on all addresses of a host; raise OSError if one cannot."""
    listening = []
    for family, kind, protocol, address in Adjustments(host=host, port=port).listen:
        listener = socket.socket(family, kind, protocol)
        listening.append(listener)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        # Processes that share a socket all hear of a connection, and only one of them gets it.
        listener.settimeout(0)
    return listening
