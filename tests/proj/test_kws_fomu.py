"""The CFU of kws_fomu: its gateware against its model, on whole pixels as its kernels begin them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from cfukit import BaseCfu, load_cfu
from cfukit.testing import check_verilog, verilator_driver
from cfukit.testing.checks import hang_cycles
from cfukit.testing.judge import judge
from cfukit.testing.mismatch import Context
from cfukit.testing.stimulus import PATTERN_CYCLES, Op, Segment

FILE = Path(__file__).resolve().parents[2] / "proj" / "kws_fomu" / "cfu.py"
SET, FEED, START, GET = range(4)
WINDOW, WEIGHTS, CHANNELS, RESTART = range(4)


def cfu() -> BaseCfu:
    return load_cfu(FILE)


def pixels(seed: int) -> Segment:
    """An operator of some pixels. While one is computed, the next window is fed and the next pixel started, and results are taken."""
    rng = random.Random(f"pixels {seed}")
    depthwise = rng.randrange(2)
    count = 4 * rng.randint(1, 16) if depthwise else rng.randint(1, 40)
    groups = count // 4 if depthwise else 1  # rows from one row of a block to the next
    rows = rng.randint(1, 256 // groups) if rng.randrange(3) else rng.randint(1, 9)
    span, blocks = rows * groups, -(-count // (4 if depthwise else 2))
    low = rng.randint(-128, 100)
    limits = rng.randint(-128, 127) & 0xFF, low & 0xFF, rng.randint(low, 127) & 0xFF
    ops = [Op(FEED, RESTART, 7, 0)]
    ops += [
        Op(FEED, WEIGHTS, rng.getrandbits(32), rng.getrandbits(32)) for _ in range(min(512, rows * blocks))
    ]
    for _ in range(count):
        ops += [Op(FEED, CHANNELS, rng.randint(-(1 << 20), 1 << 20) & 0xFFFF_FFFF, rng.randint(0, 19))]
        ops += [Op(FEED, CHANNELS, rng.randrange(1 << 30, 1 << 31), 0)]
    ops += [Op(SET, 0, rows | span << 16, count | depthwise << 15 | groups << 16)]
    ops += [Op(SET, 1, limits[0] | limits[1] << 8 | limits[2] << 16, 0)]
    gets = [Op(GET, 0, 0, 0)] * -(-count // 4)
    new = span
    for pixel in range(4):
        fed = [Op(FEED, WINDOW, rng.getrandbits(32), 0) for _ in range(new)]
        taken = gets if pixel else []
        early = rng.randint(0, len(taken))  # before the next pixel is started
        mixed = [(rng.random(), op) for op in fed + taken[:early]]
        ops += [op for _, op in sorted(mixed, key=lambda one: one[0])]
        ops += [Op(START, 0, new if pixel else 0, 0), *taken[early:]]
        new = rng.randint(1, span)
    ops += [*gets, Op(GET, 0, 0, 0)]
    return Segment("pixels", tuple(ops), (1 << PATTERN_CYCLES) - 1, 2, True)


def check_pixels(seeds: Iterable[int]) -> None:
    segments = [pixels(seed) for seed in seeds]
    bench = verilator_driver.build(cfu().verilog(), "kws_fomu", 0)
    records = verilator_driver.play(bench, segments, hang_cycles(cfu()))
    for number, (segment, record) in enumerate(zip(segments, records, strict=True)):
        judge(Context(cfu(), 0, "Verilator"), number, segment, record)


@pytest.mark.slow
def test_whole_pixels() -> None:
    check_pixels(range(20))


@pytest.mark.long
def test_whole_pixels_at_length() -> None:
    check_pixels(range(20, 300))


@pytest.mark.slow
def test_any_commands_in_any_order() -> None:
    """Words that fall into the window in use, jobs that are dropped, stores that are empty, resets."""
    check_verilog(cfu(), 1, 1500)


@pytest.mark.long
def test_any_commands_in_any_order_at_length() -> None:
    check_verilog(cfu(), 2, 20_000)
