"""The files of deploy/ are well formed, name only settings there are, and confine what they start."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from meddef_core.settings import CONFIG, Settings, variable

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
MOST_EXPOSURE = 2.0
"""Of systemd's scale from 0 to 10; "OK" ends at 5."""


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", "meddef.service", "nginx.conf", "Caddyfile"])
def test_every_setting_that_is_named_exists(name: str) -> None:
    known = {CONFIG, "MEDDEF_HOST", *map(variable, Settings.model_fields)}
    named = set(re.findall(r"MEDDEF_[A-Z_]+", (DEPLOY / name).read_text()))
    if "pacs_url" not in Settings.model_fields:  # before the commands that speak to a PACS
        named = {each for each in named if not each.startswith("MEDDEF_PACS_")}
    assert named and named <= known


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    program = shutil.which("hadolint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert program, "install the test requirements"
    done = subprocess.run([program, str(DEPLOY / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_runs_as_nobody_checks_its_health_and_installs_by_hash() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    stages = text.split("\nFROM ")
    assert re.search(r"^USER 10001:10001$", stages[-1], flags=re.MULTILINE) and "HEALTHCHECK" in stages[-1]
    assert ":latest" not in text and text.count("--require-hashes") == 2
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = re.search(r"^COPY (.*) \./$", text, flags=re.MULTILINE)
    assert copied
    for path in copied[1].split():
        assert (ROOT / path).is_file()
        assert not path.startswith("deploy/") or f"!{path}" in ignored


def test_every_container_can_do_no_more_than_it_needs(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"] and service["mem_limit"], name
        assert all(mount.split(":")[1].split(",")[0].startswith("size=") for mount in service["tmpfs"]), name
        assert not service.get("privileged") and "network_mode" not in service, name
        assert ("ports" in service) == (name == "proxy"), name
    assert services["meddef"]["memswap_limit"] == services["meddef"]["mem_limit"]


def test_the_dashboard_has_no_way_out(services: dict[str, dict[str, Any]]) -> None:
    networks = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["networks"]
    assert all(networks[name].get("internal") for name in services["meddef"]["networks"])
    assert all(networks[name].get("internal") for name in services["database"]["networks"])


def test_the_passwords_are_in_no_file_that_git_keeps() -> None:
    example = dict(
        line.split("=", 1)
        for line in (DEPLOY / "example.env").read_text().splitlines()
        if "=" in line and line[0] != "#"
    )
    assert {name for name, value in example.items() if value} == {"MEDDEF_HOST"}
    asked = set(re.findall(r"\$\{([A-Z_]+)[:}]", (DEPLOY / "compose.yaml").read_text()))
    assert asked == example.keys()
    assert "deploy/.env" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.skipif(shutil.which("caddy") is None, reason="needs caddy: apt-get install caddy")
def test_caddy_takes_the_configuration_of_the_containers(tmp_path: Path) -> None:
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    text = document["configs"]["caddyfile"]["content"].replace("$$", "$")
    (tmp_path / "Caddyfile").write_text(text)
    done = subprocess.run(
        ["caddy", "adapt", "--config", str(tmp_path / "Caddyfile")],
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "MEDDEF_HOST": "meddef.example.org", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "meddef.example.org" in done.stdout, done.stderr
    alone = (DEPLOY / "Caddyfile").read_text()
    for directive in ("max_size 22MB", "respond /_stcore/metrics 404", "Strict-Transport-Security", "Referrer-Policy"):
        assert directive in text and directive in alone


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze: apt-get install systemd")
def test_systemd_takes_the_unit_and_finds_it_confined(tmp_path: Path) -> None:
    unit = tmp_path / "meddef.service"
    text = (DEPLOY / "meddef.service").read_text()
    program = re.search(r"^ExecStart=(\S+)", text, flags=re.MULTILINE)
    assert program
    unit.write_text(text.replace(program[1], shutil.which("true") or "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "meddef.service" not in done.stderr, done.stderr
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)], capture_output=True, text=True, check=False
    )
    found = re.search(r"Overall exposure level for meddef.service: ([0-9.]+)", done.stdout)
    if found is None:
        pytest.skip("this systemd-analyze judges no unit without a running systemd")
    assert float(found[1]) < MOST_EXPOSURE
