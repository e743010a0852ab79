"""The PNG picture and the PDF page: what they say, that it is legible, and that it is the record's."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from pypdf import PdfReader
from pypdf.generic import ContentStream
from tiny_models import save_tiny_model

from meddef_core.attacks import default_spec, run_attack
from meddef_core.data.samples import list_samples
from meddef_core.intended_use import INTENDED_USE
from meddef_core.io.arrays import as_picture
from meddef_core.prediction.prediction import from_logits, predict, prepare
from meddef_core.records import AttackNumbers, AttackRecord, PredictionRecord, build, scan_facts
from meddef_core.report import facts, tiles
from meddef_core.report.canvas import fitted, paragraph, wrapped
from meddef_core.report.one_page import fitting, report
from meddef_core.report.panel import WIDTH, panel
from meddef_core.report.pdf import A4, PdfCanvas
from meddef_core.report.png import PngCanvas
from meddef_core.report.results import attack_numbers, document_digest, prediction_numbers
from meddef_core.report.sheet import MapPair, Sheet, SheetSide
from meddef_core.report.trust import NOT_AUDITED, trust_line
from meddef_core.words import percent
from meddef_core.zoo import LoadedModel, load_model

EPS = 4 / 255


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    root = tmp_path_factory.mktemp("models")
    save_tiny_model(root, "oct/meddef")
    return load_model("oct/meddef", root)


def pair(picture: NDArray[np.float32], *, attacked: bool, signed: bool = False) -> MapPair:
    """A map whose value grows from left to right."""
    values = np.tile(np.linspace(-1 if signed else 0, 1, 224, dtype=np.float32), (224, 1))
    title = "Edges" if signed else "Grad-CAM"
    return MapPair(
        title=title,
        clean=values,
        attacked=values[:, ::-1] if attacked else None,
        scale=(-1.0, 1.0) if signed else (0.0, 1.0),
        signed=signed,
    )


@pytest.fixture(scope="module")
def attacked(model: LoadedModel) -> SheetSide:
    """One model, attacked, with its control."""
    scan = list_samples("oct")[0].load()
    image = prepare(model, scan)
    clean, found = predict(model, image), []
    for name in ("pgd", "noise"):
        spec = default_spec(name, eps=EPS, **({"steps": 2} if name == "pgd" else {}))
        result = run_attack(model.network, image, torch.tensor([clean.index]), spec)
        after = from_logits(model, result.adversarial_logits[0])
        numbers = attack_numbers(result, clean, after, label=clean.label)
        made = build(AttackRecord, model=model, scan=scan_facts(scan), spec=spec, numbers=numbers)
        found.append((made, as_picture(result.adversarial)))
    (own, picture), (control, _) = found
    return SheetSide(
        title="MedDef",
        record=own,
        control=control,
        clean=as_picture(image),
        attacked=picture,
        maps=(pair(picture, attacked=True), pair(picture, attacked=True, signed=True)),
        trust=NOT_AUDITED,
    )


@pytest.fixture(scope="module")
def reading(model: LoadedModel) -> SheetSide:
    scan = list_samples("oct")[0].load()
    image = prepare(model, scan)
    numbers = prediction_numbers(predict(model, image))
    made = build(PredictionRecord, model=model, scan=scan_facts(scan), numbers=numbers)
    picture = as_picture(image)
    return SheetSide(title="MedDef", record=made, clean=picture, maps=(pair(picture, attacked=False),))


def sheet_of(*sides: SheetSide, truth: str | None = "CNV") -> Sheet:
    return Sheet(scan="Synthetic B-scan, CNV", truth=truth, sides=sides)


def with_numbers(side: SheetSide, change: Callable[[dict[str, Any]], Any]) -> SheetSide:
    """The same side with other numbers in its record."""
    document = side.record.document()
    change(document["numbers"])
    return replace(side, record=AttackRecord.model_validate(document))


def attack_of(side: SheetSide) -> AttackNumbers:
    """What was measured on an attacked side."""
    assert side.attack is not None
    return side.attack.numbers


# ---- a PDF's inside ----------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """One line of a page: lower left corner and size in points."""

    text: str
    x: float
    y: float
    size: float
    bold: bool


def lines_of(page: bytes) -> list[Line]:
    """Every line of text of a page, as a reader of PDF finds it."""
    reader = PdfReader(io.BytesIO(page))
    (sheet,) = reader.pages
    fonts = {name: str(font["/BaseFont"]) for name, font in sheet["/Resources"]["/Font"].items()}
    lines, font, size, place = [], "", 0.0, (0.0, 0.0)
    for operands, operator in ContentStream(sheet.get_contents(), reader).operations:
        if operator == b"Tf":
            font, size = fonts[operands[0]], float(operands[1])
        elif operator == b"Tm":
            place = (float(operands[4]), float(operands[5]))
        elif operator == b"Tj":
            text = operands[0].original_bytes.decode("cp1252")
            lines.append(Line(text, *place, size, font == "Helvetica-Bold"))
    return lines


def texts_of(page: bytes) -> list[str]:
    return [line.text for line in lines_of(page)]


def test_the_page_is_one_a4_page_with_its_pictures(attacked: SheetSide) -> None:
    page = report(sheet_of(attacked))
    reader = PdfReader(io.BytesIO(page), strict=True)
    (sheet,) = reader.pages
    assert [float(each) for each in sheet.mediabox[2:]] == pytest.approx(A4, abs=0.01)
    pictures = [np.asarray(each.image.convert("RGB")) for each in sheet.images]
    assert len(pictures) == 9  # seven tiles and the bars of four maps, those that are alike kept once
    assert all(pixels.std() > 1 for pixels in pictures)
    assert reader.metadata is not None and reader.metadata.subject == INTENDED_USE
    assert reader.root_object["/Lang"] == "en"
    assert report(sheet_of(attacked)) == page


def test_the_page_says_what_the_record_says(attacked: SheetSide) -> None:
    sheet = sheet_of(attacked)
    lines = texts_of(report(sheet))
    said = " ".join(lines)
    assert INTENDED_USE in lines
    assert "PGD (white box) · epsilon 4/255 (0.0157) · steps 2" in said and "seed 0" in said
    assert str(attacked.record.model.weights_sha256) in said and attacked.record.scan.sha256 in said
    assert sheet.digest in said and document_digest(sheet.document) == sheet.digest
    assert NOT_AUDITED in said and "meddef replay record.json" in said
    assert sheet.task.population.sentence in said and f"scan {attacked.record.scan.id}" in said
    assert attacked.record.created[:10] in said
    numbers = attack_of(attacked)
    for index in range(4):
        for output in (numbers.clean, numbers.attacked):
            assert percent(output.probabilities[index]) in lines
    assert f"{numbers.l2:.3f}" in lines and f"{numbers.psnr:.1f} dB" in lines
    assert "Added, × 64" in said and "multiplied by 64" in said
    assert "the strongest colours are ±4/255 (0.0157)" in said  # the attack's own epsilon
    assert "not where disease is" in said and "Clean: Grad-CAM" in said and "Attacked: Edges" in said


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_every_line_of_the_page_lies_on_it(attacked: SheetSide, count: int) -> None:
    sheet = sheet_of(*[attacked] * count)
    lines = lines_of(report(sheet))
    assert len(lines) > 30
    canvas = PdfCanvas()
    for line in lines:
        width = canvas.measure(line.text, size=line.size, bold=line.bold)
        assert line.x >= 28 and line.x + width <= A4[0] - 28, line.text
        assert 20 < line.y < A4[1] - 20, line.text
    assert fitting(sheet).tile >= (62 if count < 4 else 45)


def test_a_reading_has_a_page_and_a_picture_without_an_attack(reading: SheetSide) -> None:
    sheet = sheet_of(reading, truth=None)
    said = " ".join(texts_of(report(sheet)))
    assert "Model output for a scan" in said and "class not known" in said
    assert "Attacked" not in said and "Differences" not in said and "Audit" not in said
    with Image.open(io.BytesIO(panel(sheet))) as picture:
        assert picture.width == WIDTH
    assert sheet.document["kind"] == "prediction"


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_picture_is_1600_wide_and_filled_to_its_end(attacked: SheetSide, count: int) -> None:
    with Image.open(io.BytesIO(panel(sheet_of(*[attacked] * count)))) as picture:
        assert picture.info["Comment"] == INTENDED_USE
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape[1] == WIDTH and pixels.shape[0] > 500 * (0.5 + 0.5 * count)
    dark = (pixels.max(axis=2) < 200).any(axis=1)
    gaps = np.diff(np.flatnonzero(np.concatenate([[True], dark, [True]])))
    assert gaps.max() < 60  # no band without ink, at the lower edge neither
    assert (pixels[:, :30] == 255).all() and (pixels[:, -30:] == 255).all()


def test_the_picture_shows_scan_and_change(attacked: SheetSide) -> None:
    assert attacked.attacked is not None
    with Image.open(io.BytesIO(panel(sheet_of(attacked)))) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    coloured = np.ptp(pixels.astype(int), axis=2) > 60
    columns = np.flatnonzero(coloured.sum(axis=0) > 100)
    assert len(columns) > 200  # the change and the maps; scans are grey


def test_a_difference_is_grey_where_nothing_changed_and_strongest_at_the_budget() -> None:
    clean = np.full((4, 4), 0.5, dtype=np.float32)
    moved = clean.copy()
    moved[0, 0], moved[1, 1] = 0.5 + 4 / 255, 0.5 - 4 / 255
    factor = tiles.amplification(4 / 255)
    drawn = tiles.difference(clean, moved, factor=factor)
    assert factor == 255 / 4 and tuple(drawn[2, 2]) == (128, 128, 128)
    assert tuple(drawn[0, 0]) == (255, 164, 46) and tuple(drawn[1, 1]) == (77, 163, 255)
    assert tiles.amplification(0.0) == 1


def test_a_map_and_its_bar_use_one_scale() -> None:
    picture = np.zeros((224, 224), dtype=np.float32)
    for signed in (False, True):
        one = pair(picture, attacked=True, signed=signed)
        bar, over = tiles.colour_bar(one), tiles.over_scan(one.clean, picture, one)
        np.testing.assert_allclose(over[0] * 2.0, bar[0], atol=1.01)


# ---- words -------------------------------------------------------------------------------------------------------


def test_an_outcome_says_whether_the_output_changed_and_was_right(attacked: SheetSide) -> None:
    label = attacked.output.label
    other = next(name for name in ("CNV", "DME", "DRUSEN", "NORMAL") if name != label)
    changed = with_numbers(attacked, lambda numbers: numbers["attacked"].update(label=other))
    kept = with_numbers(attacked, lambda numbers: numbers["attacked"].update(label=label))
    sheet = sheet_of(attacked, truth=other)
    assert "changed the model output from" in facts.outcome(changed, sheet)
    assert "did not change the model output" in facts.outcome(kept, sheet)
    assert "The clean output is wrong" in facts.outcome(kept, sheet)
    assert "wrong" not in facts.outcome(kept, sheet_of(attacked, truth=label))
    assert "Control: random noise of the same size" in facts.outcome(kept, sheet)
    assert "Control" not in facts.outcome(replace(kept, control=None), sheet)


def test_an_unchanged_picture_has_words_for_its_numbers(attacked: SheetSide) -> None:
    still = with_numbers(attacked, lambda numbers: numbers.update(psnr=None, ssim=None, first_fooled=0, linf=0.0))
    cells = [row[1] for row in facts.measurements(sheet_of(still))]
    assert {"no change", "not defined", "before the attack", "0.00/255 (0.0000)"} <= set(cells)
    assert report(sheet_of(still))


def test_lines_break_and_end_within_their_width() -> None:
    text = "words of several lengths " * 8 + "w" * 300
    for canvas in (PdfCanvas(), PngCanvas(400, 400)):
        lines = wrapped(canvas, text, width=200, size=12)
        assert len(lines) > 4 and all(canvas.measure(line, size=12) <= 200 for line in lines)
        assert fitted(canvas, "short", width=200, size=12) == "short"
        assert paragraph(canvas, 0, 0, "one line", width=300, size=10) == 13


def test_other_scripts_become_question_marks_and_never_an_error() -> None:
    canvas = PdfCanvas()
    canvas.text(10, 10, "视网膜 (x) é ε × \\", size=9)
    page = canvas.finish(title="视", subject="", keywords="", producer="")
    assert texts_of(page) == ["??? (x) é eps × \\"]
    assert PdfReader(io.BytesIO(page)).metadata.title == "视"
    picture = PngCanvas(200, 40)
    picture.text(5, 5, "视 é × ∞", size=20)
    with Image.open(io.BytesIO(picture.finish({"Title": "视"}))) as drawn:
        assert drawn.info["Title"] == "视" and np.asarray(drawn).min() < 50


def test_trust_is_of_these_weights_or_none(tmp_path: Path) -> None:
    line = trust_line("oct/meddef", weights_sha256="0" * 64)
    assert line.startswith("Not audited")
    assert trust_line("oct/other", weights_sha256="0" * 64) == NOT_AUDITED
    folder = tmp_path / "audit" / "oct"
    folder.mkdir(parents=True)
    (folder / "bad.json").write_text('{"model": 3}')
    assert "damaged" in trust_line("oct/bad", weights_sha256="0" * 64, root=tmp_path)


def test_the_shipped_audits_are_of_the_shipped_weights_and_read() -> None:
    from meddef_core.zoo import MODELS, list_models

    for card in list_models(MODELS):
        line = trust_line(card.key, weights_sha256=card.weights.sha256)
        assert line.startswith("Audit: ") and " test scans, 95% interval " in line and "255" in line
