"""Function and source line of an address, from the symbols and the DWARF of an ELF."""

from __future__ import annotations

import bisect
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_EXECUTABLE = 4  # SHF_EXECINSTR


@dataclass(frozen=True)
class Location:
    """Where an address is in the source; "" and 0 if the ELF does not say."""

    function: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file else ""
        return " in ".join(part for part in (place, f"{self.function}()" if self.function else "") if part)


@dataclass(frozen=True)
class _Table:
    values: dict[str, int]
    functions: list[tuple[int, int, str]]  # address, bytes, name
    labels: list[tuple[int, int, str]]  # address, end of its section, name: from assembly, without sizes


@functools.lru_cache(maxsize=8)
def _symbols(elf: Path, _mtime_ns: int) -> _Table:
    from elftools.elf.elffile import ELFFile  # importing it takes 50 ms
    from elftools.elf.sections import SymbolTableSection

    found = _Table({}, [], [])
    with elf.open("rb") as file:
        program = ELFFile(file)
        table = program.get_section_by_name(".symtab")
        for entry in table.iter_symbols() if isinstance(table, SymbolTableSection) else ():
            start, kind, section = entry["st_value"], entry["st_info"]["type"], entry["st_shndx"]
            if entry.name:
                found.values[entry.name] = start
            if kind == "STT_FUNC":
                found.functions.append((start, entry["st_size"], entry.name))
            elif kind == "STT_NOTYPE" and isinstance(section, int) and not entry.name.startswith(("$", ".L")):
                home = program.get_section(section)
                if entry.name and home["sh_flags"] & _EXECUTABLE:
                    found.labels.append((start, home["sh_addr"] + home["sh_size"], entry.name))
    found.functions.sort()
    found.labels.sort()
    return found


def symbol(elf: Path, name: str) -> int:
    """The value of a symbol; KeyError if there is none."""
    return _symbols(elf, elf.stat().st_mtime_ns).values[name]


def functions(elf: Path) -> list[tuple[int, int, str]]:
    """(address, bytes, name) of every function, by address."""
    return _symbols(elf, elf.stat().st_mtime_ns).functions


@functools.lru_cache(maxsize=4)
def _lines(elf: Path, _mtime_ns: int) -> tuple[list[int], list[tuple[str, int]]]:
    """The addresses where lines begin, ascending, and the (file, line) of each. From a line 0 on nothing is known."""
    from elftools.elf.elffile import ELFFile

    rows: list[tuple[int, int, str, int]] = []
    with elf.open("rb") as file:
        binary = ELFFile(file)
        if not binary.has_dwarf_info():
            return [], []
        spans = [
            (section["sh_addr"], section["sh_addr"] + section["sh_size"])
            for section in binary.iter_sections()
            if section["sh_flags"] & _EXECUTABLE
        ]
        dwarf = binary.get_dwarf_info()
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            if program is None:
                continue
            names = _file_names(program, unit)
            begins, removed = True, False
            for state in (entry.state for entry in program.get_entries() if entry.state is not None):
                if begins:  # code that the linker removed still has lines, from address 0 on
                    removed = not any(low <= state.address < high for low, high in spans)
                begins = state.end_sequence
                if not removed:
                    known = 0 if state.end_sequence else state.line
                    # Where a sequence ends and the next begins, the end comes first.
                    rows.append(
                        (state.address, int(not state.end_sequence), names.get(state.file, ""), known)
                    )
    rows.sort(key=lambda row: row[:2])
    return [row[0] for row in rows], [(row[2], row[3]) for row in rows]


def _file_names(program: Any, unit: Any) -> dict[int, str]:
    """Absolute path of each file number of a line program. DWARF 4 counts from 1, DWARF 5 from 0."""
    header = program.header
    top = unit.get_top_DIE().attributes
    home = top["DW_AT_comp_dir"].value.decode() if "DW_AT_comp_dir" in top else ""
    folders = [home, *(path.decode() for path in header["include_directory"])]
    first = 1 if header["version"] < 5 else 0
    names = {}
    for number, entry in enumerate(header["file_entry"], first):
        folder = folders[entry.dir_index] if first else folders[entry.dir_index + 1]
        names[number] = str(Path(home, folder, entry.name.decode()))
    return names


def locate(elf: Path, pc: int) -> Location:
    """Function, file and line of an address. In assembly the label before it stands for the function."""
    table = _symbols(elf, elf.stat().st_mtime_ns)
    at = bisect.bisect_right(table.functions, (pc, 1 << 32, "")) - 1
    name = ""
    if at >= 0 and pc < table.functions[at][0] + max(table.functions[at][1], 4):
        name = table.functions[at][2]
    else:
        at = bisect.bisect_right(table.labels, (pc, 1 << 32, "")) - 1
        if at >= 0 and pc < table.labels[at][1]:
            name = table.labels[at][2]
    addresses, lines = _lines(elf, elf.stat().st_mtime_ns)
    at = bisect.bisect_right(addresses, pc) - 1
    file, line = lines[at] if at >= 0 else ("", 0)
    if Path(file).name in _INTRINSICS:
        file, line = _caller(elf, pc) or (file, line)
    return Location(name, file if line else "", line)


# Inline functions of one instruction each. People look for the line that calls them.
_INTRINSICS = ("cfu_ops.h", "cfu.h")


def _caller(elf: Path, pc: int) -> tuple[str, int] | None:
    """File and line of the call whose inlined intrinsic is at `pc`."""
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as file:
        dwarf = ELFFile(file).get_dwarf_info()
        for unit in dwarf.iter_CUs():
            names = _file_names(dwarf.line_program_for_CU(unit), unit)
            calls = []
            for entry in unit.iter_DIEs():
                attributes = entry.attributes
                if entry.tag != "DW_TAG_inlined_subroutine" or "DW_AT_high_pc" not in attributes:
                    continue
                low, high = attributes["DW_AT_low_pc"].value, attributes["DW_AT_high_pc"]
                end = high.value if high.form == "DW_FORM_addr" else low + high.value
                if low <= pc < end:
                    calls.append(
                        (
                            names.get(attributes["DW_AT_call_file"].value, ""),
                            attributes["DW_AT_call_line"].value,
                        )
                    )
            for where, line in reversed(calls):  # the innermost first
                if Path(where).name not in _INTRINSICS:
                    return where, line
    return None
