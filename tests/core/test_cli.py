"""The command line as scripts see it: exit codes, one JSON document, one sentence on bad input, whole files."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from tiny_models import save_tiny_model

from meddef_core.cli import main
from meddef_core.cli_output import write_file
from meddef_core.errors import MedDefError
from meddef_core.intended_use import INTENDED_USE

PROGRAM = [sys.executable, "-c", "from meddef_core.cli import main; main()"]

ANNOUNCED_PROGRAM = """
import signal, sys
import meddef_core.attacks, meddef_core.predict, meddef_core.record
from meddef_core.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
print("ready", file=sys.stderr, flush=True)
main()
"""


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Run = Callable[..., Result]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    save_tiny_model(root, "oct/meddef")
    save_tiny_model(root, "oct/undefended", variant="resnet18", seed=1)
    return root


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PNG of noise: what is read does not matter here, how it is answered does."""
    path = tmp_path_factory.mktemp("scans") / "somebody.png"
    values = np.random.default_rng(0).integers(0, 200, (300, 400), dtype=np.uint8)
    assert cv2.imwrite(str(path), values)
    return path


@pytest.fixture
def run(models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(models))
    monkeypatch.delenv("MEDDEF_DATA_DIR", raising=False)

    def call(*arguments: object) -> Result:
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Result(int(caught.value.code or 0), out, err)

    return call


# Reading


def test_predict_answers_in_words(run: Run, scan: Path) -> None:
    result = run("predict", scan, "--task", "oct")
    assert result.code == 0 and result.err == ""
    for name in ("CNV", "DME", "DRUSEN", "NORMAL"):
        assert name in result.out
    assert INTENDED_USE in result.out


def test_predict_gives_one_json_record(run: Run, scan: Path) -> None:
    result = run("predict", scan, "--task", "oct", "--json")
    document = result.document
    assert result.code == 0 and document["kind"] == "prediction"
    assert document["model"]["key"] == "oct/meddef" and len(document["scan"]["sha256"]) == 64
    assert sum(document["numbers"]["probabilities"]) == pytest.approx(1)
    assert document["intended_use"] == INTENDED_USE
    assert "somebody" not in result.out and str(scan.parent) not in result.out


def test_predict_gives_maps_when_asked(run: Run, scan: Path) -> None:
    maps = run("predict", scan, "--task", "oct", "--maps", "--json").document["numbers"]["maps"]
    assert {"gradcam", "afd_gate", "self_attention"} <= set(maps)
    assert len(maps["gradcam"]["grid"]) == 4


def test_a_model_is_named_with_or_without_its_task(run: Run, scan: Path) -> None:
    for name in ("undefended", "oct/undefended"):
        document = run("predict", scan, "--task", "oct", "--model", name, "--json").document
        assert document["model"]["key"] == "oct/undefended"


def test_models_lists_every_card(run: Run) -> None:
    assert [model["key"] for model in run("models", "--json").document["models"]] == ["oct/meddef", "oct/undefended"]
    assert "oct/undefended" in run("models").out


def test_models_of_an_empty_folder(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path))
    assert run("models", "--json").document == {"models": []}
    assert "no model" in run("models").out


# Attacking

ATTACK = ("--task", "oct", "--steps", 3, "--eps", "8/255")


def test_attack_measures_and_repeats(run: Run, scan: Path) -> None:
    first, again = (run("attack", scan, *ATTACK, "--seed", 5, "--json").document for _ in range(2))
    numbers = first["numbers"]
    assert first["kind"] == "attack" and first["seed"] == 5 and first["spec"]["steps"] == 3
    assert 0 < numbers["linf"] <= 8 / 255 + 1e-6
    assert len(numbers["trace"]) == numbers["steps_run"] == 3
    assert numbers == again["numbers"]
    other = run("attack", scan, *ATTACK, "--seed", 6, "--json").document
    assert other["numbers"]["adversarial_sha256"] != numbers["adversarial_sha256"]


def test_attack_answers_in_words(run: Run, scan: Path) -> None:
    result = run("attack", scan, *ATTACK, "--attack", "fgsm")
    assert result.code == 0 and result.err == ""
    assert "8/255 (0.0314)" in result.out and "PSNR" in result.out and INTENDED_USE in result.out


def test_attack_moves_away_from_a_known_label_and_towards_a_target(run: Run, scan: Path) -> None:
    document = run("attack", scan, *ATTACK, "--label", "DME", "--target", "CNV", "--json").document
    assert document["numbers"]["label"] == "DME" and document["spec"]["target"] == 0


