"""The grey-scale pipeline of DICOM, attribute by attribute, against slow references and pydicom's own functions."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_rescale, apply_voi_lut
from pydicom.sequence import Sequence
from scan_files import Array, data_set, dicom, ramp, written

from meddef_core.errors import ScanError
from meddef_core.scans import Scan, read_scan, window_range

TWELVE = ramp(high=4095, dtype=np.uint16)
SIXTEEN = ramp(high=65535, dtype=np.uint16)


def near(pixels: Array, expected: Array, atol: float = 3e-6) -> None:
    np.testing.assert_allclose(pixels, expected, atol=atol)


def stretched(values: Array) -> Array:
    values = values.astype(float)
    return (values - values.min()) / (values.max() - values.min())


def linear(values: Array, centre: float, width: float) -> Array:
    """PS3.3 C.11.2.1.2.1, word for word, for an output range of 0 to 1."""
    shown = ((values - (centre - 0.5)) / (width - 1) + 0.5) * 1.0
    shown = np.where(values <= centre - 0.5 - (width - 1) / 2, 0.0, shown)
    return np.where(values > centre - 0.5 + (width - 1) / 2, 1.0, shown)


def group(macro: str, **elements: Any) -> Dataset:
    """A functional group that holds one macro of one item."""
    item, holder = Dataset(), Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    setattr(holder, macro, Sequence([item]))
    return holder


def only_warning(scan: Scan) -> str:
    assert len(scan.warnings) == 1, scan.warnings
    return scan.warnings[0]


def raw(ds: Dataset, keyword: str, text: bytes) -> bytes:
    """The file with an attribute's value written as this text of even length, which pydicom would refuse to write."""
    setattr(ds, keyword, "1" * len(text))
    place, data = ds[keyword].tag, written(ds)
    mark = place.group.to_bytes(2, "little") + place.element.to_bytes(2, "little")
    start = data.index(mark) + 8
    return data[:start] + text + data[start + len(text) :]


# ---- stored values -----------------------------------------------------------------------------------------------


def slow_stored(container: int, *, stored: int, high: int, signed: bool) -> int:
    """One value out of its container, bit by bit (PS3.5 section 8.1.1)."""
    bits = [container >> place & 1 for place in range(high - stored + 1, high + 1)]
    value = sum(bit << place for place, bit in enumerate(bits))
    return value - (1 << stored) if signed and bits[-1] else value


@settings(max_examples=60, deadline=None)
@given(data=st.data(), allocated=st.sampled_from([8, 16, 32]), signed=st.booleans(), seed=st.integers(0, 999))
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless])
def test_bits_round_trip(syntax: uid.UID, data: st.DataObject, allocated: int, signed: bool, seed: int) -> None:
    """Random values at any place of a container filled up with noise."""
    if syntax == uid.RLELossless:
        allocated = min(allocated, 16)
    # pydicom's encoder takes no container that has a byte too many
    stored = data.draw(st.integers(9 if (syntax, allocated) == (uid.RLELossless, 16) else 4, min(allocated, 16)))
    high = data.draw(st.integers(stored - 1, allocated - 1))
    rng = np.random.default_rng(seed)
    containers = rng.integers(0, 2**allocated, (32, 40), dtype=np.uint64)
    expected = np.vectorize(lambda value: slow_stored(int(value), stored=stored, high=high, signed=signed))(containers)
    kind = np.dtype(f"{'i' if signed else 'u'}{allocated // 8}")
    values = containers.astype(f"u{allocated // 8}").view(kind)
    ds = data_set(values, bits=stored, HighBit=high, WindowCenter=0.5, WindowWidth=2.0**stored)
    ds.VOILUTFunction = "LINEAR_EXACT"
    if syntax == uid.RLELossless:
        ds.compress(uid.RLELossless, generate_instance_uid=False)
    elif syntax == uid.ExplicitVRBigEndian:
        ds.file_meta.TransferSyntaxUID = syntax
        ds.PixelData = values.astype(kind.newbyteorder(">")).tobytes()
    near(read_scan(written(ds)).pixels, np.clip((expected - 0.5) / 2.0**stored + 0.5, 0, 1))


