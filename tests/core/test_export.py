"""`meddef export --onnx`: the file computes what the model computes, and says how to use it."""

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from cli_runs import Run, assert_refused

from meddef_core.data.samples import list_samples
from meddef_core.intended_use import INTENDED_USE
from meddef_core.model import MedDefConfig
from meddef_core.prediction.prediction import prepare
from meddef_core.publishing.onnx_file import OnnxFile, export_onnx, preprocessing_steps
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.zoo import MODELS, LoadedModel, load_model

MOST = 1e-4
"""Difference of a logit, torch to onnxruntime."""


@pytest.fixture(scope="module")
def shipped() -> LoadedModel:
    """Packed weights, with every module of the paper."""
    return load_model("oct/meddef", root=MODELS, at_site=False)


@pytest.fixture(scope="module")
def written(shipped: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnnxFile]:
    before = {name: value.clone() for name, value in shipped.network.state_dict().items()}
    with redirect_stdout(io.StringIO()) as printed:  # where the command prints its JSON document
        found = export_onnx(shipped, tmp_path_factory.mktemp("onnx") / "meddef.onnx")
    assert printed.getvalue() == ""
    yield found
    assert all(torch.equal(value, before[name]) for name, value in shipped.network.state_dict().items())
    assert not shipped.network.training


@pytest.mark.parametrize("batch", [1, 3])
def test_onnxruntime_computes_the_same_logits(shipped: LoadedModel, written: OnnxFile, batch: int) -> None:
    scans = [sample.load() for sample in list_samples("oct")[:batch]]
    x = torch.cat([prepare(shipped, scan) for scan in scans])
    session = onnxruntime.InferenceSession(str(written.path), providers=["CPUExecutionProvider"])
    (found,) = session.run(["logits"], {"image": x.numpy()})
    with torch.no_grad():
        expected = shipped.network(x).numpy()
    assert found.shape == (batch, 4) and np.abs(found - expected).max() < MOST


def test_the_file_says_how_to_use_it(shipped: LoadedModel, written: OnnxFile) -> None:
    session = onnxruntime.InferenceSession(str(written.path), providers=["CPUExecutionProvider"])
    said = session.get_modelmeta().custom_metadata_map
    (given,) = session.get_inputs()
    described = json.loads(said["meddef.input"])
    assert (described["name"], described["shape"]) == (given.name, given.shape) and described["range"] == [0, 1]
    assert said["meddef.weights_sha256"] == shipped.card.weights.sha256
    assert tuple(json.loads(said["meddef.classes"])) == shipped.task.classes
    assert Preprocessing(**json.loads(said["meddef.preprocessing"])) == shipped.preprocessing
    assert said["meddef.intended_use"] == INTENDED_USE
    assert written.bytes == written.path.stat().st_size < 1.1 * 4 * shipped.card.parameters
    assert {prop.key for prop in onnx.load(written.path).metadata_props} >= written.metadata.keys()


def test_the_steps_follow_the_settings() -> None:
    config = MedDefConfig(classes=2, channels=3, mean=0.4, std=0.2)
    cut = preprocessing_steps(Preprocessing(crop="centre", fill_border=True), config)
    framed = preprocessing_steps(Preprocessing(crop="retina", fill_border=True), config)
    # In the order of `Preprocessing.__call__`.
    assert [["white patches" in step for step in steps].index(True) for steps in (cut, framed)] == [2, 1]
    assert "3 times" in cut[-2] and "0.4" in cut[-1] and "0.2" in cut[-1]
    assert len(preprocessing_steps(Preprocessing(), MedDefConfig(classes=2))) == 4


def test_bad_input_is_refused_before_the_model_is_loaded(run: Run, tmp_path: Path) -> None:
    assert_refused(run("export", "--onnx", tmp_path / "model.pt", "--task", "oct"), "must end in .onnx")
    assert_refused(run("export", "--onnx", tmp_path / "no" / "a.onnx", "--task", "oct"), "does not exist")
    assert_refused(run("export", "--onnx", tmp_path / "a.onnx", "--task", "oct", "--model", "none"), "no model")
    assert list(tmp_path.iterdir()) == []
