"""The pointing game, the phantoms it is played on, and the command that plays it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_runs import Run, assert_refused
from refusals import refused_as
from torch import Tensor

from meddef_core.data.phantoms import LesionPhantom, chest_phantom, oct_phantom, phantom_with_lesion
from meddef_core.errors import DataError, MedDefError, ScanError
from meddef_core.evaluation.metrics import wilson
from meddef_core.model import VARIANTS, DaamMaps, MedDef, MedDefConfig, Trace
from meddef_core.records.documents import RESULTS
from meddef_core.studies.pointing import TOLERANCE, draw_phantoms, pointing_game, pointing_games, read_right
from meddef_core.tasks import TASKS

SICK = [(task, label) for task, known in TASKS.items() for label in known.classes if label != "NORMAL"]


def small_net(task: str, variant: str = "full") -> MedDef:
    torch.manual_seed(0)
    classes = len(TASKS[task].classes)
    return MedDef(MedDefConfig(classes=classes, width=4, pool=4, **VARIANTS[variant])).eval().requires_grad_(False)


class Pointer(MedDef):
    """Its self-attention looks at the cell where a bright dot was left in an otherwise black picture."""

    def trace(self, x: Tensor) -> Trace:
        grid = torch.nn.functional.max_pool2d(x, 32)
        flat = grid.flatten(1)
        looking = (flat / flat.sum(dim=1, keepdim=True))[:, None].expand(-1, flat.shape[1], -1)
        logits = torch.zeros(len(x), self.config.classes)
        return Trace(logits, grid, grid, DaamMaps(None, None, None, None, None), grid, None, looking)


def dot_at(row: int, column: int, *, lesion: tuple[slice, slice]) -> LesionPhantom:
    """A dot at one place and a lesion at another."""
    phantom = phantom_with_lesion("chest", "PNEUMONIA")
    pixels = np.zeros((224, 224), dtype=np.float32)
    pixels[row, column] = 1
    mask = np.zeros((224, 224), dtype=bool)
    mask[lesion] = True
    scan = type(phantom.scan)(pixels=pixels, container="synthetic", bits=8, digest="0" * 64)
    return LesionPhantom("PNEUMONIA", scan, mask, phantom.preprocessing)


# Phantoms


@pytest.mark.parametrize(("task", "label"), SICK)
def test_a_lesion_lies_where_the_model_sees_it(task: str, label: str) -> None:
    for seed in range(2):
        phantom = phantom_with_lesion(task, label, seed)
        assert phantom.label == label and phantom.mask.shape == (224, 224) and phantom.mask.dtype == bool
        assert 0.001 < phantom.mask.mean() < 0.2
        assert phantom.scan.container == "synthetic"
        whole = (oct_phantom if task == "oct" else chest_phantom)(label, seed=seed).lesion
        # The preprocessing keeps the square: the lesion's share and its middle stay.
        assert phantom.mask.mean() == pytest.approx(whole.mean(), rel=0.15)
        middles = [np.argwhere(mask).mean(axis=0) / mask.shape[0] for mask in (phantom.mask, whole)]
        np.testing.assert_allclose(middles[0], middles[1], atol=0.01)


def test_chest_films_repeat_and_brighten_where_lung_is_filled() -> None:
    film, again = chest_phantom("PNEUMONIA", seed=1), chest_phantom("PNEUMONIA", seed=1)
    assert film.scan.digest == again.scan.digest != chest_phantom("PNEUMONIA", seed=2).scan.digest
    assert "ynthetic" in film.title and "not a recording of a chest" in film.scan.warnings[0]
    assert not chest_phantom("NORMAL").lesion.any()
    assert 0.42 < film.scan.pixels.mean() < 0.56 and 0.18 < film.scan.pixels.std() < 0.28
    around = np.zeros_like(film.lesion)
    around[150:330, 100:420] = True
    assert film.scan.pixels[film.lesion].mean() > film.scan.pixels[around & ~film.lesion].min() + 0.2


def test_what_cannot_be_drawn_is_refused() -> None:
    with refused_as(ScanError, "sample.no-synthetic-film"):
        chest_phantom("DME")
    with refused_as(DataError, "task.there-no"):
        phantom_with_lesion("knee", "NORMAL")


# The game


def test_a_point_hits_on_the_lesion_or_just_beside_it() -> None:
    network = Pointer(MedDefConfig(classes=2, width=4, **VARIANTS["without_daam"])).eval().requires_grad_(False)
    # The dot's cell has its middle at row 112, column 80.
    inside, beside, far = (slice(100, 124), slice(70, 90)), (slice(100, 124), slice(92, 110)), (slice(0, 20),) * 2
    phantoms = [dot_at(112, 80, lesion=lesion) for lesion in (inside, beside, far)]
    found = pointing_game(network, task="chest", key="self_attention", phantoms=phantoms)
    assert (found.hits, found.n) == (2, 3) and found.interval == wilson(2, 3)
    assert found.chance > np.mean([phantom.mask.mean() for phantom in phantoms])
    assert found.centre == pytest.approx(1 / 3)
    assert TOLERANCE == 15


def test_a_flat_map_points_nowhere() -> None:
    network = Pointer(MedDefConfig(classes=2, width=4, **VARIANTS["without_daam"])).eval().requires_grad_(False)
    everywhere = dot_at(0, 0, lesion=(slice(None), slice(None)))
    flat = phantom_with_lesion("chest", "NORMAL")._replace(label="PNEUMONIA", mask=everywhere.mask)
    flat.scan.pixels.setflags(write=True)
    flat.scan.pixels[:] = 0.5
    found = pointing_game(network, task="chest", key="self_attention", phantoms=[everywhere, flat])
    assert found.hits == 1 and found.chance == 1


def test_all_maps_are_scored_at_once_as_one_by_one() -> None:
    network, phantoms = small_net("oct"), draw_phantoms("oct", per_class=1)
    assert [phantom.label for phantom in phantoms] == ["CNV", "DME", "DRUSEN"]
    heard: list[tuple[int, int]] = []
    both = pointing_games(
        network,
        task="oct",
        keys=["afd_gate", "gradcam"],
        phantoms=phantoms,
        on_phantom=lambda done, total: heard.append((done, total)),
    )
    assert list(both) == ["gradcam", "afd_gate"] and heard == [(1, 3), (2, 3), (3, 3)]
    for key, score in both.items():
        assert score == pointing_game(network, task="oct", key=key, phantoms=phantoms)


def test_the_game_refuses_what_it_cannot_score() -> None:
    network, healthy = small_net("chest", "resnet18"), draw_phantoms("chest", per_class=1, healthy=True)
    with refused_as(MedDefError, "studies.phantoms-without-lesion"):
        pointing_game(network, task="chest", key="gradcam", phantoms=healthy)
    with refused_as(MedDefError, "studies.phantoms-without-lesion"):
        pointing_game(network, task="chest", key="gradcam", phantoms=[])
    with refused_as(MedDefError, "studies.map-missing"):
        pointing_game(network, task="chest", key="afd_gate", phantoms=draw_phantoms("chest", per_class=1))


def test_readings_are_counted_by_class() -> None:
    network = small_net("chest")
    head = network.head[-1]  # type: ignore[index]
    head.weight.zero_()
    head.bias.copy_(torch.tensor([0.0, 1.0]))
    phantoms = [*draw_phantoms("chest", per_class=2), *draw_phantoms("chest", per_class=1, healthy=True)]
    assert read_right(network, task="chest", phantoms=phantoms) == {"PNEUMONIA": (2, 2), "NORMAL": (0, 1)}


# The command and the shipped records


def test_point_writes_a_row_a_map_and_model(run: Run, tmp_path: Path) -> None:
    output = tmp_path / "point.json"
    result = run(
        "point", "--task", "oct", "--model", "all", "--per-class", 1, "--maps", "gradcam", "--json", "--output", output
    )
    assert result.code == 0 and result.document == json.loads(output.read_text())
    document = result.document
    assert document["kind"] == "pointing" and document["model"]["key"] == "oct/all"
    rows = document["numbers"]["rows"]
    assert [(row["model"], row["map"], row["n"]) for row in rows] == [
        ("oct/meddef", "gradcam", 3),
        ("oct/undefended", "gradcam", 3),
    ]
    assert all(row["score"] == row["hits"] / 3 and 0 < row["chance"] < 1 for row in rows)
    first = document["numbers"]["readings"][0]
    assert set(first["read_right"]) == {"CNV", "DME", "DRUSEN", "NORMAL"} and len(first["weights_sha256"]) == 64


def test_a_pointing_record_grows_by_the_models_it_lacks(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meddef_core.explanation.available", lambda _: ["gradcam"])
    output = tmp_path / "point.json"
    asked = ("point", "--task", "oct", "--per-class", 1, "--output", output)
    run(*asked, "--model", "undefended")
    document = json.loads(output.read_text())
    document["numbers"]["rows"][0]["hits"] = 99  # a mark that no game would leave
    output.write_text(json.dumps(document))
    grown = run(*asked, "--model", "meddef", "--json").document
    assert [(row["model"], row["hits"] == 99) for row in grown["numbers"]["rows"]] == [
        ("oct/undefended", True),
        ("oct/meddef", False),
    ]
    assert grown["model"]["key"] == "oct/all"
    document["numbers"]["readings"][0]["weights_sha256"] = "0" * 64
    output.write_text(json.dumps(document))
    anew = run(*asked, "--model", "undefended", "--json").document["numbers"]
    assert [row["hits"] == 99 for row in anew["rows"]] == [False] and len(anew["readings"]) == 1


def test_point_refuses_in_one_sentence(run: Run) -> None:
    assert_refused(run("point", "--task", "chest", "--model", "all"), "no model of chest")
    assert_refused(run("point", "--task", "oct", "--per-class", 1, "--maps", "saliency"), "no map 'saliency'")


@pytest.mark.parametrize("task", TASKS)
def test_the_shipped_records_are_whole(task: str) -> None:
    path = RESULTS / "pointing" / f"{task}.json"
    numbers = json.loads(path.read_text(encoding="utf-8"))["numbers"]
    assert numbers["per_class"] >= 50
    assert {row["model"] for row in numbers["rows"]} >= {f"{task}/meddef", f"{task}/undefended"}
    assert {"gradcam", "integrated_gradients", "afd_gate"} <= {row["map"] for row in numbers["rows"]}
    for row in numbers["rows"]:
        low, high = row["interval"]
        assert low <= row["score"] == row["hits"] / row["n"] <= high
    assert {reading["model"] for reading in numbers["readings"]} == {row["model"] for row in numbers["rows"]}
