"""What a firmware ELF tells: sizes, digest, and whether it holds an instruction that must not be there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile

from cfukit_base.errors import BuildError
from cfukit_base.symbols import locate, symbol

_CUSTOM_0 = 0x0B
_PARTS = {
    ".text": "code_bytes",
    ".rodata": "const_bytes",
    ".weights": "const_bytes",
    ".data": "data_bytes",
    ".bss": "bss_bytes",
    ".arena": "arena_bytes",
    ".stack": "stack_bytes",
}


def sizes(elf: Path) -> dict[str, int]:
    """code_bytes, const_bytes (weights and other constants), data_bytes, bss_bytes, arena_bytes, stack_bytes (reserved)."""
    total = dict.fromkeys(_PARTS.values(), 0)
    with elf.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if section.name in _PARTS:
                total[_PARTS[section.name]] += section["sh_size"]
    if total["stack_bytes"]:
        total["stack_bytes"] -= symbol(elf, "__cfukit_stack_bottom") - symbol(elf, "__cfukit_stack_guard")
    return total


def image_digest(elf: Path) -> str:
    """SHA-256 of what is loaded (addresses and contents): the same program from another folder has the same digest."""
    total = hashlib.sha256()
    with elf.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            total.update(f"{segment['p_vaddr']:x} {segment['p_memsz']:x} ".encode() + segment.data())
    return total.hexdigest()


def check_cfu_results(elf: Path, name: str = "") -> None:
    """Refuse an ELF with a CFU instruction whose rd is x0: the CPU drops that response, and the next one with it.

    name: what to call the ELF in the message.
    """
    with elf.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if not section["sh_flags"] & 4 or section["sh_type"] != "SHT_PROGBITS":
                continue
            words = np.frombuffer(section.data()[: section["sh_size"] & ~3], "<u4")
            found = np.flatnonzero((words & 0xFFF) == _CUSTOM_0)
            if found.size:
                pc = section["sh_addr"] + 4 * int(found[0])
                raise BuildError(
                    str(locate(elf, pc)) or name or str(elf),
                    f"CFU instruction 0x{int(words[found[0]]):08x} at 0x{pc:08x} with rd = x0",
                    allowed="a CFU instruction writes a real register",
                    hint="use cfu_op0..7 of cfu.h",
                    pc=pc,
                )
