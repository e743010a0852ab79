"""A record is run again: the same scan, weights and settings, and each number set beside the one recorded."""

from dataclasses import dataclass

import torch

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.attacks.spec import OnStep
from meddef_core.baselines.sides import load_side
from meddef_core.certification.certify import certify
from meddef_core.errors import RecordError
from meddef_core.prediction.prediction import from_logits, predict, prepare
from meddef_core.records import (
    AttackRecord,
    CertificateRecord,
    Match,
    ModelRef,
    PredictionRecord,
    card_digest,
    match_weights,
    shipped,
)
from meddef_core.records.prediction import AttackNumbers, OutputWithMaps
from meddef_core.records.read import COLLECTION, checked, checked_version, parsed
from meddef_core.replay.comparison import IMAGE, ComparedNumber, compare, without_verdicts
from meddef_core.report.certificate import certificate_numbers
from meddef_core.report.results import attack_numbers, prediction_numbers
from meddef_core.scans import Scan
from meddef_core.text import Text
from meddef_core.zoo import LoadedModel, load_model

Recorded = PredictionRecord | AttackRecord | CertificateRecord
"""A record of one scan, which is what can be run again."""


@dataclass(frozen=True)
class Replay:
    """What came out. `exact`: whether the attacked image agrees bit by bit; None where there is none.

    `level` and `sentence` say how this MedDef takes the scan, header included (see `Prediction`); both are None for a
    certificate.
    """

    recorded: Recorded
    rows: tuple[ComparedNumber, ...]
    exact: bool | None
    card_changed: bool
    level: str | None
    sentence: str | None

    @property
    def same(self) -> bool:
        """Whether every number agrees."""
        return all(row.same for row in self.rows)


# ---- reading a record --------------------------------------------------------------------------------------------


def read_records(data: bytes) -> tuple[Recorded, ...]:
    """The records in a JSON file, one or a collection; RecordError with one sentence on anything else."""
    document = parsed(data)
    documents = document.get("records") if document.get("kind") == COLLECTION else [document]
    if not isinstance(documents, list) or not documents:
        raise RecordError(Text("record.file-collection", "The file is a collection without records; export it again."))
    return tuple(_of_one_scan(each) for each in documents)


def _of_one_scan(document: object) -> Recorded:
    current = checked_version(document)
    if current.get("kind") not in ("prediction", "attack", "certificate"):
        raise RecordError(
            Text(
                "record.not-one-scan",
                "A record of kind {kind} is not about one scan; replay one of a prediction, an attack or "
                "a certificate.",
                kind=repr(current.get("kind")),
            )
        )
    recorded = checked(current)
    assert isinstance(recorded, Recorded)  # by its kind
    if isinstance(recorded, AttackRecord):
        spec_of(recorded)
    return recorded


def spec_of(recorded: AttackRecord) -> AttackSpec:
    """The settings of a recorded attack; AttackError where they make no sense."""
    return AttackSpec(**recorded.spec.model_dump())


# ---- running it again --------------------------------------------------------------------------------------------


def open_recorded(ref: ModelRef) -> LoadedModel:
    """The model of that key if it has the weights recorded; ModelError or RecordError otherwise."""
    if ref.site is not None:
        return _open_adjusted(ref)
    model = load_side(ref.key, at_site=False) if "+" in ref.key else load_model(ref.key, at_site=False)
    if match_weights(ref.key, ref.weights_sha256, shipped([model.card])) is not Match.MATCHED:
        raise RecordError(
            Text(
                "record.other-weights",
                "The record was made with other weights of {key} ({recorded}…) than those here "
                "({here}…); restore the weights it names.",
                key=ref.key,
                recorded=str(ref.weights_sha256)[:12],
                here=model.card.weights.sha256[:12],
            )
        )
    return model


def _open_adjusted(ref: ModelRef) -> LoadedModel:
    """The model as the site profile has it that the record names; RecordError where another one, or none, is set."""
    assert ref.site is not None
    model = load_side(ref.key) if "+" in ref.key else load_model(ref.key)
    if model.site is None or model.site.digest != ref.site.sha256:
        raise RecordError(
            Text(
                "record.site-profile",
                "The record was made with {key} adjusted for {title}; set MEDDEF_SITE to that site profile.",
                key=ref.key,
                title=ref.site.title,
            )
        )
    return model


def replay(recorded: Recorded, scan: Scan, *, on_step: OnStep | None = None) -> Replay:
    """Run a record again on its scan (see `scan.find_scan`) and compare; `on_step` as in `run_attack`."""
    if scan.digest != recorded.scan.sha256:
        raise RecordError(
            Text("record.another-scan", "The scan is another one than the record names; give the file that was read.")
        )
    model = open_recorded(recorded.model)
    if isinstance(recorded, CertificateRecord):
        return _certified(recorded, model, scan)
    if isinstance(recorded, AttackRecord):
        attacked = _attack(recorded, model, scan, on_step)
        again, clean = attacked.model_dump(mode="json", exclude_unset=True), attacked.clean
    else:
        clean = _predict(recorded, model, scan)
        again = clean.model_dump(mode="json", exclude_unset=True)
    numbers = recorded.document()["numbers"]
    by_header = clean.abstained is not None and clean.abstained.reason == "header"
    return Replay(
        recorded=recorded,
        rows=compare(without_verdicts(numbers, header=by_header), again),
        exact=numbers[IMAGE] == again[IMAGE] if IMAGE in numbers else None,
        card_changed=recorded.model.card_sha256 not in (None, card_digest(model.card)),
        level=clean.level,
        sentence=clean.sentence,
    )


def _certified(recorded: CertificateRecord, model: LoadedModel, scan: Scan) -> Replay:
    how = recorded.numbers.smoothing
    found = certify(model, scan, how.draws, how.alpha, seed=how.seed)
    again = certificate_numbers(found, classes=model.task.classes)
    return Replay(
        recorded=recorded,
        rows=compare(recorded.document()["numbers"], again.model_dump(mode="json", exclude_unset=True)),
        exact=None,
        card_changed=recorded.model.card_sha256 not in (None, card_digest(model.card)),
        level=None,
        sentence=None,
    )


def _predict(recorded: PredictionRecord, model: LoadedModel, scan: Scan) -> OutputWithMaps:
    from meddef_core.explanation import explain

    prediction = predict(model, scan)
    maps = None
    if recorded.numbers.maps:
        maps = explain(model.network, prepare(model, scan), target=prediction.index)
    return prediction_numbers(prediction, maps)


def _attack(recorded: AttackRecord, model: LoadedModel, scan: Scan, on_step: OnStep | None) -> AttackNumbers:
    label, source = recorded.numbers.label, recorded.numbers.source
    made_on = None if source is None else open_recorded(source)
    image = prepare(model, scan)
    result = run_attack(
        model.network,
        image,
        torch.tensor([model.task.index(label)]),
        spec_of(recorded),
        on_step=on_step,
        source=None if made_on is None else made_on.network,
    )
    clean = predict(model, image, scan=scan)
    return attack_numbers(
        result,
        clean,
        from_logits(model, result.adversarial_logits[0], distance=clean.distance),
        label=label,
        source=made_on,
    )
