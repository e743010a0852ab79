"""Defences ignored and adapted to: sides, contenders and the comparison."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from attack_nets import own_labels, scans, small_net
from refusals import refused_as
from tiny_models import save_tiny_model
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec
from meddef_core.baselines import BASELINES, Defended, get_baseline
from meddef_core.baselines.sides import load_side, side_choices
from meddef_core.data.images import Images
from meddef_core.data.lists import ListedScan
from meddef_core.errors import AttackError, ModelError
from meddef_core.explanation import available, explain
from meddef_core.prediction.prediction import predict
from meddef_core.studies.defence_contenders import contenders, entrant_of_model, entrant_of_run
from meddef_core.studies.defences import Contender, adaptive_spec, compare, ignoring_spec
from meddef_core.training.loop import train
from meddef_core.training.recipe import Recipe
from meddef_core.zoo import load_model

CLASSES = ("A", "B", "C", "D")
SPEC = AttackSpec(name="pgd", eps=6 / 255, steps=8, loss="margin", samples=4, seed=2)


class Saturated(nn.Module):
    """The small net with logits so large that cross-entropy has no gradient left, as after distillation."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) * 1e4


def labelled(net: nn.Module, n: int = 48) -> Images:
    """Scans that `net` reads as their label says."""
    x = scans(n)
    items = tuple(ListedScan(f"{i}.png", 0, str(i), str(i)) for i in range(n))
    stored = np.round(x.numpy() * 65535).astype(np.uint16)
    return Images(stored, own_labels(net, torch.from_numpy(stored.astype(np.float32) / 65535)), items)


def around(net: nn.Module, name: str) -> Contender:
    defended = get_baseline(name).build(net)
    assert isinstance(defended, Defended)
    return Contender(
        id=name,
        title=name,
        summary="",
        citation=None,
        weights=(),
        network=defended,
        ignored=net,
        adaptive=defended.adaptive(),
        randomised=get_baseline(name).randomised,
    )


def alone(net: nn.Module, *, ignored: nn.Module, saturated: bool = False) -> Contender:
    return Contender(
        id="alone",
        title="",
        summary="",
        citation=None,
        weights=(),
        network=net,
        ignored=ignored,
        adaptive=net,
        saturated=saturated,
    )


# ---- comparison --------------------------------------------------------------------------------------------------


def test_adapting_breaks_what_ignoring_does_not() -> None:
    net = small_net()
    images = labelled(net)
    names = [name for name, baseline in BASELINES.items() if not baseline.of_several]
    stages: list[tuple[str, int, int]] = []
    result = compare(
        [around(net, name) for name in names],
        images,
        SPEC,
        classes=CLASSES,
        on_stage=lambda *stage: stages.append(stage),
    )
    assert result["n"] == 48 and json.dumps(result, allow_nan=False)
    rows = {row["id"]: row for row in result["rows"]}
    assert list(rows) == names
    for row in rows.values():
        for kind in ("clean", "ignoring", "adaptive"):
            low, high = row[kind]["balanced_interval"]
            assert 0 <= low <= row[kind]["balanced_accuracy"] <= high <= 1
        assert row["adaptive"]["balanced_accuracy"] <= row["adaptive"]["alone"]
        assert row["adaptive"]["balanced_accuracy"] <= row["ignoring"]["balanced_accuracy"] <= 1
    for name in ("median", "gaussian"):
        assert rows[name]["adaptive"]["alone"] < rows[name]["ignoring"]["balanced_accuracy"] - 0.05
    assert rows["resize_pad"]["adaptive"]["spec"]["name"] == "eot_pgd"
    assert stages[0] == ("jpeg, clean", 48, 48) and stages[-1][1:] == (48, 48)


def test_a_saturated_softmax_fools_only_who_ignores_it() -> None:
    net = Saturated(small_net())
    result = compare([alone(net, ignored=net, saturated=True)], labelled(net), SPEC, classes=CLASSES)
    (row,) = result["rows"]
    assert row["clean"]["accuracy"] == 1
    assert row["ignoring"]["accuracy"] > row["adaptive"]["accuracy"] + 0.3
    assert (row["ignoring"]["spec"]["loss"], row["adaptive"]["spec"]["loss"]) == ("ce", "margin")


def test_an_image_withstands_the_adaptive_attacker_only_if_it_withstands_both() -> None:
    net = small_net()
    weak = replace(around(net, "jpeg"), adaptive=small_net(seed=9))  # its gradients are of no use
    (row,) = compare([weak], labelled(net), SPEC, classes=CLASSES)["rows"]
    assert row["adaptive"]["alone"] > row["ignoring"]["balanced_accuracy"] >= row["adaptive"]["balanced_accuracy"]


def test_a_comparison_runs_again_to_the_same_numbers() -> None:
    net = small_net()
    images, rows = labelled(net, 16), [around(net, "resize_pad"), around(net, "jpeg")]
    first = compare(rows, images, SPEC, classes=CLASSES)
    assert compare(rows, images, SPEC, classes=CLASSES) == first
    assert compare(rows, images, replace(SPEC, seed=5), classes=CLASSES) != first


