"""Small files that could do large harm: the header checks tell most, the worker process survives all of them."""

import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_files import HOSTILE, SEQUENCE_END, box, decoy, jp2, jpeg_with, legal, progressive, stream
from hostile_more import MORE
from refusals import refused_as
from scan_files import dicom, jpeg, png, ramp
from test_scans_fuzz import VALID

from meddef_core.errors import ScanError
from meddef_core.scans import dicom_elements, jpeg_stream, png_stream, read_scan, read_scan_isolated
from meddef_core.scans.dicom_elements import check_fragments
from meddef_core.scans.jpeg_2000 import check_jpeg_2000, jpeg_2000_size
from meddef_core.scans.jpeg_stream import check_jpeg
from meddef_core.scans.png_stream import check_png
from meddef_core.scans.run_lengths import check_run_lengths

HERE = Path(__file__).parent

MOST_GROWN = 300_000_000
"""Bytes by which the process of a server may grow."""

MOST_WAIT = 2.0
"""Seconds that somebody else's upload may take meanwhile, or ten times what it takes alone on a busy machine."""

MOST_SECONDS = 30.0
"""Seconds by the clock until a file is refused, on a machine with other things to do."""

COSTS = "more memory or time to decode"

Ask = Callable[[bytes], dict[str, Any]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """What a server says of a file (see `hostile_server`)."""
    folder = tmp_path_factory.mktemp("hostile")
    honest = folder / "honest"
    honest.write_bytes(dicom(ramp(size=(512, 512), high=4095, dtype="uint16"), bits=12))
    command = [sys.executable, HERE / "hostile_server.py", honest]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None and server.stdout is not None
        pipe, answers = server.stdin, server.stdout
        alone = float(answers.readline())

        def asked(data: bytes) -> dict[str, Any]:
            path = folder / "file"
            path.write_bytes(data)
            print(path, file=pipe, flush=True)
            found: dict[str, Any] = json.loads(answers.readline())
            return found | {"wait": max(MOST_WAIT, 10 * alone)}

        yield asked
        pipe.close()


EVERY = HOSTILE | MORE


@pytest.mark.parametrize("name", EVERY)
def test_a_hostile_file_costs_one_sentence(ask: Ask, name: str) -> None:
    data = EVERY[name]()
    assert len(data) <= 20 * 1024**2
    found = ask(data)
    said = found["outcome"]
    assert said[0].isupper() and len(re.findall(r"\.(?:\s|$)", said)) == 1, "one sentence"
    assert found["grown"] < MOST_GROWN
    assert found["others"] < found["wait"]
    assert found["seconds"] < MOST_SECONDS


@pytest.mark.parametrize("name", legal())
def test_a_legal_file_of_50_megapixels_is_read_or_costs_one_sentence(ask: Ask, name: str) -> None:
    data = legal()[name]()
    found = ask(data)
    for _ in range(2):  # on a busy machine anybody may wait once
        found = found if found["others"] < found["wait"] else ask(data)
    assert found["outcome"] == "(5000, 10000)" or (name == "RGB RLE, 32 bits" and "at most 400 MB" in found["outcome"])
    assert found["grown"] < MOST_GROWN
    assert found["others"] < found["wait"]


# ---- the first layer alone ---------------------------------------------------------------------------------------

ONLY_THE_WORKER = ("DICOM: a palette of 600 million entries",)
"""What no header tells."""


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in ONLY_THE_WORKER])
def test_the_header_tells_without_decoding(name: str) -> None:
    data = HOSTILE[name]()
    began = time.process_time()
    with pytest.raises(ScanError) as caught:
        read_scan(data)
    assert COSTS not in str(caught.value)
    assert time.process_time() - began < 4


# ---- the second layer alone --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "J2K: decoy SIZ, 40,000 x 40,000",
        "J2K: precincts of one sample",
        "JPEG: 4,000 empty scans",
        "RLE: segments that overlap",
    ],
)
def test_the_worker_survives_where_no_header_is_checked(name: str, tmp_path: Path) -> None:
    """The same files, every check of a header taken out of the worker."""
    script = tmp_path / "unchecked.py"
    script.write_text(
        "from meddef_core.scans import dicom_frames, raster\n"
        "from meddef_core.scans.served import handle\n"
        "def nothing(*_, **__): pass\n"
        "for name in ('check_jpeg', 'check_jpeg_2000', 'check_run_lengths', '_check_compressed', 'check_fragments'):\n"
        "    setattr(dicom_frames, name, nothing)\n"
        "raster.check_jpeg = nothing\n"
    )
    data = HOSTILE[name]()
    (tmp_path / "file").write_bytes(data)
    program = (
        "import sys, time; from pathlib import Path\n"
        "from meddef_core.io.pool import Pool\n"
        "from meddef_core.io.worker import OverLimitError\n"
        "pool, call = Pool('unchecked'), {'call': 'read_scan', 'options': {}}\n"
        "try: reply = pool.call(call, Path(sys.argv[1]).read_bytes(), most=200_000_000)\n"
        "except OverLimitError: print('ended')\n"
        "else: print('refused' if 'refused' in reply.header else 'read')\n"
        "print(len(pool.call(call, Path(sys.argv[2]).read_bytes(), most=10**6).body))\n"
    )
    (tmp_path / "honest").write_bytes(png(ramp()))
    path = {"PYTHONPATH": f"{tmp_path}:{HERE.parents[1]}", "PATH": ""}
    command = [sys.executable, "-c", program, tmp_path / "file", tmp_path / "honest"]
    done = subprocess.run(command, capture_output=True, text=True, env=path, check=True, timeout=120)
    outcome, size = done.stdout.split()
    assert outcome in ("ended", "refused", "read") and int(size) == 4 * ramp().size


