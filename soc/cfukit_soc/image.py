"""The contents of the memories at reset: the loadable segments of an ELF, in the format that the harness reads."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from cfukit_base.artefacts import Soc
from cfukit_base.errors import UsageError


def memory_image(elf: Path, soc: Soc) -> bytes:
    """Chunks of {u32 memory index, u32 byte offset, u32 byte count, bytes}; offsets and counts are multiples of 4.

    UsageError if `elf` is no RV32 program, does not start where the CPU does, or lies outside the memories.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with elf.open("rb") as stream:
            program = ELFFile(stream)
            if program["e_machine"] != "EM_RISCV" or program.elfclass != 32:
                raise UsageError(str(elf), "not a program for RV32", allowed="an ELF of 32 bits for RISC-V")
            entry = program["e_entry"]
            segments = [
                (segment["p_paddr"], segment["p_memsz"], _whole(elf, segment))
                for segment in program.iter_segments()
                if segment["p_type"] == "PT_LOAD" and segment["p_memsz"]
            ]
    except (ELFError, OSError) as error:
        raise UsageError(str(elf), f"cannot be read: {error}", allowed="an ELF for RISC-V") from None
    reset = soc.cpu.reset_address
    if entry != reset:
        raise UsageError(
            str(elf),
            f"its entry is {entry:#010x}",
            allowed=f"the CPU of board '{soc.board}' starts at {reset:#010x}",
        )
    return b"".join(_chunk(elf, soc, segments, *segment) for segment in segments)


def _whole(elf: Path, segment: Any) -> bytes:
    data: bytes = segment.data()
    if len(data) != segment["p_filesz"] or len(data) > segment["p_memsz"]:
        raise UsageError(
            str(elf),
            "a segment is cut, or larger in the file than in memory",
            allowed="a whole ELF",
            hint="link it again",
        )
    return data


def _held(segments: list[tuple[int, int, bytes]], address: int, count: int) -> bytes:
    """The `count` bytes that the segments have from `address` on; 0 where no segment has a byte."""
    return bytes(
        next((data[at - begin] for begin, _, data in segments if begin <= at < begin + len(data)), 0)
        for at in range(address, address + count)
    )


def _chunk(
    elf: Path,
    soc: Soc,
    segments: list[tuple[int, int, bytes]],
    address: int,
    memory_bytes: int,
    data: bytes,
) -> bytes:
    """One segment as whole words. Neighbours keep their bytes in its first and last word."""
    for index, memory in enumerate(soc.memories):
        if memory.holds(address, memory_bytes):
            offset = address - memory.base
            before, after = offset % 4, -(offset + len(data)) % 4
            padded = _held(segments, address - before, before) + data
            padded += _held(segments, address + len(data), after)
            return struct.pack("<III", index, offset - before, len(padded)) + padded if data else b""
    ranges = ", ".join(f"{m.name} {m.base:#010x} to {m.end - 1:#010x}" for m in soc.memories)
    last = address + memory_bytes - 1
    raise UsageError(str(elf), f"{address:#010x} to {last:#010x} is in no memory", allowed=ranges)
