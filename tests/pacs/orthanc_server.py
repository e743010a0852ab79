"""A real Orthanc with its DICOMweb plugin, on loopback, with a database of its own."""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
import requests

PLUGINS = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc", "/usr/local/share/orthanc/plugins")
USER, PASSWORD = "reader", "pa ss:wörd"
START_SECONDS = 60.0

NEEDED = {"Orthanc": "orthanc and orthanc-dicomweb", "dciodvfy": "dicom3tools", "dsrdump": "dcmtk"}


def plugin() -> Path | None:
    """The plugin's library, where it is installed."""
    return next((found for folder in PLUGINS if (found := _library(Path(folder))) is not None), None)


def _library(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob("libOrthancDicomWeb.so*"))), None)


def skip_without(program: str) -> None:
    """Skip where a program is missing, and say which package brings it."""
    if shutil.which(program) is None or (program == "Orthanc" and plugin() is None):
        pytest.skip(f"needs {program}: install the Debian packages {NEEDED[program]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Orthanc:
    """One server that can be stopped and started again on the same port and database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.root = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.root}/dicom-web"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "orthanc.json").write_text(json.dumps(self._settings()))

    def _settings(self) -> dict[str, object]:
        return {
            "Name": "tests",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "storage"),
            "Plugins": [str(plugin())],
            "HttpPort": self.port,
            "RemoteAccessAllowed": False,
            "DicomServerEnabled": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: PASSWORD},
            "OverwriteInstances": False,
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }

    @property
    def environment(self) -> dict[str, str]:
        """The settings by which MedDef finds it."""
        return {"MEDDEF_PACS_URL": self.url, "MEDDEF_PACS_USER": USER, "MEDDEF_PACS_PASSWORD": PASSWORD}

    def start(self) -> None:
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [shutil.which("Orthanc") or "Orthanc", str(self.folder / "orthanc.json")],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                requests.get(f"{self.root}/system", auth=self._auth, timeout=2).raise_for_status()
            except requests.RequestException:
                time.sleep(0.1)
            else:
                return
        pytest.fail(f"Orthanc did not start:\n{(self.folder / 'log.txt').read_text()}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)
            self._process = None

    @property
    def _auth(self) -> tuple[bytes, bytes]:
        return USER.encode(), PASSWORD.encode()

    # ---- what a test looks at behind MedDef's back ---------------------------------------------------------------

    def put(self, data: bytes) -> None:
        """Store a file through Orthanc's own interface."""
        requests.post(f"{self.root}/instances", data=data, auth=self._auth, timeout=60).raise_for_status()

    def instances(self) -> list[dict[str, str]]:
        """The main tags of every instance it holds."""
        answer = requests.get(f"{self.root}/instances?expand", auth=self._auth, timeout=60)
        answer.raise_for_status()
        return [{"orthanc": each["ID"], **each["MainDicomTags"]} for each in answer.json()]

    def file(self, orthanc_id: str) -> bytes:
        answer = requests.get(f"{self.root}/instances/{orthanc_id}/file", auth=self._auth, timeout=60)
        answer.raise_for_status()
        return answer.content

    def files(self) -> list[bytes]:
        """Every file it holds."""
        return [self.file(each["orthanc"]) for each in self.instances()]

    def clear(self) -> None:
        for patient in requests.get(f"{self.root}/patients", auth=self._auth, timeout=60).json():
            requests.delete(f"{self.root}/patients/{patient}", auth=self._auth, timeout=60).raise_for_status()
