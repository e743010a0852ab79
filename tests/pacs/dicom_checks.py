"""What others make of our objects: dicom3tools' validator and dcmtk's reader of reports."""

import subprocess
from pathlib import Path

from orthanc_server import skip_without
from pydicom.dataset import Dataset


def errors_of(path: Path) -> list[str]:
    """Errors that `dciodvfy` finds."""
    skip_without("dciodvfy")
    found = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, timeout=120)
    return [line for line in (found.stdout + found.stderr).splitlines() if line.startswith("Error")]


def dumped(path: Path) -> str:
    """A report as `dsrdump` reads it, texts in full; it fails on one that is malformed."""
    skip_without("dsrdump")
    found = subprocess.run(["dsrdump", "+Pl", str(path)], capture_output=True, text=True, timeout=120)
    remarks = [line for line in found.stderr.splitlines() if "does not support this Specific Character Set" not in line]
    assert found.returncode == 0 and not remarks, found.stderr
    return found.stdout


def items(node: Dataset) -> list[Dataset]:
    """Every content item of a report, from the root down."""
    return [node, *(each for child in node.get("ContentSequence", ()) for each in items(child))]


def codes_of(report: Dataset) -> set[tuple[str, str, str]]:
    """Name, value and scheme of every coded item."""
    return {
        (
            item.ConceptNameCodeSequence[0].CodeMeaning,
            item.ConceptCodeSequence[0].CodeValue,
            item.ConceptCodeSequence[0].CodingSchemeDesignator,
        )
        for item in items(report)
        if item.ValueType == "CODE"
    }


def texts_of(report: Dataset) -> list[str]:
    return [item.TextValue for item in items(report) if item.ValueType == "TEXT"]


def numbers_of(report: Dataset) -> list[float]:
    return [float(item.MeasuredValueSequence[0].NumericValue) for item in items(report) if item.ValueType == "NUM"]
