"""Settings of the machine: each variable with values that work and values that stop the start."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from meddef_core.settings import Settings, settings, variable

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("data_dir", "models_dir", "results_dir", "lessons_dir", "cache_dir")
BAD_NUMBERS = {
    "threads": ("abc", "0", "-1", "1.5", "2000"),
    "slots": ("0", "two", "-3"),
    "held_mb": ("0", "1 GB", "nan"),
    "decoders": ("0", "two", "65"),
}

BAD_NAMES = {
    "hosts": ("https://meddef.example", "meddef.example:8501", "a/b", "a b"),
    "origins": ("meddef.example", "https://a.example/", "ftp://a.example", "https://*.example", "https://[::1"),
}


def meddef(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with these variables and no others of ours."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MEDDEF_")}
    return subprocess.run(
        [sys.executable, "-c", "from meddef_core.cli import main; main()", *arguments],
        env=clean | {"PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(tmp_path)} | variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )


def assert_stopped(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert result.returncode == 2 and result.stdout == "" and result.stderr.count("\n") == 1, result.stderr
    assert all(part in result.stderr for part in parts), result.stderr


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, bad in BAD_NUMBERS.items() for value in bad])
def test_a_number_that_cannot_work_stops_the_start(tmp_path: Path, field: str, value: str) -> None:
    assert_stopped(meddef(tmp_path, "doctor", **{variable(field): value}), variable(field), repr(value))


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, bad in BAD_NAMES.items() for value in bad])
def test_a_name_that_cannot_work_stops_the_start(tmp_path: Path, field: str, value: str) -> None:
    assert_stopped(meddef(tmp_path, "doctor", **{variable(field): f"ok.example, {value}"}), variable(field), value)


def test_names_are_listed(tmp_path: Path) -> None:
    (tmp_path / "meddef.toml").write_text('origins = ["https://one.example", "http://two.example:81"]\n')
    document = json.loads(meddef(tmp_path, "doctor", "--json", MEDDEF_HOSTS="a.example , *.b.example,").stdout)
    found = {each["name"]: each["value"] for each in document["settings"]}
    assert found["MEDDEF_HOSTS"] == ["a.example", "*.b.example"] and found["MEDDEF_METRICS"] is False
    assert found["MEDDEF_ORIGINS"] == ["https://one.example", "http://two.example:81"]


@pytest.mark.parametrize("field", FOLDERS)
def test_a_file_in_place_of_a_folder_stops_the_start(tmp_path: Path, field: str) -> None:
    (tmp_path / "file").write_text("")
    assert_stopped(meddef(tmp_path, "doctor", **{variable(field): str(tmp_path / "file")}), variable(field), "folder")


def test_good_values_are_told_with_their_source_and_meaning(tmp_path: Path) -> None:
    given = {variable(field): str(tmp_path) for field in FOLDERS} | {"MEDDEF_THREADS": "2", "MEDDEF_SLOTS": "3"}
    document = json.loads(meddef(tmp_path, "doctor", "--json", MEDDEF_SLOT="1", **given).stdout)
    found = {each["name"]: each for each in document["settings"]}
    assert found.keys() == {variable(field) for field in Settings.model_fields}
    assert all(found[name]["value"] == (int(v) if v.isdigit() else v) for name, v in given.items())
    assert {found[name]["source"] for name in given} == {"environment"}
    assert (found["MEDDEF_HELD_MB"]["value"], found["MEDDEF_HELD_MB"]["source"]) == (1024, "default")
    assert document["unknown_variables"] == ["MEDDEF_SLOT"] and document["limits"]["slots"] == 3
    parts = {each["name"]: each["found"] for each in document["parts"]}
    assert parts["data"] and not parts["models"]
    assert {"Chromium", "Orthanc", "PostgreSQL", "decoder cv2"} <= parts.keys()


def test_doctor_says_what_is_missing_in_words(tmp_path: Path) -> None:
    result = meddef(tmp_path, "doctor", MEDDEF_DATA_DIR=str(tmp_path / "nowhere"))
    assert result.returncode == 0 and "missing data: " in result.stdout and "does not exist" in result.stdout
    assert "found   models: " in result.stdout and " cores, memory " in result.stdout


def test_a_file_sets_and_a_variable_wins(tmp_path: Path) -> None:
    (tmp_path / "meddef.toml").write_text("threads = 4\nslots = 2\n")
    document = json.loads(meddef(tmp_path, "doctor", "--json", MEDDEF_SLOTS="5", MEDDEF_HELD_MB="").stdout)
    found = {each["name"]: (each["value"], each["source"]) for each in document["settings"]}
    assert found["MEDDEF_THREADS"] == (4, "file") and found["MEDDEF_SLOTS"] == (5, "environment")
    assert found["MEDDEF_HELD_MB"] == (1024, "default")
    other = tmp_path / "other.toml"
    other.write_text("held_mb = 64\n")
    document = json.loads(meddef(tmp_path, "doctor", "--json", MEDDEF_CONFIG=str(other)).stdout)
    assert (
        document["settings_file"] == str(other)
        and {"MEDDEF_HELD_MB": 64, "MEDDEF_THREADS": 1}.items()
        <= {each["name"]: each["value"] for each in document["settings"]}.items()
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("threads = 'abc'\n", ("setting threads in ", "'abc'")),
        ("thread = 1\n", ("sets thread", "threads")),
        ("threads = = 1\n", ("cannot be read",)),
        ("slots = 0\n", ("setting slots in ", "greater than or equal to 1")),
    ],
)
def test_a_file_that_cannot_work_stops_the_start(tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    (tmp_path / "meddef.toml").write_text(text)
    assert_stopped(meddef(tmp_path, "models"), "meddef.toml", *parts)


def test_a_settings_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    assert_stopped(meddef(tmp_path, "models", MEDDEF_CONFIG=str(tmp_path / "no.toml")), "MEDDEF_CONFIG", "no file")


def test_slots_follow_cores_and_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("MEDDEF_SLOTS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    for threads, slots in (("1", 6), ("2", 3), ("4", 1), ("64", 1)):
        monkeypatch.setenv("MEDDEF_THREADS", threads)
        assert settings().work_slots == slots


STARTS = {
    "server": [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", "8599"],
    "script": [
        sys.executable,
        "-c",
        "from streamlit.testing.v1 import AppTest; AppTest.from_file('streamlit_app.py').run(timeout=60)",
    ],
}


@pytest.mark.parametrize("value", ["abc", "0"])
@pytest.mark.parametrize("start", STARTS)
def test_streamlit_ends_with_one_sentence(start: str, value: str) -> None:
    """The server before it listens, and a script that runs without our server."""
    result = subprocess.run(
        STARTS[start],
        env=os.environ | {"MEDDEF_SLOTS": value, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 2
    assert [line for line in result.stderr.splitlines() if line.startswith("MEDDEF_SLOTS is ")]
