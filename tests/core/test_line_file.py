"""The file that both audit logs grow in: whole lines, each once where it has a mark, older files kept."""

import stat
from pathlib import Path

import pytest

from meddef_core.io.line_file import LineFile, reason


def test_a_line_with_a_mark_stands_there_once(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "deep" / "log")
    for name in (b"one", b"two", b"one", b"two", b"three"):
        file.add(b"<%s>" % name, mark=b"<%s>" % name)
    assert (tmp_path / "deep" / "log").read_bytes() == b"<one>\n<two>\n<three>\n"
    assert stat.S_IMODE((tmp_path / "deep" / "log").stat().st_mode) == 0o600


def test_half_a_line_is_none_and_the_next_begins_on_its_own(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"<one>\n<two>, cut")
    LineFile(path).add(b"<two>, whole", mark=b"<two>")
    assert path.read_bytes() == b"<one>\n<two>, cut\n<two>, whole\n"


def test_a_line_is_found_in_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = LineFile(path, most_bytes=12, kept=2)
    for name in (b"one", b"two", b"six", b"two"):
        file.add(b"<%s>" % name, mark=b"<%s>" % name)
    assert path.read_bytes() == b"<six>\n" and (tmp_path / "log.1").read_bytes() == b"<one>\n<two>\n"


def test_so_many_older_files_are_kept(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "log", most_bytes=4, kept=2)
    for number in range(5):
        file.add(b"%d.." % number)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".lock"}
    assert kept == {"log": b"4..\n", "log.1": b"3..\n", "log.2": b"2..\n"}


def test_the_system_says_why_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:
        LineFile(tmp_path).add(b"line")
    assert reason(caught.value) == "Is a directory"
