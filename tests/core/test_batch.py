"""Batches: files of an archive or a folder, hostile ones included, into rows, a table and a score."""

import csv
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_runs import Run, assert_refused
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused_as
from scan_files import dicom, jpeg, png
from tiny_models import save_tiny_model

from meddef_core.auditing.modules import load_folder
from meddef_core.data.lists import is_listed
from meddef_core.errors import ScanError
from meddef_core.intended_use import INTENDED_USE
from meddef_core.prediction import Abstention
from meddef_core.prediction.batch import BatchOutcome, read_entry, score, to_csv
from meddef_core.prediction.prediction import Prediction
from meddef_core.scans import archive
from meddef_core.scans.archive import ArchiveEntry, folder_entries, upload_entries, zip_entries
from meddef_core.scans.limits import MAX_BYTES
from meddef_core.tasks import TASKS
from meddef_core.zoo import LoadedModel, load_model

CLASSES = TASKS["oct"].classes


LITTER = ("__MACOSX/._a.png", ".DS_Store", "a/Thumbs.db", "a/THUMBS.DB", "b/desktop.ini", "a/._1.png", "a/.1.png")


def grey(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (64, 80), dtype=np.uint8)


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return stream


def opened(stream: io.BytesIO) -> tuple[ArchiveEntry, ...]:
    return zip_entries(stream, classes=CLASSES)


def refusal(entry: ArchiveEntry) -> str:
    with pytest.raises(ScanError) as caught:
        entry.load()
    return str(caught.value)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    root = tmp_path_factory.mktemp("models")
    save_tiny_model(root, "oct/meddef")
    return load_model("oct/meddef", root=root)


NO_SCAN = Abstention("photograph", ("edges",), "This looks like a photograph.")


def row(
    number: int,
    truth: str | None,
    output: str | None,
    *,
    digest: str | None = None,
    abstained: Abstention | None = None,
) -> BatchOutcome:
    prediction = None
    if output is not None:
        shares = tuple(0.7 if name == output else 0.1 for name in CLASSES)
        prediction = Prediction(
            model="oct/meddef", classes=CLASSES, probabilities=shares, logits=shares, index=CLASSES.index(output),
            label=output, abstained=abstained,
        )  # fmt: skip
    return BatchOutcome(number=number, name="a.png", truth=truth, prediction=prediction, digest=digest or str(number))


# ---- archives ----------------------------------------------------------------------------------------------------


def test_entries_come_in_order_with_the_class_of_their_folder() -> None:
    files = {"set/drusen/b.png": b"1", "set/NORMAL/a.png": b"2", "other/c.png": b"3", "d.png": b"4"}
    entries = opened(packed(files))
    assert [(entry.name, entry.truth) for entry in entries] == [
        ("set/drusen/b.png", "DRUSEN"), ("set/NORMAL/a.png", "NORMAL"), ("other/c.png", None), ("d.png", None),
    ]  # fmt: skip
    assert [entry.load() for entry in entries] == list(files.values())


def test_what_systems_leave_behind_is_passed_over() -> None:
    files = dict.fromkeys(LITTER, b"1") | {"x/a.png": b"4"}
    assert [entry.name for entry in opened(packed(files))] == ["x/a.png"]
    assert [entry.name for entry in upload_entries(files.items(), classes=CLASSES)] == ["x/a.png"]


def test_every_loader_passes_over_the_same_files(tmp_path: Path) -> None:
    """A folder for a batch, a folder to audit with, and the lists of a data folder."""
    for name in (*LITTER, "a/1.png", "b/2.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(grey(0)) if path.name in ("1.png", "2.png") else b"1")
    assert [entry.name for entry in folder_entries(tmp_path, classes=CLASSES)] == ["a/1.png", "b/2.png"]
    assert load_folder(tmp_path, size=16, channels=1, limit=99).y.tolist() == [0, 1]
    assert [name for name in (*LITTER, "a/1.png") if is_listed(name)] == ["a/1.png"]


@given(names=st.lists(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1), min_size=1))
@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_names_without_the_flag_of_utf8(encoding: str, names: list[str]) -> None:
    """Chinese names come back, unless their GBK bytes happen to be UTF-8 as well."""
    written = {f"CNV/{name}.png": f"CNV/{name}.png".encode(encoding) for name in names}
    read = [text.decode("utf-8") if is_utf8(text) else name for name, text in written.items()]
    entries = opened(with_raw_names(list(written.values())))
    assert [entry.name for entry in entries] == read
    assert {entry.truth for entry in entries} == {"CNV"} and all(entry.load() == b"1" for entry in entries)


