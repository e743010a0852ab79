"""Every source of a volume gives the slices that are in it, in their order, each as it is read by itself."""

import hashlib
import random
from collections.abc import Callable

import numpy as np
import pytest
from pydicom import dcmread, uid
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.pixels import pixel_array
from scan_files import Array, data_set, dicom, encapsulated, jpeg, png, written
from volume_files import GAP, cube, images, opt, opt_data_set, packed, pages, series, slice_file

from meddef_core.errors import ScanError
from meddef_core.io.worker import CancelledError
from meddef_core.scans import Scan, Volume, read_scan, read_volume
from meddef_core.scans.limits import MAX_VOLUME_BYTES
from meddef_core.scans.volume_outline import MAX_SLICES

CUBE = cube()
LITTER = [("__MACOSX/._a.png", b"x"), ("deep/.DS_Store", b"x"), ("deep/Thumbs.db", b"x"), ("DICOMDIR", b"x")]


def shuffled(files: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return random.Random(0).sample(files, len(files))


def compressed(values: Array, *, cut: int | None = None) -> bytes:
    """Frames as JPEG; of frame `cut`, only the beginning."""
    ds = opt_data_set(values)
    ds.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    ds.PixelData = encapsulate([jpeg(each)[: 400 if n == cut else None] for n, each in enumerate(values)])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return written(ds)


SOURCES: dict[str, tuple[Callable[[], bytes | list[tuple[str, bytes]]], str]] = {
    "OPT": (lambda: opt(CUBE), "multi-frame DICOM"),
    "OPT, JPEG": (lambda: compressed(CUBE), "multi-frame DICOM"),
    "secondary capture of frames": (lambda: dicom(CUBE, frames=7), "multi-frame DICOM"),
    "OPT in a ZIP": (lambda: packed([("a/b/volume", opt(CUBE)), *LITTER]), "multi-frame DICOM"),
    "series": (lambda: shuffled(series(CUBE)), "DICOM series"),
    "series in a ZIP": (lambda: packed([(f"CD/S1/{n}", d) for n, d in series(CUBE)] + LITTER), "DICOM series"),
    "images": (lambda: shuffled(images(CUBE)), "numbered images"),
    "images in a ZIP": (lambda: packed([(f"eye/{n}", d) for n, d in images(CUBE)] + LITTER), "numbered images"),
    "TIFF": (lambda: pages(CUBE), "multi-page TIFF"),
    "TIFF in a ZIP": (lambda: packed({"v.tif": pages(CUBE, compression="tiff_adobe_deflate")}), "multi-page TIFF"),
}


def refusal(files: bytes | list[tuple[str, bytes]]) -> str:
    with pytest.raises(ScanError) as caught:
        read_volume(files)
    return str(caught.value)


def pixels_of(volume: Volume) -> list[Array]:
    found = list(volume.scans())
    assert all(isinstance(each, Scan) for each in found)
    return [each.pixels for each in found if isinstance(each, Scan)]


@pytest.mark.parametrize("name", SOURCES)
def test_slices_are_those_of_the_file_in_their_order(name: str) -> None:
    make, source = SOURCES[name]
    volume = read_volume(make())
    assert (volume.source, len(volume)) == (source, 7)
    lossy = 0.1 if "JPEG" in name else 0.0021
    for found, stored in zip(pixels_of(volume), CUBE, strict=True):
        assert float(np.abs(found - stored / np.float32(255)).mean()) < lossy


@pytest.mark.parametrize("name", SOURCES)
def test_a_slice_in_the_stream_is_the_slice_by_itself(name: str) -> None:
    volume = read_volume(SOURCES[name][0]())
    for number, streamed in enumerate(volume.scans(), start=1):
        alone = volume.scan(number)
        plain = read_scan(volume.bytes_of(number), frame=volume.place(number).frame)
        assert isinstance(streamed, Scan)
        for other in (alone, plain):
            np.testing.assert_array_equal(streamed.pixels, other.pixels)
            for field in ("container", "bits", "digest", "tags", "removed", "row_mm", "warnings", "age_group"):
                assert getattr(streamed, field) == getattr(other, field), field


def test_frames_are_those_of_pydicom() -> None:
    data = opt(CUBE)
    for number, found in enumerate(pixels_of(read_volume(data))):
        reference = pixel_array(dcmread(DicomBytesIO(data)), index=number)
        np.testing.assert_allclose(found, reference / np.float32(255), atol=1e-6)


def test_frames_with_their_own_window_and_rescale_are_read_as_alone() -> None:
    from pydicom.sequence import Sequence as Items
    from volume_files import item

    deep = (cube().astype(np.uint16) * 16).clip(0, 4095)
    ds = opt_data_set(deep)
    ds.BitsStored, ds.HighBit = 12, 11
    for number, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
        group.FrameVOILUTSequence = Items([item(WindowCenter=1500 + 200 * number, WindowWidth=2500)])
        group.PixelValueTransformationSequence = Items([item(RescaleSlope=1 + number / 10, RescaleIntercept=-number)])
    data = written(ds)
    for number, found in enumerate(pixels_of(read_volume(data)), start=1):
        np.testing.assert_array_equal(found, read_scan(data, frame=number).pixels)


def test_big_endian_palettes_are_the_same_in_every_frame() -> None:
    ds = data_set(cube(3), frames=3, PhotometricInterpretation="PALETTE COLOR")
    ds.file_meta.TransferSyntaxUID = uid.ExplicitVRBigEndian
    entries = np.random.default_rng(1).integers(0, 65536, (3, 256)).astype(">u2")
    for name, words in zip(("Red", "Green", "Blue"), entries, strict=True):
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(ds, f"{name}PaletteColorLookupTableData", words.tobytes())
    data = written(ds)
    for number, found in enumerate(pixels_of(read_volume(data)), start=1):
        np.testing.assert_array_equal(found, read_scan(data, frame=number).pixels)


# ---- what is known of it -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["OPT", "OPT in a ZIP", "series"])
def test_distances_are_told(name: str) -> None:
    volume = read_volume(SOURCES[name][0]())
    assert volume.slice_mm == pytest.approx(GAP)
    if name != "series":
        assert (volume.row_mm, volume.column_mm, volume.laterality) == (0.00387, 0.0116, "R")


def test_distances_that_are_not_told_are_none() -> None:
    for files in (images(CUBE), pages(CUBE), dicom(CUBE, frames=7)):
        volume = read_volume(files)
        assert volume.slice_mm is volume.row_mm is volume.column_mm is volume.laterality is volume.localiser is None


def test_one_file_has_its_own_digest_and_several_have_one_that_follows_the_slices() -> None:
    data = opt(CUBE)
    assert read_volume(data).digest == hashlib.sha256(data).hexdigest()
    files = images(CUBE)
    assert read_volume(files).digest == read_volume(shuffled(files)).digest == read_volume(packed(files)).digest
    assert read_volume(files[:-1]).digest != read_volume(files).digest


def test_a_single_picture_is_a_volume_of_one_slice() -> None:
    for data in (png(CUBE[0]), slice_file(CUBE[0]), pages(CUBE[:1]), packed({"a.png": png(CUBE[0])})):
        volume = read_volume(data)
        assert (len(volume), volume.source, volume.place(1).frame) == (1, "single scan", None)


def test_a_fundus_picture_is_the_localiser() -> None:
    fundus = cube(1, (80, 80), seed=3)[0]
    photo = written(
        data_set(fundus, Modality="OP", SOPClassUID=uid.OphthalmicPhotography8BitImageStorage, SeriesInstanceUID="1.9")
    )
    volume = read_volume([("OP", photo), ("OPT", opt(CUBE))])
    assert len(volume) == 7 and volume.localiser is not None
    np.testing.assert_allclose(volume.localiser.pixels, fundus / np.float32(255), atol=1e-6)


def test_the_one_picture_of_another_size_is_the_localiser() -> None:
    volume = read_volume([*images(CUBE), ("slo.png", png(cube(1, (96, 96), seed=4)[0]))])
    assert len(volume) == 7 and volume.localiser is not None and volume.localiser.size == (96, 96)
    assert volume.notes[0].startswith("The one picture of another size (96 x 96) was taken for the localiser")


def test_what_holds_no_image_is_passed_over_and_counted() -> None:
    report = data_set(CUBE[0])
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(report, keyword)
    volume = read_volume([*images(CUBE), ("readme.txt", b"hello"), ("info.xml", b"<a/>")])
    assert volume.notes == ("Passed over, as they hold no image: 2 files.",)
    volume = read_volume([*series(CUBE), ("SR", written(report))])
    assert len(volume) == 7 and volume.notes == ("Passed over, as they hold no image: 1 file.",)


def test_a_repeated_file_counts_once() -> None:
    files = images(CUBE)
    volume = read_volume([*files, ("copy of scan_3.png", files[2][1])])
    assert len(volume) == 7 and volume.notes == ("Left out, as the same file was there before: 1 file.",)


def test_a_slice_that_cannot_be_read_costs_itself_alone() -> None:
    blank, torn = np.zeros_like(CUBE[0]), png(CUBE[2])[:300]
    files = images(CUBE)
    files[1], files[2] = (files[1][0], png(blank)), (files[2][0], torn)
    found = list(read_volume(files).scans())
    assert [isinstance(each, Scan) for each in found] == [True, False, False, True, True, True, True]
    assert "blank" in str(found[1]) and "damaged" in str(found[2])
    values = CUBE.copy()
    values[4] = 0
    found = list(read_volume(opt(values)).scans())
    assert [number for number, each in enumerate(found) if isinstance(each, ScanError)] == [4]


def test_reading_stops_when_nobody_waits() -> None:
    with pytest.raises(CancelledError):
        read_volume(images(CUBE), cancelled=lambda: True)
    with pytest.raises(CancelledError):
        list(read_volume(opt(CUBE)).scans(cancelled=lambda: True))


def test_there_are_no_slices_beyond_the_last() -> None:
    volume = read_volume(opt(CUBE))
    for number in (0, 8, -1):
        with pytest.raises(ScanError, match="choose one from 1 to 7"):
            volume.scan(number)


# ---- contradictions, each one sentence ---------------------------------------------------------------------------


def a_film() -> bytes:
    return encapsulated(data_set(CUBE[0]), b"\0\0\1\xb3" * 9, uid.MPEG2MPML)


TWO_SIZES = [*images(CUBE[:3]), *images(cube(3, (48, 64)), "other_{}.png")]
CONTRADICTIONS: dict[str, tuple[Callable[[], bytes | list[tuple[str, bytes]]], str]] = {
    "two series": (lambda: [*series(CUBE[:3]), ("x", slice_file(CUBE[4], SeriesInstanceUID="9"))], "to 2 series"),
    "two volumes": (lambda: [("l", opt(CUBE)), ("r", opt(cube(seed=1)))], "hold 2 volumes"),
    "a volume and a slice": (lambda: [("l", opt(CUBE)), ("r", slice_file(CUBE[0]))], "a whole volume of 7 slices"),
    "two sizes": (lambda: TWO_SIZES, "differ in size (64 x 40 and 64 x 48 pixels)"),
    "both eyes in one file": (lambda: opt(CUBE, eyes="RRRLLLL"), "both eyes"),
    "both eyes in a series": (
        lambda: [(str(n), slice_file(CUBE[n], InstanceNumber=n, ImageLaterality="LR"[n % 2])) for n in range(4)],
        "both eyes",
    ),
    "DICOM among pictures": (lambda: [*images(CUBE[:3]), ("x", slice_file(CUBE[4]))], "mixed"),
    "no order": (lambda: [(str(n), slice_file(CUBE[n], InstanceNumber=1)) for n in range(3)], "order of the slices"),
    "two of one number": (
        lambda: packed({"a/1.png": png(CUBE[0]), "b/01.png": png(CUBE[1]), "b/2.png": png(CUBE[2])}),
        "have the same number",
    ),
    "too many frames": (lambda: dicom(cube(2), frames=2, NumberOfFrames=501), "has 501 slices and at most 500"),
    "archive in archive": (lambda: packed({"a.zip": packed({"a": b"x"}), "1.png": png(CUBE[0])}), "archive inside"),
    "no image": (lambda: packed({"a.txt": b"hello", "b.txt": b"x"}), "no image in it"),
    "an empty file": (lambda: b"", "empty"),
    "a text": (lambda: b"hello", "not an image"),
    "a film in a series": (lambda: [*series(CUBE[:3]), ("IM9", a_film())], "IM9: The DICOM pixels are stored as MPEG"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_is_no_one_volume_costs_one_sentence(name: str) -> None:
    make, part = CONTRADICTIONS[name]
    said = refusal(make())
    assert part in said and said.endswith(".") and "\n" not in said


def test_caps() -> None:
    assert MAX_SLICES == 500
    assert "at most 64 MB" in refusal(bytes(MAX_VOLUME_BYTES + 1))
    wide = dicom(np.zeros((2, 40, 64), np.uint8), frames=2, NumberOfFrames=400, Rows=1000, Columns=1000)
    assert "400 megapixels and at most 300" in refusal(wide)


def test_a_volume_larger_than_a_scan_may_be_is_read() -> None:
    big = cube(90, (496, 512))
    data = dicom(big, frames=90)
    assert len(data) > 20 * 1024**2
    for number, found in enumerate(pixels_of(read_volume(data))):
        assert abs(float(found.mean()) - big[number].mean() / 255) < 1e-4
    assert read_volume(data).scan(90).size == (496, 512)


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"CMDb\0\0\0\0", "Heidelberg E2E"),
        (b"FOCTFDS", "Topcon FDS"),
        (b"FOCTFDA", "Topcon FDA"),
    ],
)
def test_files_of_devices_are_named(start: bytes, name: str) -> None:
    for read in (read_volume, read_scan):
        with pytest.raises(ScanError, match=name) as caught:
            read(start + bytes(200))
        assert "export the volume as DICOM" in str(caught.value)
    assert name in refusal(packed({"x.vol": start + bytes(500), "1.png": png(CUBE[0])}))


def test_an_encapsulated_frame_that_is_cut_short_costs_itself_alone() -> None:
    found = list(read_volume(compressed(CUBE, cut=3)).scans())
    assert [number for number, each in enumerate(found) if isinstance(each, ScanError)] == [3]
