"""Find, fetch and send against a real server; and what happens when it is away, hostile or set up wrongly."""

import json
import logging
import tarfile
import traceback
from pathlib import Path

import pytest
from odd_server import answering, never_ends, own_certificate, redirects, says
from orthanc_server import PASSWORD, USER, Orthanc, free_port
from pacs_files import film, study_of, volume, written
from refusals import refused_as

from meddef_core.errors import MedDefError, ScanError
from meddef_core.pacs import multipart
from meddef_core.pacs.client import Pacs, open_pacs
from meddef_core.pacs.dates import checked_range
from meddef_core.pacs.errors import AbsentError, AwayError, PacsError
from meddef_core.pacs.found import Instance, is_uid
from meddef_core.pacs.found import study_of as study_in
from meddef_core.settings import settings

CASES = Path(__file__).resolve().parents[1] / "core" / "cases"
GONE = Instance(
    study="1.2.3", series="1.2.3.4", uid="1.2.3.4.5", sop_class="1.2", number=1, frames=1, rows=1, columns=1
)


def at(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **more: str) -> Pacs:
    """The PACS at an address, with nothing else set."""
    for name in ("USER", "PASSWORD", "TOKEN", "CA_FILE"):
        monkeypatch.delenv(f"MEDDEF_PACS_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("MEDDEF_PACS_URL", url)
    for name, value in more.items():
        monkeypatch.setenv(f"MEDDEF_PACS_{name}", value)
    return open_pacs()


# ---- a real server -------------------------------------------------------------------------------------------------


def test_what_is_sent_is_found_and_fetched_byte_for_byte(orthanc: Orthanc, pacs: Pacs) -> None:
    data = written(film())
    pacs.send([data])
    (study,) = pacs.studies()
    assert (study.date, study.modalities, study.patient_id, study.images) == ("20240229", ("CR",), "0815-X", 1)
    (series,) = pacs.series(study.uid)
    assert (series.modality, series.body_part, series.images) == ("CR", "CHEST", 1)
    (instance,) = pacs.instances(study.uid, series.uid)
    assert pacs.instances(study.uid) == [instance]
    assert pacs.file(instance) == data == pacs.scan(instance)
    assert pacs.holds(study.uid, instance.uid) and not pacs.holds(study.uid, "1.2.3")


@pytest.mark.parametrize("name", ["01_jpeg_lossless_sv1_12bit.dcm", "02_jpegls_lossless_12bit.dcm"])
def test_a_compressed_scan_arrives_as_it_is_stored(orthanc: Orthanc, pacs: Pacs, name: str) -> None:
    """A server that decompresses on the way may change what it cannot decode."""
    with tarfile.open(CASES / "scans.tar.xz") as archive:
        (member,) = (each for each in archive if each.name.endswith(name))
        stream = archive.extractfile(member)
        assert stream is not None
        orthanc.put(stream.read())
    (study,) = pacs.studies()
    (instance,) = pacs.instances(study.uid)
    assert pacs.file(instance) == orthanc.file(orthanc.instances()[0]["orthanc"])


def test_studies_are_found_by_date_modality_and_patient(orthanc: Orthanc, pacs: Pacs) -> None:
    for number, date in enumerate(("20240101", "20240215", "20240301")):
        orthanc.put(written(study_of(number + 1, film(StudyDate=date))))
    orthanc.put(written(study_of(9, volume(2, (64, 64), StudyDate="20240215"))))

    def found(**asked: str) -> set[str]:
        return {study.patient_id for study in pacs.studies(**asked)}

    assert found(date="20240215") == {"P2", "P9"}
    assert found(date="20240201-20240229", modality="CR") == {"P2"}
    assert found(date="20240201-") == {"P2", "P3", "P9"} and found(date="-20240101") == {"P1"}
    assert found(modality="OPT") == {"P9"} and found(patient_id="P3") == {"P3"} and found(patient_id="P4") == set()
    assert len(pacs.studies(most=2)) == 2


def test_a_list_of_many_pages_is_read_to_its_end(orthanc: Orthanc, pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meddef_core.pacs.client.PAGE", 3)
    for number in range(1, 8):
        orthanc.put(written(study_of(number, volume(1, (64, 64)))))
    assert sorted(study.patient_id for study in pacs.studies()) == [f"P{number}" for number in range(1, 8)]


def test_what_is_gone_is_one_sentence(pacs: Pacs) -> None:
    with pytest.raises(AbsentError):
        pacs.file(GONE)
    with pytest.raises(AbsentError):
        pacs.identity("1.2.3")
    assert pacs.series("1.2.3") == [] and pacs.instances("1.2.3") == []


def test_an_object_that_is_no_dicom_is_refused(pacs: Pacs) -> None:
    with pytest.raises(PacsError):
        pacs.send([b"no scan"])


def test_a_scan_larger_than_is_read_is_refused(orthanc: Orthanc, pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    orthanc.put(written(film()))
    (instance,) = pacs.instances(pacs.studies()[0].uid)
    monkeypatch.setattr("meddef_core.pacs.client.MAX_BYTES", 100_000)
    with refused_as(ScanError, "pacs.object-pacs"):
        pacs.scan(instance)
    with refused_as(PacsError, "pacs.answer-pacs"):
        pacs.file(instance, most=100_000)


# ---- credentials ---------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_one_sentence_without_it(
    orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MEDDEF_PACS_PASSWORD", "hunter2-wrong")
    caplog.set_level(logging.DEBUG)
    with refused_as(PacsError, "pacs.pacs-address-refuses") as caught:
        open_pacs().studies()
    assert caught.value.__cause__ is None and caught.value.__context__ is None
    told = caplog.text + "".join(traceback.format_exception(caught.value)) + repr(settings())
    assert "hunter2" not in told and USER not in caplog.text


def test_no_log_has_the_password(orthanc: Orthanc, pacs: Pacs, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    pacs.send([written(film())])
    pacs.file(pacs.instances(pacs.studies()[0].uid)[0])
    assert caplog.records and not [
        secret for secret in (PASSWORD, USER, "Authorization", "Basic ") if secret in caplog.text
    ]


def test_a_token_travels_in_the_header_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with answering(says(b"[]")) as odd:
        at(odd.url, monkeypatch, tmp_path, TOKEN="t0ken").studies(patient_id="P1")
    ((path, headers),) = odd.asked
    assert headers["Authorization"] == "Bearer t0ken" and "t0ken" not in path


@pytest.mark.parametrize(
    "more", [{"USER": "a"}, {"PASSWORD": "s3cret"}, {"USER": "a", "PASSWORD": "s3cret", "TOKEN": "s3cret"}]
)
def test_credentials_that_do_not_fit_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, more: dict[str, str]
) -> None:
    with pytest.raises(PacsError) as caught:
        at("http://127.0.0.1:1/dicom-web", monkeypatch, tmp_path, **more)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@host/dicom-web", "ftp://host/s3cret", "host:8042", "http:///dicom-web",
        "https://host/dicom-web?token=s3", "https://host/x#y", "http://[::1]:80/dicom-web",
    ],
)  # fmt: skip
def test_an_address_that_cannot_work_is_refused(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with refused_as(MedDefError, "settings.value-cannot-work") as caught:
        at(url, monkeypatch, tmp_path)
    assert "user:s3cret" not in str(caught.value)


def test_a_server_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("MEDDEF_PACS_URL", raising=False)
    with refused_as(PacsError, "pacs.no-pacs"):
        open_pacs()


@pytest.mark.parametrize(
    ("url", "readable"),
    [("http://pacs.example/x", True), ("https://pacs.example/x", False), ("http://127.0.0.1:8042/x", False)],
)
def test_a_password_that_travels_unencrypted_is_known(
    url: str, readable: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert at(url, monkeypatch, tmp_path, USER="a", PASSWORD="b").readable_on_the_way is readable
    assert not at(url, monkeypatch, tmp_path).readable_on_the_way


# ---- servers that are away or hostile ------------------------------------------------------------------------------


def test_a_server_that_is_away_is_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pacs = at(f"http://127.0.0.1:{free_port()}/dicom-web", monkeypatch, tmp_path)
    for ask in (pacs.studies, lambda: pacs.file(GONE), lambda: pacs.send([b"x"])):
        with refused_as(AwayError, "pacs.pacs-address"):
            ask()


@pytest.mark.parametrize(("status", "kind"), [(503, AwayError), (429, AwayError), (404, AbsentError), (418, PacsError)])
def test_what_a_status_means(
    status: int, kind: type[PacsError], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with answering(says(b"", status=status)) as odd:
        pacs = at(odd.url, monkeypatch, tmp_path)
        for ask in (pacs.studies, lambda: pacs.file(GONE), lambda: pacs.send([b"x"])):
            with pytest.raises(PacsError) as caught:
                ask()
            assert type(caught.value) is kind


def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with answering(says(b"[]")) as other, answering(redirects(f"{other.url}/studies")) as odd:
        pacs = at(odd.url, monkeypatch, tmp_path, USER="a", PASSWORD="b")
        for ask in (pacs.studies, lambda: pacs.file(GONE), lambda: pacs.send([b"x"])):
            with refused_as(PacsError, "pacs.pacs-redirects"):
                ask()
        assert not other.asked and odd.asked


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with answering(says(b"[]")) as proxy, answering(says(b"[]")) as odd:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert at(odd.url, monkeypatch, tmp_path).studies() == []
        assert odd.asked and not proxy.asked


def test_an_answer_without_end_is_broken_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with answering(never_ends) as odd:
        pacs = at(odd.url, monkeypatch, tmp_path)
        with refused_as(PacsError, "pacs.answer-pacs"):
            pacs.studies()
        with refused_as(ScanError, "pacs.object-pacs"):
            pacs.scan(GONE)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{", b"[1, null, []]", b'[{"0020000D": 7}]', b'[{"0020000D": {"Value": "x"}}]',
     b'[{"0020000D": {"Value": [{"a": 1}]}}]', b'[{"0020000D": {"Value": ["../../etc"]}}]', b'"text"', b"7"],
)  # fmt: skip
def test_a_list_that_is_none_costs_a_sentence(body: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with answering(says(body)) as odd:
        pacs = at(odd.url, monkeypatch, tmp_path)
        try:
            assert pacs.studies() == []
        except PacsError as error:
            assert str(error).endswith(".")


def test_a_server_that_knows_no_pages_is_asked_twice_at_most(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = [{"0020000D": {"vr": "UI", "Value": [f"1.2.{number}"]}} for number in range(300)]
    with answering(says(json.dumps(page).encode())) as odd:
        assert len(at(odd.url, monkeypatch, tmp_path).studies()) == 300
    assert len(odd.asked) == 2


def test_a_certificate_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate = own_certificate(tmp_path)
    with answering(says(b"[]"), certificate=certificate) as odd:
        with refused_as(PacsError, "pacs.certificate-pacs"):
            at(odd.url, monkeypatch, tmp_path, USER="a", PASSWORD="b").studies()
        assert not odd.asked
        assert at(odd.url, monkeypatch, tmp_path, CA_FILE=str(certificate)).studies() == []


# ---- small parts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file", [b"", b"x", b"\r\n--b\r\n", b"--b", b"\r\n\r\n", b"\r\n--b--", bytes(range(256)) * 9], ids=range(7)
)
def test_one_part_comes_back_as_it_was(file: bytes) -> None:
    for body, kind in (multipart.joined([file]), (file, "application/dicom")):
        assert multipart.only_part(body, kind) == file


@pytest.mark.parametrize("body", [b"", b"--b\r\n\r\nhalf", b"--b--", b"nothing\r\n\r\n\r\n--b--", b"\r\n--b--\r\n\r\n"])
def test_half_a_part_is_refused(body: bytes) -> None:
    for kind in ("multipart/related; boundary=b", "multipart/related", "text/html"):
        with refused_as(PacsError, "pacs.pacs-sent"):
            multipart.only_part(body, kind)


def test_only_numbers_with_dots_are_uids() -> None:
    assert all(map(is_uid, ("1.2", "1.2.840.00123", f"2.25.{10**37}")))
    assert not any(map(is_uid, ("", "1", "1.", ".1", "1..2", "1.2/..", "1.2\n", "a.b", "１.２", f"1.{10**64}")))


def test_a_list_shows_values_on_one_short_line() -> None:
    found = study_in({"0020000D": {"Value": ["1.2"]}, "00100020": {"Value": ["a\nb " + "c" * 99]}})
    assert found is not None and found.patient_id == "a b " + "c" * 60 and found.images is None


@pytest.mark.parametrize("text", ["", "20240229", "20240101-", "-20240101", "20240101-20240229"])
def test_dates_that_a_search_takes(text: str) -> None:
    assert checked_range(text) == text


@pytest.mark.parametrize("text", ["-", "2024", "20240230", "2024-01-01", "20240301-20240201", "today", "20240101-x"])
def test_dates_that_it_does_not_take(text: str) -> None:
    with pytest.raises(PacsError):
        checked_range(text)
