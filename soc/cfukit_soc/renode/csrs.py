"""The control and status registers that a program uses and Renode's VexRiscv lacks."""

from __future__ import annotations

from pathlib import Path

_SYSTEM = 0x73
# Interrupt mask and pending interrupts of LiteX, in machine and supervisor mode; VexRiscv's data cache.
_OF_VEXRISCV = {0xBC0, 0xFC0, 0x9C0, 0xDC0, 0xCC0}
_COUNTERS = {*range(0xB03, 0xB20), *range(0xB83, 0xBA0)}  # mhpmcounter3.. and their high halves
_CUSTOM = {*range(0x7C0, 0x800), *range(0xBC0, 0xC00), *range(0xFC0, 0x1000)}


def foreign_csrs(elf: Path) -> list[int]:
    """The numbers of the performance counters and custom registers that the code of `elf` names, for `RegisterCustomCSR`."""
    from elftools.elf.elffile import ELFFile

    found = set()
    with elf.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if section["sh_flags"] & 4 and section["sh_type"] == "SHT_PROGBITS":
                data = section.data()
                words = (int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data) - 3, 4))
                found |= {word >> 20 for word in words if word & 0x7F == _SYSTEM and word & 0x3000}
    return sorted((found & (_COUNTERS | _CUSTOM)) - _OF_VEXRISCV)
