"""Function and source line of an address, from the symbols and the DWARF of an ELF."""

from __future__ import annotations

import bisect
import functools
import struct
from dataclasses import dataclass
from pathlib import Path

from cfukit_base import dwarf

_EXECUTABLE = 4  # SHF_EXECINSTR
# Inline functions of one instruction each. People look for the line that calls them.
_INTRINSICS = ("cfu_ops.h", "cfu.h")


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


def value_of(elf: Path, name: str) -> int | None:
    """The value of a symbol; None if there is none."""
    return _symbols(elf, elf.stat().st_mtime_ns).values.get(name)


def functions(elf: Path) -> list[tuple[int, int, str]]:
    """(address, bytes, name) of every function, by address."""
    return _symbols(elf, elf.stat().st_mtime_ns).functions


def code_words(elf: Path) -> dict[int, int]:
    """Every word of the code, by the address that it runs at."""
    from elftools.elf.elffile import ELFFile

    found: dict[int, int] = {}
    with elf.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if section["sh_flags"] & _EXECUTABLE and section["sh_type"] == "SHT_PROGBITS":
                words = struct.iter_unpack("<I", section.data()[: section["sh_size"] & ~3])
                found.update((section["sh_addr"] + 4 * number, word) for number, (word,) in enumerate(words))
    return found


def data_at(elf: Path, address: int) -> bytes:
    """What lies in memory from an address on when the program starts, to the end of its section; b"" if nothing is known."""
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            begin = address - section["sh_addr"]
            if (
                section["sh_type"] == "SHT_PROGBITS"
                and section["sh_addr"]
                and 0 <= begin < section["sh_size"]
            ):
                return bytes(section.data()[begin:])
    return b""


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
    return Location(name, *source_line(elf, pc))


def source_line(elf: Path, pc: int) -> tuple[str, int]:
    """File and line of an address; of an intrinsic's code that of the call. ("", 0) if the ELF does not say."""
    file, line = dwarf.line_at(elf, pc)
    if Path(file).name in _INTRINSICS:
        for copy in dwarf.functions_of(elf).copies_at(pc):
            if Path(copy.caller_file).name not in _INTRINSICS:
                return copy.caller_file, copy.caller_line
    return file, line
