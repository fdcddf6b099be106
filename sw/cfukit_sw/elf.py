"""What a firmware ELF tells: sizes, functions, lines, and whether it holds an instruction that must not be there."""

from __future__ import annotations

import bisect
import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from cfukit_base.errors import BuildError

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


@dataclass(frozen=True)
class Location:
    """Where a program counter is; "" and 0 where the ELF does not tell."""

    function: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file else ""
        return " in ".join(part for part in (place, f"{self.function}()" if self.function else "") if part)


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


@functools.lru_cache(maxsize=8)
def _symbols(elf: Path, _mtime_ns: int) -> tuple[dict[str, int], list[tuple[int, int, str]]]:
    values, functions = {}, []
    with elf.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        for entry in table.iter_symbols() if isinstance(table, SymbolTableSection) else ():
            if entry.name:
                values[entry.name] = entry["st_value"]
            if entry["st_info"]["type"] == "STT_FUNC":
                functions.append((entry["st_value"], entry["st_size"], entry.name))
    return values, sorted(functions)


def image_digest(elf: Path) -> str:
    """SHA-256 of what is loaded (addresses and contents): the same program from another folder has the same digest."""
    total = hashlib.sha256()
    with elf.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            total.update(f"{segment['p_vaddr']:x} {segment['p_memsz']:x} ".encode() + segment.data())
    return total.hexdigest()


def symbol(elf: Path, name: str) -> int:
    """The value of a symbol; KeyError if there is none."""
    return _symbols(elf, elf.stat().st_mtime_ns)[0][name]


def functions(elf: Path) -> list[tuple[int, int, str]]:
    """(address, bytes, name) of every function, by address."""
    return _symbols(elf, elf.stat().st_mtime_ns)[1]


@functools.lru_cache(maxsize=4)
def _lines(elf: Path, _mtime_ns: int) -> tuple[list[int], list[tuple[str, int]]]:
    """Addresses where a line begins, ascending, and (file, line); line 0: nothing is known from here on."""
    rows: list[tuple[int, int, str, int]] = []
    with elf.open("rb") as file:
        binary = ELFFile(file)
        if not binary.has_dwarf_info():
            return [], []
        spans = [
            (section["sh_addr"], section["sh_addr"] + section["sh_size"])
            for section in binary.iter_sections()
            if section["sh_flags"] & 4
        ]
        dwarf = binary.get_dwarf_info()
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            if program is None:
                continue
            names = _file_names(program, unit)
            begins, removed = True, False
            for state in (entry.state for entry in program.get_entries() if entry.state is not None):
                if begins:  # what the linker removed keeps its lines, from address 0 on
                    removed = not any(low <= state.address < high for low, high in spans)
                begins = state.end_sequence
                if not removed:
                    known = 0 if state.end_sequence else state.line
                    # At one address the end of a sequence sorts before the beginning of the next.
                    rows.append(
                        (state.address, int(not state.end_sequence), names.get(state.file, ""), known)
                    )
    rows.sort(key=lambda row: row[:2])
    return [row[0] for row in rows], [(row[2], row[3]) for row in rows]


def _file_names(program: object, unit: object) -> dict[int, str]:
    """Absolute path by the line program's file number (DWARF 4, as our builds ask for)."""
    header = program.header  # type: ignore[attr-defined]
    top = unit.get_top_DIE().attributes  # type: ignore[attr-defined]
    home = top["DW_AT_comp_dir"].value.decode() if "DW_AT_comp_dir" in top else ""
    folders = [home, *(path.decode() for path in header["include_directory"])]
    first = 1 if header["version"] < 5 else 0
    names = {}
    for number, entry in enumerate(header["file_entry"], first):
        folder = folders[entry.dir_index] if first else folders[entry.dir_index + 1]
        names[number] = str(Path(home, folder, entry.name.decode()))
    return names


def locate(elf: Path, pc: int) -> Location:
    """Function, file and line of an address."""
    table = functions(elf)
    at = bisect.bisect_right(table, (pc, 1 << 32, "")) - 1
    name = table[at][2] if at >= 0 and pc < table[at][0] + max(table[at][1], 4) else ""
    addresses, lines = _lines(elf, elf.stat().st_mtime_ns)
    at = bisect.bisect_right(addresses, pc) - 1
    file, line = lines[at] if at >= 0 else ("", 0)
    return Location(name, file if line else "", line)


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
