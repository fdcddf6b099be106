"""`make demo`: what a newcomer sees first."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cfukit_tools import demo


@pytest.mark.slow
def test_the_demo_fits_a_terminal_and_says_everything() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "cfukit_tools.demo"]
    done = subprocess.run(command, cwd=root, env=os.environ, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) <= demo.LINES
    for word in (
        "prediction",
        "label",
        "portable",
        "mac4",
        "speed-up",
        "cycles/MAC",
        "outputs: 20/20 samples identical, 11/11 operators (7 needs no code)",
        "reference",
        "engine fast, board sim, CPU full+cfu, main_ram 32 MiB",
        "100 MHz",
        "zig cc",
        "elapsed ",
        "a streaming engine, mlperf_arty on board arty: ",
        "run.json",
    ):
        assert word in done.stdout, word
    assert re.search(r"accuracy on \d{3,} held-out samples: 9\d\.\d\d%", done.stdout)
    gain = re.search(r"([\d.]+)x as fast as portable there", done.stdout)
    assert gain and float(gain[1]) > 40
    assert done.stdout.count("cfukit ") >= 3
    # Only the path of the demo's folder may exceed the width.
    assert all(len(line) <= demo.COLUMNS for line in lines[:-4])
