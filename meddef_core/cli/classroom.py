"""What `meddef app --classroom` finds out before it starts: the teacher's PIN, and where phones reach this machine."""

import io
import ipaddress
import socket
import sys

import psutil
import segno
import typer

from meddef_core.errors import MedDefError
from meddef_core.settings import Settings, variable
from meddef_core.text import Text

SHORTEST_PIN = 6
TRIES = 3


def addresses() -> tuple[str, ...]:
    """IPv4 addresses of this machine in its networks, private ones first; MedDefError where it is in none.

    The system is asked, and no other machine.
    """
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    found = [
        ipaddress.IPv4Address(each.address)
        for name, listed in psutil.net_if_addrs().items()
        for each in listed
        if name in up and each.family == socket.AF_INET
    ]
    usable = [each for each in found if not (each.is_loopback or each.is_link_local or each.is_unspecified)]
    if not usable:
        raise MedDefError(
            Text(
                "cli.classroom-no-network",
                "This machine is in no network that phones could reach it by; connect it to one.",
            )
        )
    return tuple(map(str, sorted(set(usable), key=lambda each: (not each.is_private, each))))


def pin(now: Settings) -> str:
    """The teacher's PIN: as set, else as typed; MedDefError where nobody is there to type it."""
    if now.classroom_pin is not None:
        return now.classroom_pin.get_secret_value()
    if not sys.stdin.isatty():
        raise MedDefError(
            Text(
                "cli.classroom-needs-pin",
                "A classroom needs a teacher's PIN; set {variable} or start at a terminal.",
                variable=variable("classroom_pin"),
            )
        )
    for _ in range(TRIES):
        typed: str = typer.prompt(f"Teacher's PIN ({SHORTEST_PIN} characters or more)", hide_input=True, err=True)
        if len(typed) >= SHORTEST_PIN:
            return typed
    raise MedDefError(
        Text("cli.classroom-pin-short", "A PIN has {least} characters or more; start again.", least=SHORTEST_PIN)
    )


def environment(now: Settings, *, port: int) -> tuple[dict[str, str], str]:
    """Variables for the server, and the address of the phone page.

    The server then answers to the addresses of this machine besides the names that are set.
    """
    here = addresses()
    url = now.classroom_url or f"http://{here[0]}:{port}/class"
    variables = {
        variable("classroom"): "true",
        variable("classroom_pin"): pin(now),
        variable("classroom_url"): url,
        variable("hosts"): ",".join(dict.fromkeys((*now.hosts, *here))),
    }
    return variables, url


def announcement(url: str, *, port: int) -> list[str]:
    """What a terminal shows: that others can connect, both addresses, and the QR code of the students'."""
    drawn = io.StringIO()
    segno.make(url, error="m").terminal(out=drawn, compact=True)
    return [
        "Classroom: this server listens to the whole network, not to this machine alone.",
        f"The teacher opens http://127.0.0.1:{port}/class/teacher",
        f"Students open {url}",
        "They reach the page of their class only. Every other page asks for the teacher's PIN.",
        *drawn.getvalue().splitlines(),
    ]