@pytest.mark.parametrize(("stored", "high"), [(12, 15), (12, 13), (10, 15), (10, 11), (14, 15)])
def test_left_justified_values(stored: int, high: int) -> None:
    values = ramp(high=2**stored - 1, dtype=np.uint16)
    near(read_scan(dicom(values << (high + 1 - stored), bits=stored, HighBit=high)).pixels, stretched(values))


def test_a_high_bit_that_contradicts_the_values_is_told() -> None:
    """Values that fill the lowest 12 bits cannot stand in the highest 12."""
    scan = read_scan(dicom(TWELVE, bits=12, HighBit=15, WindowCenter=2048, WindowWidth=4096))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert "High Bit (15) contradicts" in only_warning(scan)


@pytest.mark.parametrize(("stored", "high"), [(12, 7), (12, 16), (0, 11), (17, 16)])
def test_bits_that_cannot_be_are_told(stored: int, high: int) -> None:
    scan = read_scan(dicom(TWELVE, BitsStored=stored, HighBit=high, WindowCenter=2048, WindowWidth=4096))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert any("was assumed" in warning for warning in scan.warnings)


@pytest.mark.parametrize("told", [8, 10])
def test_bits_stored_that_would_cut_the_picture_off_are_told(told: int) -> None:
    scan = read_scan(dicom(TWELVE, bits=told, WindowCenter=2048, WindowWidth=4096))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert scan.bits == 12 and f"Bits Stored ({told}) is too small" in only_warning(scan)


def test_an_overlay_in_the_unused_bits_is_cut_off() -> None:
    overlaid = TWELVE | np.where(np.arange(TWELVE.size).reshape(TWELVE.shape) % 7 < 3, 0x9000, 0).astype(np.uint16)
    scan = read_scan(dicom(overlaid, bits=12, WindowCenter=2048, WindowWidth=4096))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert scan.warnings == ()


REMOVED = {
    "SamplesPerPixel": "no Samples per Pixel; 1 was assumed",
    "PhotometricInterpretation": "no Photometric Interpretation; MONOCHROME2 was assumed",
    "PixelRepresentation": "no usable Pixel Representation; unsigned",
    "BitsStored": "no Bits Stored; 16 was assumed",
    "HighBit": "",
}


@pytest.mark.parametrize("keyword", REMOVED)
def test_a_missing_attribute_is_assumed(keyword: str) -> None:
    ds = data_set(SIXTEEN, WindowCenter=32768, WindowWidth=65536)
    delattr(ds, keyword)
    scan = read_scan(written(ds))
    near(scan.pixels, linear(SIXTEEN, 32768, 65536))
    assert REMOVED[keyword] in " ".join(scan.warnings) and len(scan.warnings) == bool(REMOVED[keyword])
    assert scan.tags.get(keyword) is None and scan.removed == len(ds) - len(scan.tags) - 1


@pytest.mark.parametrize(
    ("keyword", "words"), [("Rows", "Rows"), ("Columns", "Columns"), ("BitsAllocated", "Bits Allocated")]
)
def test_what_nothing_can_stand_in_for_is_named(keyword: str, words: str) -> None:
    ds = data_set(SIXTEEN)
    delattr(ds, keyword)
    with pytest.raises(ScanError, match=f"gives no {words}; export"):
        read_scan(written(ds))


def test_colour_without_samples_per_pixel_is_known_by_its_length() -> None:
    values = np.random.default_rng(0).integers(0, 256, (40, 64, 3), dtype=np.uint8)
    ds = data_set(values)
    expected = read_scan(written(ds)).pixels
    del ds.SamplesPerPixel, ds.PhotometricInterpretation
    scan = read_scan(written(ds))
    assert np.array_equal(scan.pixels, expected) and len(scan.warnings) == 2


# ---- padding -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "stored", "pad", "written_as", "limit"),
    [
        (np.int16, 16, -32768, 32768, None),
        (np.int16, 16, -2000, 63536, None),
        (np.int16, 16, -2000, -2000, -1990),
        (np.int16, 16, -2000, 63546, 63536),
        (np.int16, 12, -2048, 63488, None),
        (np.int16, 12, -2048, 2048, None),
        (np.uint16, 16, 63536, -2000, None),
        (np.uint16, 12, 0, 0, None),
        (np.uint16, 12, 4095, 4095, None),
        (np.uint16, 12, 63536, -2000, None),
        (np.uint16, 12, 63536, 63536, None),
        (np.uint8, 8, 255, 255, None),
    ],
)
def test_padding_has_the_sign_of_the_pixels(
    dtype: Any, stored: int, pad: int, written_as: int, limit: int | None
) -> None:
    values = ramp(low=10, high=200, dtype=dtype)
    values[:, :8] = pad
    ds = data_set(values, bits=stored)
    ds.add_new("PixelPaddingValue", "SS" if written_as < 0 else "US", written_as)
    if limit is not None:
        ds.add_new("PixelPaddingRangeLimit", "SS" if limit < 0 else "US", limit)
    pixels = read_scan(written(ds)).pixels
    assert (pixels[:, :8] == 0).all()
    shown = values[:, 8:] / 255 if stored == 8 else stretched(values[:, 8:])
    near(pixels[:, 8:], shown)


