"""A server that all tests of a file share, emptied for each of them, and settings that name it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from orthanc_server import Orthanc, skip_without

from meddef_core.pacs.client import Pacs, open_pacs


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    skip_without("Orthanc")
    orthanc = Orthanc(tmp_path_factory.mktemp("orthanc"))
    orthanc.start()
    yield orthanc
    orthanc.stop()


@pytest.fixture
def orthanc(server: Orthanc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Orthanc]:
    """The server, empty, and the settings of this process set to it."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("MEDDEF_PACS_TOKEN", "MEDDEF_PACS_CA_FILE", "MEDDEF_PACS_AUDIT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield server
    server.clear()


@pytest.fixture
def pacs(orthanc: Orthanc) -> Pacs:
    return open_pacs()