def test_attack_writes_the_exact_image(run: Run, scan: Path, tmp_path: Path) -> None:
    exact, seen = tmp_path / "adv.npy", tmp_path / "adv.png"
    document = run("attack", scan, *ATTACK, "--output", exact, "--json").document
    run("attack", scan, *ATTACK, "--output", seen)
    image = np.load(exact)
    assert image.shape == (1, 224, 224) and image.dtype == np.float32
    picture = cv2.imread(str(seen), cv2.IMREAD_UNCHANGED)
    assert picture is not None and picture.dtype == np.uint16
    np.testing.assert_allclose(picture / 65535, image[0], atol=1 / 65535)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adv.npy", "adv.png"]
    assert document["numbers"]["success"] in (True, False)


# Bad input

BAD = [
    (("--task", "knee"), "no task 'knee'"),
    (("--task", "oct", "--model", "resnet99"), "no model 'oct/resnet99'"),
    (("--task", "chest"), "no model 'chest/meddef'"),
    (("--task", "oct", "--eps", "many"), "epsilon"),
    (("--task", "oct", "--eps", "300/255"), "between 0 and 1"),
    (("--task", "oct", "--steps", "0"), "steps"),
    (("--task", "oct", "--steps", "few"), "--steps"),
    (("--task", "oct", "--attack", "magic"), "no attack 'magic'"),
    (("--task", "oct", "--loss", "l9"), "loss must be"),
    (("--task", "oct", "--target", "PNEUMONIA"), "'PNEUMONIA'"),
    (("--task", "oct", "--output", "adv.jpg"), "must end in .npy or .png"),
    (("--task", "oct", "--output", "nowhere/adv.npy"), "does not exist"),
    (("--task", "oct", "--frame", "3"), "frame"),
    (("--task", "oct", "--epsilon", "3"), "--epsilon"),
]


@pytest.mark.parametrize(("arguments", "part"), BAD)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: tuple[str, ...], part: str, run: Run, scan: Path) -> None:
    assert_refused(run("attack", scan, *arguments), part)
    assert_refused(run("attack", scan, *arguments, "--json"), part)


def assert_refused(result: Result, part: str) -> None:
    assert result.code == 2 and result.out == ""
    assert part.casefold() in result.err.casefold()
    assert result.err.count("\n") == 1 and result.err.endswith((".\n", "?\n"))
    assert "Traceback" not in result.err and "─" not in result.err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["predict"], "file"),
        (["predict", "nofile.png", "--task", "oct"], "nofile.png"),
        (["frobnicate"], "frobnicate"),
        (["data", "status"], "MEDDEF_DATA_DIR"),
        (["data", "fetch", "knee", "--archive", "a.zip", "--data-dir", "."], "no task 'knee'"),
        (["train", "norecipe.yaml"], "norecipe.yaml"),
        (["evaluate", "--task", "oct"], "MEDDEF_DATA_DIR"),
        (["evaluate", "--task", "oct", "--attacks", "magic"], "no attack 'magic'"),
        (["publish", "norun"], "MEDDEF_DATA_DIR"),
        (["app", "--port", "0"], "--port"),
    ],
)
def test_every_command_refuses_in_one_sentence(arguments: list[str], part: str, run: Run) -> None:
    assert_refused(run(*arguments), part)


def test_a_file_that_is_no_scan_is_refused(run: Run, tmp_path: Path) -> None:
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    assert_refused(run("predict", text, "--task", "oct"), "not an image")


