"""What can be read from a firmware's ELF: the sizes of its parts, where they lie, a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from elftools.elf.elffile import ELFFile

from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.cpu import Memory
from cfukit_base.artefacts.run import MemorySpan, MemoryUse
from cfukit_base.symbols import symbol, value_of

_PARTS = {
    ".text": "code_bytes",
    ".rodata": "const_bytes",
    ".weights": "const_bytes",
    ".data": "data_bytes",
    ".bss": "bss_bytes",
    ".arena": "arena_bytes",
    ".far_arena": "arena_bytes",
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


_LOADED = 2  # SHF_ALLOC
_PLACED = {".text": "code", ".rodata": "code", ".weights": "weights", ".arena": "arena", ".blob": "arena"}
_PLACED |= dict.fromkeys((".data", ".bss", ".stack"), "data") | {".far_arena": "far arena"}


def part_sizes(elf: Path) -> dict[str, int]:
    """Bytes of each part that can be placed: code (with all constants but weights), weights, arena, data (with bss, stack and guard)."""
    total = dict.fromkeys(("code", "weights", "arena", "data"), 0)
    for part, _, size in _placed(elf):
        if part in total:
            total[part] += size
    return total


def memory_map(elf: Path, soc: Soc) -> tuple[MemoryUse, ...]:
    """The memories of the system and what lies in each."""
    placed, held = _placed(elf), _held(elf)
    shown = []
    for memory in soc.memories:
        parts: dict[str, int] = {}
        for part, address, count in placed:
            if memory.holds(address):
                parts[part] = parts.get(part, 0) + count
        spans = tuple(_spans(memory, held))
        shown.append(
            MemoryUse(name=memory.name, base=memory.base, bytes=memory.bytes, parts=parts, spans=spans)
        )
    return tuple(shown)


_HELD = {
    ".boot": "boot",
    ".text": "code",
    ".rodata": "constants",
    ".weights": "weights",
    ".data": "variables",
    ".bss": "variables",
    ".arena": "arena",
    ".far_arena": "arena",
    ".blob": "model",
    ".cfu_memory": "CFU",
    ".stack": "stack",
}


def _held(elf: Path) -> list[MemorySpan]:
    """All bytes that the program takes, by address; those that it copies elsewhere too."""
    found = []
    with elf.open("rb") as file:
        program = ELFFile(file)
        for section in program.iter_sections():
            if section["sh_flags"] & _LOADED and section["sh_size"]:
                holds = _HELD.get(section.name, section.name)
                found.append(MemorySpan(holds=holds, address=section["sh_addr"], bytes=section["sh_size"]))
        for part in program.iter_segments("PT_LOAD"):
            if part["p_filesz"] and part["p_paddr"] != part["p_vaddr"]:
                found.append(MemorySpan(holds="image", address=part["p_paddr"], bytes=part["p_filesz"]))
    guard, bottom = value_of(elf, "__cfukit_stack_guard"), value_of(elf, "__cfukit_stack_bottom")
    for span in [span for span in found if span.holds == "stack"]:
        if (
            guard is not None
            and bottom is not None
            and span.address <= guard < bottom < span.address + span.bytes
        ):
            found.remove(span)
            end = span.address + span.bytes
            found.append(MemorySpan(holds="stack guard", address=span.address, bytes=bottom - span.address))
            found.append(MemorySpan(holds="stack", address=bottom, bytes=end - bottom))
    return sorted(found, key=lambda span: span.address)


def _spans(memory: Memory, held: Sequence[MemorySpan]) -> Iterator[MemorySpan]:
    """The spans of a memory and what is free between them."""
    at, end = memory.base, memory.base + memory.bytes
    for span in held:
        if memory.holds(span.address):
            if span.address > at:
                yield MemorySpan(holds="free", address=at, bytes=span.address - at)
            yield span
            at = span.address + span.bytes
    if at < end:
        yield MemorySpan(holds="free", address=at, bytes=end - at)


def _placed(elf: Path) -> list[tuple[str, int, int]]:
    """(part, address, bytes) of every section that is not empty."""
    with elf.open("rb") as file:
        sections = [(s.name, s["sh_addr"], s["sh_size"]) for s in ELFFile(file).iter_sections()]
    return [(_PLACED[name], address, size) for name, address, size in sections if name in _PLACED and size]


def image_digest(elf: Path) -> str:
    """SHA-256 of addresses and contents of what is loaded. It does not depend on the folder that the program was built in."""
    total = hashlib.sha256()
    with elf.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            total.update(f"{segment['p_vaddr']:x} {segment['p_memsz']:x} ".encode() + segment.data())
    return total.hexdigest()


def host_digest(program: Path) -> str:
    """Like `image_digest`, for a program of this machine. Its segments hold a build id that depends on paths, which is left out."""
    total = hashlib.sha256()
    with program.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if section["sh_flags"] & _LOADED and section.name != ".note.gnu.build-id":
                total.update(
                    f"{section.name} {section['sh_addr']:x} {section['sh_size']:x} ".encode() + section.data()
                )
    return total.hexdigest()
