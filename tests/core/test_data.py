"""Lists by patient: nobody stands on two sides, duplicates count once, and the real sets come out as described."""

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused_as

from meddef_core.data.images import load_images
from meddef_core.data.lists import PROTOCOLS, ListedScan, Lists, build_lists, check_disjoint, patient_of
from meddef_core.data.store import fetch, find_data_dir, status
from meddef_core.errors import DataError
from meddef_core.scans import read_scan
from meddef_core.tasks import TASKS, get_task


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("person123_bacteria_456.jpeg", "person123"),
        ("person88_virus_1_2.jpeg", "person88"),
        ("IM-0115-0001.jpeg", "IM-0115"),
        ("IM-0115-0001-0002.jpeg", "IM-0115"),
        ("NORMAL2-IM-0115-0001.jpeg", "NORMAL2-IM-0115"),
        ("CNV-1016042-3.jpeg", "1016042"),
        ("DRUSEN-1016042-9.jpeg", "1016042"),
    ],
)
def test_a_file_name_carries_its_patient(name: str, patient: str) -> None:
    assert patient_of(name) == patient


@given(st.text(alphabet="abcxyz ._", max_size=12))
def test_other_names_are_refused(name: str) -> None:
    with refused_as(DataError, "sample.no-patient"):
        patient_of(name + ".jpeg")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("key", TASKS)
def test_real_lists_are_patient_disjoint_and_free_of_duplicates(data_dir: Path, key: str, protocol: str) -> None:
    lists = build_lists(get_task(key), data_dir, protocol=protocol)
    train, val, test = (lists.part(part) for part in ("train", "val", "test"))
    assert not {i.patient for i in train} & {i.patient for i in val}
    learnt = [item.digest for item in (*train, *val)]
    assert len(set(learnt)) == len(learnt)
    assert not set(learnt) & {item.digest for item in test}
    classes = set(range(len(get_task(key).classes)))
    assert all({item.label for item in part} == classes for part in (train, val, test))


def test_the_official_lists_have_their_published_sizes(data_dir: Path) -> None:
    oct_lists, chest = (build_lists(get_task(key), data_dir) for key in ("oct", "chest"))
    assert [len(oct_lists.part(part)) for part in ("train", "val", "test")] == [596, 152, 126]
    assert len(chest.test) == 624
    assert len(chest.train) + len(chest.val) + chest.duplicates == 5216


def test_the_pooled_split_shares_no_patient_at_all(data_dir: Path) -> None:
    lists = build_lists(get_task("chest"), data_dir, protocol="patient_split")
    patients = [{item.patient for item in lists.part(part)} for part in ("train", "val", "test")]
    assert not (patients[0] & patients[1] | patients[0] & patients[2] | patients[1] & patients[2])
    share = len(lists.test) / sum(len(lists.part(part)) for part in ("train", "val", "test"))
    assert 0.12 < share < 0.18


def test_a_leak_is_an_error() -> None:
    one = (ListedScan("a", 0, "patient7", "x"),)
    with pytest.raises(DataError, match=r"1 patients of oct stand in both train and test .for example patient7."):
        check_disjoint(Lists("oct", "official", train=one, val=(), test=one, duplicates=0))


@pytest.mark.parametrize(("patient", "leaks"), [("IM-0001", True), ("NORMAL2-IM-0001", True), ("person1", False)])
def test_only_renumbered_patients_may_share_a_name_with_the_official_chest_test(patient: str, leaks: bool) -> None:
    one = (ListedScan("a", 0, patient, "x"),)
    lists = Lists("chest", "official", train=one, val=(), test=one, duplicates=0)
    if leaks:
        with refused_as(DataError, "sample.shared-patients"):
            check_disjoint(lists)
    else:
        check_disjoint(lists)
    with refused_as(DataError, "sample.shared-patients"):
        check_disjoint(Lists("chest", "official", train=one, val=one, test=(), duplicates=0))


