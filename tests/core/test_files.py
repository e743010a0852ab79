"""Files appear whole or not at all: after an error, a kill at any moment, a full disk, and a power cut."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from full_disk import full_disk

from meddef_core.errors import MedDefError
from meddef_core.io.files import read_whole, replacing, write_pair

OLD, NEW = b"old" * 30_000, b"new" * 30_000

REPLACES = """
import sys
from pathlib import Path
from meddef_core.io.files import replacing
with replacing(Path(sys.argv[1])) as beside:
    beside.write_bytes(b"new" * 10)
"""


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pair(folder: Path, data: bytes) -> None:
    write_pair(folder / "weights", data, card=folder / "card", text=sha(data))


def whole(folder: Path) -> bytes:
    """What a reader of the pair gets; fails where the two do not belong together."""
    named = (folder / "card").read_text()
    data = read_whole(folder / "weights", sha256=named)
    assert sha(data) == named
    return data


class Cut(BaseException):
    """Stands for the end of the process: nothing after it runs but what Python cleans up."""


def cut_at(monkeypatch: pytest.MonkeyPatch, call: int) -> list[str]:
    """Let the system calls that change names or reach the disk pass until number `call`; that one does not happen."""
    seen: list[str] = []
    calls = ((Path, "replace"), (os, "fsync"), (Path, "unlink"), (Path, "write_bytes"), (shutil, "copyfile"))
    for module, name in calls:
        real = getattr(module, name)

        def counted(*arguments: Any, _real: Any = real, _name: str = name, **options: Any) -> Any:
            seen.append(_name)
            if len(seen) > call:
                raise Cut
            return _real(*arguments, **options)

        monkeypatch.setattr(module, name, counted)
    return seen


@pytest.mark.parametrize("call", range(20))
def test_a_pair_is_the_former_or_the_new_one_wherever_it_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    pair(tmp_path, OLD)
    with monkeypatch.context() as cut:
        seen = cut_at(cut, call)
        try:
            pair(tmp_path, NEW)
            done = True
        except Cut:
            done = False
    assert whole(tmp_path) in ((NEW,) if done else (OLD, NEW))
    assert done == (len(seen) <= call)
    with monkeypatch.context() as cut:  # a second try is cut off as well
        cut_at(cut, call)
        try:
            pair(tmp_path, NEW)
        except Cut:
            assert whole(tmp_path) in (OLD, NEW)
    pair(tmp_path, NEW)
    assert whole(tmp_path) == NEW and not (tmp_path / ".weights.before").exists()


def test_the_last_of_these_moments_is_after_the_last_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair(tmp_path, OLD)
    with monkeypatch.context() as cut:
        assert len(cut_at(cut, 1000)) == 0
        pair(tmp_path, NEW)
    calls = []
    with monkeypatch.context() as cut:
        calls = cut_at(cut, 1000)
        pair(tmp_path, OLD)
    assert 8 <= len(calls) <= 20


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: apt-get install strace")
def test_what_was_written_is_on_the_disk_before_it_takes_its_place(tmp_path: Path) -> None:
    """A power cut after the rename must not find an empty file under the name: file, then name, then folder."""
    calls, path = tmp_path / "calls.txt", tmp_path / "folder" / "file"
    path.parent.mkdir()
    traced = "trace=openat,write,fsync,fdatasync,rename,renameat,renameat2"
    subprocess.run(
        ["strace", "-f", "-qq", "-y", "-e", traced, "-o", str(calls), sys.executable, "-c", REPLACES, str(path)],
        check=True,
    )
    told = [line for line in calls.read_text().splitlines() if str(path.parent) in line]
    order = [re.search(r"(openat|write|f(?:data)?sync|rename\w*)\(", line) for line in told]
    names = [found[1] for found in order if found and not (found[1] == "openat" and "O_CREAT" not in found.string)]
    assert names == ["openat", "write", "fsync", "rename", "fsync"]
    assert told[-1].rstrip().endswith("= 0") and f"{path.parent}>" in told[-1]  # the last one is of the folder


def test_a_kill_before_the_rename_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    script = f"{REPLACES}    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    process = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert process.returncode == -signal.SIGKILL and path.read_bytes() == OLD


def test_a_full_disk_and_a_folder_that_is_a_file_are_one_sentence(tmp_path: Path) -> None:
    pair(tmp_path, OLD)
    with full_disk(), pytest.raises(MedDefError, match=r"cannot be written \(File too large\); make room"):
        pair(tmp_path, NEW)
    assert whole(tmp_path) == OLD and {each.name for each in tmp_path.iterdir()} == {"weights", "card"}
    with pytest.raises(MedDefError, match="cannot be written"), replacing(tmp_path / "card" / "file") as beside:
        beside.write_bytes(NEW)
