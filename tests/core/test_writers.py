"""Each command that writes finds the disk full, or a folder that takes nothing: one sentence, and nothing is lost.

`/proc` is the folder that takes nothing: root, as whom CI runs, may write to any that is merely closed.
"""

import zipfile
from pathlib import Path

import pytest
from cli_runs import Result, Run
from full_disk import full_disk

TINY = 100
"""Bytes that the full disk has left."""

WRITERS = {
    "attack, image": ("attack", "{scan}", "--task", "oct", "--attack", "fgsm", "--output", "{place}/out.npy"),
    "attack, picture": ("attack", "{scan}", "--task", "oct", "--attack", "fgsm", "--output", "{place}/out.png"),
    "batch": ("batch", "{folder}", "--task", "oct", "--output", "{place}/out.csv"),
    "evaluate": (
        *("evaluate", "--task", "oct", "--data-dir", "{data}", "--attacks", "none", "--limit", "4"),
        *("--output", "{place}/out.json"),
    ),
    "prune": (
        *("prune", "--task", "oct", "--data-dir", "{data}", "--sweep", "--levels", "0.5", "--attacks", "fgsm"),
        *("--eps", "1/255", "--part", "val", "--limit", "4", "--output", "{place}/out.json"),
    ),
}


def assert_refused(result: Result, part: str) -> None:
    """Notes on the data may stand before the sentence."""
    assert result.code == 2 and result.out == "" and "Traceback" not in result.err
    assert part in result.err.splitlines()[-1]


def arguments(name: str, place: Path, *, scan: Path, data: Path) -> list[str]:
    values = {"scan": scan, "folder": scan.parent, "place": place, "data": data}
    return [word.format(**values) for word in WRITERS[name]]


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_sentence(run: Run, scan: Path, noise_data: Path, tmp_path: Path, name: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    wanted = arguments(name, place, scan=scan, data=noise_data)
    assert run(*wanted).code == 0  # the cache is full now, so that the output is what fails
    (made,) = place.iterdir()
    before = made.read_bytes()
    with full_disk(TINY):
        assert_refused(run(*wanted), "cannot be written (File too large); make room")
    assert made.read_bytes() == before and [each.name for each in place.iterdir()] == [made.name]


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_takes_nothing_is_one_sentence(run: Run, scan: Path, noise_data: Path, name: str) -> None:
    assert_refused(run(*arguments(name, Path("/proc"), scan=scan, data=noise_data)), "cannot be written")


def test_an_archive_that_does_not_fit_leaves_nothing(run: Run, tmp_path: Path) -> None:
    archive, data = tmp_path / "OCT2017.zip", tmp_path / "data"
    with zipfile.ZipFile(archive, "w") as packed:
        for part in ("train", "test"):
            packed.writestr(f"OCT2017/{part}/CNV/CNV-1-1.jpeg", bytes(1000))
    with full_disk(TINY):
        assert_refused(run("data", "fetch", "oct", "--archive", archive, "--data-dir", data), "cannot be written")
    assert list(data.iterdir()) == []


def test_the_cache_that_cannot_be_written_is_one_sentence(
    run: Run, noise_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ("evaluate", "--task", "oct", "--data-dir", noise_data, "--attacks", "none")
    with full_disk(TINY):
        assert_refused(run(*wanted), "cannot be written")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MEDDEF_CACHE_DIR", str(tmp_path / "file"))
    assert_refused(run(*wanted), "MEDDEF_CACHE_DIR")
