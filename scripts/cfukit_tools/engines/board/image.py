"""What of an ELF goes to a board's memories, where there is room beside it, and what the program must know of its host."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cfukit_base.artefacts import Soc
from cfukit_base.errors import ResultError, UsageError
from cfukit_base.protocol import wire
from cfukit_base.symbols import symbol

HOST_SYMBOL = "cfukit_host"  # struct of sw/src/runtime/runtime.h: input, input_end, log, log_end, back
LOG_OFFSET = 8
_LOG_BYTES = 1 << 20
_LEAST_LOG_BYTES = 512
_ALIGNMENT = 16


@dataclass(frozen=True)
class BoardImage:
    """pieces: (address, bytes) to write. entry: where it starts. host: address of its struct cfukit_host. log: (begin, end)."""

    pieces: tuple[tuple[int, bytes], ...]
    entry: int
    host: int
    log: tuple[int, int]

    @property
    def bytes(self) -> int:
        return sum(len(data) for _, data in self.pieces)


def board_image(elf: Path, soc: Soc, boot: wire.BootIs, stdin: bytes | None) -> BoardImage:
    """The image of `elf` for a board whose loader said `boot`, with what getchar shall read (None: the serial line).

    UsageError: not our runtime, or in a memory that cannot be written. ResultError: over the loader's memory, or no room.
    """
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as file:
        program = ELFFile(file)
        segments = [
            (s["p_vaddr"], s["p_paddr"], bytearray(s.data())) for s in program.iter_segments("PT_LOAD")
        ]
        used = [
            (s["sh_addr"], s["sh_addr"] + s["sh_size"])
            for s in program.iter_sections()
            if s["sh_flags"] & 2 and s["sh_size"]
        ]
        entry = int(program["e_entry"])
    try:
        host = symbol(elf, HOST_SYMBOL)
    except (KeyError, ValueError, ResultError, UsageError):
        raise UsageError(
            str(elf), "was not linked with cfukit's runtime", allowed="what `cfukit exec` compiles itself"
        ) from None
    used += [(load, load + len(data)) for _, load, data in segments]
    own = (boot.reserved_base, boot.reserved_base + boot.reserved_bytes)
    for begin, end in used:
        if begin < own[1] and own[0] < end:
            raise ResultError(
                str(elf),
                f"does not fit: it reaches from {begin:#010x} to {end - 1:#010x}",
                allowed=f"the boot loader needs {own[0]:#010x} to {own[1] - 1:#010x}",
                hint="a smaller program or model, or another [place]",
            )
    begin, end = _largest_gap(soc, [*used, own])
    given = stdin or b""
    log = begin + -(-len(given) // _ALIGNMENT) * _ALIGNMENT
    if log + _LEAST_LOG_BYTES > end:
        raise ResultError(
            str(elf), f"no room for {len(given):,} bytes of input beside it", hint="a smaller input"
        )
    log_end = min(end, log + _LOG_BYTES)
    place = (begin, begin + len(given)) if stdin is not None else (0, 0)
    _patch(segments, host, struct.pack("<5I", *place, log, log_end, boot.back))
    pieces = [(load, bytes(data)) for _, load, data in segments if data]
    return BoardImage((*pieces, *([(begin, given)] if given else [])), entry, host, (log, log_end))


def _patch(segments: list[tuple[int, int, bytearray]], address: int, data: bytes) -> None:
    for virtual, _, contents in segments:
        offset = address - virtual
        if offset >= 0 and offset + len(data) <= len(contents):
            contents[offset : offset + len(data)] = data
            return
    raise AssertionError(f"{HOST_SYMBOL} lies in no segment that is loaded")


def _largest_gap(soc: Soc, used: list[tuple[int, int]]) -> tuple[int, int]:
    """The longest stretch of memory for data that nothing uses, aligned."""
    return max(_gaps(soc, used), key=lambda gap: gap[1] - gap[0], default=(0, 0))


def _gaps(soc: Soc, used: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for memory in soc.memories:
        if memory.kind in ("rom", "flash", "itcm"):
            continue
        at, last = memory.base, memory.end
        for begin, end in sorted([*used, (last, last)]):
            if end > at and begin <= last:
                if begin > at:
                    yield -(-at // _ALIGNMENT) * _ALIGNMENT, begin
                at = max(at, end)
