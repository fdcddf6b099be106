"""The arena planner: live buffers never overlap unless they may, and overlaps save what they can."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfukit_sw.planner import ALIGNMENT, Buffer, Overlap, lower_bound, plan_arena


@st.composite
def chains(draw):
    """A miniature network: each step writes a buffer that lives until a later step, and some steps need scratch."""
    steps = draw(st.integers(1, 12))
    buffers = []
    for step in range(steps):
        last = draw(st.integers(step, steps))
        buffers.append(Buffer(f"t{step}", draw(st.integers(0, 200)), step - 1, last))
        if draw(st.booleans()):
            buffers.append(Buffer(f"s{step}", draw(st.integers(1, 50)), step, step))
    return buffers


def meet(offsets: dict[str, int], a: Buffer, b: Buffer) -> bool:
    """Whether two buffers share bytes while both are live."""
    together = a.first <= b.last and b.first <= a.last
    return (
        together and offsets[a.key] < offsets[b.key] + b.bytes and offsets[b.key] < offsets[a.key] + a.bytes
    )


@given(chains())
@settings(deadline=None, max_examples=150)
def test_live_buffers_never_meet(buffers):
    offsets, size = plan_arena(buffers)
    real = [buffer for buffer in buffers if buffer.bytes]
    for number, a in enumerate(real):
        assert offsets[a.key] % 4 == 0 and offsets[a.key] + a.bytes <= size
        for b in real[:number]:
            assert not meet(offsets, a, b), (a, b, offsets)
    assert size >= lower_bound(real)


def overlaps(buffers: list[Buffer], lead: int) -> list[Overlap]:
    """Each output may overlap an input that dies in the step that writes the output."""
    return [
        Overlap(output.key, source.key, lead)
        for output in buffers
        for source in buffers
        if output.key[0] == source.key[0] == "t" and source.first < output.first == source.last
    ]


@given(chains(), st.integers(0, 64))
@settings(deadline=None, max_examples=100)
def test_an_overlap_keeps_its_lead(buffers, lead):
    real = [buffer for buffer in buffers if buffer.bytes]
    pairs = overlaps(real, lead)
    offsets, size = plan_arena(buffers, pairs)
    allowed = {(pair.output, pair.input) for pair in pairs}
    for a, b in combinations(real, 2):
        if meet(offsets, a, b):
            output, source = (a, b) if (a.key, b.key) in allowed else (b, a)
            assert (output.key, source.key) in allowed
            assert offsets[output.key] + lead <= offsets[source.key]
    assert size >= lower_bound(real, pairs)


@pytest.mark.parametrize(
    ("lead", "tries", "share"),
    [
        (0, 0, 0.8),
        (16, 150, 0.8),
        (64, 150, 2 / 3),
    ],  # with 0 tries, the greedy orders alone must use the overlaps
)
def test_overlaps_save_most_of_what_they_can(lead, tries, share):
    saved = possible = 0
    for seed in range(100):
        chance = random.Random(seed)
        buffers = []
        for step in range(chance.randint(2, 12)):
            last = chance.randint(step, 12)
            buffers.append(Buffer(f"t{step}", chance.randint(1, 200), step - 1, last))
        pairs = overlaps(buffers, lead)
        plain = plan_arena(buffers, tries=tries)[1]
        size = plan_arena(buffers, pairs, tries=tries)[1]
        assert size < plain + ALIGNMENT, seed
        saved += plain - size
        possible += plain - lower_bound(buffers, pairs)
    assert saved > possible * share


def test_a_chain_needs_two_neighbours_only():
    sizes = [100, 400, 40, 300, 100]
    buffers = [Buffer(str(k), size, k - 1, k) for k, size in enumerate(sizes)]
    assert plan_arena(buffers)[1] == lower_bound(buffers) == 500


def test_in_place_costs_nothing():
    buffers = [Buffer("x", 1000, -1, 0), Buffer("y", 1000, 0, 1)]
    assert plan_arena(buffers)[1] == 2000
    assert plan_arena(buffers, [Overlap("y", "x", 0)])[1] == 1000
    assert plan_arena(buffers, [Overlap("y", "x", 64)])[1] == 1064


def test_the_same_buffers_give_the_same_plan():
    buffers = [Buffer(str(k), 37 * k % 101 + 1, k % 5, k % 5 + k % 3) for k in range(30)]
    assert plan_arena(buffers) == plan_arena(list(buffers))


def test_nothing_to_plan():
    assert plan_arena([]) == ({}, 0)
    assert plan_arena([Buffer("empty", 0, 0, 3)]) == ({"empty": 0}, 0)


@given(chains(), st.integers(0, 2**16))
@settings(deadline=None, max_examples=100)
def test_a_given_plan_is_met_or_beaten(buffers, seed):
    order = [buffer for buffer in buffers if buffer.bytes]
    random.Random(seed).shuffle(order)
    given, size = {}, 0
    for buffer in order:  # any valid plan will do: the first free multiple of 16, in any order
        offset = 0
        while any(meet({**given, buffer.key: offset}, buffer, b) for b in order if b.key in given):
            offset += 16
        given[buffer.key] = offset
        size = max(size, offset + buffer.bytes)
    assert plan_arena(buffers, given=given, tries=0)[1] <= size


def test_a_bound_knows_overlaps():
    buffers = [Buffer("x", 1000, -1, 0), Buffer("y", 800, 0, 1)]
    assert lower_bound(buffers, [Overlap("y", "x", 64)]) == 1064
    assert lower_bound(buffers, [Overlap("y", "x", 900)]) == 1800
