"""`make demo`: what a newcomer sees first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cfukit_tools import demo
from cfukit_tools.verbs.infer import infer
from cfukit_tools.verbs.run import run


@pytest.mark.slow
def test_the_demo_fits_a_terminal_and_says_everything(mac4: Path, two_samples: Path) -> None:
    document = run(mac4, inputs=two_samples)
    scored = infer(mac4, engine="evaluator", inputs=demo.heldout_path(), outputs=None)
    lines = demo.render(document, scored, demo.first_sample(), 12.3, mac4)
    assert len(lines) <= demo.LINES
    text = "\n".join(lines)
    for word in (
        "prediction",
        "label",
        "portable",
        "mac4",
        "speed-up",
        "cycles/MAC",
        "outputs: 2/2 samples identical, 11/11 operators (7 needs no code)",
        "reference",
        "engine rtl, board sim, CPU full+cfu, main_ram 32 MiB",
        "100 MHz",
        document.toolchain.compiler,
        "elapsed 12.3 s",
        f"accuracy on {scored.samples} held-out samples: {scored.accuracy:.2%}",
        "run.json",
    ):
        assert word in text, word
    assert text.count("cfukit ") >= 3
    # Only the path of this test's folder may exceed the width.
    assert all(len(line) <= demo.COLUMNS for line in lines if str(mac4) not in line)


@pytest.mark.slow
def test_the_demo_runs() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "cfukit_tools.demo"]
    done = subprocess.run(command, cwd=root, env=os.environ, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) <= 25
    assert all(len(line) <= 100 for line in lines[:-4])
    assert "outputs: 20/20 samples identical" in done.stdout
