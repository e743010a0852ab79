"""Records are read here: bytes in, a checked record of the present version out, whatever version wrote them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from meddef_core.errors import DataError, RecordError
from meddef_core.records.audit import AuditRecord, SelfTestRecord
from meddef_core.records.certified import CertificateRecord, CertifiedRecord
from meddef_core.records.comparison import BaselineRecord, PointingRecord, ShiftRecord
from meddef_core.records.envelope import Record
from meddef_core.records.evaluation import CardFigures, EvaluationRecord, PruneRecord, WorstRecord
from meddef_core.records.external import ExternalRecord
from meddef_core.records.modules import AblationRecord, DissectionRecord
from meddef_core.records.prediction import AttackRecord, BatchRecord, Collection, PredictionRecord
from meddef_core.records.site import SiteRecord
from meddef_core.records.upgrade import READABLE, float_eps, upgraded
from meddef_core.records.volume import VolumeRecord
from meddef_core.settings import worded
from meddef_core.text import Text

Kind = TypeVar("Kind", bound=BaseModel)

KINDS: dict[str, type[Record]] = {
    kind.kind_name(): kind
    for kind in (
        PredictionRecord,
        AttackRecord,
        BatchRecord,
        VolumeRecord,
        EvaluationRecord,
        WorstRecord,
        PruneRecord,
        AuditRecord,
        SelfTestRecord,
        BaselineRecord,
        ShiftRecord,
        PointingRecord,
        AblationRecord,
        DissectionRecord,
        ExternalRecord,
        SiteRecord,
        CertificateRecord,
        CertifiedRecord,
    )
}
"""Every kind of record by its name in the file; a `Collection` holds several."""

COLLECTION = "collection"

MAX_BYTES = 64 * 2**20
"""A record that holds a row for each of a thousand scans has a few; what is larger is none of ours."""


class DamagedRecord(RecordError):
    """A record that does not hold what its kind must: `place` is the key that is wrong, "" for the whole file."""

    def __init__(self, reason: str, *, place: str = "") -> None:
        super().__init__(_damaged(reason, place))
        self.reason, self.place = reason, place


class OtherKind(RecordError):
    """A sound record that is of another kind than the one asked for."""


class OtherVersion(RecordError):
    """A record of a version that is not known here."""


def read(data: bytes) -> Record | Collection:
    """A record of any kind and readable version; RecordError with one sentence on anything else."""
    return checked(parsed(data))


def read_as(kind: type[Kind], data: bytes) -> Kind:
    """The same of a kind that is known, or of a table that is no record of ours, such as `ReportedTable`."""
    document = parsed(data, versioned=issubclass(kind, Record | Collection))
    if issubclass(kind, Record) and document.get("kind") not in (None, kind.kind_name()):
        raise OtherKind(
            Text(
                "record.record-kind",
                "The record is of kind {found}, not {kind}; give one of that kind.",
                found=repr(document["kind"]),
                kind=repr(kind.kind_name()),
            )
        )
    return _validated(kind, document)


def read_file(kind: type[Kind], path: Path) -> Kind:
    """`read_as` of a file; DataError that names it where it cannot be read or is damaged.

    OtherKind and OtherVersion are raised as they are: such a file is sound.
    """
    try:
        return read_as(kind, path.read_bytes())
    except OSError as error:
        raise DataError(
            Text("record.record-name", "The record {name} cannot be read; measure it again.", name=path.name)
        ) from error
    except DamagedRecord as error:
        raise DataError(_damaged_file(path.name, error)) from error
    except (OtherKind, OtherVersion):
        raise
    except RecordError as error:
        raise DataError(
            Text("record.record-name", "The record {name} cannot be read; measure it again.", name=path.name)
        ) from error


def figures_of(metrics: Mapping[str, Any]) -> CardFigures:
    """What a card's `metrics` say of its test list; DamagedRecord where they do not hold it.

    What the model costs stands beside and is left out.
    """
    known = {key: value for key, value in metrics.items() if key in CardFigures.model_fields}
    return _validated(CardFigures, float_eps(known))


def parsed(data: bytes, *, versioned: bool = True) -> dict[str, Any]:
    """A JSON object, of the present version where it has one; RecordError on anything else."""
    if len(data) > MAX_BYTES:
        raise RecordError(
            Text(
                "record.file-larger",
                "The file is larger than any record ({mb} MB); give a record's file.",
                mb=MAX_BYTES // 2**20,
            )
        )
    try:
        document = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RecordError(
            Text(
                "record.file-no",
                "The file is no JSON that can be read ({error}); export the record again.",
                error=error,
            )
        ) from error
    return checked_version(document) if versioned else _object(document)


def checked_version(document: Any) -> dict[str, Any]:
    """A document as the present version has it; RecordError where it is no record, or of a version not known here."""
    if not isinstance(document, dict) or "schema_version" not in document:
        raise RecordError(
            Text(
                "record.file-json",
                "The file is JSON, but no record of MedDef; give a file written by --json or by an export.",
            )
        )
    if document["schema_version"] not in READABLE:
        raise OtherVersion(
            Text(
                "record.record-schema",
                "The record has schema version {version}, and this MedDef reads up to {readable}; use the "
                "MedDef version that wrote it.",
                version=repr(document["schema_version"]),
                readable=READABLE[-1],
            )
        )
    return upgraded(document)


def checked(document: Mapping[str, Any]) -> Record | Collection:
    """A document of the present version as the record of its kind."""
    kind = document.get("kind")
    if kind == COLLECTION:
        return _collection(document)
    if kind not in KINDS:
        raise RecordError(
            Text(
                "record.record-kind-kind",
                "A record of kind {kind} is not known here; give one written by --json or by an export.",
                kind=repr(kind),
            )
        )
    return _validated(KINDS[kind], document)


def _collection(document: Mapping[str, Any]) -> Collection:
    """The records one by one, each of its own version, so that a refusal names the place within its record."""
    held = document.get("records")
    if not isinstance(held, list) or not held:
        raise RecordError(Text("record.file-collection", "The file is a collection without records; export it again."))
    records = [checked(checked_version(each)) for each in held]
    return _validated(Collection, {**document, "records": records})


def _validated(kind: type[Kind], document: Mapping[str, Any]) -> Kind:
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DamagedRecord(worded(first), place=place) from error


def _damaged(reason: str, place: str) -> Text:
    if not place:
        return Text(
            "record.is-damaged",
            "The record is damaged: {reason}; export it again or measure it again.",
            reason=reason,
        )
    return Text(
        "record.damaged-at",
        "The record is damaged at {place}: {reason}; export it again or measure it again.",
        place=repr(place),
        reason=reason,
    )


def _damaged_file(name: str, error: DamagedRecord) -> Text:
    if not error.place:
        return Text(
            "record.file-damaged",
            "The record {name} is damaged: {reason}; measure it again.",
            name=name,
            reason=error.reason,
        )
    return Text(
        "record.file-damaged-at",
        "The record {name} is damaged at {place}: {reason}; measure it again.",
        name=name,
        place=repr(error.place),
        reason=error.reason,
    )


def _object(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise DamagedRecord(Text("record.no-object", "it is no JSON object"))
    return document


def _refuse_constant(text: str) -> None:
    raise ValueError(Text("record.no-json-value", "{text} is no JSON value", text=text))
