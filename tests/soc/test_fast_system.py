"""The fast simulator gives the RTL's cycles for programs that use the whole system, on every preset and on each pair of CPU options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cfukit_base.artefacts import Soc
from cfukit_cpu import PRESETS
from support import cpu_programs
from support.bare import patient_cfu
from support.cpu_sets import TCM_FACTORS, pairwise
from support.fast_compare import Both, program_image
from support.socs import make_soc
from support.system_programs import system_image

INPUT = b"some words of input, and some more."
SEEDS = range(1000, 1000 + int(os.environ.get("CFUKIT_SEEDS", "20")))
COMMON: dict[str, dict[str, Any]] = {
    "no bypass": {"bypass": False},
    "no bypass, one port, traps": {"base": "fomu", "bypass": False, "traps": True, "csrs": "all"},
}
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
        ended = both.compare(system_image(soc, seed), folder, stdin=INPUT)
        assert ended["instructions"] > 50


@pytest.mark.parametrize("seed", range(2))
def test_programs_of_a_whole_system(system: Any, shared_tmp: Path, tmp_path: Path, seed: int) -> None:
    compare(Both(system.soc_json, None, shared_tmp), tmp_path, range(6 * seed, 6 * seed + 6))


@pytest.mark.slow
@pytest.mark.parametrize("cpu", COMMON)
def test_programs_on_cpus_without_bypass(shared_tmp: Path, tmp_path: Path, cpu: str) -> None:
    soc_json = make_soc("sim", tmp_path / "soc", cpu=COMMON[cpu])
    compare(Both(soc_json, patient_cfu(tmp_path), shared_tmp), tmp_path, range(40, 60))


@pytest.mark.long
@pytest.mark.parametrize("number", range(len(SETS)))
def test_programs_on_every_pair_of_options(shared_tmp: Path, tmp_path: Path, number: int) -> None:
    soc_json = make_soc("sim", tmp_path / "soc", cpu=SETS[number])
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
