"""The library, `import meddef_core as md`: what importing costs, and that its functions are the core's."""

import doctest
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from refusals import refused_as
from tiny_models import save_tiny_model
from torch import Tensor, nn

import meddef_core as md
from meddef_core import library
from meddef_core.attacks import default_spec, run_attack
from meddef_core.errors import AttackError, DataError, MedDefError, ModelError, ScanError
from meddef_core.prediction.prediction import prepare
from meddef_core.scans import Scan
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.zoo import LoadedModel, load_model

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))


class Brightness(nn.Module):
    """Two classes by brightness; its batch norm would show a forward pass in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.gain = nn.Parameter(torch.tensor(20.0))

    def forward(self, x: Tensor) -> Tensor:
        value = self.norm(x).mean(dim=(1, 2, 3)) - 0.5
        return self.gain * torch.stack([-value, value], dim=1)


@pytest.fixture(scope="module")
def model(models: Path) -> LoadedModel:
    return load_model("oct/meddef", root=models)


@pytest.fixture(scope="module")
def noise(scan: Path) -> Scan:
    return md.read_scan(scan)


@pytest.fixture
def images() -> Tensor:
    """Eight dark and eight bright images, in turn."""
    drawn = torch.rand(16, 1, 16, 16, generator=torch.Generator().manual_seed(0)) / 4
    return drawn + 0.7 * (torch.arange(16) % 2)[:, None, None, None]


def test_importing_it_imports_no_heavy_library() -> None:
    heavy = "torch", "numpy", "cv2", "pydicom", "pydantic", "scipy", "captum"
    script = (
        f"import sys, meddef_core as md\nassert {sorted(md.__all__)} == sorted(set(dir(md)) & {set(md.__all__)})\n"
        f"print(sorted(set({heavy}) & set(sys.modules)))\nmd.list_models\nprint('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "True"]


def test_a_name_that_is_not_offered_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'predcit'"):
        md.predcit  # noqa: B018
    assert not hasattr(md, "Tensor")


def test_every_function_is_described_and_every_example_holds() -> None:
    assert all((getattr(md, name).__doc__ or "").strip() for name in md.__all__)
    found = doctest.testmod(library)
    assert found.failed == 0 and found.attempted >= 12
    assert doctest.testmod(md).failed == 0


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short(path: Path) -> None:
    """tests/core/test_wheel.py runs them."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 25


@pytest.mark.parametrize(
    ("name", "eps", "number"), [("PGD", "8/255", 8 / 255), ("cw-l2", 2.0, 2.0), ("FGSM", None, 8 / 255)]
)
def test_an_attack_is_the_core_s(
    model: LoadedModel, noise: Scan, name: str, eps: str | float | None, number: float
) -> None:
    settings = {} if name == "FGSM" else {"steps": 3}
    found = md.attack(model, noise, name=name, eps=eps, **settings)
    x = prepare(model, noise)
    y = model.network(x).argmax(dim=1)
    spec = default_spec(name.lower().replace("-", "_"), eps=number, **settings)
    expected = run_attack(model.network, x, y, spec)
    assert found.spec == spec and torch.equal(found.adversarial, expected.adversarial)


def test_classes_are_named_or_numbered(model: LoadedModel, noise: Scan) -> None:
    named = md.attack(model, noise, label="DME", target="NORMAL", steps=2)
    numbered = md.attack(model, prepare(model, noise), label=1, target=3, steps=2)
    assert named.spec.target == 3 and torch.equal(named.adversarial, numbered.adversarial)
    with refused_as(DataError, "task.name-no"):
        md.attack(model, noise, label="HEALTHY")
    with refused_as(DataError, "prediction.own-model-classes"):
        md.attack(Brightness().eval(), torch.zeros(1, 1, 8, 8), target="NORMAL")


