"""`meddef attack`: every attack of the registry, by its own budget, and one sentence for what it cannot do."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_runs import Run, assert_refused
from tiny_models import save_tiny_model

from meddef_core.attacks import ATTACKS, default_spec
from meddef_core.intended_use import INTENDED_USE
from meddef_core.tasks import TASKS

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
    result = run("attack", scan, "--task", "oct", "--attack", "fgsm", "--eps", "8/255")
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


QUICK = {"steps": 2, "samples": 2, "search_steps": 1}
"""Settings that keep a run short, for the attacks that have them."""


@pytest.mark.parametrize("name", list(ATTACKS))
def test_every_attack_runs_at_its_own_budget(run: Run, scan: Path, name: str) -> None:
    info = ATTACKS[name]
    quick = [
        word for key, value in QUICK.items() if key in info.settings for word in (f"--{key.replace('_', '-')}", value)
    ]
    document = run("attack", scan, "--task", "oct", "--attack", name, *quick, "--json").document
    assert document["spec"]["eps"] == default_spec(name).eps
    numbers = document["numbers"]
    assert numbers["norm"] == info.norm and numbers["first_fooled"] in range(-1, numbers["steps_run"] + 2)
    assert (numbers["source"] is None) != info.needs_source


def test_settings_left_out_are_the_attacks_own(run: Run, scan: Path) -> None:
    spec = run("attack", scan, "--task", "oct", "--attack", "noise_l2", "--json").document["spec"]
    assert spec["eps"] == 3.0 and spec["theta"] == default_spec("noise_l2").theta


@pytest.mark.parametrize(
    ("name", "eps", "written", "words"),
    [
        ("noise", "4/255", 4 / 255, "budget 4/255 (0.0157)"),
        ("noise_l2", "2.5", 2.5, "budget L2 2.5"),
        ("noise_l0", "0.05", 0.05, "budget 5% of values"),
    ],
)
def test_a_budget_is_read_by_the_attacks_norm(
    run: Run, scan: Path, name: str, eps: str, written: float, words: str
) -> None:
    arguments = ("attack", scan, "--task", "oct", "--attack", name, "--eps", eps)
    assert run(*arguments, "--json").document["spec"]["eps"] == written
    assert words in run(*arguments).out


def test_a_setting_that_the_attack_lacks_is_said_to_do_nothing(run: Run, scan: Path) -> None:
    plain = run("attack", scan, "--task", "oct", "--attack", "fgsm", "--json")
    told = run(
        "attack",
        scan,
        "--task",
        "oct",
        "--attack",
        "fgsm",
        "--steps",
        7,
        "--theta",
        "0.2",
        "--seed",
        3,
        "--source",
        "undefended",
        "--json",
    )
    assert plain.err == ""
    for option in ("--steps", "--theta", "--seed", "--source"):
        assert f"{option} has no effect" in told.err
    assert told.document["numbers"] == plain.document["numbers"] and told.document["spec"] == plain.document["spec"]


def test_transfer_names_the_model_it_was_made_on(run: Run, scan: Path) -> None:
    arguments = ("attack", scan, *ATTACK, "--attack", "transfer", "--json")
    document = run(*arguments).document
    assert document["model"]["key"] == "oct/meddef" and document["numbers"]["source"]["key"] == "oct/undefended"
    other = run(*arguments, "--model", "undefended", "--source", "meddef").document
    assert other["numbers"]["source"]["key"] == "oct/meddef"
    assert_refused(run(*arguments, "--model", "undefended"), "name another model with --source")
    assert_refused(run(*arguments, "--source", "meddef"), "name another model with --source")
    assert_refused(run(*arguments, "--source", "resnet99"), "no model 'oct/resnet99'")


def test_a_model_that_prepares_scans_otherwise_is_no_source(
    scan: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny_model(tmp_path, "oct/meddef")
    save_tiny_model(tmp_path, "oct/other", preprocessing=replace(TASKS["oct"].preprocessing, fill_border=False))
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path))
    refused = run("attack", scan, "--task", "oct", "--attack", "transfer", "--source", "other")
    assert_refused(refused, "preprocess scans differently")


def test_a_universal_perturbation_of_one_scan_is_said_to_be_that(run: Run, scan: Path) -> None:
    result = run("attack", scan, *ATTACK, "--attack", "universal")
    assert result.code == 0 and "fits that scan only" in result.err


def test_help_lists_every_attack(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    said = run("attack", "--help").out
    assert all(name in said for name in ATTACKS)


# Bad input

BAD = [
    (("--task", "knee"), "no task 'knee'"),
    (("--task", "oct", "--model", "resnet99"), "no model 'oct/resnet99'"),
    (("--task", "chest"), "no model 'chest/meddef'"),
    (("--task", "oct", "--eps", "many"), "epsilon"),
    (("--task", "oct", "--eps", "300/255"), "between 0 and 1"),
    (("--task", "oct", "--eps", "-1", "--attack", "noise_l2"), "from 0 up"),
    (("--task", "oct", "--eps", "2", "--attack", "noise_l0"), "share of values"),
    (("--task", "oct", "--theta", "2", "--attack", "noise_l0"), "theta"),
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
