"""Decoding in worker processes: the same results, and no file that harms the process that asked."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from refusals import refused_as
from scan_files import colour, dicom, jpeg, png, ramp

from meddef_core.errors import MedDefError, ScanError
from meddef_core.io.confinement import WorkerLimits
from meddef_core.io.pool import Pool
from meddef_core.io.worker import CancelledError, OverLimitError, WorkerError
from meddef_core.scans import (
    FrameError,
    isolated,
    read_scan,
    read_scan_isolated,
    window_range,
    window_range_isolated,
)
from meddef_core.scans.isolated import read_picture_isolated
from meddef_core.scans.limits import MAX_BYTES

HERE = Path(__file__).parent
QUICK = WorkerLimits(processor_seconds=1, memory_bytes=300_000_000, calls=3)


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Workers that do what a test tells them (see `odd_worker`), with small limits."""
    made = Pool("odd_worker", limits=QUICK)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH")))))


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected, all its threads ended, does not."""
    try:
        first = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return first != "Z" or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except OSError:
        return False


def gone(*pids: int, within: float = 10.0) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if not any(map(alive, pids)):
            return True
        time.sleep(0.05)
    return False


# ---- the same as in process --------------------------------------------------------------------------------------

FILES = {
    "PNG": png(ramp()),
    "16-bit PNG": png(ramp(high=900, dtype=np.uint16)),
    "JPEG": jpeg(colour()),
    "DICOM": dicom(ramp(high=4095, dtype=np.uint16), bits=12, WindowCenter=2000, WindowWidth=3000, Modality="OT"),
    "frames": dicom(np.stack([ramp(), 255 - ramp()]), frames=2),
    "B-scan": dicom(ramp(), Modality="OPT", PixelSpacing=[0.0039, 0.011], PatientAge="064Y"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_worker_reads_what_this_process_reads(name: str) -> None:
    frame = 2 if name == "frames" else None
    mine, its = read_scan(FILES[name], frame=frame), read_scan_isolated(FILES[name], frame=frame)
    assert np.array_equal(mine.pixels, its.pixels) and its.pixels.dtype == np.float32
    assert name != "B-scan" or (its.row_mm is not None and its.age_group is not None)
    assert not its.pixels.flags.writeable
    assert {key: value for key, value in vars(mine).items() if key != "pixels"} == {
        key: value for key, value in vars(its).items() if key != "pixels"
    }
    assert window_range(FILES[name], frame=frame) == window_range_isolated(FILES[name], frame=frame)


def test_frame_and_window_travel_and_so_does_a_refusal() -> None:
    with pytest.raises(FrameError, match="holds 2 frames") as caught:
        read_scan_isolated(FILES["frames"])
    assert caught.value.frames == 2
    asked = {"window": (1000.0, 500.0)}
    assert np.array_equal(read_scan(FILES["DICOM"], **asked).pixels, read_scan_isolated(FILES["DICOM"], **asked).pixels)
    for data in (b"", b"a letter", png(ramp())[:-30], bytes(MAX_BYTES + 1)):
        with pytest.raises(ScanError) as here:
            read_scan(data)
        with pytest.raises(ScanError) as there:
            read_scan_isolated(data)
        assert str(here.value) == str(there.value)


def test_a_picture_for_an_audit_is_what_read_scan_gives() -> None:
    twelve = ramp(high=3000, size=(64, 64), dtype=np.uint16)
    grey = read_picture_isolated(png(twelve), channels=1, size=64)
    assert np.array_equal(grey[0], read_scan(png(twelve)).pixels)
    flat = np.full((20, 24, 3), (200, 100, 50), np.uint8)
    found = read_picture_isolated(png(flat), channels=3, size=16)
    assert found.shape == (3, 16, 16)
    assert found.mean(axis=(1, 2)) == pytest.approx(np.array([200, 100, 50]) / 255, abs=1e-6)
    scan = read_scan(FILES["DICOM"])
    found = read_picture_isolated(FILES["DICOM"], channels=3, size=max(scan.size))
    assert found[0].mean() == pytest.approx(scan.pixels.mean(), abs=1e-3) and np.array_equal(found[0], found[2])


# ---- workers -----------------------------------------------------------------------------------------------------


def test_a_worker_loads_neither_torch_nor_streamlit(pool: Pool) -> None:
    script = "import meddef_core.io.worker_main, meddef_core.scans.served, sys; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "meddef_core.scans.served" in modules
    assert not {"torch", "streamlit", "scipy", "pandas", "plotly", "typer"} & set(modules)


def test_limits_are_in_force_and_no_core_is_left(pool: Pool) -> None:
    found = pool.call({"do": "limits"}, most=0).header
    assert found["core"] == [0, 0]
    if sys.platform == "linux":
        assert found["memory"] < found["started"] + QUICK.memory_bytes + 1
        assert found["processor"] <= 3


@pytest.mark.parametrize("harm", ["memory", "compute", "die", "print", "lie", "cut", "long header", "no JSON"])
def test_harm_costs_one_call(pool: Pool, harm: str) -> None:
    before = pool.call({"do": "pid"}, most=0).header["pid"]
    began = time.monotonic()
    if harm == "print":
        assert pool.call({"do": harm}, b"abc", most=10).body.tobytes() == b"abc"
        return
    with pytest.raises(OverLimitError):
        pool.call({"do": harm}, most=1000)
    assert time.monotonic() - began < 30
    assert gone(before)
    assert pool.call({"do": "echo"}, b"honest", most=10).body.tobytes() == b"honest"


def test_an_exception_is_a_word_and_the_worker_stays(pool: Pool) -> None:
    first = pool.call({"do": "pid"}, most=0).header["pid"]
    assert pool.call({"do": "raise"}, most=0).header == {"failed": "ZeroDivisionError"}
    assert pool.call({"do": "pid"}, most=0).header["pid"] == first


def test_a_reply_larger_than_allowed_is_not_taken(pool: Pool) -> None:
    with pytest.raises(OverLimitError):
        pool.call({"do": "echo"}, bytes(2000), most=1000)


def test_workers_are_replaced_after_some_calls(pool: Pool) -> None:
    pids = [pool.call({"do": "pid"}, most=0).header["pid"] for _ in range(2 * QUICK.calls)]
    assert pids == [pids[0]] * QUICK.calls + [pids[-1]] * QUICK.calls and pids[0] != pids[-1]
    assert gone(pids[0])


def test_a_worker_that_was_killed_idle_is_replaced(pool: Pool) -> None:
    pid = pool.call({"do": "pid"}, most=0).header["pid"]
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    assert pool.call({"do": "pid"}, most=0).header["pid"] != pid


def test_a_long_call_keeps_nobody_waiting_and_can_be_cancelled() -> None:
    pool = Pool("odd_worker", size=1, limits=WorkerLimits())
    stop = threading.Event()
    ended: list[BaseException] = []

    def sleep() -> None:
        try:
            pool.call({"do": "sleep"}, most=0, cancelled=stop.is_set)
        except CancelledError as error:
            ended.append(error)

    try:
        slow = threading.Thread(target=sleep)
        slow.start()
        while not pool.pids:
            time.sleep(0.01)
        busy = pool.pids
        for _ in range(3):
            assert pool.call({"do": "echo"}, b"x", most=1).body.tobytes() == b"x"
        assert slow.is_alive()
        stop.set()
        slow.join(5)
        assert not slow.is_alive() and len(ended) == 1
        assert gone(busy[0])
    finally:
        pool.close()


def test_who_waits_in_line_can_leave_it_and_the_line_keeps_its_order() -> None:
    pool = Pool("odd_worker", size=1, limits=WorkerLimits(clock_seconds=60))
    stop = threading.Event()
    order: list[int] = []

    def ask(number: int) -> None:
        pool.call({"do": "nap"}, most=0)
        order.append(number)

    try:
        threads = []
        for number in range(4):
            threads.append(threading.Thread(target=ask, args=(number,)))
            threads[-1].start()
            time.sleep(0.05)
        stop.set()
        with pytest.raises(CancelledError):
            pool.call({"do": "echo"}, most=0, cancelled=stop.is_set)
        for thread in threads:
            thread.join(60)
        assert order == [0, 1, 2, 3]
    finally:
        pool.close()


def test_what_the_callback_raises_ends_the_worker(pool: Pool) -> None:
    def leave() -> bool:
        raise KeyboardInterrupt

    pid = pool.call({"do": "pid"}, most=0).header["pid"]
    with pytest.raises(KeyboardInterrupt):
        pool.call({"do": "sleep"}, most=0, cancelled=leave)
    assert gone(pid)


def test_many_threads_at_once_each_get_their_own_answer() -> None:
    pool = Pool("odd_worker", size=2)
    found: dict[int, bool] = {}

    def ask(number: int) -> None:
        for turn in range(5):
            data = bytes([number, turn]) * 50_000
            found[number * 5 + turn] = pool.call({"do": "echo"}, data, most=10**6).body.tobytes() == data

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40 and all(found.values())
    assert len(pool.pids) <= 2
    pool.close()
    assert pool.pids == ()


def test_a_handler_that_cannot_start_is_one_sentence() -> None:
    pool = Pool("no_such_module_here")
    with refused_as(WorkerError, "io.process-decodes"):
        pool.call({}, most=0)
    pool.close()


def test_workers_end_with_their_parent_also_when_it_is_killed() -> None:
    script = (
        "from meddef_core.io.pool import Pool\nimport sys, threading\n"
        "pool = Pool('odd_worker')\n"
        "work = {'target': pool.call, 'args': ({'do': 'compute_quietly'},), 'kwargs': {'most': 0}, 'daemon': True}\n"
        "threading.Thread(**work).start()\n"
        "print(pool.call({'do': 'pid'}, most=0).header['pid'], *pool.pids, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert pids and all(map(alive, pids))
        parent.kill()
    # One works in C without letting other threads run, so that only its limit on processor time ends it.
    assert gone(*pids, within=60)


def test_a_fork_starts_workers_of_its_own(pool: Pool) -> None:
    mine = pool.call({"do": "pid"}, most=0).header["pid"]
    pid = os.fork()
    if pid == 0:  # the child reports by its exit code, whatever happens in it
        code = 1
        try:
            code = 0 if pool.call({"do": "pid"}, most=0).header["pid"] != mine else 2
            pool.close()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert pool.call({"do": "pid"}, most=0).header["pid"] == mine


# ---- what comes back is not believed -----------------------------------------------------------------------------

PIXELS = np.zeros((40, 64), np.float32)
FIELDS = {
    "container": "PNG",
    "bits": 8,
    "digest": "0",
    "tags": {},
    "removed": 0,
    "false_colour": False,
    "row_mm": 0.0039,
    "warnings": [],
    "age_group": None,
}


def answered(monkeypatch: pytest.MonkeyPatch, header: dict[str, object], body: np.ndarray = PIXELS) -> None:
    """Let the worker answer so."""
    reply = isolated.Reply(header, body.reshape(-1).view(np.uint8))
    monkeypatch.setattr(Pool, "call", lambda *_, **__: reply)


def test_an_honest_answer_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, {"shape": [40, 64], "fields": FIELDS})
    found = read_scan_isolated(b"x")
    assert found.warnings == () and found.row_mm == 0.0039


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ({}, PIXELS),
        ({"shape": [40, 65], "fields": FIELDS}, PIXELS),
        ({"shape": [-40, -64], "fields": FIELDS}, PIXELS),
        ({"shape": [0, 0], "fields": FIELDS}, PIXELS[:0]),
        ({"shape": [2560], "fields": FIELDS}, PIXELS),
        ({"shape": "40x64", "fields": FIELDS}, PIXELS),
        ({"shape": [40.0, 64.0], "fields": FIELDS}, PIXELS),
        ({"shape": [40, 64], "fields": None}, PIXELS),
        ({"shape": [40, 64], "fields": {"container": "PNG"}}, PIXELS),
        ({"shape": [40, 64], "fields": FIELDS | {"tags": {"a": {}}}}, PIXELS),
        ({"shape": [40, 64], "fields": FIELDS | {"warnings": [1]}}, PIXELS),
        ({"shape": [40, 64], "fields": FIELDS | {"more": 1}}, PIXELS),
        ({"shape": [40, 64], "fields": FIELDS | {"row_mm": "a lot"}}, PIXELS),
        ({"shape": [40, 64], "fields": FIELDS}, PIXELS + np.float32("nan")),
        ({"shape": [40, 64], "fields": FIELDS}, PIXELS + np.float32("inf")),
        ({"shape": [40, 64], "fields": FIELDS}, PIXELS + np.float32(1.1)),
        ({"shape": [40, 64], "fields": FIELDS}, PIXELS - np.float32(0.1)),
        ({"refused": "SystemExit", "message": "x", "facts": {}}, PIXELS),
        ({"refused": "ScanError", "message": 3, "facts": {}}, PIXELS),
        ({"refused": "FrameError", "message": "x", "facts": {"wings": 2}}, PIXELS),
        ({"failed": "ZeroDivisionError"}, PIXELS),
    ],
)
def test_a_dishonest_answer_is_refused(
    monkeypatch: pytest.MonkeyPatch, header: dict[str, object], body: np.ndarray
) -> None:
    answered(monkeypatch, header, body)
    with refused_as(ScanError, "scan.file-cannot-decoded"):
        read_scan_isolated(b"x")


@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5", "65"])
def test_a_setting_that_cannot_work_is_one_sentence(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setattr(isolated, "_pool", None)
    monkeypatch.setenv("MEDDEF_DECODERS", value)
    with refused_as(MedDefError, "settings.value-cannot-work"):
        read_scan_isolated(FILES["PNG"])