def test_each_attacker_gets_the_attack_that_suits_the_defence() -> None:
    net = small_net()
    plain, drawn = around(net, "jpeg"), around(net, "resize_pad")
    distilled = alone(net, ignored=net, saturated=True)
    hasty = replace(SPEC, stop_when_fooled=True)
    assert ignoring_spec(plain, hasty) == SPEC and adaptive_spec(plain, SPEC) == hasty
    assert ignoring_spec(distilled, SPEC).loss == "ce" and adaptive_spec(distilled, replace(SPEC, loss="ce")) == hasty
    assert adaptive_spec(drawn, hasty) == replace(SPEC, name="eot_pgd", keep="last")
    for contender, spec, said in (
        (plain, replace(SPEC, name="pgd_l2"), "not bounded in L-infinity"),
        (distilled, replace(SPEC, name="apgd_ce"), "choose pgd"),
    ):
        with pytest.raises(AttackError, match=said):
            compare([contender], labelled(net, 16), spec, classes=CLASSES)


# ---- sides and contenders ----------------------------------------------------------------------------------------


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path))
    save_tiny_model(tmp_path, "oct/undefended", variant="resnet18", training=trained("clean"))
    save_tiny_model(tmp_path, "oct/meddef", seed=1)
    return tmp_path


def trained(kind: str) -> dict[str, object]:
    return {"recipe": {"objective": {"kind": kind}}}


def test_sides_are_the_baselines_around_the_undefended_model(zoo: Path) -> None:
    sides = {side.id: side for side in side_choices("oct")}
    assert set(sides) == {f"oct/undefended+{n}" for n in ("jpeg", "median", "gaussian", "nl_means", "bit_depth")}
    assert side_choices("chest") == ()
    x = scans(1, size=224)
    for key, side in sides.items():
        model = load_side(key)
        assert (model.card.key, model.card.title, model.card.summary) == (key, side.title, side.summary)
        assert "Tiny undefended + " in side.title and model.card.metrics == {}
        assert predict(model, x).model == key
        assert available(model.network) == () and explain(model.network, x, target=0) == {}
        assert not any(p.requires_grad for p in model.network.parameters())


def test_an_ensemble_is_a_side_once_there_are_two_clean_trained_models(zoo: Path) -> None:
    for name, kind in (("second", "clean"), ("distilled", "distill")):
        save_tiny_model(zoo, f"oct/{name}", seed=2, training=trained(kind))
    assert "oct/undefended+ensemble" in {side.id for side in side_choices("oct")}
    x = scans(1, size=224)
    logits = load_side("oct/undefended+ensemble").network(x)
    each = [load_model(f"oct/{name}").network(x) for name in ("undefended", "second")]
    torch.testing.assert_close(logits, (each[0] + each[1]) / 2)


@pytest.mark.parametrize(
    ("side", "said"),
    [
        ("oct/undefended", "write a model and a baseline"),
        ("oct/none+jpeg", "There is no model"),
        ("oct/undefended+magic", "There is no baseline"),
        ("oct/undefended+resize_pad", "differently at each call"),
        ("oct/undefended+ensemble", "at least two networks"),
    ],
)
def test_what_is_no_side_is_refused(zoo: Path, side: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        load_side(side)


def test_contenders_are_told_apart_by_how_they_were_trained(zoo: Path) -> None:
    for name, kind in (("second", "clean"), ("distilled", "distill")):
        save_tiny_model(zoo, f"oct/{name}", seed=2, training=trained(kind))
    reference, second, distilled, defended = (
        entrant_of_model(load_model(f"oct/{name}")) for name in ("undefended", "second", "distilled", "meddef")
    )
    rows = {row.id: row for row in contenders(reference, [second, distilled, defended])}
    assert len(rows) == 1 + len(BASELINES) + 3
    assert rows["oct/undefended+ensemble"].weights == (reference.weights, second.weights)
    for key, row in rows.items():
        assert row.saturated is (key == "oct/distilled")
        assert (row.ignored is reference.fast) is not row.saturated
    assert "oct/undefended+ensemble" not in {row.id for row in contenders(reference, [distilled])}
    with refused_as(ModelError, "baseline.needs-two"):
        contenders(reference, [distilled], names=["ensemble"])
    with refused_as(ModelError, "studies.defences-other-task"):
        contenders(reference, [replace(second, protocol="patient_split")])
    other = replace(second, preprocessing=replace(second.preprocessing, fill_border=False))
    with refused_as(ModelError, "studies.defences-other-preprocessing"):
        contenders(reference, [other])


def test_a_finished_run_takes_part(tiny_data: Path, tmp_path: Path, own_cache: Path, zoo: Path) -> None:
    values = {
        "task": "oct",
        "name": "tiny",
        "title": "Tiny",
        "summary": "A test.",
        "epochs": 1,
        "batch": 8,
        "model": {"width": 4, "pool": 4, "variant": "without_daam"},
        "objective": {"kind": "clean"},
        "precision": "32-true",
    }
    train(Recipe.model_validate(values), data_dir=tiny_data, run_dir=tmp_path / "run")
    entrant = entrant_of_run(tmp_path / "run")
    assert (entrant.id, entrant.task, entrant.objective) == ("run", "oct", "clean")
    assert entrant.title == "Tiny without DAAM" and "without DAAM" in entrant.summary
    x = scans(1, size=224)
    torch.testing.assert_close(entrant.fast(x), entrant.network(x), atol=1e-4, rtol=1e-4)
    with refused_as(ModelError, "training.no-chosen-weights"):
        entrant_of_run(tmp_path)
