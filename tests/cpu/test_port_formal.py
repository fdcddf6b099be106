"""A bounded proof of the CFU's memory port, for any behaviour of the pipeline, any requests of the CFU and a reset at any time.

* A load returns the last value that CPU or CFU stored.
* Each read of the CFU is answered exactly once.
* The CFU gets every cycle that the CPU leaves, and never delays the CPU."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cfukit_base.verilog import verilog_of
from cfukit_cpu import configuration
from cfukit_cpu.tcm import Tcm
from support.formal import refuted

HERE = Path(__file__).parent / "formal"
DEPTH = 7  # a store takes 4 cycles from execute to memory, a load behind it one more; the rest is for stalls
STYLES: dict[str, dict[str, Any]] = {
    "block": {"dtcm_bytes": 16384},
    "spram": {"base": "fomu", "dtcm_bytes": 16384},
}
# Wrong gateware: regular expressions in its Verilog, and their replacements.
WRONG = {
    "a store and the CFU at once": (
        "block",
        32,
        r"assign cfu_mem_cmd_ready = .*;",
        "assign cfu_mem_cmd_ready = 1'h1;",
    ),
    "a refused read is answered": (
        "block",
        32,
        r"assign cfu_takes = .*;",
        "assign cfu_takes = cfu_mem_cmd_valid;",
    ),
    "a load and the CFU at once": (
        "spram",
        32,
        r"assign cfu_mem_cmd_ready = .*;",
        "assign cfu_mem_cmd_ready = ~cfu_stores;",
    ),
    "the load's word of the row": ("block", 64, r"lane <= .*;", "lane <= 1'h0;"),
    "a load misses a store in front": ("block", 128, r"(kept_mask <=) .*;", r"\1 4'd0;"),
    "a read before reset is answered": (
        "block",
        32,
        r"cfu_mem_rsp_valid <= [^=;]*;",
        "cfu_mem_rsp_valid <= cfu_reads;",
    ),
    "no report of a collision": ("block", 32, r"assign cfu_collides = .*;", "assign cfu_collides = 1'h0;"),
}


def broken(style: str, bits: int, folder: Path, cycles: int = DEPTH, old: str = "", new: str = "") -> bool:
    """Whether a rule can be broken after replacing `old` in the gateware. The last word of each row is watched."""
    tcm = Tcm(configuration(STYLES[style]).configuration, bits)
    text = verilog_of(tcm, "Tcm", tcm.ports)
    if old:
        text, count = re.subn(old, new, text)
        assert count == 1, old
    files = {"port.v": (HERE / "port.v").read_text(), "tcm.v": text}
    defines = [f"BITS={bits}", f"LANE={bits // 32 - 1}", *(["SPRAM"] if style == "spram" else [])]
    return refuted(folder, "port", files, defines, cycles, "connect -set tcm.dtcm.row row;")


@pytest.mark.slow
@pytest.mark.needs("smt")
@pytest.mark.parametrize(
    ("style", "bits"), [pytest.param("block", 32, marks=pytest.mark.long), ("spram", 32)]
)
def test_nothing_is_lost_or_doubled(style: str, bits: int, tmp_path: Path) -> None:
    assert not broken(style, bits, tmp_path)


@pytest.mark.long
@pytest.mark.needs("smt")
@pytest.mark.parametrize(
    ("style", "bits"), [("block", 32), ("block", 64), ("block", 128), ("spram", 32), ("spram", 64)]
)
def test_nothing_is_lost_or_doubled_in_more_cycles(style: str, bits: int, tmp_path: Path) -> None:
    assert not broken(style, bits, tmp_path, DEPTH + 2)


@pytest.mark.slow
@pytest.mark.needs("smt")
@pytest.mark.parametrize("name", WRONG)
def test_wrong_gateware_is_refuted(name: str, tmp_path: Path) -> None:
    style, bits, old, new = WRONG[name]
    assert broken(style, bits, tmp_path, DEPTH, old, new)
