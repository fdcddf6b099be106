"""The linker script means the same to lld (zig) and GNU ld (gcc): every part in its memory, its load image where a loader puts it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from cfukit_base.artefacts.cpu import Memory
from cfukit_sw.linker import Placement
from support.socs import soc_of
from support.workshop import FLASH, RAM, SRAM, Workshop

PARTS = """
#include "cfukit_model.h"
uint8_t arena[640] CFUKIT_ARENA;
const uint8_t weights[400] CFUKIT_WEIGHTS = {1, 2, 3, 4};
const char words[] = "words";
int number = 5, zero;
int main(void) { volatile int i = 0; return arena[i] + weights[i] + words[i] + number++ + zero++; }
"""
BIG_SRAM = replace(SRAM, bytes=RAM.bytes)  # as large as memories must be for places in the data cache
SYSTEMS = {"ram": soc_of(RAM, BIG_SRAM), "flash": soc_of(FLASH, RAM, reset=FLASH.base + 0x100000)}
PLACED_BY_CACHE = (".weights", ".arena", ".stack")
CACHE_BYTES = 4096
CASES = [
    (name, Placement(weights=weights, data=data, arena=arena))
    for name, places in (("ram", ("main_ram", "sram")), ("flash", ("flash", "main_ram")))
    for weights, data, arena in product(places, repeat=3)
    if "flash" not in (data, arena)
]


def layout(elf: Path, memories: Sequence[Memory]) -> dict[str, tuple[str, int | None]]:
    """Section: its memory, and its place in the data cache if the script chooses one. No two sections share an address."""

    def memory_of(address: int) -> str:
        return next(memory.name for memory in memories if memory.holds(address))

    with elf.open("rb") as file:
        sections = [s for s in ELFFile(file).iter_sections() if s["sh_flags"] & 2 and s["sh_size"]]
        ends = sorted((s["sh_addr"], s["sh_addr"] + s["sh_size"]) for s in sections)
        images = sorted(
            (s["p_paddr"], s["p_paddr"] + s["p_filesz"])
            for s in ELFFile(file).iter_segments()
            if s["p_type"] == "PT_LOAD" and s["p_filesz"]
        )
        found = {
            s.name: (
                memory_of(s["sh_addr"]),
                s["sh_addr"] % CACHE_BYTES if s.name in PLACED_BY_CACHE else None,
            )
            for s in sections
        }
    for spans in (ends, images):
        assert all(one[1] <= other[0] for one, other in pairwise(spans)), spans
    return found


@pytest.mark.needs("gcc-riscv")
@pytest.mark.parametrize(
    ("system", "placement"), CASES, ids=[f"{s}-{p.weights}-{p.data}-{p.arena}" for s, p in CASES]
)
def test_both_linkers_place_parts_alike(tmp_path: Path, system: str, placement: Placement) -> None:
    shop, soc = Workshop(tmp_path), SYSTEMS[system]
    shop.use(soc)
    lld, gnu = (
        layout(shop.build(PARTS, compiler=compiler, placement=placement), soc.memories)
        for compiler in ("zig", "gcc")
    )
    assert gnu == lld
    wanted = {".weights": placement.weights, ".data": placement.data, ".arena": placement.arena}
    assert {section: gnu[section][0] for section in wanted} == wanted
