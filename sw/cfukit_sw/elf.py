"""What a firmware ELF tells: sizes, digest, and whether it holds an instruction that must not be there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from elftools.elf.elffile import ELFFile

from cfukit_base.errors import BuildError
from cfukit_base.symbols import locate, symbol

_CUSTOM_0 = 0x0B
_TRAP_INSTRUCTIONS = (0x00000073, 0x00100073, 0x30200073, 0x10500073)
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


_PLACED = {".text": "code", ".rodata": "code", ".weights": "weights", ".arena": "arena", ".blob": "arena"}
_PLACED |= dict.fromkeys((".data", ".bss", ".stack"), "data")


def part_sizes(elf: Path) -> dict[str, int]:
    """Bytes of what can be placed: code (with constants beside the weights), weights, arena, data (with bss, stack and its guard)."""
    total = dict.fromkeys(("code", "weights", "arena", "data"), 0)
    for part, _, size in _placed(elf):
        total[part] += size
    return total


def memory_map(elf: Path, soc: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The memories of soc.json and what lies in each: {"name", "base", "bytes", "parts": {part: bytes}}."""
    placed = _placed(elf)
    shown = []
    for memory in soc["memories"]:
        base, size = memory["base"], memory["bytes"]
        parts: dict[str, int] = {}
        for part, address, count in placed:
            if base <= address < base + size:
                parts[part] = parts.get(part, 0) + count
        shown.append({"name": memory["name"], "base": base, "bytes": size, "parts": parts})
    return shown


def _placed(elf: Path) -> list[tuple[str, int, int]]:
    """(part, address, bytes) of every section that is not empty."""
    with elf.open("rb") as file:
        sections = [(s.name, s["sh_addr"], s["sh_size"]) for s in ELFFile(file).iter_sections()]
    return [(_PLACED[name], address, size) for name, address, size in sections if name in _PLACED and size]


def image_digest(elf: Path) -> str:
    """SHA-256 of what is loaded (addresses and contents): the same program from another folder has the same digest."""
    total = hashlib.sha256()
    with elf.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            total.update(f"{segment['p_vaddr']:x} {segment['p_memsz']:x} ".encode() + segment.data())
    return total.hexdigest()


def check_instructions(elf: Path, cpu: Mapping[str, Any], name: str = "") -> None:
    """Refuse an ELF with an instruction that the CPU of a soc.json (`cpu`) lacks, or a CFU instruction whose rd is x0.

    The CPU drops the response for x0, and the next one with it. name: what to call the ELF in the message.
    """
    with elf.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if not section["sh_flags"] & 4 or section["sh_type"] != "SHT_PROGBITS":
                continue
            words = np.frombuffer(section.data()[: section["sh_size"] & ~3], "<u4")
            for rule in _rules(cpu, words):
                found = np.flatnonzero(rule.matches)
                if found.size:
                    pc = section["sh_addr"] + 4 * int(found[0])
                    raise BuildError(
                        str(locate(elf, pc)) or name or str(elf),
                        rule.given.format(word=int(words[found[0]]), pc=pc),
                        allowed=rule.allowed,
                        hint=rule.hint,
                        pc=pc,
                    )


@dataclass(frozen=True)
class _Rule:
    matches: np.ndarray
    given: str
    allowed: str
    hint: str


def _rules(cpu: Mapping[str, Any], words: np.ndarray) -> Iterator[_Rule]:
    """What may not stand in `words`."""
    yield _Rule(
        (words & 0xFFF) == _CUSTOM_0,
        "CFU instruction 0x{word:08x} at 0x{pc:08x} with rd = x0",
        "a CFU instruction writes a real register",
        "use cfu_op0..7 of cfu.h",
    )

    def lacks(what: str, matches: np.ndarray, hint: str) -> _Rule:
        given = what + " (0x{word:08x}) at 0x{pc:08x}"
        return _Rule(matches, given, f"the CPU {cpu.get('name', '')} has none", hint)

    if not cpu.get("multiplier", True):
        hint = "assembly or an ELF for another CPU? compilers are told"
        yield lacks("a multiplication", (words & 0xFE00407F) == 0x02000033, hint)
    if not cpu.get("divider", True):
        hint = "assembly or an ELF for another CPU? compilers are told"
        yield lacks("a division", (words & 0xFE00407F) == 0x02004033, hint)
    if not cpu.get("traps", True):
        matches = np.isin(words, _TRAP_INSTRUCTIONS)
        yield lacks("ecall, ebreak, mret or wfi", matches, "a CPU with traps = true")
    csrs = cpu.get("csrs")
    if csrs is not None:
        access = ((words & 0x7F) == 0x73) & ((words & 0x3000) != 0)
        hint = "a CPU with more csrs; cfukit_cycles() counts on every CPU"
        numbers = words >> 20
        for number in np.unique(numbers[access & ~np.isin(numbers, csrs)]):
            yield lacks(f"CSR 0x{int(number):03x}", access & (numbers == number), hint)