def test_padding_of_float_pixels() -> None:
    values = ramp(low=10, high=200, dtype=np.float32)
    values[:, :8] = -1e4
    pixels = read_scan(dicom(values, FloatPixelPaddingValue=-1e4)).pixels
    assert (pixels[:, :8] == 0).all()
    near(pixels[:, 8:], stretched(values[:, 8:]))


# ---- modality ----------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(slope=st.floats(0.01, 50), intercept=st.floats(-5000, 5000), centre=st.floats(-2000, 6000))
def test_rescale_and_window_in_the_order_of_the_standard(slope: float, intercept: float, centre: float) -> None:
    ds = data_set(TWELVE, bits=12, RescaleSlope=f"{slope:.6g}", RescaleIntercept=f"{intercept:.6g}")
    units = apply_rescale(TWELVE, ds)
    middle, width = float(units[units.shape[0] // 2, 0]), max(8.0, float(np.ptp(units)) / 2)
    ds.WindowCenter, ds.WindowWidth = f"{middle:.8g}", f"{width:.8g}"
    expected = linear(units, float(ds.WindowCenter), float(ds.WindowWidth))
    near(read_scan(written(ds)).pixels, expected, atol=2e-4)
    asked = read_scan(written(ds), window=(centre, max(1.0, width))) if _shows(units, centre, width) else None
    if asked is not None:
        near(asked.pixels, linear(units, centre, max(1.0, width)), atol=2e-4)


def _shows(units: Array, centre: float, width: float) -> bool:
    return float(linear(units, centre, max(1.5, width)).std()) > 0.02


@pytest.mark.parametrize("text", [b"1,5 ", b"1.5 ", b"1,5\\2,5\\ "])
def test_a_decimal_comma_is_a_point(text: bytes) -> None:
    window = {"WindowCenter": 3000, "WindowWidth": 4000}
    near(
        read_scan(raw(data_set(TWELVE, bits=12, **window), "RescaleSlope", text)).pixels,
        linear(TWELVE * 1.5, 3000, 4000),
    )
    scaled = dicom(TWELVE, bits=12, RescaleSlope="1.5", **window)
    assert window_range(raw(data_set(TWELVE, bits=12, **window), "RescaleSlope", text)) == window_range(scaled)


IMPLAUSIBLE = [(b"0 ", "0"), (b"1e30", "-1024"), (b"1e99", "0"), (b"1e-9", "4000"), (b"nan ", "-1024"), (b"one ", "0")]


@pytest.mark.parametrize(("slope", "intercept"), IMPLAUSIBLE)
def test_a_slope_that_cannot_be_is_left_out(slope: bytes, intercept: str) -> None:
    ds = data_set(TWELVE, bits=12, RescaleIntercept=intercept)
    ds.WindowCenter, ds.WindowWidth = 2048 + int(intercept), 4096
    if slope == b"1e30":  # finite as it is: only a window tells that it is not meant
        ds.RescaleIntercept, slope = "0", b"1e39"
        ds.WindowCenter = 2048
    scan = read_scan(raw(ds, "RescaleSlope", slope))
    near(scan.pixels, linear(TWELVE, 2048, 4096), atol=2e-4)
    assert "Rescale Slope" in only_warning(scan)


def table(entries: list[int], *, first: int = 0, bits: int, packed: bool = False, vr: str = "US") -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries) % 65536, first, bits])
    if vr == "US":
        item.add_new("LUTData", "US", entries)
    else:
        item.add_new("LUTData", "OW", np.array(entries, "u1" if packed else "<u2").tobytes())
    return Sequence([item])