# ---- what the checks let pass ------------------------------------------------------------------------------------


def test_the_size_is_that_of_the_codestream_not_of_a_box() -> None:
    frame = jp2(stream(40_000, 30_000, components=3), box(b"uuid", stream(64, 64)))
    assert jpeg_2000_size(frame)[:3] == (30_000, 40_000, 3)
    assert jpeg_2000_size(stream(64, 32))[:3] == (32, 64, 1)
    with pytest.raises(ScanError, match=r"64 x 64 x 1 .* but the compressed picture has 40000 x 40000 x 3"):
        read_scan(decoy())


@pytest.mark.parametrize(
    ("tile", "tiles"), [((64, 64), 1), ((63, 64), 2), ((10, 10), 49), ((1, 1), 4096), ((1000, 1000), 1)]
)
def test_tiles_are_counted(tile: tuple[int, int], tiles: int) -> None:
    assert jpeg_2000_size(stream(64, 64, tile=tile)).tiles == tiles


def test_ordinary_codestreams_pass_and_the_limits_bite() -> None:
    check_jpeg_2000(stream(7000, 7000, tile=(128, 128)))
    check_jpeg_2000(stream(7000, 7000, coding=b"\x01\x00\x00\x05\x00\x05\x04\x04\x00\x01" + b"\x88" * 6))
    with refused_as(ScanError, "scan.jpeg-2000"):
        check_jpeg_2000(stream(7000, 7000, tile=(100, 100)))
    with refused_as(ScanError, "scan.jpeg-2000-pixels-cut"):
        check_jpeg_2000(stream(7000, 7000, coding=b"\x01\x00\x00\x01\x00\x05\x04\x04\x00\x01" + b"\x33" * 6))


def test_scans_and_segments_of_a_jpeg_are_counted() -> None:
    check_jpeg(progressive(64, jpeg_stream.MAX_SCANS - 1))
    with pytest.raises(ScanError, match="more than 64 scans"):
        check_jpeg(progressive(64, jpeg_stream.MAX_SCANS))
    plain = b"\xff\xe5\x00\x02"
    check_jpeg(jpeg_with(plain * 1900))
    with refused_as(ScanError, "scan.jpeg-file"):
        check_jpeg(jpeg_with(plain * jpeg_stream.MAX_MARKERS))
    check_jpeg(jpeg(ramp(), progressive=True))
    check_jpeg(jpeg(ramp()) + b"\xff\xe5" * 10_000)  # behind the end


def test_chunks_of_a_png_are_counted() -> None:
    check_png(png(ramp()))
    check_png(png(ramp())[:-20])
    plain = bytes(4) + b"teSt" + bytes(4)
    data = png(ramp())
    check_png(data[:33] + plain * (png_stream.MAX_CHUNKS - 5) + data[33:])
    with refused_as(ScanError, "scan.png-file"):
        check_png(data[:33] + plain * png_stream.MAX_CHUNKS + data[33:])


def test_fragments_are_counted() -> None:
    fragment = b"\xfe\xff\x00\xe0\x02\x00\x00\x00ab"
    check_fragments(fragment * 1000 + SEQUENCE_END)
    with refused_as(ScanError, "scan.dicom-pixels"):
        check_fragments(fragment * (dicom_elements.MAX_FRAGMENTS + 1))


def test_segments_of_run_lengths_must_not_overlap() -> None:
    def frame(*offsets: int) -> bytes:
        head = [len(offsets), *offsets, *[0] * (15 - len(offsets))]
        return b"".join(number.to_bytes(4, "little") for number in head) + b"\xf1\x00" * 40

    check_run_lengths(frame(64, 80), plane=640)
    for wrong in [(64, 64 + 200), (80, 64), (0,), (63,), (64, 10**9)]:
        with refused_as(ScanError, "scan.container-file"):
            check_run_lengths(frame(*wrong), plane=640)


def test_a_volume_with_long_lists_of_frames_is_read() -> None:
    """1,000 frames with ten elements each, of which pydicom parses all."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence
    from scan_files import data_set, written

    items = []
    for number in range(1000):
        item = Dataset()
        for place in range(10):
            item.add_new(0x00191000 + place, "LO", f"value {number}")
        items.append(item)
    ds = data_set(ramp())
    ds.PerFrameFunctionalGroupsSequence = Sequence(items)
    ds["PerFrameFunctionalGroupsSequence"].is_undefined_length = True
    assert read_scan(written(ds)).size == ramp().shape


# ---- random damage -----------------------------------------------------------------------------------------------


def mutations(count: int) -> Iterator[bytes]:
    """Damaged copies of small valid files, the same every time."""
    rng = random.Random(20)
    names = sorted(VALID)
    for _ in range(count):
        data = bytearray(VALID[rng.choice(names)])
        for _ in range(rng.randint(1, 12)):
            place = rng.randrange(len(data))
            match rng.randrange(4):
                case 0:
                    data[place] = rng.randrange(256)
                case 1:
                    data[place : place + 4] = rng.choice((b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff"))
                case 2:
                    del data[place : place + rng.randint(1, 40)]
                case _:
                    data[place:place] = data[place : place + rng.randint(1, 40)]
            if len(data) < 2:
                break
        yield bytes(data)


def test_random_damage_gives_a_scan_or_a_sentence() -> None:
    read = 0
    for data in mutations(300):
        try:
            read_scan_isolated(data)
            read += 1
        except ScanError as error:
            assert COSTS not in str(error) and "cannot be decoded" not in str(error)
    assert 0 < read < 300