def test_copies_are_dropped_from_training_not_from_the_test_list(tiny_data: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(tiny_data, root)
    chest = root / "chest_xray"
    before = build_lists(get_task("chest"), root)
    shutil.copy(chest / "test/NORMAL/IM-0900-0001.jpeg", chest / "train/NORMAL/IM-0999-0001.jpeg")
    shutil.copy(chest / "train/NORMAL/IM-0000-0001.jpeg", chest / "train/NORMAL/IM-0000-0002.jpeg")
    after = build_lists(get_task("chest"), root)
    assert after.duplicates == before.duplicates + 2
    assert [after.digest(part) for part in ("train", "val", "test")] == [
        before.digest(part) for part in ("train", "val", "test")
    ]


def test_cached_images_are_the_preprocessed_scans(tiny_data: Path, own_cache: Path) -> None:
    task = get_task("oct")
    lists = build_lists(task, tiny_data)
    images = load_images(lists, "val", preprocessing=task.preprocessing, data_dir=tiny_data)
    assert len(list(own_cache.glob("*.npy"))) == 1 and not list(own_cache.glob("*.tmp"))
    again = load_images(lists, "val", preprocessing=task.preprocessing, data_dir=tiny_data)
    x, y = again.batch(np.array([3, 0]))
    for row, index in enumerate((3, 0)):
        scan = read_scan((tiny_data / images.items[index].path).read_bytes())
        np.testing.assert_allclose(x[row].numpy(), task.preprocessing(scan.pixels), atol=1e-5)
        assert y[row] == images.items[index].label


def test_a_broken_scan_is_named(tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(tiny_data, root)
    (root / "oct/val/CNV/CNV-555-1.jpeg").write_bytes(b"no picture")
    task = get_task("oct")
    with pytest.raises(DataError, match=r"oct/val/CNV/CNV-555-1.jpeg cannot be used"):
        load_images(build_lists(task, root), "val", preprocessing=task.preprocessing, data_dir=root)
    assert not list(own_cache.glob("*"))


def test_missing_data_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with refused_as(DataError, "sample.no-train-test"):
        build_lists(get_task("oct"), tmp_path)
    assert status(tmp_path)["tasks"]["chest"]["ready"] is False
    monkeypatch.delenv("MEDDEF_DATA_DIR", raising=False)
    with refused_as(DataError, "sample.no-data-dir"):
        find_data_dir()
    with refused_as(DataError, "sample.data-dir-missing"):
        find_data_dir(tmp_path / "nowhere")


def test_unknown_names_are_refused(tiny_data: Path) -> None:
    with refused_as(DataError, "task.there-no"):
        get_task("mri")
    with refused_as(DataError, "sample.no-protocol"):
        build_lists(get_task("oct"), tiny_data, protocol="random")
    with refused_as(DataError, "task.name-no"):
        get_task("oct").index("PNEUMONIA")


def pack(source: Path, archive: Path, prefix: str) -> None:
    files = sorted(p for p in source.rglob("*") if p.is_file())
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for path in files:
                packed.write(path, f"{prefix}/{path.relative_to(source).as_posix()}")
            packed.writestr(f"{prefix}/train/NORMAL/.DS_Store", b"x")
            packed.writestr("../../evil.jpeg", b"x")
    else:
        with tarfile.open(archive, "w:gz") as tar:
            for path in files:
                tar.add(path, f"{prefix}/{path.relative_to(source).as_posix()}")


@pytest.mark.parametrize(("key", "file", "folder"), [("chest", "a.zip", "chest_xray"), ("oct", "a.tar.gz", "oct")])
def test_a_downloaded_archive_becomes_a_data_folder(
    tiny_data: Path, tmp_path: Path, key: str, file: str, folder: str
) -> None:
    pack(tiny_data / folder, tmp_path / file, "Outer/Inner")
    root = tmp_path / "data"
    result = fetch(key, archive=tmp_path / file, data_dir=root)
    there = sum(1 for path in (tiny_data / folder).rglob("*.jpeg"))
    assert sum(result["scans"].values()) == there and result["left_out_of_training"] == 0
    assert sum(1 for path in root.rglob("*") if path.is_file()) == there
    assert not (tmp_path / "evil.jpeg").exists() and not list(root.glob(".*"))
    build_lists(get_task(key), root)
    with refused_as(DataError, "sample.target-exists"):
        fetch(key, archive=tmp_path / file, data_dir=root)


def test_training_scans_of_test_patients_are_left_out(tmp_path: Path) -> None:
    buffer = io.BytesIO(b"x")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("train/CNV/CNV-1-1.jpeg", "train/CNV/CNV-2-1.jpeg", "test/DME/DME-1-5.jpeg"):
            info = tarfile.TarInfo(f"OCT2017/{name}")
            info.size = 1
            buffer.seek(0)
            tar.addfile(info, buffer)
    result = fetch("oct", archive=tmp_path / "a.tar", data_dir=tmp_path / "data")
    assert result["left_out_of_training"] == 1 and result["scans"] == {"train": 1, "test": 1}


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut short"])
def test_a_bad_archive_leaves_nothing_behind(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError):
        fetch("chest", archive=tmp_path / "a.zip", data_dir=tmp_path / "data")
    assert not list((tmp_path / "data").iterdir())
    with refused_as(DataError, "sample.no-archive"):
        fetch("chest", archive=tmp_path / "b.zip", data_dir=tmp_path / "data")
