"""Projects that were made for an FPGA fit it, and are fast enough, as their READMEs say."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfukit_tools import api

ROUTED = ["kws_fomu"]


@pytest.mark.long
@pytest.mark.needs("fpga")
@pytest.mark.parametrize("name", ROUTED)
def test_the_system_is_placed_and_meets_its_clock(name: str, tmp_path: Path) -> None:
    api.init(tmp_path / "copy", name)
    document = api.bitstream(tmp_path / "copy", seeds=1)
    assert document["ok"] and document["fits"] and document["timing_met"], document["limits"]
    assert document["fmax_mhz"] >= document["target_mhz"] and document["files"]
