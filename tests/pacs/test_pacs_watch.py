"""The watch against a real server: what it takes, what it leaves alone, and that nothing is stored twice."""

import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dicom_checks import errors_of
from orthanc_server import Orthanc
from pacs_files import FOREIGN, PATIENT, STUDY, film, study_of, volume, written
from pydicom import dcmread
from refusals import refused_as
from watching import CHEST, OCT, audit_lines, expected, results_in, watching

from meddef_core.pacs import watch as watch_module
from meddef_core.pacs.audit_log import StudyLog
from meddef_core.pacs.client import Pacs
from meddef_core.pacs.errors import AwayError, PacsError
from meddef_core.pacs.ledger import Ledger, default_url
from meddef_core.pacs.match import models_for
from meddef_core.zoo import load_model


def test_each_study_that_matches_gets_its_two_results_once(orthanc: Orthanc, pacs: Pacs, tmp_path: Path) -> None:
    orthanc.put(written(study_of(1, film(**FOREIGN))))
    orthanc.put(written(study_of(2, volume(3, (256, 256)))))
    with watching(tmp_path) as watch:
        assert watch.look().finished == 2
        results = expected("1.2.826.0.1.1.1.1", load_model(CHEST)) | expected("1.2.826.0.1.2.1.1", load_model(OCT))
        assert results_in(orthanc) == dict.fromkeys(results, 1)
        for number in (1, 2):  # in its own study
            assert {each.modality for each in pacs.series(f"1.2.826.0.1.{number}")} >= {"SR", "OT"}
        for _ in range(2):
            again = watch.look()
            assert (again.finished, again.waiting, again.listed) == (0, 0, 2)
    assert len(orthanc.instances()) == 6


def test_what_is_stored_is_valid_and_names_only_its_own_patient(orthanc: Orthanc, tmp_path: Path) -> None:
    orthanc.put(written(study_of(1, film(**FOREIGN))))
    orthanc.put(written(study_of(2, volume(2, (256, 256), **FOREIGN))))
    with watching(tmp_path) as watch:
        watch.look()
    results = [data for data in orthanc.files() if dcmread(io.BytesIO(data)).SOPInstanceUID.startswith("2.25.")]
    assert len(results) == 4
    for number, data in enumerate(results):
        (tmp_path / f"{number}.dcm").write_bytes(data)
        assert errors_of(tmp_path / f"{number}.dcm") == []
        ds = dcmread(io.BytesIO(data))
        study = int(ds.StudyInstanceUID.rpartition(".")[2])
        assert (ds.PatientID, str(ds.PatientName)) == (f"P{study}", f"Person^Number{study}")
        assert (ds.StudyDate, ds.AccessionNumber) == (STUDY["StudyDate"], STUDY["AccessionNumber"])
        assert b"SECRET" not in data


@pytest.mark.parametrize(
    ("elements", "taken"),
    [
        ({}, True),
        ({"ViewPosition": ""}, True),
        ({"PatientAge": "064Y"}, True),  # for the task: the model abstains
        ({"BodyPartExamined": ""}, False),
        ({"BodyPartExamined": "HAND"}, False),
        ({"ViewPosition": "LL"}, False),
        ({"Modality": "CT"}, False),
        ({"Modality": "OT"}, False),
    ],
)
def test_a_header_decides_what_is_taken(
    orthanc: Orthanc, tmp_path: Path, elements: dict[str, Any], taken: bool
) -> None:
    orthanc.put(written(study_of(1, film(**elements))))
    with watching(tmp_path, CHEST) as watch:
        assert watch.look().finished == 1
    assert len(results_in(orthanc)) == (2 if taken else 0)
    (line,) = audit_lines(tmp_path)
    assert len(line["results"]) == (1 if taken else 0)


