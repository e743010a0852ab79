"""Codes of a report: the standard's where it has one, else MedDef's own, whose scheme every report names."""

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr.coding import CodedConcept
from pydicom.sr.coding import Code

from meddef_core.tasks import Task

SCHEME = "99MEDDEF"
"""Designators that begin with 99 are for codes of one's own (PS3.16 section 8.2)."""

FOR_RESEARCH = Code("113009", "DCM", "For Research")
COMMENT = Code("121106", "DCM", "Comment")
NO_UNITS = Code("1", "UCUM", "no units")

PROCEDURES = {
    "oct": Code("OCT", "DCM", "Optical Coherence Tomography"),
    "chest": Code("RG", "DCM", "Radiographic imaging"),
}

INTENDED_USE = CodedConcept("USE", SCHEME, "Intended use of this output")
OUTPUT = CodedConcept("OUTPUT", SCHEME, "Model output, not a diagnosis")
ABSTAINS = CodedConcept("ABSTAINS", SCHEME, "The model abstains")
LEVEL = CodedConcept("LEVEL", SCHEME, "Similarity to the training scans")
PROBABILITY_IS = CodedConcept("CALIBRATION", SCHEME, "Calibration of the probabilities")

LEVELS = {
    "usual": CodedConcept("USUAL", SCHEME, "Like most training scans"),
    "unusual": CodedConcept("UNUSUAL", SCHEME, "Unlike most training scans"),
    "refused": CodedConcept("REFUSED", SCHEME, "Not a scan the model is for"),
}

CALIBRATED = {
    True: CodedConcept("CALIBRATED", SCHEME, "Calibrated"),
    False: CodedConcept("UNCALIBRATED", SCHEME, "Uncalibrated"),
}

REASONS = {
    "header": CodedConcept("HEADER", SCHEME, "Reason lies in the header of the file"),
    "image": CodedConcept("IMAGE", SCHEME, "Reason lies in the image"),
    "output": CodedConcept("OUTPUT_TOO_WEAK", SCHEME, "No class stands out clearly enough"),
}
ABSTENTION_REASON = CodedConcept("REASON", SCHEME, "Reason for the abstention")


def scheme_items() -> list[CodingSchemeIdentificationItem]:
    """What a report says of the scheme `SCHEME`."""
    return [CodingSchemeIdentificationItem(designator=SCHEME, name="MedDef", responsible_organization="MedDef")]


def output_of(task: Task, label: str) -> CodedConcept:
    """A class as a model output: "choroidal neovascularisation"."""
    return CodedConcept(label, SCHEME, task.words[label])


def probability_of(task: Task, label: str) -> CodedConcept:
    """The name of a class's probability."""
    return CodedConcept(f"P_{label}"[:16], SCHEME, f"Model probability: {task.words[label]}")
