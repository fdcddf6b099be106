"""Read what the harness counted: harness/counts.h writes the file."""

from __future__ import annotations

import struct
from pathlib import Path

from cfukit_base.artefacts.causes import CAUSE_NAMES, Busy, Causes, Segment

REGION_READER = "cfukit_region_cycles"  # the function of the runtime whose reads of the counter have a mark
_HEAD = struct.Struct(f"<3Q2I{len(CAUSE_NAMES)}Q")
_ROW = struct.Struct(f"<I{len(CAUSE_NAMES)}I")


def read_counts(path: Path) -> tuple[Segment, ...]:
    """The segments of a run, in order."""
    data = path.read_bytes()
    segments, at = [], 0
    while at < len(data):
        end, cfu, port, rows, mark, *cycles = _HEAD.unpack_from(data, at)
        begin = at + _HEAD.size
        at = begin + rows * _ROW.size
        by_pc = {pc & ~1: tuple(counts) for pc, *counts in _ROW.iter_unpack(data[begin:at])}
        causes = Causes(**dict(zip(CAUSE_NAMES, cycles, strict=True)))
        segments.append(Segment(end, causes, Busy(cfu=cfu, memory_port=port), by_pc, mark))
    return tuple(segments)
