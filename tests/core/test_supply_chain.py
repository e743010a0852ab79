"""The lock files name all that is required, for every system, by hash, and no place to take it from."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
SYSTEMS = {
    "Linux": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    "Linux on ARM": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
    "macOS": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
    "Windows": {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"},
}
OF_TORCH = re.compile(r"torch|torchvision|triton|nvidia-.*|cuda-.*")


def locked(name: str) -> list[tuple[Requirement, list[str]]]:
    """Every package of a lock file with its hashes."""
    blocks = (ROOT / f"{name}.lock").read_text().replace("\\\n", " ").splitlines()
    found = []
    for block in blocks:
        requirement, *hashes = block.split(" --hash=")
        found.append((Requirement(requirement.strip()), [each.strip() for each in hashes]))
    return found


def required(*extras: str) -> list[Requirement]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    optional = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    return [Requirement(line) for line in [*filter(None, lines), *(each for name in extras for each in optional[name])]]


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(("name", "extras"), [("requirements", ()), ("requirements-test", ("test",))])
def test_every_requirement_is_locked_at_a_version_it_allows(name: str, extras: tuple[str, ...], system: str) -> None:
    environment = {"python_version": "3.11", "python_full_version": "3.11.7", "extra": "", **SYSTEMS[system]}
    pins = {
        canonicalize_name(pin.name): next(iter(pin.specifier)).version
        for pin, _ in locked(name)
        if pin.marker is None or pin.marker.evaluate(environment)
    }
    for requirement in required(*extras):
        assert pins.get(canonicalize_name(requirement.name)) in requirement.specifier, f"run make lock: {requirement}"


LOCKS = ("requirements", "requirements-test", "requirements-cpu", "requirements-test-cpu")


@pytest.mark.parametrize("name", LOCKS)
def test_every_file_is_known_by_its_hash_and_by_nothing_else(name: str) -> None:
    assert "://" not in (ROOT / f"{name}.lock").read_text()
    for pin, hashes in locked(name):
        (only,) = pin.specifier
        assert only.operator == "==" and hashes
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in hashes)


@pytest.mark.parametrize("name", ["requirements", "requirements-test"])
def test_the_lock_without_torch_is_the_lock_less_torch(name: str) -> None:
    whole = {str(pin): hashes for pin, hashes in locked(name)}
    rest = {str(pin): hashes for pin, hashes in locked(f"{name}-cpu")}
    assert rest == {pin: each for pin, each in whole.items() if not OF_TORCH.fullmatch(Requirement(pin).name)}
    assert rest.keys() < whole.keys()


def test_the_tests_run_on_what_people_install() -> None:
    alone, tested = ({str(pin): each for pin, each in locked(name)} for name in LOCKS[:2])
    assert alone.items() <= tested.items()


def test_ci_and_dependabot_are_well_formed_and_ask_for_targets_there_are() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    asked = {
        step["run"].removeprefix("make ").strip()
        for job in jobs.values()
        for step in job["steps"]
        if step.get("run", "").startswith("make ")
    }
    assert {"test", "audit", "sbom"} <= asked <= targets
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    assert {each["package-ecosystem"] for each in updates} == {"pip", "github-actions", "docker"}
