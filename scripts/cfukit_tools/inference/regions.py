"""The cycles of each CFUKIT_REGION by cause: the parts of a run between the reads of the counter where the region begins and ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import add, attrgetter
from pathlib import Path

from cfukit_base.artefacts.causes import CAUSE_NAMES, Causes, RegionRun, Segment
from cfukit_base.errors import ResultError
from cfukit_base.protocol import wire
from cfukit_base.symbols import data_at

_counts: Callable[[Causes], tuple[int, ...]] = attrgetter(*CAUSE_NAMES)
_Run = tuple[int, int]  # the segments before and after which a region begins and ends


def told_regions(records: Sequence[wire.Region], segments: Sequence[Segment], where: str) -> list[RegionRun]:
    """The regions that a program has told, with causes if its segments have marks. ResultError if the two disagree."""
    if not any(segment.mark for segment in segments):
        told = [RegionRun(name=one.name, count=one.count, cycles=one.cycles, causes=None) for one in records]
        return _by_name(told)
    sums, border_at = _sums(segments), {segment.end: number for number, segment in enumerate(segments)}
    found = []
    # The program tells its regions in the order in which they were first entered.
    for one, runs in zip(records, _runs(segments).values(), strict=False):
        *known, (begin, end) = runs
        # A program that ends inside of a region has read the counter once more, without a mark.
        left = one.cycles - sum(segments[last].end - segments[first].end for first, last in known)
        end = border_at.get(segments[begin].end + left, -1)
        if end < begin:
            raise ResultError(where, f"region {one.name}: no read of the counter after {left:,} cycles")
        causes = _causes(sums, [*known, (begin, end)])
        found.append(RegionRun(name=one.name, count=one.count, cycles=one.cycles, causes=causes))
    return _by_name(found)


def regions_in(elf: Path, segments: Sequence[Segment]) -> list[RegionRun]:
    """The regions that began and ended within these segments."""
    sums, found = _sums(segments), []
    for address, runs in _runs(segments).items():
        ended = [run for run in runs if run[1] >= 0]
        causes = _causes(sums, ended)
        name = (
            data_at(elf, int.from_bytes(data_at(elf, address)[:4], "little"))
            .partition(b"\0")[0]
            .decode(errors="replace")
        )
        found.append(RegionRun(name=name, count=len(ended), cycles=causes.cycles, causes=causes))
    return _by_name(found)


def _runs(segments: Sequence[Segment]) -> dict[int, list[_Run]]:
    """The runs of each region, by its address, in the order in which the regions were first entered; -1 without an end."""
    found: dict[int, list[_Run]] = {}
    for number, segment in enumerate(segments):
        runs = found.setdefault(segment.mark & ~1, [])
        # The counter is read again where its low word has just overflown, and at the end of each recursion. The last read counts.
        if segment.mark & 1 and runs:
            runs[-1] = runs[-1][0], number
        elif segment.mark and not segment.mark & 1:
            if runs and runs[-1][1] < 0:
                runs.pop()
            runs.append((number, -1))
    return {address: runs for address, runs in found.items() if runs}


def _sums(segments: Sequence[Segment]) -> list[tuple[int, ...]]:
    """The cycles by cause up to the end of each segment."""
    rows = (_counts(segment.causes) for segment in segments)
    return list(accumulate(rows, lambda total, row: tuple(map(add, total, row))))


def _causes(sums: Sequence[tuple[int, ...]], runs: Sequence[_Run]) -> Causes:
    spans = [(sums[first], sums[last]) for first, last in runs]
    counts = [sum(after[n] - before[n] for before, after in spans) for n in range(len(CAUSE_NAMES))]
    return Causes(**dict(zip(CAUSE_NAMES, counts, strict=True)))


def _by_name(regions: Sequence[RegionRun]) -> list[RegionRun]:
    """A program may have several regions of one name."""
    found: dict[str, RegionRun] = {}
    for one in regions:
        if (same := found.get(one.name)) is not None:
            cycles = (same.cycles or 0) + (one.cycles or 0)
            causes = same.causes + one.causes if same.causes and one.causes else None
            one = RegionRun(name=one.name, count=same.count + one.count, cycles=cycles, causes=causes)
        found[one.name] = one
    return list(found.values())