def test_set_wants_a_key_and_a_value(run: Run, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("task: oct\n")
    assert_refused(run("train", recipe, "--set", "epochs"), "KEY=VALUE")
    assert_refused(run("train", recipe, "--set", "=3"), "KEY=VALUE")


def test_no_command_shows_the_help(run: Run) -> None:
    result = run()
    assert result.code == 2 and "predict" in result.out and result.err == ""


# Data, training, evaluation


@pytest.fixture
def tiny_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four patients a class and list of OCT-shaped noise, each class with its own brightness."""
    monkeypatch.setenv("MEDDEF_CACHE_DIR", str(tmp_path / "cache"))
    rng, patient = np.random.default_rng(0), 0
    for part in ("train", "val", "test"):
        for level, name in enumerate(("CNV", "DME", "DRUSEN", "NORMAL")):
            folder = tmp_path / "data" / "oct" / part / name
            folder.mkdir(parents=True)
            for _ in range(4):
                patient += 1
                values = rng.integers(0, 60, (240, 320)) + 40 * level
                assert cv2.imwrite(str(folder / f"{name}-{patient}-1.jpeg"), values.astype(np.uint8))
    return tmp_path / "data"


def test_data_status_counts_the_lists(run: Run, tiny_data: Path) -> None:
    document = run("data", "status", "--data-dir", tiny_data, "--json").document
    assert document["tasks"]["oct"]["ready"] is True
    assert document["tasks"]["oct"]["official"]["test"]["scans"] == 16
    assert document["tasks"]["chest"]["ready"] is False
    words = run("data", "status", "--data-dir", tiny_data).out
    assert "official: train 16, val 16, test 16 scans" in words


def test_evaluate_gives_a_row_for_clean_and_each_budget(run: Run, tiny_data: Path) -> None:
    arguments = ("evaluate", "--task", "oct", "--data-dir", tiny_data, "--attacks", "fgsm", "--eps", "1/255,2/255")
    document = run(*arguments, "--json").document
    rows = document["numbers"]["attacked"]
    assert [round(row["spec"]["eps"] * 255) for row in rows] == [1, 2]
    assert document["data"]["n"] == 16 and document["data"]["protocol"] == "official"
    for row in (document["numbers"]["clean"], *rows):
        low, high = row["balanced_interval"]
        assert low <= row["balanced_accuracy"] <= high and set(row["recall"]) == {"CNV", "DME", "DRUSEN", "NORMAL"}
    words = run(*arguments).out
    assert "clean" in words and "fgsm 2/255" in words


def test_train_runs_a_recipe_and_goes_on(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    recipe, folder = tmp_path / "recipe.yaml", tmp_path / "run"
    lines = ("task: oct", "name: tiny", "title: Tiny", "summary: Test.", "epochs: 1", "batch: 8", "precision: 32-true")
    recipe.write_text("\n".join(lines))
    arguments = ("train", recipe, "--data-dir", tiny_data, "--run-dir", folder, "--json")
    settings = ("--set", "model.width=4", "--set", "epochs=2", "--set", "validation.eps=0")
    result = run(*arguments, *settings)
    assert result.code == 0 and result.document["steps"] == 4
    assert (folder / "best.safetensors").is_file()
    assert run(*arguments, *settings).document["steps"] == 4


def test_publish_refuses_an_unfinished_run(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    assert_refused(run("publish", tmp_path, "--data-dir", tiny_data), "no chosen weights")


# Files


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "adv.npy"
    path.write_bytes(b"old")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(MedDefError, match="cannot be written"):
        write_file(tmp_path / f"{'a' * 252}.npy", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["adv.npy"]


# The process


def test_help_imports_no_heavy_library() -> None:
    script = (
        "import sys\n"
        "from meddef_core.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "print(sorted({'torch', 'cv2', 'numpy', 'captum', 'streamlit'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_interrupted_attack_exits_130_and_leaves_no_file(models: Path, scan: Path, tmp_path: Path) -> None:
    output = tmp_path / "adv.npy"
    command = [sys.executable, "-c", ANNOUNCED_PROGRAM, "attack", str(scan), "--task", "oct", "--steps", "1000000"]
    process = subprocess.Popen(
        [*command, "--output", str(output)], env={**os.environ, "MEDDEF_MODELS_DIR": str(models)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    try:
        assert process.stderr is not None and process.stderr.readline() == "ready\n"
        time.sleep(2)  # into the attack; but 130 is due from here on
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert out == "" and err.strip().endswith("Interrupted.") and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_app_starts_the_dashboard_and_says_where(models: Path) -> None:
    if not (Path(__file__).parents[2] / "streamlit_app.py").is_file():
        pytest.skip("needs the dashboard beside the library")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [*PROGRAM, "app", "--port", str(port), "--json"], env={**os.environ, "MEDDEF_MODELS_DIR": str(models)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not healthy(port):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.2)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert json.loads(out) == {"url": f"http://127.0.0.1:{port}"}
    assert "Traceback" not in err


def test_app_refuses_a_port_in_use(run: Run) -> None:
    if not (Path(__file__).parents[2] / "streamlit_app.py").is_file():
        pytest.skip("needs the dashboard beside the library")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert_refused(run("app", "--port", taken.getsockname()[1]), "choose another with --port")


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
