"""Names for addresses: the function and the source line of an instruction, from the ELF's symbols and DWARF."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def locate(elf: Path, pc: int) -> dict[str, Any]:
    """{"function", "file", "line"} of the instruction at `pc`; None where the ELF does not tell."""
    from elftools.elf.elffile import ELFFile  # takes 50 ms

    place: dict[str, Any] = {"function": None, "file": None, "line": None}
    with elf.open("rb") as stream:
        program = ELFFile(stream)
        place["function"] = _function(program, pc)
        if program.has_dwarf_info():
            place["file"], place["line"] = _line(program.get_dwarf_info(), pc)
    return place


def _function(program: Any, pc: int) -> str | None:
    """The sized function that holds pc, else the nearest label before it in the same section."""
    table = program.get_section_by_name(".symtab")
    best: tuple[int, str] | None = None
    for symbol in table.iter_symbols() if table else ():
        start, kind = symbol["st_value"], symbol["st_info"]["type"]
        if (
            not symbol.name
            or kind not in ("STT_FUNC", "STT_NOTYPE")
            or symbol["st_shndx"] in ("SHN_UNDEF", "SHN_ABS")
        ):
            continue
        if kind == "STT_FUNC" and start <= pc < start + symbol["st_size"]:
            return str(symbol.name)
        section = program.get_section(symbol["st_shndx"])
        inside = section["sh_addr"] <= pc < section["sh_addr"] + section["sh_size"]
        if (
            inside
            and start <= pc
            and not symbol.name.startswith(("$", ".L"))
            and (best is None or start >= best[0])
        ):
            best = (start, str(symbol.name))
    return best[1] if best else None


def _line(dwarf: Any, pc: int) -> tuple[str | None, int | None]:
    for unit in dwarf.iter_CUs():
        program = dwarf.line_program_for_CU(unit)
        previous = None
        for entry in program.get_entries() if program else ():
            state = entry.state
            if state is None:
                continue
            if previous is not None and previous.address <= pc < state.address:
                return _file(program, previous.file), previous.line
            previous = None if state.end_sequence else state
    return None, None


def _file(program: Any, index: int) -> str | None:
    header = program.header
    files, folders = header["file_entry"], header["include_directory"]
    version5 = header["version"] >= 5  # counts from 0 instead of 1
    position = index if version5 else index - 1
    if not 0 <= position < len(files):
        return None
    entry = files[position]
    folder_index = entry["dir_index"] if version5 else entry["dir_index"] - 1
    name = Path(_text(entry["name"]))
    if 0 <= folder_index < len(folders) and (folder_index or not version5):
        name = Path(_text(folders[folder_index])) / name
    return name.as_posix()


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
