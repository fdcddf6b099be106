"""Which of an engine's segments belong to which operator: an inference is found by the cycles that its firmware reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cfukit_base.artefacts.causes import CAUSE_NAMES, Busy, Causes, Segment
from cfukit_base.errors import ResultError


@dataclass(frozen=True)
class Counted:
    """One inference: where the cycles of each step of the plan went, and those of the whole. parts: what the whole was merged from."""

    steps: tuple[Segment, ...]
    whole: Segment
    parts: tuple[Segment, ...] = ()


def counted(segments: Sequence[Segment], step_cycles: Sequence[int], cycles: int, where: str) -> Counted:
    """The first inference that took `cycles`, of which `step_cycles` each step. ResultError if there is none.

    The server reads the counter before the inference, before the first step, after each step, and after the inference.
    """
    reads = [segment.end for segment in segments[:-1]]
    number_at = {cycle: number for number, cycle in enumerate(reads)}
    for first in range(1, len(reads)):
        borders = [first]
        for spent in step_cycles:
            number = number_at.get(reads[borders[-1]] + spent)
            if number is None:
                break
            borders.append(number)
        end = number_at.get(reads[first - 1] + cycles)
        if len(borders) == len(step_cycles) + 1 and end is not None and end > borders[-1]:
            steps, parts = pairwise(borders), tuple(segments[first : end + 1])
            return Counted(
                tuple(merged(segments[begin + 1 : after + 1]) for begin, after in steps), merged(parts), parts
            )
    raise ResultError(
        where, f"no inference of {cycles:,} cycles among {len(reads)} reads of the cycle counter"
    )


def merged(segments: Sequence[Segment]) -> Segment:
    """Consecutive segments as one."""
    by_pc: dict[int, list[int]] = defaultdict(lambda: [0] * len(CAUSE_NAMES))
    causes, cfu, port, dma_bytes = Causes.of({}), 0, 0, 0
    for segment in segments:
        causes += segment.causes
        cfu += segment.busy.cfu
        port += segment.busy.memory_port
        dma_bytes += segment.busy.dma_bytes
        for pc, counts in segment.by_pc.items():
            row = by_pc[pc]
            for index, count in enumerate(counts):
                row[index] += count
    rows = {pc: tuple(row) for pc, row in sorted(by_pc.items())}
    return Segment(segments[-1].end, causes, Busy(cfu=cfu, memory_port=port, dma_bytes=dma_bytes), rows)
