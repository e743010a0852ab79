"""From stored values to modality units and through lookup tables, with pydicom's own functions as oracles."""

from typing import Any

import numpy as np
import pytest
from grey_files import TWELVE, linear, near, only_warning, raw, stretched, table
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_rescale, apply_voi_lut
from scan_files import data_set, dicom, ramp, written

from meddef_core.scans import read_scan, window_range


@settings(max_examples=60, deadline=None)
@given(
    slope=st.floats(0.01, 50), intercept=st.floats(-5000, 5000), place=st.floats(0.3, 0.7), share=st.floats(0.2, 1.5)
)
def test_rescale_and_window_in_the_order_of_the_standard(
    slope: float, intercept: float, place: float, share: float
) -> None:
    ds = data_set(TWELVE, bits=12, RescaleSlope=f"{slope:.6g}", RescaleIntercept=f"{intercept:.6g}")
    units = apply_rescale(TWELVE, ds)
    centre = float(units.min() + place * np.ptp(units))
    width = max(8.0, float(share * np.ptp(units)))
    near(read_scan(written(ds), window=(centre, width)).pixels, linear(units, centre, width), atol=2e-4)
    ds.WindowCenter, ds.WindowWidth = f"{centre:.8g}", f"{width:.8g}"
    expected = linear(units, float(ds.WindowCenter), float(ds.WindowWidth))
    near(read_scan(written(ds)).pixels, expected, atol=2e-4)


@pytest.mark.parametrize("text", [b"1,5 ", b"1.5 ", b"1,5\\2,5\\ "])
def test_a_decimal_comma_is_a_point(text: bytes) -> None:
    window = {"WindowCenter": 3000, "WindowWidth": 4000}
    near(
        read_scan(raw(data_set(TWELVE, bits=12, **window), "RescaleSlope", text)).pixels,
        linear(TWELVE * 1.5, 3000, 4000),
    )
    scaled = dicom(TWELVE, bits=12, RescaleSlope="1.5", **window)
    assert window_range(raw(data_set(TWELVE, bits=12, **window), "RescaleSlope", text)) == window_range(scaled)


IMPLAUSIBLE = [(b"0 ", "0"), (b"1e99", "-1024"), (b"1e-9", "4000"), (b"nan ", "-1024"), (b"one ", "0")]


@pytest.mark.parametrize(("slope", "intercept"), IMPLAUSIBLE)
def test_a_slope_that_cannot_be_is_left_out(slope: bytes, intercept: str) -> None:
    ds = data_set(TWELVE, bits=12, RescaleIntercept=intercept)
    ds.WindowCenter, ds.WindowWidth = 2048 + int(intercept), 4096
    scan = read_scan(raw(ds, "RescaleSlope", slope))
    near(scan.pixels, linear(TWELVE, 2048, 4096), atol=2e-4)
    assert "Rescale Slope" in only_warning(scan)


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
