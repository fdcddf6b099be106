"""What the DWARF of an ELF says: source lines, functions, and the copies of functions inside of others."""

from __future__ import annotations

import bisect
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_EXECUTABLE = 4  # SHF_EXECINSTR
Spans = tuple[tuple[int, int], ...]  # first address, and the one after the last


@dataclass(frozen=True)
class Definition:
    """Where a function is defined; "" and 0 if that is not known."""

    name: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class Copy:
    """A function's code inside of another function, and the call that it stands for."""

    function: Definition
    caller_file: str
    caller_line: int
    spans: Spans


@dataclass(frozen=True)
class Functions:
    """Functions that have code of their own, by name; and all copies, each behind the one that it lies in."""

    own: dict[str, Definition]
    copies: tuple[Copy, ...]

    def copies_at(self, pc: int) -> list[Copy]:
        """The copies that an address belongs to, the innermost first."""
        found = [copy for copy in self.copies if any(low <= pc < high for low, high in copy.spans)]
        return found[::-1]


def line_at(elf: Path, pc: int) -> tuple[str, int]:
    """File and line of an address; ("", 0) if nothing is known."""
    addresses, lines = _lines(elf, elf.stat().st_mtime_ns)
    at = bisect.bisect_right(addresses, pc) - 1
    return lines[at] if at >= 0 and lines[at][1] else ("", 0)


def functions_of(elf: Path) -> Functions:
    """All functions that DWARF knows."""
    return _functions(elf, elf.stat().st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _functions(elf: Path, _mtime_ns: int) -> Functions:
    from elftools.elf.elffile import ELFFile  # importing it takes 50 ms

    own: dict[str, Definition] = {}
    copies: list[Copy] = []
    with elf.open("rb") as file:
        binary = ELFFile(file)
        if not binary.has_dwarf_info():
            return Functions(own, ())
        dwarf = binary.get_dwarf_info()
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            names = _file_names(program, unit) if program is not None else {}
            for entry in unit.iter_DIEs():
                if entry.tag == "DW_TAG_subprogram" and "DW_AT_low_pc" in entry.attributes:
                    found = _definition(entry, names)
                    own.setdefault(found.name, found)
                elif entry.tag == "DW_TAG_inlined_subroutine":
                    call_file = entry.attributes.get("DW_AT_call_file")
                    call_line = entry.attributes.get("DW_AT_call_line")
                    copies.append(
                        Copy(
                            _definition(entry, names),
                            names.get(call_file.value, "") if call_file else "",
                            call_line.value if call_line else 0,
                            tuple(_spans(dwarf, unit, entry)),
                        )
                    )
    return Functions(own, tuple(copies))


def _definition(entry: Any, names: dict[int, str]) -> Definition:
    """Name and place of the function of an entry, which may stand in the entry that it was made from."""
    name, file, line = "", 0, 0
    while entry is not None:
        attributes = entry.attributes
        name = name or (attributes["DW_AT_name"].value.decode() if "DW_AT_name" in attributes else "")
        if not line and "DW_AT_decl_line" in attributes:
            line, file = attributes["DW_AT_decl_line"].value, attributes["DW_AT_decl_file"].value
        link = next(
            (key for key in ("DW_AT_abstract_origin", "DW_AT_specification") if key in attributes), None
        )
        entry = entry.get_DIE_from_attribute(link) if link else None
    return Definition(name, names.get(file, ""), line)


def _spans(dwarf: Any, unit: Any, entry: Any) -> Iterator[tuple[int, int]]:
    attributes = entry.attributes
    if "DW_AT_ranges" in attributes:
        top = unit.get_top_DIE().attributes
        base = top["DW_AT_low_pc"].value if "DW_AT_low_pc" in top else 0
        for part in dwarf.range_lists().get_range_list_at_offset(attributes["DW_AT_ranges"].value, cu=unit):
            if hasattr(part, "base_address"):
                base = part.base_address
            else:
                start = 0 if part.is_absolute else base
                yield start + part.begin_offset, start + part.end_offset
    elif "DW_AT_high_pc" in attributes and "DW_AT_low_pc" in attributes:
        low, high = attributes["DW_AT_low_pc"].value, attributes["DW_AT_high_pc"]
        yield low, high.value if high.form == "DW_FORM_addr" else low + high.value


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
