"""ELF files written byte by byte, for shapes that no linker would produce."""

from __future__ import annotations

import struct
from pathlib import Path

EM_RISCV, EM_X86_64 = 243, 62


def write_elf(
    path: Path,
    segments: list[tuple[int, bytes, int]],
    entry: int,
    *,
    machine: int = EM_RISCV,
    kind: int = 1,
) -> Path:
    """A 32-bit little-endian program. segments: (physical address, bytes in the file, bytes in memory); kind: p_type."""
    begin = 52 + 32 * len(segments)
    header = b"\x7fELF\x01\x01\x01" + bytes(9)
    header += struct.pack("<HHIIIIIHHHHHH", 2, machine, 1, entry, 52, 0, 0, 52, 32, len(segments), 40, 0, 0)
    table, data = b"", b""
    for address, content, memory_bytes in segments:
        offset = begin + len(data)
        table += struct.pack(
            "<IIIIIIII", kind, offset, address ^ 0x1000_0000, address, len(content), memory_bytes, 7, 1
        )
        data += content
    path.write_bytes(header + table + data)
    return path
