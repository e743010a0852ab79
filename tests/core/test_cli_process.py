"""The command line as a process: what it imports, how it is interrupted, how it starts the dashboard."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from cli_runs import Run, assert_refused

PROGRAM = [sys.executable, "-c", "from meddef_core.cli import main; main()"]

ANNOUNCED_PROGRAM = """
import signal, sys
import meddef_core.attacks, meddef_core.prediction, meddef_core.records
from meddef_core.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
print("ready", file=sys.stderr, flush=True)
main()
"""


def test_help_imports_no_heavy_library() -> None:
    script = (
        "import sys\n"
        "from meddef_core.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "print(sorted({'torch', 'cv2', 'numpy', 'captum', 'streamlit'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_interrupted_attack_exits_130_and_leaves_no_file(models: Path, scan: Path, tmp_path: Path) -> None:
    output = tmp_path / "adv.npy"
    command = [sys.executable, "-c", ANNOUNCED_PROGRAM, "attack", str(scan), "--task", "oct", "--steps", "1000000"]
    process = subprocess.Popen(
        [*command, "--output", str(output)],
        env={**os.environ, "MEDDEF_MODELS_DIR": str(models)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None and process.stderr.readline() == "ready\n"
        time.sleep(2)  # into the attack; but 130 is due from here on
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert out == "" and err.strip().endswith("Interrupted.") and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_app_starts_the_dashboard_and_says_where(models: Path) -> None:
    if not (Path(__file__).parents[2] / "streamlit_app.py").is_file():
        pytest.skip("needs the dashboard beside the library")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [*PROGRAM, "app", "--port", str(port), "--json"],
        env={**os.environ, "MEDDEF_MODELS_DIR": str(models)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not healthy(port):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.2)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert json.loads(out) == {"url": f"http://127.0.0.1:{port}"}
    assert "Traceback" not in err


def test_app_refuses_a_port_in_use(run: Run) -> None:
    if not (Path(__file__).parents[2] / "streamlit_app.py").is_file():
        pytest.skip("needs the dashboard beside the library")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert_refused(run("app", "--port", taken.getsockname()[1]), "choose another with --port")


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
