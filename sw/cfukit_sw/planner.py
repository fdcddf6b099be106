"""Plan the arena on the host: give every buffer a place, so that buffers which live at the same time do not meet.

A kernel may allow its output to overlap an input that dies in the same step. Then the output must begin at least `lead` bytes before
the input; a lead of 0 means in-place.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

ALIGNMENT = 4  # of every tensor and constant: the CPU's word


@dataclass(frozen=True)
class Buffer:
    """`key` lives from step `first` to step `last`, both included."""

    key: str
    bytes: int
    first: int
    last: int


@dataclass(frozen=True)
class Overlap:
    """`output` may begin at `input`'s offset - lead or below, although both live in the step between them."""

    output: str
    input: str
    lead: int


def plan_arena(
    buffers: Sequence[Buffer],
    overlaps: Sequence[Overlap] = (),
    given: Mapping[str, int] | None = None,
    alignment: int = ALIGNMENT,
    tries: int = 150,
    prefer: Callable[[Mapping[str, int]], int] | None = None,
) -> tuple[dict[str, int], int]:
    """(offset of each key, size of the arena): the best of several greedy orders and of `tries` seeded changes to them.

    * given: offsets that somebody else has planned. If that plan is correct and covers all buffers, the result is no larger. Taken in
      order from low to high, each buffer finds room at its given offset or below.
    * prefer: decides among plans of equal size. The lowest value wins, and 0 cannot be improved.

    The result is deterministic. Buffers of 0 bytes get offset 0.
    """
    leads = {(overlap.output, overlap.input): overlap.lead for overlap in overlaps}
    real = [buffer for buffer in buffers if buffer.bytes > 0]
    zero = {buffer.key: 0 for buffer in buffers if buffer.bytes <= 0}
    floor = lower_bound(real, overlaps)
    keys: list[Callable[[Buffer], tuple[int, ...]]] = [
        lambda b: (-b.bytes, b.first),
        lambda b: (b.first - b.last, -b.bytes),
        lambda b: (-b.bytes * (b.last - b.first + 1), b.first),
        lambda b: (b.first, -b.bytes),
        lambda b: (-b.last, -b.bytes),
    ]
    if given:
        keys.insert(0, lambda b: (b.key not in given, given.get(b.key, 0), -b.bytes))
    best: dict[str, int] = {}
    best_size = best_cost = -1
    best_order: list[Buffer] = []
    chance = random.Random(0)
    for attempt in range(len(keys) + tries):
        if attempt < len(keys):
            order = sorted(real, key=keys[attempt])
        else:
            order = list(best_order)
            if len(order) < 2:
                break
            moved = order.pop(chance.randrange(len(order)))
            order.insert(chance.randrange(len(order) + 1), moved)
        offsets, size = _place(order, leads, alignment)
        if 0 <= best_size < size:
            continue
        cost = prefer({**offsets, **zero}) if prefer is not None else 0
        if size != best_size or cost <= best_cost:
            best, best_cost = offsets, cost
        best_size, best_order = size, order
        if best_size == floor and best_cost == 0:
            break
    return {**best, **zero}, max(best_size, 0)


def lower_bound(buffers: Sequence[Buffer], overlaps: Sequence[Overlap] = ()) -> int:
    """No plan is smaller than this: the bytes that live in the worst step, minus what overlaps can save there."""
    sizes = {buffer.key: buffer for buffer in buffers}
    live: dict[int, int] = {}
    for step in {step for buffer in buffers for step in (buffer.first, buffer.last)}:
        live[step] = sum(b.bytes for b in buffers if b.first <= step <= b.last)
    for overlap in overlaps:
        output, source = sizes.get(overlap.output), sizes.get(overlap.input)
        if output is not None and source is not None and source.last in live:
            both = max(output.bytes, overlap.lead + source.bytes)
            live[source.last] -= max(0, output.bytes + source.bytes - both)
    return max(live.values(), default=0)


def _place(
    order: Sequence[Buffer], leads: dict[tuple[str, str], int], alignment: int
) -> tuple[dict[str, int], int]:
    """Each buffer in turn at the lowest offset that is free."""
    offsets: dict[str, int] = {}
    placed: list[Buffer] = []
    size = 0
    for buffer in order:
        forbidden = []  # open intervals of this buffer's offset
        for other in placed:
            if buffer.last < other.first or other.last < buffer.first:
                continue
            low, high = offsets[other.key] - buffer.bytes, offsets[other.key] + other.bytes
            if (buffer.key, other.key) in leads:
                low = max(low, offsets[other.key] - leads[buffer.key, other.key])
            elif (other.key, buffer.key) in leads:
                high = min(high, offsets[other.key] + leads[other.key, buffer.key])
            if low < high:
                forbidden.append((low, high))
        offset = 0
        for low, high in sorted(forbidden):
            if low < offset < high or (offset == low and high == low):
                offset = -(-high // alignment) * alignment
        # An interval sorted earlier may cover the new offset again, so repeat until none does.
        while any(low < offset < high for low, high in forbidden):
            offset = min(high for low, high in forbidden if low < offset < high)
            offset = -(-offset // alignment) * alignment
        offsets[buffer.key] = offset
        placed.append(buffer)
        size = max(size, offset + buffer.bytes)
    return offsets, size