@settings(max_examples=60, deadline=None)
@given(
    first=st.integers(-3000, 3000), count=st.integers(2, 5000), bits=st.integers(8, 16), seed=st.integers(0, 99),
    vr=st.sampled_from(["US", "OW"]),
)  # fmt: skip
@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
def test_lookup_tables_as_pydicom_applies_them(
    keyword: str, first: int, count: int, bits: int, seed: int, vr: str
) -> None:
    entries = np.sort(np.random.default_rng(seed).integers(0, 2**bits, count))
    entries[0], entries[-1] = 0, 2**bits - 1
    values = ramp(low=-2048, high=2047, dtype=np.int16)
    ds = data_set(values, bits=12, **{keyword: table(entries.tolist(), first=first, bits=bits, vr=vr)})
    apply = apply_modality_lut if keyword.startswith("Modality") else apply_voi_lut
    oracle = Dataset()
    setattr(oracle, keyword, table(entries.tolist(), first=first, bits=16))  # it knows 8 and 16 bits only
    expected = np.asarray(apply(values, oracle)).astype(float)
    if expected.std() / (2.0**bits - 1) < 0.02:
        return  # nothing to be seen: refused or left out
    shown = stretched(expected) if keyword.startswith("Modality") else expected / (2.0**bits - 1)
    near(read_scan(written(ds)).pixels, shown)


@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
@pytest.mark.parametrize(("dtype", "first", "vr"), [
    (np.int16, -1024, "SS"), (np.int16, 64512, "US"), (np.uint16, 40000, "US"), (np.uint16, -25536, "SS"),
    (np.uint16, -100, "SS"), (np.int16, 500, "US"),
])  # fmt: skip
def test_the_first_value_of_a_table_has_the_sign_of_the_values(keyword: str, dtype: Any, first: int, vr: str) -> None:
    meant = first + 65536 if (dtype, vr) == (np.uint16, "SS") and first < -100 else first
    meant = meant - 65536 if (dtype, vr) == (np.int16, "US") and first > 32767 else meant
    values = ramp(low=max(0, meant) if dtype == np.uint16 else meant, high=meant + 999, dtype=dtype)
    entries = np.linspace(0, 1023, 1000).round().astype(int)
    item = table(entries.tolist(), bits=10)
    item[0].add_new("LUTDescriptor", vr, [1000, first, 10])
    expected = entries[values.astype(int) - meant]
    pixels = read_scan(dicom(values, **{keyword: item})).pixels
    near(pixels, expected / 1023 if keyword.startswith("VOI") else stretched(expected))


