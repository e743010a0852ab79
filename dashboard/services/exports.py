"""What a page shows as files to keep: JSON records, a PNG picture, a PDF page.

Picture and page are drawn when their button is pressed, on a thread of Streamlit's that knows no session: nothing here
may use a session's cache or state.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashboard.services.attacks import CONTROLS
from dashboard.services.models import loaded
from dashboard.services.queue import turn
from dashboard.services.results.common import AttackedPicture, AttackOutcome, LabResult, ModelChoice, Picture, Reading
from meddef_core.attacks import AttackSpec, default_spec
from meddef_core.explanation import explain, shared_scale
from meddef_core.io.arrays import as_images
from meddef_core.records import AttackNumbers, AttackRecord, PredictionRecord, build, plain, source_of
from meddef_core.records.prediction import RecordedStep
from meddef_core.report.one_page import report
from meddef_core.report.outputs import output_of
from meddef_core.report.panel import panel
from meddef_core.report.results import image_digest, prediction_numbers
from meddef_core.report.sheet import MapPair, Record, Sheet, SheetSide
from meddef_core.report.trust import trust_line
from meddef_core.report.worth import worth_line

ATTACK_MAPS = ("gradcam", "channel_attention")
"""Maps shown before and after: the one that every model has, and the one that says most of the defence."""

READING_MAPS = ("gradcam", "channel_attention", "afd_gate", "mfe_edges", "self_attention")


@dataclass(frozen=True, kw_only=True)
class ScanNote:
    """What a file may say of a scan: never a file name. `sample` is the key of a sample that anyone can load.

    `title` is what picture and page call it: with the short id and the time at which it was read.
    """

    title: str
    truth: str | None
    digest: str
    short_id: str
    sample: str | None = None
    frame: int | None = None
    window: tuple[float, float] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What a record holds of the scan."""
        found = {"sha256": self.digest, "frame": self.frame, "window": self.window, "id": self.short_id}
        return found if self.sample is None else {**found, "sample": self.sample}


@dataclass(frozen=True, eq=False)
class ExportedModel:
    """One model's part of what is kept: its record and, after an attack, that of the noise control."""

    record: Record
    control: AttackRecord | None = None


# ---- records -----------------------------------------------------------------------------------------------------


def records(found: Reading | LabResult, note: ScanNote) -> tuple[ExportedModel, ...]:
    """The records of a reading, or of an attack on each model, that `meddef replay` can run again."""
    if isinstance(found, LabResult):
        return tuple(_kept(found, outcome, note) for outcome in found.outcomes)
    model, numbers = loaded(found.model.id), prediction_numbers(found.prediction)
    return (ExportedModel(build(PredictionRecord, model=model, scan=note.facts, numbers=numbers)),)


def _kept(result: LabResult, outcome: AttackOutcome, note: ScanNote) -> ExportedModel:
    spec, noise = result.spec, outcome.noise
    control = default_spec(CONTROLS[noise.norm], eps=noise.eps, seed=spec.seed, theta=spec.theta)
    return ExportedModel(
        _attack_record(outcome, outcome.attacked, spec, note, source=result.source),
        _attack_record(outcome, noise, control, note),
    )


def _attack_record(
    outcome: AttackOutcome,
    attacked: AttackedPicture,
    spec: AttackSpec,
    note: ScanNote,
    *,
    source: ModelChoice | None = None,
) -> AttackRecord:
    """The same record that `meddef attack` writes.

    The checks of a scan are of the clean one: an attacked picture is no scan to accept or to refuse.
    """
    numbers = AttackNumbers(
        label=outcome.clean.label,
        norm=attacked.norm,
        source=None if source is None else source_of(loaded(source.id)),
        success=attacked.success,
        clean=output_of(outcome.clean.prediction),
        attacked=output_of(replace(attacked.reading.prediction, familiarity=None, abstained=None)),
        linf=attacked.linf,
        l2=attacked.l2,
        psnr=plain(attacked.psnr),
        ssim=plain(attacked.ssim),
        pixels_changed=attacked.pixels_changed,
        first_fooled=-1 if attacked.first_fooled is None else attacked.first_fooled,
        steps_run=len(attacked.steps),
        trace=tuple(
            RecordedStep(
                step=each.number, loss=plain(each.loss), success=each.success, probabilities=each.probabilities
            )
            for each in attacked.steps
        ),
        adversarial_sha256=image_digest(attacked.reading.picture.tobytes()),
    )
    return build(AttackRecord, model=loaded(outcome.clean.model.id), scan=note.facts, spec=spec, numbers=numbers)


# ---- files -------------------------------------------------------------------------------------------------------


def json_file(kept: Sequence[ExportedModel], found: Reading | LabResult, note: ScanNote) -> bytes:
    """The records as one JSON file."""
    document = Sheet(scan=note.title, truth=note.truth, sides=_sides(kept, found, maps=False)).document
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()


def png_file(kept: Sequence[ExportedModel], found: Reading | LabResult, note: ScanNote) -> bytes:
    """The picture. Waits for its turn of the work queue; raises MedDefError."""
    return panel(_sheet(kept, found, note))


def pdf_file(kept: Sequence[ExportedModel], found: Reading | LabResult, note: ScanNote) -> bytes:
    """The page. Waits for its turn of the work queue; raises MedDefError."""
    return report(_sheet(kept, found, note))


def _sheet(kept: Sequence[ExportedModel], found: Reading | LabResult, note: ScanNote) -> Sheet:
    with turn(lambda ahead: None):
        return Sheet(scan=note.title, truth=note.truth, sides=_sides(kept, found, maps=True))


def _sides(kept: Sequence[ExportedModel], found: Reading | LabResult, *, maps: bool) -> tuple[SheetSide, ...]:
    if isinstance(found, Reading):
        (one,) = kept
        pairs = _map_pairs(found, (found.picture,), READING_MAPS) if maps else ()
        return (_reading_side(one, found, pairs),)
    return tuple(_attack_side(one, outcome, maps=maps) for one, outcome in zip(kept, found.outcomes, strict=True))


def _reading_side(one: ExportedModel, found: Reading, pairs: tuple[MapPair, ...]) -> SheetSide:
    worth = worth_line(loaded(found.model.id), output_of(found.prediction))
    return SheetSide(title=found.model.title, record=one.record, clean=found.picture, maps=pairs, worth=worth)


def _attack_side(one: ExportedModel, outcome: AttackOutcome, *, maps: bool) -> SheetSide:
    clean, model = outcome.clean, outcome.clean.model
    pictures = (clean.picture, outcome.attacked.reading.picture)
    return SheetSide(
        title=model.title,
        record=one.record,
        control=one.control,
        clean=pictures[0],
        attacked=pictures[1],
        maps=_map_pairs(clean, pictures, ATTACK_MAPS) if maps else (),
        trust=trust_line(model.id, weights_sha256=one.record.model.shipped_sha256),
    )


def _map_pairs(clean: Reading, pictures: tuple[Picture, ...], keys: Sequence[str]) -> tuple[MapPair, ...]:
    """The named maps that the model has, of each picture, on a shared scale; a wrapped model has none."""
    subject = loaded(clean.model.id)
    target = subject.task.index(clean.label)
    found = [explain(subject.network, as_images(picture), target=target) for picture in pictures]
    return tuple(
        MapPair(
            title=found[0][key].info.title,
            clean=found[0][key].upsampled(),
            attacked=found[-1][key].upsampled() if len(found) > 1 else None,
            scale=shared_scale(*(each[key] for each in found)),
            signed=found[0][key].info.signed,
        )
        for key in keys
        if key in found[0]
    )