def test_a_film_without_a_body_part_is_taken_where_that_is_asked_for(orthanc: Orthanc, tmp_path: Path) -> None:
    orthanc.put(written(study_of(1, film(BodyPartExamined=""))))
    with watching(tmp_path, CHEST) as watch:
        watch.look()
    with watching(tmp_path / "other", CHEST, unlabelled=True) as watch:
        watch.look()
    assert len(results_in(orthanc)) == 2


def test_a_study_waits_until_nothing_joins_it(orthanc: Orthanc, tmp_path: Path) -> None:
    orthanc.put(written(study_of(1, volume(2, (64, 64)))))
    with watching(tmp_path, OCT, stable=2.0) as watch:
        assert (watch.look().waiting, results_in(orthanc)) == (1, {})
        time.sleep(1.2)
        second = study_of(1, volume(2, (64, 64)))
        second.SOPInstanceUID = second.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.1.1.2"
        orthanc.put(written(second))
        assert watch.look().waiting == 1
        time.sleep(1.2)  # longer than 2 s since the first, not since the second
        assert (watch.look().waiting, results_in(orthanc)) == (1, {})
        time.sleep(1.2)
        assert watch.look().finished == 1 and len(results_in(orthanc)) == 4


def test_the_wait_goes_on_after_a_restart(orthanc: Orthanc, tmp_path: Path) -> None:
    orthanc.put(written(study_of(1, volume(1, (64, 64)))))
    with watching(tmp_path, OCT, stable=1.0) as watch:
        assert watch.look().waiting == 1
    time.sleep(1.1)
    with watching(tmp_path, OCT, stable=1.0) as watch:
        assert watch.look().finished == 1


def test_an_image_that_joins_later_gets_its_own_results(orthanc: Orthanc, tmp_path: Path) -> None:
    orthanc.put(written(study_of(1, volume(1, (64, 64)))))
    with watching(tmp_path, OCT) as watch:
        watch.look()
        late = study_of(1, volume(1, (64, 64)))
        late.SOPInstanceUID = late.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.1.1.2"
        orthanc.put(written(late))
        assert watch.look().finished == 1 and watch.look().finished == 0
    model = load_model(OCT)
    assert results_in(orthanc) == dict.fromkeys(
        expected("1.2.826.0.1.1.1.1", model) | expected("1.2.826.0.1.1.1.2", model), 1
    )
    first, second = audit_lines(tmp_path)
    assert first["study"] == second["study"] and len(second["results"]) == 2


def test_without_its_ledger_it_stores_nothing_again(orthanc: Orthanc, tmp_path: Path) -> None:
    orthanc.put(written(study_of(1, volume(1, (64, 64)))))
    with watching(tmp_path / "one", OCT) as watch:
        watch.look()
    before = orthanc.files()
    with watching(tmp_path / "two", OCT) as watch:
        assert watch.look().finished == 1 and watch.look().finished == 0
    assert sorted(orthanc.files()) == sorted(before) and len(before) == 3


