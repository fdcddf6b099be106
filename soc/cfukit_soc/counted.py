"""What a simulator counts: the words that ask for it, and the file that harness/counts.h writes."""

from __future__ import annotations

import struct
from pathlib import Path

from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.causes import CAUSE_NAMES, Busy, Causes, Segment
from cfukit_base.symbols import value_of

REGION_READER = "cfukit_region_cycles"  # the function of the runtime whose reads of the counter have a mark
_HEAD = struct.Struct(f"<4Q2I{len(CAUSE_NAMES)}Q")
_ROW = struct.Struct(f"<I{len(CAUSE_NAMES)}I")


def counting_words(soc: Soc, elf: Path, file: Path) -> list[str]:
    """The words of a simulator's command line that make it count into `file`."""
    words = [f"counts={file}", f"counter={soc.csrs['cfukit_cycles'].address + 4}"]
    reader = value_of(elf, REGION_READER)
    return words if reader is None else [*words, f"region_reader={reader}"]


def read_counts(path: Path) -> tuple[Segment, ...]:
    """The segments of a run, in order."""
    data = path.read_bytes()
    segments, at = [], 0
    while at < len(data):
        end, cfu, port, dma, rows, mark, *cycles = _HEAD.unpack_from(data, at)
        begin = at + _HEAD.size
        at = begin + rows * _ROW.size
        by_pc = {pc & ~1: tuple(counts) for pc, *counts in _ROW.iter_unpack(data[begin:at])}
        causes = Causes(**dict(zip(CAUSE_NAMES, cycles, strict=True)))
        segments.append(Segment(end, causes, Busy(cfu=cfu, memory_port=port, dma_bytes=dma), by_pc, mark))
    return tuple(segments)
