"""`meddef app --classroom` before it starts: the PIN, the addresses, and what the server is told."""

import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from served import free_port

from meddef_core.cli import classroom
from meddef_core.errors import MedDefError
from meddef_core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def card(*addresses: str, up: bool = True) -> tuple[dict[str, object], dict[str, object]]:
    """A network card as psutil describes it."""
    listed = [SimpleNamespace(family=socket.AF_INET, address=address) for address in addresses]
    return {"card": listed}, {"card": SimpleNamespace(isup=up)}


def machine(monkeypatch: pytest.MonkeyPatch, *addresses: str, up: bool = True) -> None:
    found, state = card(*addresses, up=up)
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: found)
    monkeypatch.setattr(psutil, "net_if_stats", lambda: state)


def test_only_addresses_that_a_phone_can_reach_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, "127.0.0.1", "169.254.1.1", "8.8.8.8", "192.168.1.7", "0.0.0.0")
    assert classroom.addresses() == ("192.168.1.7", "8.8.8.8")
    machine(monkeypatch, "192.168.1.7", up=False)
    with pytest.raises(MedDefError, match="in no network"):
        classroom.addresses()


def test_this_machine_is_asked_and_no_other() -> None:
    """tests/conftest.py fails where another machine is asked."""
    try:
        found = classroom.addresses()
    except MedDefError:
        return
    assert all(not ipaddress.ip_address(each).is_loopback for each in found)


def test_the_server_is_told_its_addresses_beside_the_names_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, "192.168.1.7", "10.0.0.2")
    monkeypatch.setenv("MEDDEF_CLASSROOM_PIN", "135790")
    monkeypatch.setenv("MEDDEF_HOSTS", "class.example.org")
    variables, url = classroom.environment(Settings(), port=8600)
    assert url == "http://10.0.0.2:8600/class"
    assert variables["MEDDEF_HOSTS"] == "class.example.org,10.0.0.2,192.168.1.7"
    assert variables["MEDDEF_CLASSROOM"] == "true" and variables["MEDDEF_CLASSROOM_PIN"] == "135790"
    monkeypatch.setenv("MEDDEF_CLASSROOM_URL", "https://class.example.org/class")
    assert classroom.environment(Settings(), port=8600)[1] == "https://class.example.org/class"


def test_the_terminal_says_who_can_connect_and_shows_a_qr_code() -> None:
    first, second, third, fourth, *code = classroom.announcement("http://10.0.0.2:8501/class", port=8501)
    assert "whole network" in first and "http://127.0.0.1:8501/class/teacher" in second
    assert "http://10.0.0.2:8501/class" in third and "PIN" in fourth
    assert len(code) > 10 and len({len(line) for line in code if line}) <= 2


def test_without_a_pin_and_a_terminal_nothing_starts() -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MEDDEF_")}
    command = [sys.executable, "-c", "from meddef_core.cli import main; main()", "app", "--classroom"]
    done = subprocess.run(
        [*command, "--port", str(free_port())],
        env=clean | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert "MEDDEF_CLASSROOM_PIN" in done.stderr or "in no network" in done.stderr


def test_by_default_the_server_stays_on_this_machine(tmp_path: Path) -> None:
    """Off by default: the app listens to the loopback address alone, and there is no page of a class."""
    port = free_port()
    command = [sys.executable, "-c", "from meddef_core.cli import main; main()", "app", "--json", "--port", str(port)]
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        assert process.stdout is not None
        try:
            document = b"".join(iter(process.stdout.readline, b"}\n")) + b"}"
            assert set(json.loads(document)) == {"url"}
            end = time.monotonic() + 300
            while not (found := listening(process.pid, port)) and time.monotonic() < end:
                time.sleep(0.5)
            assert found == {"127.0.0.1"}
        finally:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def listening(pid: int, port: int) -> set[str]:
    """Addresses that a process or its children listen to at that port."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return {
        each.laddr.ip
        for process in family
        for each in process.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.laddr.port == port
    }