def test_a_setting_that_would_be_ignored_is_refused(model: LoadedModel, noise: Scan) -> None:
    with refused_as(AttackError, "library.no-setting"):
        md.attack(model, noise, name="FGSM", steps=5)
    with pytest.raises(AttackError, match="epsilon must lie between 0 and 1"):
        md.attack(model, noise, eps=8.0)
    with refused_as(AttackError, "attack.there-no"):
        md.attack(model, noise, name="PGDD")


def test_a_model_of_one_s_own_is_attacked_in_a_batch(images: Tensor) -> None:
    own, labels = Brightness().eval(), torch.arange(16) % 2
    found = md.attack(own, images, label=labels, eps=0.5, steps=5)
    assert found.success.tolist() == (found.adversarial_prediction != labels).tolist() and found.success.any()


def test_a_model_in_training_mode_is_not_asked(images: Tensor) -> None:
    own = Brightness()
    with refused_as(AttackError, "attack.training-mode"):
        md.attack(own, images)
    assert own.norm.num_batches_tracked == 0


def test_a_scan_is_not_prepared_for_a_model_without_a_card(noise: Scan) -> None:
    with refused_as(ModelError, "prediction.own-model-images"):
        md.attack(Brightness().eval(), noise)


def test_a_transfer_needs_a_source_that_is_given_the_same_images(
    model: LoadedModel, noise: Scan, tmp_path: Path
) -> None:
    save_tiny_model(tmp_path, "oct/whole", seed=2, preprocessing=Preprocessing())
    other = load_model("oct/whole", root=tmp_path)
    with refused_as(AttackError, "library.source-other-preprocessing"):
        md.attack(model, noise, name="transfer", source=other, steps=2)


def test_maps_are_those_of_the_predicted_class(model: LoadedModel, noise: Scan) -> None:
    predicted = md.predict(model, noise).label
    usual, named = (md.explain(model, noise, target=target, only=["gradcam"]) for target in (None, predicted))
    assert list(usual) == ["gradcam"] and np.array_equal(usual["gradcam"].grid, named["gradcam"].grid)
    with refused_as(MedDefError, "map.there-no"):
        md.explain(model, noise, only=["grad-cam"])


def test_an_audit_leaves_the_model_as_it_is(images: Tensor) -> None:
    own = Brightness()
    before = {name: value.clone() for name, value in own.state_dict().items()}
    found = md.audit(own, images, torch.arange(16) % 2, eps="1/255")
    assert (found.n, found.clean) == (16, 16) and own.training
    assert all(torch.equal(value, before[name]) for name, value in own.state_dict().items())


def test_an_audit_says_what_is_wrong_with_the_outputs(images: Tensor) -> None:
    with refused_as(ModelError, "audit.model-returned"):
        md.audit(Brightness().eval(), images, torch.arange(16) % 2, classes=3)


def test_scans_are_read_from_paths_and_bytes(scan: Path, noise: Scan) -> None:
    assert md.read_scan(scan.read_bytes()).digest == md.read_scan(str(scan)).digest == noise.digest
    with refused_as(ScanError, "scan.file-path"):
        md.read_scan(scan.with_name("nothing.png"))


def test_a_volume_is_read_from_a_folder_and_predicted(model: LoadedModel, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in (1, 2, 3):
        assert cv2.imwrite(str(tmp_path / f"slice-{number}.png"), rng.integers(0, 200, (64, 96), dtype=np.uint8))
    volume = md.read_volume(tmp_path)
    files = [(path.name, path.read_bytes()) for path in sorted(tmp_path.iterdir())]
    assert len(volume) == 3 and md.read_volume(files).digest == volume.digest
    found = md.predict_volume(model, volume)
    assert [row.prediction and row.prediction.label for row in found.slices] == [
        md.predict(model, volume.scan(number)).label for number in (1, 2, 3)
    ]


def test_models_are_listed_by_task(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(models))
    assert [card.key for card in md.list_models()] == ["oct/meddef", "oct/undefended"]
    assert md.list_models("chest") == []
    with refused_as(DataError, "task.there-no"):
        md.list_models("skin")
