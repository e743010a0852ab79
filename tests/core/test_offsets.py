"""Offsets on the logits: the best there are by brute force, only the boundary moves, and a card says which."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_runs import Run, assert_refused
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refused_as
from tiny_training import tiny_recipe

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.data.images import Images
from meddef_core.errors import ModelError
from meddef_core.evaluation.shifts import SHIFTS
from meddef_core.model import MedDef, MedDefConfig
from meddef_core.model.offsets import add_offsets
from meddef_core.publishing.trained import publish
from meddef_core.training.loop import train
from meddef_core.training.offsets import FOLDS, REACH, STEP, Beside, best_offsets, choose_offsets
from meddef_core.zoo import load_model


def score(found: list[np.ndarray], labels: np.ndarray, offsets: tuple[float, ...]) -> float:
    """Brute force, over logits `(A, N, K)`: a scan counts only if all A answers are right."""
    shares = []
    for each in found:
        held = [all((row + offsets).argmax() == y for row in each[:, i]) for i, y in enumerate(labels)]
        shares.append(np.mean([np.mean([h for h, y in zip(held, labels, strict=True) if y == k]) for k in set(labels)]))
    return float(np.mean(shares))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 3))
def test_two_classes_get_the_best_of_all_offsets(seed: int, sets: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.array([0] * 8 + [1] * 20)
    found = [rng.normal(size=(1, 28, 2)) + np.eye(2)[labels] * 1.5 - [0, 1.0] for _ in range(sets)]
    chosen = best_offsets(found, labels, classes=2)
    grid = np.round(np.arange(-REACH, REACH + STEP / 2, STEP), 2)
    scores = np.array([score(found, labels, (0.0, value)) for value in grid])
    assert chosen[0] == 0 and score(found, labels, tuple(chosen)) == pytest.approx(scores.max())
    assert abs(chosen[1]) == pytest.approx(np.abs(grid[scores > scores.max() - 1e-12]).min())


def test_of_many_classes_no_single_offset_would_do_better() -> None:
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(4), [30, 10, 20, 5])
    found = [rng.normal(size=(3, 65, 4)) + np.eye(4)[labels] * 3 + [1.0, 0, -1, -2]]
    chosen = best_offsets(found, labels, classes=4)
    reached = score(found, labels, tuple(chosen))
    assert reached > score(found, labels, (0, 0, 0, 0)) + 0.1
    for place, change in itertools.product((1, 2, 3), (-1.0, -0.2, 0.2, 1.0)):
        other = chosen.copy()
        other[place] += change
        assert score(found, labels, tuple(other)) <= reached + 1e-12


@pytest.mark.parametrize("variant", [{}, {"afd": False, "mfe": False, "msf": False, "attention": False}])
def test_an_offset_moves_the_logits_alone(variant: dict[str, bool]) -> None:
    network = MedDef(MedDefConfig(classes=3, width=4, pool=4, **variant)).eval().requires_grad_(False)
    x = torch.rand(2, 1, 224, 224)
    before = network.trace(x)
    add_offsets(network, [0.0, 0.5, -2.0])
    after = network.trace(x)
    torch.testing.assert_close(after.logits, before.logits + torch.tensor([0.0, 0.5, -2.0]))
    torch.testing.assert_close(after.final, before.final)


def test_a_one_sided_network_is_righted_on_attacked_scans_too() -> None:
    torch.manual_seed(2)
    network = MedDef(MedDefConfig(classes=2, width=4, pool=4)).eval().requires_grad_(False)
    stored = (np.random.default_rng(0).random((12, 1, 224, 224)) * 65535).astype(np.uint16)
    labels = torch.tensor([0] * 6 + [1] * 6)
    # The first half is darker, and an offset hides it.
    stored[:6] //= 2
    images = Images(stored, labels, tuple(range(12)))  # type: ignore[arg-type]
    with torch.inference_mode():
        logits = network(images.batch(slice(0, 12))[0])
    dark, light = (logits[half, 1] - logits[half, 0] for half in (slice(6), slice(6, 12)))
    last = network.head[-1]  # type: ignore[index]
    scale = 4 / (light.mean() - dark.mean())
    last.weight.mul_(scale)
    last.bias.mul_(scale)
    add_offsets(network, [0.0, 3.0 - float(scale * (light.mean() + dark.mean()) / 2)])
    heard: list[tuple[int, int]] = []
    found = choose_offsets(
        network, images, classes=("dark", "light"), eps=1e-4, on_batch=lambda done, total: heard.append((done, total))
    )
    assert found.before == 0.5 and found.after == 1 and -5 < found.by_class["light"] < -1
    assert found.by_class["dark"] == 0 and len(found.budgets) == 3 and heard[-1] == (36, 36)


def test_an_attacked_scan_counts_only_if_pgd_towards_no_class_breaks_it() -> None:
    torch.manual_seed(4)
    network = MedDef(MedDefConfig(classes=3, width=4, pool=4)).eval().requires_grad_(False)
    stored = (np.random.default_rng(2).random((9, 1, 224, 224)) * 65535).astype(np.uint16)
    labels = torch.tensor([0] * 3 + [1] * 3 + [2] * 3)
    images = Images(stored, labels, tuple(range(9)))  # type: ignore[arg-type]
    heard: list[tuple[int, int]] = []
    found = choose_offsets(
        network, images, classes=("a", "b", "c"), eps=0.02, on_batch=lambda done, total: heard.append((done, total))
    )
    assert heard[-1] == (45, 45)  # clean, and two budgets towards two classes
    x, y = images.batch(slice(0, 9))
    shares = []
    for eps in (0.0, 0.01, 0.02):
        held = network(x).argmax(1) == y
        for target in range(3) if eps else ():
            others = y != target
            spec = AttackSpec(name="pgd", eps=eps, steps=10, loss="margin", target=target)
            attacked = network(run_attack(network, x[others], y[others], spec).adversarial)
            held[others] &= attacked.argmax(1) == y[others]
        shares.append(held.float().mean().item())
    assert found.before == pytest.approx(np.mean(shares))


def test_offsets_over_changed_scans_balance_all_of_them() -> None:
    torch.manual_seed(3)
    network = MedDef(MedDefConfig(classes=2, width=4, pool=4)).eval().requires_grad_(False)
    stored = (np.random.default_rng(1).random((12, 1, 224, 224)) * 40000).astype(np.uint16)
    stored[6:] += 20000
    images = Images(stored, torch.tensor([0] * 6 + [1] * 6), tuple(range(12)))  # type: ignore[arg-type]
    some = [shift for shift in SHIFTS if shift.key in ("none", "darker", "brighter")]
    found = choose_offsets(network, images, classes=("dark", "light"), eps=0, shifts=some)
    with torch.inference_mode():
        x, labels = images.batch(slice(0, 12))
        logits = [network(shift.apply(x)).numpy()[None] for shift in some]
    chosen = best_offsets(logits, labels.numpy(), classes=2)
    assert found.shifts == ("none", "darker", "brighter") and found.by_class["light"] == pytest.approx(chosen[1])
    assert found.after == pytest.approx(score(logits, labels.numpy(), tuple(chosen)))


def hospital(n: int = 60) -> Beside:
    """Scans of which every output but the last class is an error, and which a network calls the first class."""
    rng = np.random.default_rng(6)
    wrong = np.ones((n, 3), dtype=bool)
    wrong[:, 2] = False
    logits = np.array([1.0, 0.0, 0.0]) + rng.normal(scale=0.2, size=(n, 3))
    return Beside("there", 2, logits, wrong, np.full(n, 2), np.arange(n) % FOLDS)


def test_another_hospital_counts_half_and_has_offsets_without_each_of_its_folds() -> None:
    rng = np.random.default_rng(5)
    labels = np.repeat(np.arange(3), 20)
    found = [(np.eye(3)[labels] * 4 + rng.normal(size=(60, 3)))[None]]
    alone, both = best_offsets(found, labels, classes=3), best_offsets(found, labels, classes=3, hospital=hospital())
    assert hospital().score(alone) < 0.1 and hospital().score(both) > 0.9 and both[2] > 0.8
    assert both[0] == both[1] == 0 and score(found, labels, tuple(both)) > 0.9
    torch.manual_seed(4)
    network = MedDef(MedDefConfig(classes=3, width=4, pool=4)).eval().requires_grad_(False)
    stored = (rng.random((9, 1, 224, 224)) * 65535).astype(np.uint16)
    images = Images(stored, torch.tensor([0, 1, 2] * 3), tuple(range(9)))  # type: ignore[arg-type]
    chosen = choose_offsets(network, images, classes=("a", "b", "c"), eps=0, hospital=hospital())
    assert chosen.beside == "there" and chosen.added_by_fold is not None
    x, y = images.batch(slice(0, 9))
    logits = network(x).numpy()[None]
    for fold, added in enumerate(chosen.added_by_fold):
        rest = hospital().of(hospital().folds != fold)
        expected = best_offsets([logits], y.numpy(), classes=3, hospital=rest)
        np.testing.assert_allclose(np.array(list(chosen.by_class.values())) + added, expected, atol=1e-6)


def test_a_card_says_which_offsets_its_weights_have(tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    run = tmp_path / "run"
    train(tiny_recipe(epochs=1, objective={"kind": "clean"}), data_dir=tiny_data, run_dir=run)
    plain = publish(run, data_dir=tiny_data, root=tmp_path / "plain")
    righted = publish(run, data_dir=tiny_data, root=tmp_path / "righted", balanced_over=SHIFTS[:1])
    assert "offsets" not in plain.training
    said = righted.training["offsets"]
    assert list(said["by_class"]) == ["CNV", "DME", "DRUSEN", "NORMAL"] and said["after"] >= said["before"]
    one, other = (
        load_model(card.key, tmp_path / root).network for card, root in ((plain, "plain"), (righted, "righted"))
    )
    x = torch.rand(2, 1, 224, 224)
    added = torch.tensor(list(said["by_class"].values()))
    torch.testing.assert_close(other(x), one(x) + added, atol=5e-3, rtol=1e-2)
    # They stay with the run: weights stored otherwise get the same ones at once, and a damaged file is no answer.
    heard: list[str] = []
    rounded = publish(
        run,
        data_dir=tiny_data,
        root=tmp_path / "rounded",
        balanced_over=SHIFTS[:1],
        values="int8",
        on_stage=lambda stage, done, total: heard.append(stage),
    )
    assert rounded.training["offsets"] == said and "offsets" not in heard
    (path,) = run.glob("offsets-*.json")
    path.write_text('{"by_class": [')
    with refused_as(ModelError, "publishing.offsets-damaged"):
        publish(run, data_dir=tiny_data, root=tmp_path / "again", balanced_over=SHIFTS[:1])


def test_what_they_are_chosen_over_needs_offsets(run: Run, tmp_path: Path) -> None:
    assert_refused(run("publish", tmp_path, "--shifted"), "needs --offsets")
