"""The audit log: whole lines by any number of processes, rotated, and no room for a name."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runs import Run, assert_refused
from full_disk import full_disk
from refusals import refused_as

from meddef_core.io.audit_log import (
    ACTIONS,
    AuditError,
    AuditLog,
    own_number,
    record_id,
    session_number,
)

RECORD = "0123456789abcdef"
WRITER = """
import sys
from pathlib import Path
from meddef_core.io.audit_log import AuditLog
log = AuditLog(Path(sys.argv[1]), most_bytes=int(sys.argv[3]), kept=500)
for number in range(50):
    log.add("predict", who=f"uid {sys.argv[2]}", model="oct/meddef", record=f"{number:016x}")
"""


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_says_who_did_what_with_which_model_and_when(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "audit.jsonl"
    AuditLog(path).add("attack", who=own_number(), model="oct/meddef", record=RECORD)
    AuditLog(path).add("batch", who=session_number("secret"), model="chest/meddef", n=12)
    one, two = lines(path)
    assert one.keys() == {"time", "action", "who", "model", "record", "n", "software"}
    assert (one["action"], one["who"], one["record"]) == ("attack", f"uid {os.getuid():x}", RECORD)
    assert str(one["time"]).endswith("+00:00") and two["n"] == 12 and "record" not in two
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and "secret" not in path.read_text()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("who", "Jane Doe"),
        ("who", "user jane"),
        ("who", "user jane@hospital.example"),
        ("model", "oct/Jane Doe.dcm"),
        ("model", "meddef"),
        ("record", "scan-of-jane.png"),
        ("record", "0123"),
        ("record", RECORD.upper()),
        ("who", "uid 0\nuid 1"),
    ],
)
def test_free_text_has_no_place(tmp_path: Path, field: str, value: str) -> None:
    given = {"who": "uid 0", "model": "oct/meddef", "record": RECORD, field: value}
    with pytest.raises(ValueError, match=field):
        AuditLog(tmp_path / "log").add("predict", **given)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no action"):
        AuditLog(tmp_path / "log").add("look at Jane", who="uid 0")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_numbers_are_the_same_for_the_same_person_and_no_others() -> None:
    assert session_number("7") == session_number("7") != session_number("8")
    assert record_id({"a": 1, "b": 2}) == record_id({"b": 2, "a": 1}) != record_id({"a": 1})
    assert "predict" in ACTIONS


@pytest.mark.parametrize("most", [10**9, 2000])
def test_several_processes_lose_no_line_also_while_the_file_is_rotated(tmp_path: Path, most: int) -> None:
    path = tmp_path / "log"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, str(number), str(most)]) for number in range(3)]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    files = [each for each in tmp_path.iterdir() if each.suffix != ".lock"]
    found = [(line["who"], line["record"]) for each in files for line in lines(each)]
    assert len(found) == len(set(found)) == 150 and (len(files) > 1) == (most == 2000)
    assert all(each.stat().st_size <= most for each in files)


def test_only_so_many_older_files_are_kept_and_the_newest_stand_first(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "log", most_bytes=300, kept=2)
    for number in range(12):
        log.add("predict", who="uid 0", record=f"{number:016x}")
    assert {each.name for each in tmp_path.iterdir()} == {"log", "log.1", "log.2", "log.lock"}
    order = [line["record"] for name in ("log.2", "log.1", "log") for line in lines(tmp_path / name)]
    assert order == sorted(map(str, order)) and order[-1] == f"{11:016x}"


def test_a_line_cut_short_by_a_kill_stays_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"time": "20')
    AuditLog(path).add("predict", who="uid 0")
    half, whole = path.read_text().splitlines()
    assert half == '{"time": "20' and json.loads(whole)["action"] == "predict"


def test_a_log_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with refused_as(AuditError, "io.audit-log"):
        AuditLog(tmp_path / "file" / "log").add("predict", who="uid 0")
    path = tmp_path / "log"
    path.write_bytes(b"\n" * 30_000)
    with full_disk(), pytest.raises(AuditError, match="cannot be written"):
        AuditLog(path).add("predict", who="uid 0")
    assert path.stat().st_size == 30_000


def test_commands_write_it_and_do_nothing_without_it(
    run: Run, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit.jsonl"
    monkeypatch.setenv("MEDDEF_AUDIT_LOG", str(path))
    predicted = run("predict", scan, "--task", "oct", "--json").document
    attacked = run("attack", scan, "--task", "oct", "--attack", "fgsm", "--json").document
    run("batch", scan.parent, "--task", "oct")
    found = lines(path)
    assert [line["action"] for line in found] == ["predict", "attack", "batch"]
    assert [line.get("record") for line in found] == [record_id(predicted), record_id(attacked), None]
    assert {line["who"] for line in found} == {own_number()} and scan.stem not in path.read_text()
    monkeypatch.setenv("MEDDEF_AUDIT_LOG", str(scan / "audit.jsonl"))
    assert_refused(run("predict", scan, "--task", "oct", "--json"), "nothing was done")
