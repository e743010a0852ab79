"""`meddef audit` on somebody's own model and images: what goes wrong is one sentence, or a finding."""

from pathlib import Path

import numpy as np
import pytest
import torch
from cli_runs import Run, assert_refused
from PIL import Image

from meddef_core.auditing.broken.defences import BROKEN
from meddef_core.auditing.modules import digest_of, load_folder, load_module
from meddef_core.auditing.outputs import choose_channels
from meddef_core.errors import DataError

SOURCE = """
import torch
from torch import nn
import neighbour

def net(channels, classes, *more):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, classes), *more
    )

def build(): return net(1, 3).eval()
def colour(): return net(3, 3).eval()
def probabilities(): return net(1, 3, nn.Softmax(dim=1)).eval()
def training(): return net(1, 3, nn.Dropout(0.5)).train()
def two(): return net(1, 2).eval()
def one(): return net(1, 1).eval()
def raises(): raise FileNotFoundError("weights.pt is not there\\nsecond line")
def leaves(): raise SystemExit(3)
def text(): return "a model"
class NaN(nn.Module):
    def forward(self, x): return x.flatten(1)[:, :3] * float("nan")
class Pair(nn.Module):
    def forward(self, x): return x, x
class Picky(nn.Module):
    def forward(self, x): raise RuntimeError("wants 5 channels")
not_a_function = 3
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes, grey PNG and colour JPEG among them, of different sizes."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for label, name in enumerate(("ant", "bee", "cat")):
        (root / name).mkdir()
        for number in range(4):
            grey = np.clip(60 + 60 * label + 10 * rng.standard_normal((20 + number, 24)), 0, 255).astype(np.uint8)
            Image.fromarray(grey).save(root / name / f"{number}.png")
    Image.fromarray(np.full((40, 40, 3), (200, 100, 50), np.uint8)).save(root / "cat" / "9.jpg", quality=95)
    (root / "cat" / "notes.txt").write_text("no image")
    (root / ".hidden").mkdir()
    return root


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("code") / "my_model.py"
    path.write_text(SOURCE)
    path.with_name("neighbour.py").write_text("value = 1\n")
    path.with_name("broken.py").write_text("def build(:\n")
    path.with_name("missing.py").write_text("import no_such_package_here\n")
    return path


def test_a_folder_becomes_images_in_class_order(folder: Path) -> None:
    grey = load_folder(folder, size=16, channels=1, limit=9)
    assert grey.x.shape == (9, 1, 16, 16) and grey.x.dtype == torch.float32
    assert bool(((grey.x >= 0) & (grey.x <= 1)).all())
    assert grey.y.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2] and grey.classes == ("ant", "bee", "cat")
    means = [float(grey.x[grey.y == label].mean()) for label in (0, 1)]
    assert means == pytest.approx([60 / 255, 120 / 255], abs=0.02)
    colour = load_folder(folder, size=16, channels=3, limit=99)
    assert colour.x.shape == (13, 3, 16, 16)
    assert colour.x[-1].mean(dim=(1, 2)).tolist() == pytest.approx([200 / 255, 100 / 255, 50 / 255], abs=0.02)
    assert colour.digest != grey.digest == load_folder(folder, size=16, channels=1, limit=9).digest


def test_folders_that_make_no_sense_are_refused(folder: Path, tmp_path: Path) -> None:
    def refusal(path: Path) -> str:
        with pytest.raises(DataError) as caught:
            load_folder(path, size=16, channels=1, limit=8)
        return str(caught.value)

    assert "There is no folder" in refusal(tmp_path / "nowhere")
    assert "holds 0 folders" in refusal(tmp_path)
    for number in range(9):
        (tmp_path / "nine" / str(number)).mkdir(parents=True)
    assert "holds 9 folders" in refusal(tmp_path / "nine")
    (tmp_path / "two" / "a").mkdir(parents=True)
    (tmp_path / "two" / "b").mkdir()
    assert "holds no PNG or JPEG" in refusal(tmp_path / "two")
    (tmp_path / "two" / "a" / "x.png").write_bytes(b"no image at all")
    assert "x.png cannot be used: The file is not an image" in refusal(tmp_path / "two")
    (tmp_path / "two" / "a" / "x.png").write_bytes(b"")
    assert "x.png cannot be used: The file is empty" in refusal(tmp_path / "two")


def test_channels_are_found_by_trying(module: Path) -> None:
    grey, colour = (load_module(f"{module}:{name}") for name in ("build", "colour"))
    assert choose_channels(grey, size=16) == 1 and choose_channels(colour, size=16) == 3
    assert digest_of(grey) == digest_of(load_module(f"{module}:build")) != digest_of(colour)


BAD = [
    ("my_model.py", "file.py:function"),
    ("nowhere.py:build", "There is no file"),
    ("broken.py:build", "broken.py cannot be imported: SyntaxError"),
    ("missing.py:build", "no_such_package_here"),
    ("my_model.py:nothing", "no function 'nothing'"),
    ("my_model.py:not_a_function", "no function 'not_a_function'"),
    ("my_model.py:raises", "raises() of my_model.py failed: FileNotFoundError: weights.pt is not there."),
    ("my_model.py:leaves", "SystemExit: 3"),
    ("my_model.py:text", "returned a str"),
    ("my_model.py:two", "12 x 2 values for 12 images of 3 classes"),
    ("my_model.py:one", "12 x 1 values"),
    ("my_model.py:NaN", "returned NaN"),
    ("my_model.py:Pair", "returned a tuple"),
    ("my_model.py:Picky", "takes neither grey nor colour images of 16 x 16 pixels (RuntimeError: wants 5 channels)"),
]


@pytest.mark.parametrize(("target", "part"), BAD)
def test_a_module_that_cannot_be_audited_gets_a_sentence(
    run: Run, module: Path, folder: Path, target: str, part: str
) -> None:
    path = f"{module.parent}/{target}"
    assert_refused(run("audit", "--module", path, "--data", folder, "--size", 16, "--images", 12), part)


AUDIT = ("--size", 16, "--images", 12, "--eps", "2/255")
FEW = ("--size", 12, "--images", 8, "--eps", "8/255")


def test_own_models_are_audited(run: Run, module: Path, folder: Path, tmp_path: Path) -> None:
    for name, channels, depth in (("build", 1, "quick"), ("colour", 3, "full")):
        output, target = tmp_path / f"{name}.json", f"{module}:{name}"
        result = run("audit", "--module", target, "--data", folder, *AUDIT, f"--{depth}", "--json", "--output", output)
        document = result.document
        assert result.code == 0 and output.is_file()
        assert result.err == "" and document["data"]["classes"] == ["ant", "bee", "cat"]
        assert document["kind"] == "audit" and document["data"]["channels"] == channels
        assert document["model"]["key"].endswith(f"my_model.py:{name}") and document["model"]["card_sha256"] is None
        assert document["numbers"]["plan"] == depth
        assert document["numbers"]["verdict"] in ("green", "amber", "red") and document["numbers"]["n"] == 12


def test_the_self_test_breaks_any_model(run: Run, module: Path, folder: Path) -> None:
    document = run("audit", "--module", f"{module}:build", "--data", folder, *FEW, "--self-test", "--json").document
    assert document["kind"] == "audit_self_test"
    assert [row["name"] for row in document["numbers"]["rows"]] == list(BROKEN)


@pytest.mark.parametrize(("name", "check"), [("probabilities", "outputs_logits"), ("training", "eval_mode")])
def test_what_can_be_audited_all_the_same_is_a_red_finding(
    run: Run, module: Path, folder: Path, name: str, check: str
) -> None:
    document = run("audit", "--module", f"{module}:{name}", "--data", folder, *AUDIT, "--json").document
    found = {each["check"]: each for each in document["numbers"]["findings"]}
    assert document["numbers"]["verdict"] == "red"
    assert found[check]["status"] == "failed" and found[check]["severity"] == "red"


def test_options_that_do_not_belong_together_are_refused(run: Run, module: Path, folder: Path) -> None:
    target = f"{module}:build"
    assert_refused(run("audit", "--module", target), "name a folder")
    assert_refused(run("audit"), "either a --task")
    assert_refused(run("audit", "--task", "oct", "--module", target), "either a --task")
    assert_refused(run("audit", "--module", target, "--data", folder, "--channels", 2), "1 (grey) or 3 (colour)")
    assert_refused(run("audit", "--module", target, "--data", folder, "--eps", "0"), "above 0")
    assert_refused(run("audit", "--module", target, "--data", folder, "--eps", "300/255"), "between 0 and 1")
    assert_refused(run("audit", "--module", target, "--data", folder, "--output", "a.txt"), ".json")