def test_a_name_that_is_neither_utf8_nor_gbk_is_read_as_cp437() -> None:
    (entry,) = opened(with_raw_names([b"NORMAL/\x81.png\xff"]))
    assert (entry.name, entry.truth) == ("NORMAL/ü.png\N{NO-BREAK SPACE}", "NORMAL")


def is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def with_raw_names(names: list[bytes]) -> io.BytesIO:
    """An archive whose names are these bytes, flag bit 11 unset."""
    stand_ins = [f"{number:04}".ljust(len(name), "~") for number, name in enumerate(names)]
    data = packed(dict.fromkeys(stand_ins, b"1")).getvalue()
    for stand_in, name in zip(stand_ins, names, strict=True):
        data = data.replace(stand_in.encode(), name)
    return io.BytesIO(data)


@pytest.mark.parametrize("name", ["../a.png", "x/../../a.png", "/etc/a.png", "C:/a.png", "..\\a.png"])
def test_a_path_that_leaves_the_archive_is_not_opened(name: str) -> None:
    (entry,) = opened(packed({name: b"1"}))
    assert "out of the archive" in refusal(entry)


@pytest.mark.parametrize("method", ["written", "damaged"])
def test_an_entry_without_a_name_costs_no_other_its_reading(method: str) -> None:
    data = bytearray(packed({"a.png": b"1", "?.png": b"2"}).getvalue())
    if method == "written":  # a name that begins with a zero byte is empty to Python
        data = data.replace(b"?.png", b"\0.png")
    else:  # the directory says that the name has no letter, and that what stands there is a comment
        entry = data.rindex(b"PK\x01\x02")
        data[entry + 28], data[entry + 32] = 0, len("?.png")
    named, nameless = opened(io.BytesIO(bytes(data)))
    assert named.load() == b"1" and nameless.name == "(without a name)"
    if method == "written":
        assert nameless.load() == b"2"
    else:
        assert "damaged" in refusal(nameless)


