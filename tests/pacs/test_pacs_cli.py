"""`meddef pacs ...` on a real server."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from orthanc_server import PASSWORD, Orthanc, free_port
from pacs_files import film, save, study_of, volume, written

from meddef_core.cli.entry import main
from meddef_core.settings import settings


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def pacs_command(
    orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    monkeypatch.setenv("MEDDEF_PACS_STABLE", "0")
    monkeypatch.delenv("MEDDEF_DATA_DIR", raising=False)

    def call(*arguments: object) -> Result:
        with pytest.raises(SystemExit) as caught:
            main(["pacs", *map(str, arguments)])
        return Result(int(caught.value.code or 0), *capsys.readouterr())

    return call


Run = Callable[..., Result]


def test_send_find_and_get_give_the_file_back(pacs_command: Run, orthanc: Orthanc, tmp_path: Path) -> None:
    path = save(study_of(7, film()), tmp_path / "film.dcm")
    assert pacs_command("send", path, "--json").document == {"sent": 1}
    (study,) = pacs_command("find", "--date", "20240201-20240301", "--modality", "cr", "--json").document["studies"]
    assert (study["uid"], study["patient_id"], study["images"]) == ("1.2.826.0.1.7", "P7", 1)
    assert pacs_command("find", "--patient-id", "P8", "--json").document == {"studies": []}
    inside = pacs_command("find", "--study", study["uid"], "--json").document
    assert [each["modality"] for each in inside["series"]] == ["CR"] and len(inside["instances"]) == 1
    assert "1.2.826.0.1.7.1.1" in pacs_command("find", "--study", study["uid"]).out
    folder = tmp_path / "out"
    folder.mkdir()
    (got,) = pacs_command("get", "--study", study["uid"], "--output", folder, "--json").document["files"]
    assert Path(got).read_bytes() == path.read_bytes() and Path(got).name == "1.2.826.0.1.7.1.1.dcm"


def test_read_gives_a_record_for_each_frame(pacs_command: Run, orthanc: Orthanc) -> None:
    orthanc.put(written(study_of(1, volume(3, (256, 256)))))
    document = pacs_command("read", "--study", "1.2.826.0.1.1", "--task", "oct", "--json").document
    assert document["kind"] == "collection" and [r["scan"]["frame"] for r in document["records"]] == [1, 2, 3]
    said = pacs_command("read", "--study", "1.2.826.0.1.1", "--task", "oct").out
    assert "frame 3: " in said and "not a diagnosis" in said
    assert len(orthanc.instances()) == 1  # nothing is stored


def test_read_is_what_predict_says_of_the_same_file(
    pacs_command: Run, orthanc: Orthanc, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(study_of(1, film()), tmp_path / "film.dcm")
    orthanc.put(path.read_bytes())
    found = pacs_command("read", "--study", "1.2.826.0.1.1", "--task", "chest", "--json").document
    with pytest.raises(SystemExit):
        main(["predict", str(path), "--task", "chest", "--json"])
    expected = json.loads(capsys.readouterr().out)
    assert {**found, "created": ""} == {**expected, "created": "", "numbers": found["numbers"]}
    assert found["numbers"]["logits"] == pytest.approx(expected["numbers"]["logits"], abs=1e-4)


def test_watch_once_says_what_it_did(pacs_command: Run, orthanc: Orthanc, tmp_path: Path) -> None:
    orthanc.put(written(study_of(1, volume(2, (256, 256)))))
    result = pacs_command("watch", "--once", "--days", "0", "--task", "oct", "--json")
    assert result.document == {"listed": 1, "finished": 1, "waiting": 0, "failed": 0}
    assert "Ledger: sqlite:///" in result.err and str(tmp_path / "state") in result.err
    assert len(orthanc.instances()) == 3
    assert pacs_command("watch", "--once", "--days", "0", "--task", "oct").out.startswith("1 studies listed, 0 worked")
    assert "--days 0 takes every study" in pacs_command("watch", "--once", "--task", "oct").err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("find", "--date", "yesterday"), "YYYYMMDD"),
        (("find", "--study", "../x"), "is no UID"),
        (("read", "--study", "1.2.3", "--task", "chest"), "holds no such object"),
        (("read", "--study", "1.2.3", "--task", "knee"), "no task"),
        (("get", "--study", "1.2.3", "--output", "/nowhere/at/all"), "does not exist"),
        (("send", __file__), "not a DICOM file"),
        (("watch", "--task", "knee"), "no task"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(pacs_command: Run, arguments: tuple[str, ...], part: str) -> None:
    result = pacs_command(*arguments)
    assert result.code == 2 and result.out == "" and part in result.err
    assert result.err.count("\n") == 1 and result.err.endswith(".\n")


def test_a_study_without_a_scan_of_the_task_is_one_sentence(pacs_command: Run, orthanc: Orthanc) -> None:
    orthanc.put(written(study_of(1, film())))
    result = pacs_command("read", "--study", "1.2.826.0.1.1", "--task", "oct")
    assert result.code == 2 and "holds no scan for the task oct" in result.err


def test_a_server_that_is_away_is_one_sentence(pacs_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDEF_PACS_URL", f"http://127.0.0.1:{free_port()}/dicom-web")
    result = pacs_command("find")
    assert result.code == 2 and "cannot be reached" in result.err and PASSWORD not in result.err


# ---- secrets -------------------------------------------------------------------------------------------------------


def test_doctor_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("MEDDEF_PACS_PASSWORD", "s3cret")
    monkeypatch.setenv("MEDDEF_PACS_LEDGER", "postgresql://u:s3cret@db/x")
    for arguments in (["doctor"], ["doctor", "--json"]):
        with pytest.raises(SystemExit):
            main(arguments)
        out, err = capsys.readouterr()
        assert "s3cret" not in out + err and "set, not shown" in out
    assert "s3cret" not in repr(settings())


@pytest.mark.parametrize("value", ["http://u:s3cret@host/x", "ftp://u:s3cret@host"])
def test_a_setting_that_is_refused_is_not_repeated(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("MEDDEF_PACS_URL", value)
    with pytest.raises(SystemExit):
        main(["doctor"])
    err = capsys.readouterr().err
    assert err.startswith("MEDDEF_PACS_URL") and "s3cret" not in err and err.count("\n") == 1


def test_a_file_with_a_wrong_secret_is_refused_without_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "meddef.toml").write_text('pacs_password = ["s3cret"]\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("MEDDEF_PACS_PASSWORD", raising=False)
    with pytest.raises(SystemExit):
        main(["doctor"])
    err = capsys.readouterr().err
    assert "pacs_password" in err and "s3cret" not in err


def test_workers_that_decode_get_no_password() -> None:
    script = (
        "import os; os.environ['MEDDEF_PACS_PASSWORD'] = os.environ['MEDDEF_PACS_TOKEN'] = 's3cret'\n"
        "from meddef_core.io.confinement import WorkerLimits\n"
        "from meddef_core.io.worker import Worker\n"
        "from pathlib import Path\n"
        "worker = Worker('meddef_core.scans.served', WorkerLimits())\n"
        "found = Path(f'/proc/{worker.pid}/environ').read_bytes()\n"
        "worker.end(); print(b'PATH=' in found, b's3cret' in found)\n"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert found.stdout.split() == ["True", "False"]
