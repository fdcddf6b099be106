"""The memory map of an ELF: every byte of every memory, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfukit_base.symbols import symbol
from cfukit_sw.elf import memory_map, sizes
from support.socs import soc_of
from support.workshop import FLASH, RAM, SRAM, Workshop

SOURCE = r"""
#include "cfukit_model.h"
#include "cfukit.h"
static volatile int table[100] = {1}, zeros[1000];
uint8_t arena[640] CFUKIT_ARENA;
const uint8_t weights[400] CFUKIT_WEIGHTS = {1, 2, 3, 4};
int main(void) {
  volatile int i = 0;
  zeros[1] = table[2];
  return arena[i] + weights[i];
}
"""
NAMES = {
    "main": "code",
    "zeros": "variables",
    "table": "variables",
    "arena": "arena",
    "weights": "weights",
    "__cfukit_stack_guard": "stack guard",
    "__cfukit_stack_bottom": "stack",
}
SYSTEMS = {"ram": soc_of(RAM, SRAM), "flash": soc_of(FLASH, RAM, reset=FLASH.base + 0x100000)}


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_byte_is_there_once(system: str, tmp_path: Path) -> None:
    shop, soc = Workshop(tmp_path), SYSTEMS[system]
    shop.use(soc)
    elf = shop.build(SOURCE)
    found = memory_map(elf, soc)
    assert [memory.name for memory in found] == [memory.name for memory in soc.memories]
    total: dict[str, int] = {}
    holder = {}
    for memory in found:
        at = memory.base
        for span in memory.spans:
            assert span.address == at and span.bytes > 0
            at += span.bytes
            total[span.holds] = total.get(span.holds, 0) + span.bytes
            holder |= {name: span.holds for name in NAMES if span.address <= symbol(elf, name) < at}
        assert at == memory.base + memory.bytes
    assert holder == NAMES
    known = sizes(elf)
    assert total["code"] == known["code_bytes"]
    assert total["constants"] + total["weights"] == known["const_bytes"]
    assert total["variables"] == known["data_bytes"] + known["bss_bytes"] >= 4400
    assert (total["arena"], total["stack"]) == (known["arena_bytes"], known["stack_bytes"])
    # In flash there is what the program copies to RAM: the variables with values.
    assert total.get("image", 0) == (known["data_bytes"] if system == "flash" else 0)