def test_a_table_of_packed_bytes() -> None:
    squares = [level * level // 255 for level in range(256)]
    data = dicom(ramp(), VOILUTSequence=table(squares, bits=8, packed=True, vr="OW"))
    near(read_scan(data).pixels, np.array(squares)[ramp()] / 255)


@pytest.mark.parametrize(("declared", "highest"), [(16, 4095), (16, 1023), (8, 4095), (12, 255), (14, 16000), (0, 900)])
def test_the_depth_of_a_table_is_that_of_its_entries(declared: int, highest: int) -> None:
    entries = np.linspace(0, highest, 4096).round().astype(int)
    scan = read_scan(dicom(TWELVE, bits=12, VOILUTSequence=table(entries.tolist(), bits=declared)))
    whole = 2.0**declared - 1 if highest.bit_length() == declared else highest
    near(scan.pixels, entries[TWELVE] / whole)
    assert scan.warnings == () if whole > highest else f"declares {declared} bits" in only_warning(scan)


def test_an_incomplete_table_is_left_out() -> None:
    item = table(list(range(100)), bits=12)
    item[0].LUTDescriptor = [4096, 0, 12]
    scan = read_scan(dicom(TWELVE, bits=12, VOILUTSequence=item, WindowCenter=2048, WindowWidth=4096))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert "VOI lookup table is incomplete" in only_warning(scan)
    scan = read_scan(dicom(TWELVE, bits=12, ModalityLUTSequence=item, WindowCenter=2048, WindowWidth=4096))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert "modality lookup table is incomplete" in only_warning(scan)


def test_a_table_and_a_rescale_contradict_each_other() -> None:
    entries = list(range(4096))
    ds = data_set(TWELVE, bits=12, ModalityLUTSequence=table(entries, bits=12), RescaleSlope=2, RescaleIntercept=0)
    ds.WindowCenter, ds.WindowWidth = 2048, 4096
    scan = read_scan(written(ds))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert "both a modality lookup table and a rescale" in only_warning(scan)


# ---- windows -----------------------------------------------------------------------------------------------------


FRAMES = np.stack([TWELVE, TWELVE[::-1], TWELVE[:, ::-1]])


def test_each_frame_has_its_own_window_and_rescale() -> None:
    ds = data_set(FRAMES, bits=12, frames=3, WindowCenter=1, WindowWidth=4095)
    settings_of = [(1000, 900, 1.0, 0.0), (500, 2000, 0.5, -100.0), (-400, 1500, 1.0, -1024.0)]
    per_frame = []
    for centre, width, slope, intercept in settings_of:
        holder = group("FrameVOILUTSequence", WindowCenter=centre, WindowWidth=width)
        holder.update(group("PixelValueTransformationSequence", RescaleSlope=slope, RescaleIntercept=intercept))
        per_frame.append(holder)
    ds.PerFrameFunctionalGroupsSequence = Sequence(per_frame)
    data = written(ds)
    for number, (centre, width, slope, intercept) in enumerate(settings_of, start=1):
        units = FRAMES[number - 1] * slope + intercept
        near(read_scan(data, frame=number).pixels, linear(units, centre, width), atol=2e-5)
        found = window_range(data, frame=number)
        assert found is not None and (found.centre, found.width) == (centre, width)
        assert (found.low, found.high) == (units.min(), units.max())


def test_what_a_frame_does_not_say_the_shared_group_says_then_the_root() -> None:
    ds = data_set(FRAMES, bits=12, frames=3, WindowCenter=2048, WindowWidth=4096, RescaleSlope=1, RescaleIntercept=-24)
    ds.SharedFunctionalGroupsSequence = Sequence([group("FrameVOILUTSequence", WindowCenter=1500, WindowWidth=2000)])
    ds.PerFrameFunctionalGroupsSequence = Sequence(
        [Dataset(), group("FrameVOILUTSequence", WindowCenter=900, WindowWidth=800)]
    )
    data = written(ds)
    for number, (centre, width) in enumerate([(1500, 2000), (900, 800), (1500, 2000)], start=1):
        near(read_scan(data, frame=number).pixels, linear(FRAMES[number - 1] - 24.0, centre, width), atol=2e-5)


def test_a_lookup_table_of_one_frame() -> None:
    squares = [level * level // 4095 for level in range(4096)]
    ds = data_set(FRAMES[:2], bits=12, frames=2, WindowCenter=2048, WindowWidth=4096)
    ds.PerFrameFunctionalGroupsSequence = Sequence(
        [group("FrameVOILUTSequence", VOILUTSequence=table(squares, bits=12)), Dataset()]
    )
    near(read_scan(written(ds), frame=1).pixels, np.array(squares)[FRAMES[0]] / 4095)
    near(read_scan(written(ds), frame=2).pixels, linear(FRAMES[1], 2048, 4096))


@pytest.mark.parametrize("function", ["SIGMOID", "LINEAR_EXACT"])
def test_the_function_of_a_frame(function: str) -> None:
    ds = data_set(TWELVE, bits=12)
    ds.SharedFunctionalGroupsSequence = Sequence(
        [group("FrameVOILUTSequence", WindowCenter=2000, WindowWidth=900, VOILUTFunction=function)]
    )
    ramped = (TWELVE - 2000.0) / 900
    expected = 1 / (1 + np.exp(-4 * ramped)) if function == "SIGMOID" else np.clip(ramped + 0.5, 0, 1)
    near(read_scan(written(ds)).pixels, expected)


EIGHT = ramp(low=20, high=240)
STALE: list[tuple[Array, int, float, float, Array]] = [
    (EIGHT, 8, 2048, 4096, EIGHT / 255),
    (EIGHT, 8, 512, 1024, EIGHT / 255),
    (EIGHT, 8, 32768, 65536, EIGHT / 255),
    (EIGHT, 8, -1000, 400, EIGHT / 255),
    (EIGHT, 8, 0, 1, EIGHT / 255),
    (TWELVE, 12, 32768, 65536, stretched(TWELVE)),
    (TWELVE, 12, 8192, 16384, stretched(TWELVE)),
    (TWELVE, 12, 128, 256, stretched(TWELVE)),
    (TWELVE, 12, 127, 255, stretched(TWELVE)),
    (TWELVE, 16, 32768, 65536, stretched(TWELVE)),
    (TWELVE, 12, 0, 1, stretched(TWELVE)),
    (TWELVE, 12, 4095, 1, stretched(TWELVE)),
    (TWELVE, 12, -5000, 300, stretched(TWELVE)),
    (TWELVE, 12, 1e6, 10, stretched(TWELVE)),
]


@pytest.mark.parametrize(("values", "bits", "centre", "width", "expected"), STALE)
def test_a_window_for_other_values_is_left_out(
    values: Array, bits: int, centre: float, width: float, expected: Array
) -> None:
    scan = read_scan(dicom(values, bits=bits, WindowCenter=centre, WindowWidth=width))
    near(scan.pixels, expected)
    assert f"window (centre {centre:g}, width {width:g}) does not suit its values" in only_warning(scan)


@pytest.mark.parametrize(
    ("values", "bits", "centre", "width"),
    [(EIGHT, 8, 128, 256), (EIGHT, 8, 60, 40), (EIGHT, 8, 200, 400), (TWELVE, 12, 2048, 4096), (TWELVE, 16, 2048, 4096),
     (TWELVE, 12, 600, 1200), (TWELVE, 12, 2048, 200), (TWELVE, 12, 3000, 6000), (SIXTEEN, 16, 2048, 4096 * 3)],
)  # fmt: skip
def test_a_window_that_shows_something_is_followed(values: Array, bits: int, centre: float, width: float) -> None:
    scan = read_scan(dicom(values, bits=bits, WindowCenter=centre, WindowWidth=width))
    near(scan.pixels, linear(values, centre, width))
    assert scan.warnings == ()


def test_the_second_window_serves_where_the_first_does_not() -> None:
    scan = read_scan(dicom(TWELVE, bits=12, WindowCenter=[0, 2048], WindowWidth=[1, 4096]))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert "first window (centre 0, width 1)" in only_warning(scan)


def test_a_blank_picture_stays_blank_in_a_window_that_suits_it() -> None:
    noise = np.random.default_rng(0).integers(2000, 2010, (64, 64)).astype(np.uint16)
    with pytest.raises(ScanError, match="is blank"):
        read_scan(dicom(noise, bits=12, WindowCenter=2048, WindowWidth=4096))


def test_eight_bits_keep_their_whole_range_after_a_rescale() -> None:
    near(read_scan(dicom(EIGHT, RescaleSlope=2, RescaleIntercept=-100)).pixels, EIGHT / 255)


# ---- presentation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted", "told"),
    [
        ("MONOCHROME2", None, False, False),
        ("MONOCHROME2", "IDENTITY", False, False),
        ("MONOCHROME2", "INVERSE", True, True),
        ("MONOCHROME1", None, True, False),
        ("MONOCHROME1", "INVERSE", True, False),
        ("MONOCHROME1", "IDENTITY", False, True),
        ("MONOCHROME2", "LIN OD", False, False),
        ("MONOCHROME 1", None, True, False),
    ],
)
def test_which_end_is_bright(photometric: str, shape: str | None, inverted: bool, told: bool) -> None:
    ds = data_set(TWELVE, bits=12, WindowCenter=2048, WindowWidth=4096, PhotometricInterpretation=photometric)
    if shape is not None:
        ds.PresentationLUTShape = shape
    scan = read_scan(written(ds))
    shown = linear(TWELVE, 2048, 4096)
    near(scan.pixels, 1 - shown if inverted else shown)
    assert scan.warnings == () if not told else f"Shape {shape} contradicts {photometric}" in only_warning(scan)


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"PresentationLUTSequence": Sequence([Dataset()])}, "presentation lookup table"),
        ({"PixelPresentation": "MIXED"}, "colour palette"),
        ({"PixelPresentation": "MONOCHROME"}, ""),
    ],
)
def test_what_is_not_applied_is_told(elements: dict[str, Any], words: str) -> None:
    scan = read_scan(dicom(TWELVE, bits=12, WindowCenter=2048, WindowWidth=4096, **elements))
    near(scan.pixels, linear(TWELVE, 2048, 4096))
    assert scan.warnings == () if not words else words in only_warning(scan)
