"""The smallest complete system fits into an iCE40UP5K and leaves room for a CFU."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cfukit_base import process

BUILD = Path(__file__).resolve().parents[2] / "scripts" / "bench" / "bare_fomu.py"


@pytest.mark.long
@pytest.mark.needs("fpga")
def test_fomu_fits(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = process.run([sys.executable, BUILD, "fomu", "--report", report], timeout=1400)
    assert done.ok, done.tail()
    figures = json.loads(report.read_text())
    bare, counted = figures["bare"], figures["with counter"]
    assert bare["lc"] <= 2650 and bare["ebr"] <= 8 and bare["spram"] == 4 and bare["dsp"] == 8
    assert 64 <= counted["lc"] - bare["lc"] <= 300
    assert "the cycle counter costs" in done.stdout
