"""The structured report of a prediction: a Comprehensive SR by template TID 1500, Measurement Report (PS3.16)."""

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from meddef_core.intended_use import INTENDED_USE
from meddef_core.pacs.frames import PredictedFrame
from meddef_core.pacs.results import concepts
from meddef_core.pacs.results.identity import REPEATED, stamp
from meddef_core.pacs.results.subject import ReportSubject, derived_uid

RESEARCH_USE = "Research use only - model output"
"""Stands in every report and, burnt in, on every picture."""

DESCRIPTION = "MedDef model output (research use)"
SERIES_NUMBER = 9901
MANUFACTURER = "MedDef"
LEAST = 1e-6
"""The least probability that is written."""


def report(subject: ReportSubject) -> Dataset:
    """The report of a subject: which software and weights, what they say of each picture, and that it is research."""
    result = ComprehensiveSR(
        evidence=[_evidence(subject)],
        content=_content(subject)[0],
        series_instance_uid=subject.series.report,
        series_number=SERIES_NUMBER,
        sop_instance_uid=subject.uids.report,
        instance_number=subject.instance.number or 1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=subject.model.card.key,
        software_versions=subject.software,
        device_serial_number=subject.weights,
        series_description=DESCRIPTION,
        is_complete=True,
        coding_schemes=concepts.scheme_items(),
        specific_character_set="ISO_IR 192",
    )
    result.ContentQualification = "RESEARCH"
    date_of(result, subject)
    stamp(result, subject.identity, study=subject.instance.study)
    return result


def date_of(result: Dataset, subject: ReportSubject) -> None:
    """All dates of a result are of the moment it was begun, so that one made again is the same to the byte."""
    date, time = subject.created.strftime("%Y%m%d"), subject.created.strftime("%H%M%S")
    for keyword in ("InstanceCreation", "Content", "Series"):
        setattr(result, f"{keyword}Date", date)
        setattr(result, f"{keyword}Time", time)
    for library in result.get("ContributingEquipmentSequence", ()):  # highdicom names itself there
        library.ContributionDateTime = date + time


def _evidence(subject: ReportSubject) -> Dataset:
    """The source by its UIDs. highdicom would copy whatever else its header holds."""
    source = Dataset()
    source.SOPClassUID, source.SOPInstanceUID = subject.instance.sop_class, subject.instance.uid
    source.StudyInstanceUID, source.SeriesInstanceUID = subject.instance.study, subject.instance.series
    for keyword in REPEATED:
        setattr(source, keyword, "")
    return source


def _content(subject: ReportSubject) -> MeasurementReport:
    task, weights = subject.model.task, subject.weights
    observer = DeviceObserverIdentifyingAttributes(
        uid=derived_uid(weights, subject.software, "device"),
        name=subject.software,
        manufacturer_name=MANUFACTURER,
        model_name=subject.model.card.key,
        serial_number=weights,
    )
    found = MeasurementReport(
        observation_context=ObservationContext(
            observer_device_context=ObserverContext(
                observer_type=codes.DCM.Device, observer_identifying_attributes=observer
            )
        ),
        procedure_reported=concepts.PROCEDURES[task.key],
        imaging_measurements=[_group(subject, each) for each in subject.slices],
        title=codes.DCM.ImagingMeasurementReport,
    )
    said = (f"{RESEARCH_USE}. {INTENDED_USE}", task.population.sentence, subject.summary)
    root = found[0]
    root.ContentSequence.extend(_text(sentence) for sentence in said if sentence)
    return found


def _group(subject: ReportSubject, each: PredictedFrame) -> MeasurementsAndQualitativeEvaluations:
    """What is said of one picture. Where the model abstains, no probability is: it would not be valid."""
    frame = "" if each.frame is None else f", frame {each.frame}"
    key, prediction = subject.model.card.key, each.prediction
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=derived_uid(subject.uids.report, "group", str(each.frame or 1)), identifier=f"{key}{frame}"
        ),
        algorithm_id=AlgorithmIdentification(
            name=f"MedDef {key}",
            version=subject.software,
            parameters=[f"sha256 of the weights {subject.weights}"],
        ),
        measurements=None if prediction.abstained is not None else _probabilities(subject, each),
        qualitative_evaluations=_evaluations(subject, each),
        source_images=[
            SourceImageForMeasurementGroup(
                subject.instance.sop_class,
                subject.instance.uid,
                referenced_frame_numbers=None if each.frame is None else [each.frame],
            )
        ],
    )
    if prediction.sentence is not None:
        group[0].ContentSequence.append(_text(prediction.sentence))
    return group


def _probabilities(subject: ReportSubject, each: PredictedFrame) -> list[Measurement]:
    task = subject.model.task
    return [
        Measurement(name=concepts.probability_of(task, label), value=_uncertain(share), unit=concepts.NO_UNITS)
        for label, share in zip(task.classes, each.prediction.shares, strict=True)
    ]


def _uncertain(share: float) -> float:
    """A probability with six decimals, never 0 or 1: a softmax of 1 is rounded, not certain."""
    return round(min(max(share, LEAST), 1 - LEAST), 6)


def _evaluations(subject: ReportSubject, each: PredictedFrame) -> list[QualitativeEvaluation]:
    prediction, task = each.prediction, subject.model.task
    found: list[tuple[CodedConcept, CodedConcept | Code]] = [(concepts.INTENDED_USE, concepts.FOR_RESEARCH)]
    if prediction.level is not None:
        found.append((concepts.LEVEL, concepts.LEVELS[prediction.level]))
    if prediction.abstained is not None:
        found += [
            (concepts.OUTPUT, concepts.ABSTAINS),
            (concepts.ABSTENTION_REASON, concepts.REASONS[prediction.abstained.reason]),
        ]
    else:
        found += [
            (concepts.OUTPUT, concepts.output_of(task, prediction.label)),
            (concepts.PROBABILITY_IS, concepts.CALIBRATED[prediction.calibration_holds]),
        ]
    return [QualitativeEvaluation(name=name, value=value) for name, value in found]


def _text(sentence: str) -> TextContentItem:
    return TextContentItem(name=concepts.COMMENT, value=sentence, relationship_type="CONTAINS")
