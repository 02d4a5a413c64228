"""Every Python example that has an expected output prints it, with a local server of its own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest
from conftest import BUILD, ROOT

EXPECTED = ROOT / "examples" / "expected"
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if (EXPECTED / f"{path.stem}.txt").exists())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example(example):
    assert len(example.read_text().splitlines()) < 60
    home = tempfile.mkdtemp(prefix="pv", dir="/tmp")
    environment = dict(os.environ, PARVIS_HOME=home, PYTHONPATH=str(BUILD / "python"))
    environment.pop("PARVIS_ADDRESS", None)
    try:
        ended = subprocess.run([sys.executable, str(example)], env=environment, capture_output=True, text=True,
                               timeout=180)
        assert ended.stderr == ""
        assert ended.stdout == (EXPECTED / f"{example.stem}.txt").read_text()
        assert ended.returncode == 0
    finally:
        stop_server(home)
        shutil.rmtree(home, ignore_errors=True)


def stop_server(home):
    """Ends the server that was started for the example; by itself it would wait a minute for others."""
    try:
        with open(os.path.join(home, "server.log")) as log:
            pids = re.findall(r"pid=(\d+)", log.read())
    except FileNotFoundError:
        return
    for pid in pids:
        try:
            os.kill(int(pid), signal.SIGTERM)
        except ProcessLookupError:
            continue
