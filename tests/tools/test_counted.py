"""Which segments belong to which operator."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.artefacts.causes import CAUSE_NAMES, Busy, Causes, Segment
from cfukit_base.errors import ResultError
from cfukit_tools.firmware.counted import counted, merged


def segments_of(lengths: list[int], offset: int = 0) -> list[Segment]:
    """Segments of so many cycles. All cycles of segment n belong to instruction 4 n and to one cause."""
    made, end = [], offset
    for number, cycles in enumerate(lengths):
        end += cycles
        index = number % len(CAUSE_NAMES)
        row = tuple(cycles * (place == index) for place in range(len(CAUSE_NAMES)))
        causes = Causes.of({CAUSE_NAMES[index]: cycles})
        made.append(Segment(end, causes, Busy(cfu=number, memory_port=1, dma_bytes=0), {4 * number: row}))
    return made


LENGTHS = st.lists(st.integers(1, 10**9), min_size=1, max_size=12)


@given(LENGTHS, LENGTHS, LENGTHS)
def test_an_inference_is_found_by_its_cycles(before: list[int], steps: list[int], after: list[int]) -> None:
    lengths = [*before, 7, *steps, 9, *after]
    found = counted(segments_of(lengths), steps, 7 + sum(steps) + 9, "here")
    assert found.whole.causes.cycles == 7 + sum(steps) + 9
    assert [step.causes.cycles for step in found.steps] == steps
    inside = range(len(before), len(before) + len(steps) + 2)
    assert sum(sum(row) for row in found.whole.by_pc.values()) == found.whole.causes.cycles
    assert found.whole.busy.memory_port == len(inside)


@given(st.lists(st.integers(2, 10**6), min_size=1, max_size=6), st.integers(0, 5), st.integers(1, 10**6))
def test_a_step_that_reads_the_counter_itself_is_one_step(steps: list[int], which: int, part: int) -> None:
    which %= len(steps)
    part = min(part, steps[which] - 1)
    lengths = [100, 7, *steps[:which], part, steps[which] - part, *steps[which + 1 :], 9, 50]
    found = counted(segments_of(lengths), steps, 16 + sum(steps), "here")
    assert [step.causes.cycles for step in found.steps] == steps
    assert sorted(found.steps[which].by_pc.values(), key=sum)[0].count(0) == len(CAUSE_NAMES) - 1
    assert len(found.steps[which].by_pc) == 2


def test_cycles_of_no_inference_are_refused() -> None:
    segments = segments_of([100, 7, 30, 40, 9, 50])
    assert counted(segments, [30, 40], 86, "here").whole.end == 186
    for steps, cycles in (([30, 41], 86), ([30, 40], 87), ([40, 30], 86), ([30, 40, 9], 86)):
        with pytest.raises(ResultError, match="no inference of 8. cycles among 5 reads"):
            counted(segments, steps, cycles, "here")


@given(LENGTHS)
def test_merging_loses_nothing(lengths: list[int]) -> None:
    segments = segments_of(lengths)
    whole = merged(segments)
    assert whole.end == whole.causes.cycles == sum(lengths)
    assert whole.by_pc == {pc: row for segment in segments for pc, row in segment.by_pc.items()}
    assert whole.busy.cfu == sum(range(len(lengths)))
