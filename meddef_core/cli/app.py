"""`meddef app`: the dashboard on this machine."""

import os
import socket
import subprocess
import sys
from typing import Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import JsonFlag
from meddef_core.cli.output import emit
from meddef_core.errors import MedDefError
from meddef_core.io.places import app_script, app_settings
from meddef_core.text import Text

EVERYWHERE = "0.0.0.0"
"""Address to listen at with --classroom, so that phones in this network can connect."""


def run_app(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8501,
    classroom: Annotated[
        bool, typer.Option("--classroom", help="Let phones in this network join a class; asks for a teacher's PIN.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Start the dashboard on this machine; Ctrl-C stops it."""
    script = app_script()
    if not script.is_file():
        raise MedDefError(
            Text("cli.dashboard-not-installed", "The dashboard is not installed beside the library; reinstall MedDef.")
        )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((EVERYWHERE if classroom else "127.0.0.1", port))
        except OSError as error:
            raise MedDefError(
                Text(
                    "cli.port-not-usable",
                    "Port {port} cannot be used ({reason}); choose another with --port.",
                    port=port,
                    reason=error.strerror,
                )
            ) from error
    url = f"http://127.0.0.1:{port}"
    document, said = {"url": url}, [f"The dashboard starts at {url}"]
    variables: dict[str, str] = {}
    if classroom:
        from meddef_core.cli import classroom as room  # here, for psutil and segno
        from meddef_core.settings import settings

        variables, address = room.environment(settings(), port=port)
        document["classroom_url"] = address
        said += room.announcement(address, port=port)
    emit(document, said, as_json=as_json)
    sys.stdout.flush()
    # Streamlit reads .streamlit/config.toml of its working directory. Its own greeting is no part of our document.
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    if classroom:
        command += ["--server.address", EVERYWHERE]
    if _can_open_browser():
        command += ["--server.headless", "false", "--server.showEmailPrompt", "false"]
    code = subprocess.call(command, cwd=app_settings(), stdout=sys.stderr, env=os.environ | variables)
    raise typer.Exit(code)


def _can_open_browser() -> bool:
    """True where a person is at a terminal of a machine with a screen: there the dashboard opens by itself."""
    has_screen = not sys.platform.startswith("linux") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    return has_screen and sys.stdout.isatty()


ORDER = 260
COMMANDS = (Command("app", run_app),)