def test_only_what_is_missing_is_sent(orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orthanc.put(written(study_of(1, volume(1, (64, 64)))))
    real, sent = Pacs.send, []

    def breaks(self: Pacs, objects: list[bytes], *, study: str = "") -> None:
        if sent:
            raise KeyboardInterrupt
        sent.append(objects)
        real(self, objects, study=study)

    with monkeypatch.context() as patch, watching(tmp_path, OCT) as watch:
        patch.setattr(Pacs, "send", breaks)
        with pytest.raises(KeyboardInterrupt):
            watch.look()
    (report,) = results_in(orthanc)
    with watching(tmp_path, OCT) as watch:
        assert watch.look().finished == 1
    assert len(results_in(orthanc)) == 2 and results_in(orthanc)[report] == 1
    assert len(audit_lines(tmp_path)) == 1


def test_other_weights_give_other_results(orthanc: Orthanc, tmp_path: Path) -> None:
    orthanc.put(written(study_of(1, volume(1, (64, 64)))))
    for model in (OCT, "oct/undefended"):
        with watching(tmp_path, model) as watch:
            assert watch.look().finished == 1
    assert len(results_in(orthanc)) == 4 and len(audit_lines(tmp_path)) == 2


def test_a_file_that_cannot_be_read_is_noted_and_asked_for_once(
    orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = study_of(1, film())
    broken.PixelData = broken.PixelData[:1000]
    orthanc.put(written(broken))
    said: list[str] = []
    with watching(tmp_path, CHEST, say=said.append) as watch:
        assert watch.look().finished == 1 and not results_in(orthanc)
        monkeypatch.setattr(Pacs, "scan", lambda *_: pytest.fail("fetched again"))
        orthanc.put(written(study_of(1, volume(1, (64, 64), SOPInstanceUID="1.2.9"))))
        watch.look()
    assert said and "not read" in said[0] and said[0].endswith(".")
    assert audit_lines(tmp_path)[0]["results"][0]["outcome"] == "not read"


def test_its_own_results_are_never_taken(orthanc: Orthanc, pacs: Pacs, tmp_path: Path) -> None:
    """Not by their modality; nor, were a task ever to take that, by the series that they are in."""
    orthanc.put(written(study_of(1, volume(1, (64, 64)))))
    model = load_model(OCT)
    population = replace(model.task.population, modalities=("OPT", "SR", "OT"))
    greedy = replace(model, task=replace(model.task, population=population))
    with watching(tmp_path, OCT) as watch:
        watch.look()
        results = [each for each in pacs.series("1.2.826.0.1.1") if each.modality in ("SR", "OT")]
        assert len(results) == 2
        for series in results:
            assert models_for(series, [model]) == () and models_for(series, [greedy]) == (greedy,)
            assert watch._is_ours(series)


def test_a_file_that_is_too_large_is_noted_and_asked_for_once(
    orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orthanc.put(written(study_of(1, film())))
    monkeypatch.setattr("meddef_core.pacs.client.MAX_BYTES", 100_000)
    with watching(tmp_path, CHEST) as watch:
        assert watch.look().finished == 1 and watch.look().finished == 0
    assert audit_lines(tmp_path)[0]["results"][0]["outcome"] == "not read"


# ---- days, loops, backing off --------------------------------------------------------------------------------------


def test_only_the_last_days_are_taken(orthanc: Orthanc, tmp_path: Path) -> None:
    today = time.strftime("%Y%m%d")
    orthanc.put(written(study_of(1, volume(1, (64, 64), StudyDate=today))))
    orthanc.put(written(study_of(2, volume(1, (64, 64), StudyDate="20200101"))))
    with watching(tmp_path, OCT, days=2) as watch:
        assert watch.look().listed == 1
    with watching(tmp_path / "all", OCT, days=0) as watch:
        assert watch.look().listed == 2


def test_it_backs_off_while_the_server_is_away_and_goes_on(server: Orthanc, orthanc: Orthanc, tmp_path: Path) -> None:
    orthanc.put(written(study_of(1, volume(1, (64, 64)))))
    said: list[str] = []
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 11:
            server.start()

    with watching(tmp_path, OCT, say=said.append) as watch:
        server.stop()
        result = watch.run(once=True, sleep=sleep)
    assert pauses[:11] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert result.finished == 1 and len(results_in(orthanc)) == 2
    assert "cannot be reached" in said[0] and "Next try in 1 s." in said[0]


def test_a_server_that_goes_away_in_the_middle_costs_nothing(
    orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orthanc.put(written(study_of(1, volume(1, (64, 64)))))
    real, calls, rounds = Pacs._asked, [0], [1]

    def away(self: Pacs, ask: Any) -> Any:
        """The first round fails after its first request, the second after its second, and so on."""
        answer = real(self, ask)
        calls[0] += 1
        if calls[0] == rounds[0]:
            calls[0], rounds[0] = 0, rounds[0] + 1
            raise AwayError("The PACS cannot be reached.")
        return answer

    monkeypatch.setattr(Pacs, "_asked", away)
    with watching(tmp_path, OCT) as watch:
        watch.run(once=True, sleep=lambda seconds: None)
    assert rounds[0] > 8
    monkeypatch.undo()
    assert len(orthanc.instances()) == 3 and len(audit_lines(tmp_path)) == 1


def test_a_refused_study_holds_up_no_other(orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        orthanc.put(written(study_of(number, volume(1, (64, 64)))))
    real = Pacs.send

    def refuses(self: Pacs, objects: list[bytes], *, study: str = "") -> None:
        if study == "1.2.826.0.1.1":
            raise PacsError("The PACS refuses the request (status 409).")
        real(self, objects, study=study)

    said: list[str] = []
    with watching(tmp_path, OCT, say=said.append) as watch:
        with monkeypatch.context() as patch:
            patch.setattr(Pacs, "send", refuses)
            result = watch.run(once=True, sleep=lambda seconds: None)
            assert (result.finished, result.failed) == (1, 1) and len(results_in(orthanc)) == 2
        assert any("tried again in 10 s" in line for line in said)
        later = time.time() + 11
        monkeypatch.setattr(watch_module.time, "time", lambda: later)
        assert watch.look().finished == 1 and len(results_in(orthanc)) == 4


# ---- the audit log and the ledger ----------------------------------------------------------------------------------


def test_the_audit_log_names_nobody(orthanc: Orthanc, tmp_path: Path) -> None:
    orthanc.put(written(film(**FOREIGN)))
    with watching(tmp_path) as watch:
        watch.look()
    (line,) = audit_lines(tmp_path)
    assert line.keys() == {"id", "time", "software", "study", "results", "not_matched"}
    (result,) = line["results"]
    assert result.keys() == {"task", "model", "weights_sha256", "outcome", "report", "capture"}
    assert result["outcome"] == "abstained" and set(results_in(orthanc)) == {result["report"], result["capture"]}
    text = (tmp_path / "audit.jsonl").read_text()
    private = [value for value in (*PATIENT.values(), *STUDY.values(), *FOREIGN.values(), "Müller") if len(value) > 1]
    assert not [value for value in private if value in text]
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o077 == 0
    ledger = (tmp_path / "pacs.sqlite").read_bytes()
    assert not [value for value in private if value.encode() in ledger]


@pytest.mark.parametrize("before", [b"", b'{"id": "2.25.1", "half'])
def test_an_audit_line_is_written_once_and_whole(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "deep" / "audit.jsonl"
    path.parent.mkdir()
    path.write_bytes(before)
    names = {StudyLog(path).once("1.2.3", []) for _ in range(3)} | {StudyLog(path).once("1.2.4", [])}
    lines = path.read_bytes().removeprefix(before).strip().splitlines()
    assert [json.loads(line)["study"] for line in lines] == ["1.2.3", "1.2.4"] and len(names) == 2


def test_an_audit_log_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with refused_as(PacsError, "pacs.audit-log"):
        StudyLog(tmp_path).once("1.2.3", [])


def test_two_watches_do_not_share_a_ledger(tmp_path: Path) -> None:
    first = Ledger(default_url(tmp_path))
    with refused_as(PacsError, "pacs.another-watch"):
        Ledger(default_url(tmp_path))
    first.close()
    Ledger(default_url(tmp_path)).close()


@pytest.mark.parametrize(
    "url", ["nonsense", "nosuch://u:s3cret@host/db", "postgresql://u:s3cret@127.0.0.1:1/db", "sqlite:////proc/x/y.db"]
)
def test_a_database_that_cannot_be_used_is_one_sentence_without_its_password(url: str) -> None:
    with pytest.raises(PacsError, match="ledger") as caught:
        Ledger(url)
    assert "s3cret" not in str(caught.value)


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "pacs.sqlite"
    path.write_bytes(b"no database" * 100)
    yield tmp_path


def test_a_damaged_ledger_is_one_sentence(damaged: Path) -> None:
    with refused_as(PacsError, "pacs.ledger-unusable"):
        Ledger(default_url(damaged))