def test_a_link_is_not_opened() -> None:
    stream = io.BytesIO()
    link = zipfile.ZipInfo("a.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr(link, "/etc/hostname")
    (entry,) = opened(stream)
    assert "out of the archive" in refusal(entry)


def test_an_entry_with_a_password_is_named_so() -> None:
    stream = packed({"a.png": png(grey(0))})
    data = bytearray(stream.getvalue())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (entry,) = opened(io.BytesIO(bytes(data)))
    assert "password" in refusal(entry)


def test_a_bomb_is_not_unpacked() -> None:
    (entry,) = opened(packed({"a.png": bytes(15 * 1024**2)}))
    assert "tightly" in refusal(entry)


def test_a_large_entry_is_refused_by_its_size() -> None:
    (entry,) = opened(packed({"a.png": bytes(MAX_BYTES + 1)}))
    assert "20.0 MB" in refusal(entry)


def test_a_size_that_lies_gives_no_more_than_it_says() -> None:
    stream = packed({"a.png": np.random.default_rng(0).bytes(4000)}, zipfile.ZIP_STORED)
    data = bytearray(stream.getvalue())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = (100).to_bytes(4, "little")
    (entry,) = opened(io.BytesIO(bytes(data)))
    assert "damaged" in refusal(entry)


def test_an_unusual_method_is_refused() -> None:
    (entry,) = opened(packed({"a.png": b"1" * 100}, zipfile.ZIP_LZMA))
    assert "unusual way" in refusal(entry)


def test_a_damaged_entry_says_so() -> None:
    data = bytearray(packed({"a.png": np.random.default_rng(0).bytes(4000)}, zipfile.ZIP_STORED).getvalue())
    data[2000] ^= 0xFF
    (entry,) = opened(io.BytesIO(bytes(data)))
    assert "damaged in the archive" in refusal(entry)


def test_too_many_files_are_refused() -> None:
    stream = packed({f"{n}.png": b"" for n in range(archive.MAX_ENTRIES + 1)})
    with pytest.raises(ScanError, match="501 files in it and at most 500"):
        opened(stream)


def test_a_directory_of_very_many_entries_is_refused_before_it_is_read() -> None:
    stream = packed({"a.png": b"PK\x01\x02" * 3000}, zipfile.ZIP_STORED)
    with refused_as(ScanError, "scan.archive-holds"):
        opened(stream)


def test_an_archive_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED", 1000)
    with refused_as(ScanError, "scan.archive-unpacks"):
        opened(packed({"a.png": bytes(600), "b.png": bytes(600)}))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 but no archive", b"\x89PNG"])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with refused_as(ScanError, "scan.archive-no"):
        opened(io.BytesIO(data))


def test_an_empty_archive_is_refused() -> None:
    with refused_as(ScanError, "scan.there-no"):
        opened(packed({}))


def test_names_are_shown_as_what_they_are() -> None:
    (entry,) = opened(packed({"a\u202egnp.exe\n" + "x" * 300: b"1"}))
    assert entry.name.isprintable() and len(entry.name) == archive.MAX_NAME
    (entry,) = opened(packed({"a\u202egnp.png": b"1"}))
    assert "\u202e" not in entry.name


def test_uploads_are_files_and_archives_together() -> None:
    entries = upload_entries([("a.png", b"1"), ("b.zip", packed({"CNV/c.png": b"2"}).getvalue())], classes=CLASSES)
    assert [(entry.name, entry.truth, entry.load()) for entry in entries] == [
        ("a.png", None, b"1"), ("CNV/c.png", "CNV", b"2"),
    ]  # fmt: skip


def test_a_folder_is_read_below_and_without_links(tmp_path: Path) -> None:
    root = tmp_path / "NORMAL"
    (root / "cnv").mkdir(parents=True)
    (root / "b.png").write_bytes(b"1")
    (root / "cnv" / "a.png").write_bytes(b"2")
    (root / "link.png").symlink_to(root / "b.png")
    entries = folder_entries(root, classes=CLASSES)
    assert [(entry.name, entry.truth) for entry in entries] == [("b.png", "NORMAL"), ("cnv/a.png", "CNV")]


# ---- rows --------------------------------------------------------------------------------------------------------


def test_bad_files_cost_their_own_row_only(model: LoadedModel) -> None:
    files = {
        "a.png": png(grey(0)), "b.txt": b"a letter", "c.zip": packed({"x": b"1"}).getvalue(), "d.jpg": jpeg(grey(1)),
        "e.dcm": dicom(np.stack([grey(2), grey(3)]), frames=2), "f.dcm": dicom(grey(4)),
    }  # fmt: skip
    rows = [read_entry(model, entry, number=n) for n, entry in enumerate(opened(packed(files)), start=1)]
    assert [row.number for row in rows if row.prediction] == [1, 4, 6]
    problems = [row.problem or "" for row in rows if row.prediction is None]
    assert "not an image" in problems[0] and "archive inside" in problems[1] and "volume of 2 slices" in problems[2]


def test_the_table_is_stamped_and_runs_nothing(model: LoadedModel) -> None:
    files = {'=HYPERLINK("x")/a.png': png(grey(0)), "+b.png": b"no scan", "NORMAL/ü.png": png(grey(1))}
    rows = [read_entry(model, entry, number=n) for n, entry in enumerate(opened(packed(files)), start=1)]
    data = to_csv(rows, card=model.card, classes=CLASSES)
    assert data.startswith(b"\xef\xbb\xbf")
    lines = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert [line["file"] for line in lines] == ['\'=HYPERLINK("x")/a.png', "'+b.png", "NORMAL/ü.png"]
    assert {line["intended_use"] for line in lines} == {INTENDED_USE}
    assert sum(float(lines[0][f"p_{name}"]) for name in CLASSES) == pytest.approx(1, abs=1e-5)
    assert lines[1]["model_output"] == lines[1]["abstained"] == "" and "not an image" in lines[1]["remarks"]
    assert lines[2]["known_class"] == "NORMAL"


def test_score_counts_what_is_known_once() -> None:
    rows = [
        row(1, "CNV", "CNV"), row(2, "CNV", "DME"), row(3, "DME", "DME"), row(4, "DRUSEN", "DRUSEN"),
        row(5, "NORMAL", "NORMAL"), row(6, "NORMAL", "NORMAL", digest="5"), row(7, None, "CNV"), row(8, "CNV", None),
    ]  # fmt: skip
    found = score(rows, CLASSES)
    assert found is not None and found.missing == ()
    assert (found.n, found.right, found.repeated) == (5, 4, 1)
    assert found.counts[0] == (1, 1, 0, 0)
    assert found.balanced == pytest.approx((0.5 + 1 + 1 + 1) / 4)
    assert found.balanced_interval is not None and found.balanced_interval[0] < found.balanced


def test_a_model_that_abstains_gives_no_output(model: LoadedModel) -> None:
    rows = [row(1, "CNV", "CNV"), row(2, "CNV", "DME", abstained=NO_SCAN)]
    found = score(rows, CLASSES)
    assert found is not None and (found.n, found.right, found.abstained) == (1, 1, 1)
    line = list(csv.DictReader(io.StringIO(to_csv(rows, card=model.card, classes=CLASSES).decode("utf-8-sig"))))[1]
    assert (line["model_output"], line["p_CNV"], line["abstained"]) == ("", "", "yes")
    assert "photograph" in line["remarks"]


def test_calibrated_probabilities_come_first() -> None:
    plain = row(1, None, "CNV")
    assert plain.prediction is not None and plain.shares == plain.prediction.probabilities
    calibrated = replace(plain, prediction=replace(plain.prediction, calibrated=(0.4, 0.3, 0.2, 0.1)))
    assert calibrated.shares == (0.4, 0.3, 0.2, 0.1)


def test_score_without_a_class_has_no_balanced_accuracy() -> None:
    found = score([row(1, "CNV", "CNV")], CLASSES)
    assert found is not None and found.balanced is None and found.missing == ("DME", "DRUSEN", "NORMAL")
    assert score([row(1, None, "CNV")], CLASSES) is None


# ---- command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "scans"
    for number, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        (root / name / f"{number}.png").write_bytes(png(grey(number)))
    (root / "letter.txt").write_text("not a scan")
    return root


def test_the_command_reads_a_folder_into_a_table(run: Run, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    result = run("batch", folder, "--task", "oct", "--output", output)
    assert result.code == 0
    assert "4 of 5 files read" in result.out and "letter.txt" in result.out and INTENDED_USE in result.out
    assert "balanced accuracy" in result.out
    assert len(list(csv.DictReader(io.StringIO(output.read_text("utf-8-sig"))))) == 5


def test_the_command_reads_an_archive_into_a_record(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "scans.zip"
    path.write_bytes(packed({"CNV/a.png": png(grey(0))}).getvalue())
    document = run("batch", path, "--task", "oct", "--json").document
    assert document["kind"] == "batch" and document["numbers"]["score"]["n"] == 1
    assert document["numbers"]["rows"][0]["prediction"]["label"] in CLASSES


def test_the_command_refuses_in_one_sentence(run: Run, tmp_path: Path, folder: Path) -> None:
    assert_refused(run("batch", tmp_path / "nothing", "--task", "oct"), "cannot be read")
    assert_refused(run("batch", folder, "--task", "oct", "--output", "a.txt"), ".csv")
    assert_refused(run("batch", folder / "letter.txt", "--task", "oct"), "no ZIP file")
