"""A model of the zoo as one ONNX file, for programs without PyTorch: the network, and in words how to prepare a scan.

The file holds the network alone, in float32 and as it ships: calibration, the checks of an image and a hospital's
profile stay here. Its metadata (`metadata_props`, keys that begin with `meddef.`) says what goes in and what comes out.
"""

import copy
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import ModelProto

from meddef_core import __version__
from meddef_core.intended_use import INTENDED_USE
from meddef_core.io.files import replacing
from meddef_core.model import MedDefConfig
from meddef_core.scans.preprocess import DARK_PERCENTILE, FRINGE, WHITE, Preprocessing
from meddef_core.zoo import LoadedModel

INPUT, OUTPUT = "image", "logits"

LIMITS = (
    "The network alone: nothing checks that the image is such a scan, and the softmax of the logits is not calibrated."
)

_CROPS = {
    "none": "Keep the whole scan.",
    "centre": "Cut the largest centred square.",
    "retina": "Frame the retina and stretch its grey values, as meddef_core.scans.retina does.",
}

_FILL = (
    f"Replace white patches ({round(255 * WHITE)}/255 and above) that touch the border, and {FRINGE} pixels around "
    f"them, by percentile {DARK_PERCENTILE} of the other pixels."
)


@dataclass(frozen=True, kw_only=True)
class OnnxFile:
    """What was written."""

    path: Path
    bytes: int
    sha256: str
    metadata: dict[str, str]


def export_onnx(model: LoadedModel, path: Path) -> OnnxFile:
    """Write the network of `model`, whole or not at all. Raises MedDefError where the file cannot be written."""
    metadata = metadata_of(model)
    proto = _graph(model)
    onnx.helper.set_model_props(proto, metadata)
    proto.producer_name, proto.producer_version, proto.doc_string = "meddef", __version__, INTENDED_USE
    onnx.checker.check_model(proto)
    data = proto.SerializeToString()
    with replacing(path) as beside:
        beside.write_bytes(data)
    return OnnxFile(path=path, bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), metadata=metadata)


def metadata_of(model: LoadedModel) -> dict[str, str]:
    """What a program must know to use the file; lists and objects as JSON."""
    card, task, side = model.card, model.task, model.preprocessing.size
    shape = ["batch", model.channels, side, side]
    values: dict[str, Any] = {
        "model": card.key,
        "version": __version__,
        "weights_sha256": card.weights.sha256,
        "classes": list(task.classes),
        "input": {"name": INPUT, "shape": shape, "dtype": "float32", "range": [0, 1]},
        "output": {"name": OUTPUT, "shape": ["batch", len(task.classes)], "dtype": "float32"},
        "preprocessing": card.preprocessing,
        "preprocessing_steps": preprocessing_steps(model.preprocessing, MedDefConfig(**card.config)),
        "population": task.population.sentence,
        "limits": LIMITS,
        "intended_use": INTENDED_USE,
    }
    return {f"meddef.{key}": each if isinstance(each, str) else json.dumps(each) for key, each in values.items()}


def preprocessing_steps(preprocessing: Preprocessing, config: MedDefConfig) -> list[str]:
    """How a scan becomes the image that the network takes, step by step."""
    steps = ["Decode the scan, upright as displayed, to one grey channel of float32 in [0, 1]."]
    steps.append(_CROPS[preprocessing.crop])
    if preprocessing.fill_border:
        # The retina is framed on the filled scan, the centre is cut before.
        steps.insert(1 if preprocessing.crop == "retina" else 2, _FILL)
    steps.append(
        f"Resize to {preprocessing.size} x {preprocessing.size} pixels with an anti-aliased bilinear filter (Pillow's)."
    )
    if config.channels > 1:
        steps.append(f"Repeat the grey channel {config.channels} times.")
    steps.append(f"Do not normalise: the network subtracts {config.mean} and divides by {config.std} itself.")
    return steps


def _graph(model: LoadedModel) -> ModelProto:
    """The network as a graph that takes any number of images."""
    side = model.preprocessing.size
    network = copy.deepcopy(model.network).cpu()  # a shared model is read-only, and tracing is somebody else's code
    # A batch of 1 would be taken for a constant.
    example = torch.full((2, model.channels, side, side), 0.5)
    program = torch.onnx.export(
        network,
        (example,),
        dynamo=True,
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )
    assert program is not None
    proto: ModelProto = program.model_proto
    return proto
