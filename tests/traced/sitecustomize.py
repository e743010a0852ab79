"""Writes down where this process connects to beyond this machine; tests/conftest.py puts it on every child's path."""

import ipaddress
import os
import sys
from typing import Any

LOG = "TRACED_CONNECTIONS"
LOCAL = ("localhost", "", "0.0.0.0", "::")


def beyond(host: Any) -> bool:
    """Whether a name or an address is one of another machine."""
    if host is None or isinstance(host, int):
        return False
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in LOCAL:
        return False
    try:
        return not ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return True


def heard(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook: look-ups by name, connections and datagrams."""
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) and len(address) >= 2 else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if beyond(host):
        with open(os.environ[LOG], "a") as log:  # noqa: PTH123  (as early and as little as possible)
            log.write(f"{event} {host} by {' '.join(sys.argv[:3])}\n")


if LOG in os.environ:
    sys.addaudithook(heard)
