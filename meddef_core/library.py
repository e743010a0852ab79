"""The library behind `import meddef_core as md`: small functions over the packages, each with an example.

Images are float32 `(B, C, 224, 224)` in [0, 1]; a model normalises inside, so epsilon is in pixel units. Whatever a
caller can get wrong raises a `MedDefError`: one sentence that says what to do. Every example below runs as a test.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Unpack

import torch
from torch import Tensor

from meddef_core.attacks import AttackInfo, AttackResult, default_spec, get_attack, run_attack
from meddef_core.attacks.run import check_model
from meddef_core.attacks.spec import AttackSettings, OnStep
from meddef_core.auditing import FULL, QUICK, Audit, AuditSubject
from meddef_core.auditing import audit as run_audit
from meddef_core.auditing.original import as_handed_over, private_copy
from meddef_core.auditing.outputs import check_outputs
from meddef_core.certification.certify import certify as certify
from meddef_core.data import samples
from meddef_core.eps import as_eps
from meddef_core.errors import AttackError
from meddef_core.explanation import DEFAULT_LAYER, ExplanationMap
from meddef_core.explanation import explain as run_explainers
from meddef_core.prediction import prediction
from meddef_core.prediction import volume as volumes
from meddef_core.prediction.given import Model, class_index, images_for, network_of
from meddef_core.prediction.prediction import Prediction
from meddef_core.prediction.volume import VolumePrediction
from meddef_core.scans import Scan, Volume, read_scan_isolated
from meddef_core.scans import read_volume as read_volume_bytes
from meddef_core.scans.paths import scan_at, volume_at
from meddef_core.tasks import get_task
from meddef_core.text import Text
from meddef_core.zoo import Card, LoadedModel, loadable_models
from meddef_core.zoo import load_model as load_from_zoo

# ---- models and scans ------------------------------------------------------------------------------------------------


def list_models(task: str | None = None) -> list[Card]:
    """The cards of the models here, or of those of one task ("oct" or "chest"); DataError for another task.

    >>> [card.title for card in list_models("oct") if card.name == "meddef"]
    ['MedDef']
    """
    known = None if task is None else get_task(task).key
    return [card for card in loadable_models() if known in (None, card.task)]


def load_model(key: str) -> LoadedModel:
    """The model `<task>/<name>`, in eval mode with frozen weights; its `network` is a torch module.

    It is shared: attack and explain it, but train a copy. ModelError where there is none, or where its weights do not
    match its card.

    >>> load_model("oct/meddef").task.classes
    ('CNV', 'DME', 'DRUSEN', 'NORMAL')
    """
    return load_from_zoo(key)


def list_samples(task: str) -> list[samples.Sample]:
    """Scans to try without a file of one's own: drawn OCT B-scans, and a chest film. `load()` gives the `Scan`.

    >>> list_samples("oct")[0].load().size
    (496, 496)
    """
    return samples.list_samples(task)


def read_scan(
    source: str | Path | bytes, *, frame: int | None = None, window: tuple[float, float] | None = None
) -> Scan:
    """One scan from a path or the bytes of a file (DICOM, PNG, JPEG, TIFF, BMP or WebP), decoded in a process apart.

    Its `pixels` are grey float32 `(H, W)` in [0, 1]. `frame` counts from 1 in a file of several; `window` is the centre
    and width of the grey values to show. ScanError for what is no such file.

    >>> read_scan("scan.png")
    Traceback (most recent call last):
    meddef_core.errors.ScanError: The file scan.png cannot be read (No such file or directory); check its path.
    """
    if isinstance(source, bytes):
        return read_scan_isolated(source, frame=frame, window=window)
    return scan_at(Path(source), frame=frame, window=window)


def read_volume(source: str | Path | bytes | Sequence[tuple[str, bytes]]) -> Volume:
    """A volume from a folder, a ZIP archive or a file of several frames; from bytes, or from several as (name, bytes).

    Slices are decoded when they are wanted: `volume.scan(1)` is the first. ScanError for what is no volume.
    """
    return volume_at(Path(source)) if isinstance(source, str | Path) else read_volume_bytes(source)


# ---- predictions -----------------------------------------------------------------------------------------------------


def predict(model: LoadedModel, scan: Scan | Tensor) -> Prediction:
    """What the model says of a scan, or of one prepared image `(1, C, 224, 224)` in [0, 1], of which less is checked.

    `probability` is that of `label`, calibrated where a fit stands beside the model. Where `abstained` is not None, the
    output is not valid for this image. ModelError for a batch.

    >>> found = predict(load_model("oct/meddef"), list_samples("oct")[0].load())
    >>> found.label, found.abstained is None
    ('NORMAL', True)
    """
    return prediction.predict(model, scan)


def predict_volume(model: LoadedModel, volume: Volume) -> VolumePrediction:
    """Every slice of a volume predicted, and what they say together (`verdict`, with its rule).

    A slice that cannot be read has a `problem` instead of a `prediction`. ScanError where a file costs too much.
    """
    return volumes.predict_volume(model, volume)


# ---- attacks ---------------------------------------------------------------------------------------------------------


def attack(
    model: Model,
    scan: Scan | Tensor,
    *,
    name: str = "pgd",
    eps: float | str | None = None,
    label: str | int | Tensor | None = None,
    target: str | int | None = None,
    source: Model | None = None,
    on_step: OnStep | None = None,
    **settings: Unpack[AttackSettings],
) -> AttackResult:
    """Attack a scan, or images `(B, C, H, W)` in [0, 1], and check and classify again what comes out.

    `eps` is a number or text, "8/255", in the norm of the attack: pixel units (L-infinity), a length (L2), or a share
    of the values (L0). The attack moves away from `label` (by default the model's own prediction; for a batch a tensor
    `(B,)`), or to `target`; a model of the zoo knows classes by name too. `source` is the model that a transfer attack
    makes its images on. AttackError for a setting that the attack does not have, and for images out of range.

    >>> result = attack(load_model("oct/undefended"), list_samples("oct")[0].load(), name="PGD", eps="8/255", steps=5)
    >>> bool(result.success), float(result.linf) <= 8 / 255 + 1e-6
    (True, True)
    """
    info = get_attack(name.lower().replace("-", "_"))
    x, network = images_for(model, scan), network_of(model)
    changes: dict[str, Any] = dict(settings)
    if eps is not None:
        changes["eps"] = as_eps(eps, norm=info.norm)
    if target is not None:
        changes["target"] = class_index(model, target)
    _check_settings(info, changes)
    y = _labels(model, x, label)
    made_on = None if source is None else network_of(_of_same_images(source, model))
    return run_attack(network, x, y, default_spec(info.name, **changes), source=made_on, on_step=on_step)


def _check_settings(info: AttackInfo, changes: dict[str, Any]) -> None:
    """AttackError for what would be ignored, as a result would not be what was asked for."""
    has = info.settings | {"eps", "engine", "seed"}  # a seed is no mistake where nothing is drawn
    for key in sorted(changes.keys() - has):
        raise AttackError(
            Text(
                "library.no-setting",
                "{title} has no setting {key}; it has {known}",
                title=info.title,
                key=repr(key),
                known=", ".join(sorted(has)),
            )
        )


def _labels(model: Model, x: Tensor, label: str | int | Tensor | None) -> Tensor:
    """`(B,)` int64."""
    if isinstance(label, Tensor):
        return label
    if label is not None:
        return torch.full((len(x),), class_index(model, label))
    check_model(network_of(model))
    with torch.no_grad():
        predicted: Tensor = network_of(model)(x).argmax(dim=1)
    return predicted


def _of_same_images(source: Model, model: Model) -> Model:
    if isinstance(source, LoadedModel) and isinstance(model, LoadedModel) and not source.prepares_like(model):
        raise AttackError(
            Text(
                "library.source-other-preprocessing",
                "{source} and {model} prepare scans in different ways, so an image made on one is none of "
                "the other's; choose another source",
                source=source.card.key,
                model=model.card.key,
            )
        )
    return source


# ---- maps and audits -------------------------------------------------------------------------------------------------


def explain(
    model: LoadedModel,
    scan: Scan | Tensor,
    *,
    target: str | int | None = None,
    only: Collection[str] | None = None,
    layer: str = DEFAULT_LAYER,
) -> dict[str, ExplanationMap]:
    """Maps of what moved the score of `target` (by default the predicted class), by key, such as "gradcam".

    `only` picks maps; the costly ones ("integrated_gradients", "occlusion") are computed only where they are named.
    MedDefError for a map, class or layer that there is not.

    >>> maps = explain(load_model("oct/meddef"), list_samples("oct")[0].load(), only=["gradcam"])
    >>> maps["gradcam"].grid.shape
    (7, 7)
    """
    x = images_for(model, scan)
    index = predict(model, x).index if target is None else class_index(model, target)
    return run_explainers(model.network, x, target=index, only=only, layer=layer)


def audit(
    model: Model,
    images: Tensor,
    labels: Tensor,
    *,
    classes: int | None = None,
    eps: float | str = "4/255",
    full: bool = False,
    undefended: Model | None = None,
    independent: Model | None = None,
    seed: int = 0,
) -> Audit:
    """Whether a robust accuracy of the model can be trusted: green, amber (an upper bound) or red (no number).

    `images` are `(n, C, H, W)` in [0, 1], `labels` `(n,)` int64. Your own module has `classes` outputs, by default the
    largest label + 1; it is copied, and compared afterwards. `undefended` is the same model without its defence,
    `independent` another one to transfer images from. ModelError, with the remedy, where the model does not return
    logits; AttackError where images, labels or epsilon make no sense.

    >>> bars = torch.rand(32, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 0.5
    >>> bars[::2] += 0.5
    >>> from torch import nn
    >>> classify = nn.Sequential(nn.AvgPool2d(16), nn.Flatten(), nn.Linear(1, 2)).eval()
    >>> audit(classify, bars, torch.arange(32) % 2, eps="1/255").n
    32
    """
    original = as_handed_over(network_of(model))
    if isinstance(model, LoadedModel):
        network, count = model.network, len(model.task.classes)
    else:
        network, count = private_copy(model), classes or int(labels.max()) + 1
        check_outputs(network, images, classes=tuple(map(str, range(count))))
    subject = AuditSubject(
        network=network,
        x=images,
        y=labels,
        classes=count,
        eps=as_eps(eps),
        twin=None if undefended is None else network_of(undefended),
        independent=None if independent is None else network_of(independent),
        seed=seed,
    )
    found = run_audit(subject, plan=FULL if full else QUICK)
    original.check()
    return found
