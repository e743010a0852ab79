"""A trained network loses a module: each lesion does what its name says, and what is measured follows from it."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_runs import Run, assert_refused
from explain_nets import network_of
from refusals import refused_as
from sklearn.metrics import roc_auc_score
from tiny_models import save_tiny_model
from torch import Tensor

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.data.images import Images
from meddef_core.errors import ModelError
from meddef_core.evaluation.metrics import mcnemar
from meddef_core.model import MedDef
from meddef_core.model.folded import folded
from meddef_core.report.tables import gate_table, lesion_table
from meddef_core.studies.dissection import LESIONS, Lesion, dissect, lesioned, means_of

RESULTS = Path(__file__).parents[2] / "assets" / "results"
PGD = AttackSpec(name="pgd", eps=8 / 255, steps=2, loss="margin", stop_when_fooled=True)


def images_of(count: int = 8, seed: int = 0) -> Images:
    chance = np.random.default_rng(seed)
    stored = (chance.random((count, 1, 64, 64)) * chance.random((count, 1, 1, 1)) * 65535).astype(np.uint16)
    return Images(stored, torch.arange(count) % 4, tuple(range(count)))  # type: ignore[arg-type]


def lively(variant: str = "full", seed: int = 0) -> MedDef:
    """A network whose batch norms have seen something and whose gates move, so that no module of it is asleep."""
    network = network_of(variant, seed=seed)
    with torch.no_grad():
        if network.daam is not None:
            network.daam.omega.excite.weight *= 50
            if network.daam.afd is not None:
                network.daam.afd.conv2.weight *= 10
                network.daam.afd.refine.weight *= 30
    network.train()
    with torch.no_grad():
        for _ in range(5):
            network(torch.rand(8, 1, 64, 64))
    return network.eval()


def lesion(key: str) -> Lesion:
    return next(each for each in LESIONS if each.key == key)


def all_of(images: Images) -> Tensor:
    return images.batch(slice(0, len(images)))[0]


@pytest.mark.parametrize("key", [each.key for each in LESIONS if each.key != "daam"])
def test_a_module_at_its_mean_over_one_scan_is_as_it_was(key: str) -> None:
    network, images = lively(), images_of(1)
    damaged = lesioned(network, lesion(key), means_of(network, images))
    x = all_of(images)
    torch.testing.assert_close(damaged(x), network(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("key", [each.key for each in LESIONS])
def test_a_lesion_changes_a_copy(key: str) -> None:
    network, images = lively(), images_of(6)
    before = copy.deepcopy(network.state_dict())
    damaged = lesioned(network, lesion(key), means_of(network, images))
    x = all_of(images)
    assert not torch.allclose(damaged(x), network(x), rtol=1e-5, atol=1e-7)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_without_daam_the_features_pass_as_they_are() -> None:
    network, images = lively(), images_of(4)
    silent = copy.deepcopy(network)
    assert silent.daam is not None
    norm = silent.daam.phi[-1][1]
    torch.nn.init.zeros_(norm.weight)
    torch.nn.init.zeros_(norm.bias)
    damaged = lesioned(network, lesion("daam"), means_of(network, images))
    torch.testing.assert_close(damaged(all_of(images)), silent(all_of(images)), rtol=1e-4, atol=1e-5)


def test_means_are_those_of_all_scans_whatever_the_batch() -> None:
    network, images = lively(), images_of(70)
    found = means_of(network, images)
    trace = network.trace(all_of(images))
    assert network.daam is not None and network.daam.mfe is not None
    for mean, whole in (
        (found.gate, trace.daam.afd_gate),
        (found.omega, trace.daam.channel_attention),
        (found.attended, trace.attended),
        (found.mfe, network.daam.mfe(trace.features)[0]),
    ):
        assert mean is not None and whole is not None
        torch.testing.assert_close(mean, whole.mean(dim=0, keepdim=True), rtol=1e-3, atol=1e-5)


def test_a_network_that_reads_by_attention_alone_loses_everything_with_it() -> None:
    network, images = lively(), images_of(12)
    with torch.no_grad():
        network.head[0].weight[:, : network.head[0].in_features // 2] = 0  # type: ignore[index]
        network.head[-1].bias -= network(all_of(images)).median(dim=0).values  # type: ignore[index]
    assert len(torch.unique(network(all_of(images)).argmax(dim=1))) >= 2
    damaged = lesioned(network, lesion("attention"), means_of(network, images))
    assert len(torch.unique(damaged(all_of(images)).argmax(dim=1))) == 1


def test_what_is_measured_follows_from_the_answers() -> None:
    network, images = lively(seed=3), images_of(16, seed=5)
    heard: list[tuple[str, int, int]] = []
    found = dissect(network, images, classes=4, attack=PGD, on_stage=lambda *told: heard.append(told))
    rows = found["lesions"]
    assert [row["lesion"] for row in rows] == ["none", *(each.key for each in LESIONS)]
    assert heard[0][1] == 0 and heard[-1][1:] == (len(LESIONS) + 2, len(LESIONS) + 2)
    assert rows[0]["read_otherwise"] == rows[0]["only_intact"] == rows[0]["only_lesioned"] == 0 and rows[0]["p"] == 1
    for row in rows:
        assert row["attacked"]["balanced_accuracy"] <= row["clean"]["balanced_accuracy"]
        assert row["p"] == mcnemar(row["only_intact"], row["only_lesioned"])
    gates = found["gates"]
    assert 0 < gates["noise_gate"]["mean"] < 1 and 0 <= gates["noise_gate"]["detects"] <= 1
    assert gates["added"] > 0 and gates["moved_before"] > 0


def test_a_gate_that_stands_still_detects_nothing() -> None:
    network, images = lively(), images_of(8)
    assert network.daam is not None and network.daam.afd is not None
    with torch.no_grad():
        network.daam.afd.conv2.weight.zero_()
        network.daam.afd.conv2.bias.fill_(-10.0)  # type: ignore[union-attr]
    gate = dissect(network, images, classes=4, attack=PGD)["gates"]["noise_gate"]
    assert gate["shut"] == 1 and gate["open"] == 0 and gate["moved"] == pytest.approx(0, abs=1e-7)
    assert gate["detects"] == pytest.approx(0.5)


def test_a_gate_detects_what_lowers_its_mean() -> None:
    network, images = lively(), images_of(8)
    attack = AttackSpec(name="pgd", eps=0.2, steps=5, keep="last")
    x, y = images.batch(slice(0, 8))
    adversarial = run_attack(folded(network), x, y, attack).adversarial
    with torch.inference_mode():
        gates = [network.trace(each).daam.afd_gate for each in (x, adversarial)]
    means = [float(gate.mean()) for side in gates if side is not None for gate in side]
    expected = roc_auc_score([0] * 8 + [1] * 8, [-mean for mean in means])
    assert expected != pytest.approx(0.5)  # else a detector turned round would pass
    found = dissect(network, images, classes=4, attack=attack)["gates"]["noise_gate"]
    assert found["detects"] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("variant", "left"),
    [
        ("without_afd", {"mfe", "msf", "omega", "daam", "attention"}),
        ("only_afd", {"gate", "afd", "omega", "daam", "attention"}),
        ("without_attention", {"gate", "afd", "mfe", "msf", "omega", "daam"}),
    ],
)
def test_only_what_a_network_has_is_put_out_of_action(variant: str, left: set[str]) -> None:
    found = dissect(lively(variant), images_of(4), classes=4, attack=PGD)
    assert {row["lesion"] for row in found["lesions"]} == left | {"none"}
    assert (found["gates"]["noise_gate"] is None) == ("gate" not in left)


def test_a_network_without_daam_is_refused() -> None:
    for variant in ("resnet18", "without_daam"):
        with refused_as(ModelError, "studies.no-daam"):
            dissect(network_of(variant), images_of(4), classes=4, attack=PGD)


def test_the_command_writes_a_record_and_tables_show_it(
    run: Run, tiny_data: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny_model(tmp_path / "models", "oct/meddef")
    save_tiny_model(tmp_path / "models", "oct/plain", variant="resnet18")
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path / "models"))
    output = tmp_path / "dissection" / "oct" / "meddef.json"
    output.parent.mkdir(parents=True)
    asked = ("dissect", "--task", "oct", "--data-dir", tiny_data, "--part", "val")
    result = run(*asked, "--limit", 4, "--output", output, "--json")
    assert result.code == 0 and result.document == json.loads(output.read_text())
    assert result.document["kind"] == "dissection" and result.document["data"]["limit"] == 4
    head, _, row = gate_table(root=tmp_path).splitlines()
    assert row.startswith("| oct/meddef | 4 | ") and row.count("|") == head.count("|")
    table = lesion_table("oct", root=tmp_path).splitlines()
    assert table[2].startswith("| as trained | ") and len(table) == 2 + 1 + len(LESIONS) + 2
    assert table[-1] == "oct/meddef, n = 4."
    assert lesion_table("chest", root=tmp_path) == gate_table(root=tmp_path / "none") == "*Not measured yet.*"
    said = run(*asked, "--limit", 4).out
    assert "DAAM left out" in said and "ROC area" in said
    assert_refused(run(*asked, "--model", "plain"), "has no DAAM to dissect")
    assert_refused(run(*asked, "--output", tmp_path / "table.txt"), "must end in .json")
    assert_refused(run(*asked, "--loss", "other"), "other")
    assert_refused(run(*asked, "--part", "all"), "There is no list 'all'")


@pytest.mark.parametrize("path", sorted((RESULTS / "dissection").glob("*/*.json")), ids=lambda path: path.stem)
def test_the_shipped_records_are_of_the_shipped_weights(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    card = json.loads((RESULTS.parent / "models" / path.parent.name / path.stem / "card.json").read_text("utf-8"))
    assert found["model"]["weights_sha256"] == card["weights"]["sha256"]
