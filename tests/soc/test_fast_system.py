"""The fast simulator gives the RTL's cycles for programs that use the whole system, on every preset and on each pair of CPU options."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from cfukit_base.artefacts import Soc
from cfukit_cpu import PRESETS
from cfukit_soc.image import memory_image
from support import cpu_programs
from support.bare import assemble, patient_cfu
from support.cpu_sets import TCM_FACTORS, pairwise
from support.fast_compare import Both, program_image
from support.socs import make_soc, small_board
from support.system_programs import PatchGenerator, StormGenerator, SystemGenerator, layout, system_image

INPUT = b"some words of input, and some more."
SEEDS = range(1000, 1000 + int(os.environ.get("CFUKIT_SEEDS", "20")))
COMMON: dict[str, dict[str, Any]] = {
    "no bypass": {"bypass": False},
    "no bypass, one port, traps": {"base": "fomu", "bypass": False, "traps": True, "csrs": "all"},
}
_MASK = 0xBC0  # of external interrupts
SETS = [*PRESETS, *pairwise(), *pairwise(TCM_FACTORS)]


@pytest.fixture(autouse=True)
def _registers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random programs end by our exit register."""
    monkeypatch.setattr(cpu_programs, "EXIT", 8)
    monkeypatch.setattr(cpu_programs, "ACK", 0)


def compare(both: Both, folder: Path, seeds: range) -> None:
    """Programs of a whole system: each retired instruction, its value and its cycle; causes; the result."""
    soc = Soc.read(both.soc_json)
    for seed in seeds:
        generator = PatchGenerator if seed % 5 == 0 else SystemGenerator
        ended = both.compare(system_image(soc, seed, generator=generator), folder, stdin=INPUT)
        assert ended["instructions"] > 50


@pytest.mark.parametrize("seed", range(2))
def test_programs_of_a_whole_system(system: Any, shared_tmp: Path, tmp_path: Path, seed: int) -> None:
    compare(Both(system.soc_json, None, shared_tmp), tmp_path, range(6 * seed, 6 * seed + 6))


@pytest.mark.slow
@pytest.mark.parametrize("cpu", COMMON)
def test_programs_on_cpus_without_bypass(shared_tmp: Path, tmp_path: Path, cpu: str) -> None:
    soc_json = make_soc("sim", tmp_path / "soc", cpu=COMMON[cpu])
    compare(Both(soc_json, patient_cfu(tmp_path), shared_tmp), tmp_path, range(40, 60))


def compare_storms(both: Both, folder: Path, seeds: range) -> None:
    """Programs that are interrupted again and again, so at nearly every kind of instruction."""
    interrupted: list[int] = []
    for seed in seeds:
        both.compare(system_image(both.soc, seed, 600, StormGenerator), folder)
        handler = f"{layout(both.soc, seed)[0] + 4:08x}"  # its first instruction is the second of the program
        lines = [line.split() for line in (folder / "rtl.trace").read_text().splitlines()]
        interrupted += [int(one[2], 16) & 0x7F for one, two in itertools.pairwise(lines) if two[1] == handler]
    assert len(interrupted) > 20 * len(seeds) and {0x03, 0x13, 0x23, 0x33, 0x63} <= {*interrupted}


def test_interrupts_at_any_instruction(system: Any, shared_tmp: Path, tmp_path: Path) -> None:
    compare_storms(Both(system.soc_json, None, shared_tmp), tmp_path, range(5))


@pytest.mark.long
@pytest.mark.parametrize("number", range(len(SETS)))
def test_interrupts_at_any_instruction_of_every_cpu(shared_tmp: Path, tmp_path: Path, number: int) -> None:
    soc_json = make_soc(small_board(), tmp_path / "soc", cpu=SETS[number])
    if (cpu := Soc.read(soc_json).cpu).interrupts and cpu.traps and _MASK in cpu.csrs:
        compare_storms(Both(soc_json, patient_cfu(tmp_path), shared_tmp), tmp_path, SEEDS)


def test_misaligned_loads_of_what_a_store_changes(system: Any, shared_tmp: Path, tmp_path: Path) -> None:
    """Such a load begins anew, and then raises its exception."""
    stores = [*(f"sb a1, {n}(a0)" for n in range(4)), "sh a1, 0(a0)", "sh a1, 2(a0)", "sw a1, 0(a0)"]
    loads = [*(f"lw a2, {n}(a0)" for n in (1, 2, 3)), "lh a2, 1(a0)", "lhu a2, 3(a0)"]
    lines = ["la t0, handler", "csrw mtvec, t0", "addi a0, sp, -64", "sw a0, 0(a0)", "lw a1, 0(a0)", "j 1f"]
    lines += [".balign 4", "handler: csrr t1, mepc", "addi t1, t1, 4", "csrw mepc, t1", "mret", "1:"]
    for store, between, load in itertools.product(stores, range(3), loads):
        lines += [store, *(["nop"] * between), load]
    elf = assemble("\n".join(["  .globl main", "main:", *lines, "li a0, 0", "ret", ""]), tmp_path)
    both = Both(system.soc_json, None, shared_tmp)
    image = memory_image(elf, both.soc)
    for exact in (0, 1):
        assert both.compare(image, tmp_path, exact=exact)["end"] == "exit"
    assert (tmp_path / "rtl.trace").read_text().count(" 34102373 ") == len(stores) * 3 * len(loads)


TCMS: dict[str, str | dict[str, Any]] = {
    "one port": "fomu",
    "two ports": {"base": "fomu", "tcm": "block", "bypass": False},
}


@pytest.mark.slow
@pytest.mark.parametrize("ports", TCMS)
def test_code_that_changes_ahead_in_a_tcm(shared_tmp: Path, tmp_path: Path, ports: str) -> None:
    """What was fetched before the store, or in its cycle, is executed as it was."""
    both = Both(make_soc("sim", tmp_path / "soc", cpu=TCMS[ports]), patient_cfu(tmp_path), shared_tmp)
    for seed in range(10):
        both.compare(system_image(both.soc, seed, 500, PatchGenerator), tmp_path, stdin=INPUT)


@pytest.mark.long
@pytest.mark.parametrize("number", range(len(SETS)))
def test_programs_on_every_pair_of_options(shared_tmp: Path, tmp_path: Path, number: int) -> None:
    soc_json = make_soc(small_board(), tmp_path / "soc", cpu=SETS[number])
    both = Both(soc_json, patient_cfu(tmp_path), shared_tmp)
    compare(both, tmp_path, SEEDS)
    soc = Soc.read(soc_json)
    if soc.cpu.reset_address in (memory.base for memory in soc.memories if memory.kind != "rom"):
        for seed in SEEDS:
            both.compare(program_image(soc_json, seed), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("board", ["arty", "tang20k", "ulx3s", "fomu"])
def test_programs_on_every_kind_of_memory(shared_tmp: Path, tmp_path: Path, board: str) -> None:
    cpu = "fomu" if board == "fomu" else "full+cfu"
    compare(Both(make_soc(board, tmp_path / "soc", cpu=cpu), None, shared_tmp), tmp_path, SEEDS)
