"""The streaming engine: its gateware against its model, on random jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from cfukit.dma import DMA_TEST_BASE
from cfukit.engine import EngineSize, Job, Status, make_engine
from cfukit.testing import check_verilog, verilator_driver
from cfukit.testing.checks import hang_cycles
from cfukit.testing.judge import Record, judge
from cfukit.testing.mismatch import Context
from cfukit.testing.stimulus import Op, Segment
from cfukit_base.errors import UsageError
from support.engine_jobs import BY_DMA, FEED, FEED_CHANNELS, NEXT, START, WAIT, random_segment, set_

SIZES = {
    "16x4x2": EngineSize(dma=128, pixels=2),
    "8x2": EngineSize(lanes=8, outputs=2, requantizers=1, weight_rows=256, window_rows=64, channels=64),
    "4x2x2": EngineSize(
        lanes=4, outputs=2, requantizers=1, weight_rows=256, window_rows=64, channels=64, pixels=2
    ),
    "4x1": EngineSize(
        lanes=4, outputs=1, requantizers=1, weight_rows=256, window_rows=64, channels=64, dma=32
    ),
    "16x2": EngineSize(outputs=2),  # of engine_ulx3s
    "8x4": EngineSize(lanes=8, requantizers=1, dma=64),  # of engine_tang20k
    "16x4x2 residual": EngineSize(dma=128, pixels=2, residual=1),  # of mlperf_arty
    "8x4 residual": EngineSize(lanes=8, requantizers=1, dma=64, residual=1),
    "16x4 residual": EngineSize(requantizers=4, pixels=2, weight_rows=128, residual=1),
    "4x4 residual": EngineSize(
        lanes=4, requantizers=4, weight_rows=256, window_rows=64, channels=64, residual=1
    ),
    "16x8": EngineSize(outputs=8, requantizers=4, window_rows=128, channels=64),
}
SMALL = EngineSize(lanes=4, outputs=2, requantizers=1, weight_rows=16, window_rows=8, channels=8, dma=32)


def play(size: EngineSize, segments: Sequence[Segment]) -> list[Record]:
    cfu = make_engine(size)
    bench = verilator_driver.build(cfu.verilog(), "engine", cfu.memory_width, size.dma)
    return verilator_driver.play(bench, segments, hang_cycles(cfu))


def check_jobs(size: EngineSize, seeds: Iterable[int]) -> None:
    """Random jobs through the generated Verilog: status, memory, and nothing else written."""
    segments = [random_segment(seed, size) for seed in seeds]
    for number, (segment, record) in enumerate(zip(segments, play(size, segments), strict=True)):
        judge(Context(make_engine(size), segment.memory_seed, "Verilator"), number, segment, record)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["16x4x2 residual", "8x4"])
def test_random_jobs(name: str) -> None:
    check_jobs(SIZES[name], range(10))


@pytest.mark.long
@pytest.mark.parametrize("name", SIZES)
def test_random_jobs_at_length(name: str) -> None:
    check_jobs(SIZES[name], range(520))


@pytest.mark.slow
@pytest.mark.parametrize("residual", [0, 1])
def test_any_commands_in_any_order(residual: int) -> None:
    """Jobs without weights, jobs that are refused, words that are fed in between, and resets in the middle of a job."""
    check_verilog(make_engine(replace(SMALL, residual=residual)), 1, 3000)


def job(rows: int, outputs: int, height: int = 2) -> Segment:
    """A 1 x 1 convolution of 4 channels on the smallest engine."""
    ops = (
        *(
            set_(0, 0, 4),
            set_(1, height | 2 << 16, 8),
            set_(2, 1 | 1 << 16, 4),
            set_(3, 1 | 1 << 16, 1 | 1 << 16),
        ),
        *(set_(4, 0, rows), set_(5, 8192, outputs), set_(6, 2 | 2 << 16, outputs), set_(7, 0x7F80_0000, 0)),
        *(
            Op(START, Job.WEIGHTS, 0, 32),
            Op(START, Job.CHANNELS, 0, 8),
            Op(START, Job.CONV, 0, 0),
            Op(WAIT, 0, 0, 0),
        ),
        *(set_(4, 0, 1), set_(1, 2 | 2 << 16, 8), set_(6, 2 | 2 << 16, 4)),
        *(Op(START, Job.CONV, 0, 0), Op(WAIT, 0, 0, 0)),  # the next job is none the worse
    )
    return replace(random_segment(0, SMALL, 1), ops=ops)


@pytest.mark.slow
def test_a_bad_descriptor_is_reported_and_nothing_hangs() -> None:
    cases = {
        job(1, 4): Status(0),
        job(1, 4, height=0): Status.REFUSED,
        job(0, 4): Status.REFUSED,
        job(9, 4): Status.REFUSED,  # the store has 8 rows
        job(2, 4): Status.ROWS,
        job(1, 40): Status.WEIGHTS,  # 20 rows; the store has 16
    }
    for segment, record in zip(cases, play(SMALL, list(cases)), strict=True):
        assert statuses(segment, record) == [cases[segment], 0] and record.rule == 0


def test_rows_that_are_fed_right_after_reset_are_whole() -> None:
    """Each is the first output's, and the other outputs' weights are 0: no `restart` has said that they come in columns."""
    ops = job(1, 4).ops
    sets, starts = ops[:8], ops[10:12]
    fed = [Op(FEED, 1, 0x01010101 * n, 0) for n in (1, 2)]
    fed += [Op(FEED, FEED_CHANNELS, word, 0) for _ in range(4) for word in (0, 1 << 30, 1)]  # as they are
    segment = replace(random_segment(0, SMALL, 1), ops=(*sets, *fed, *starts))
    (record,) = play(SMALL, [segment])
    assert statuses(segment, record) == [0] and record.rule == 0
    judge(Context(make_engine(SMALL), segment.memory_seed, "Verilator"), 0, segment, record)


def load(job: Job, address: int, count: int) -> Segment:
    """A load from the second half of main memory; then one that is well."""
    ops = (
        set_(8, DMA_TEST_BASE + 8192, 8192),
        *(Op(START, BY_DMA | job, address, count), Op(WAIT, 0, 0, 0)),
        *(Op(START, BY_DMA | Job.CHANNELS, DMA_TEST_BASE + 8196, 8), Op(WAIT, 0, 0, 0)),
    )
    return replace(random_segment(0, SMALL, 1), ops=ops)


@pytest.mark.slow
def test_a_load_from_elsewhere_is_refused() -> None:
    begin, end = DMA_TEST_BASE + 8192, DMA_TEST_BASE + 16384
    cases = {
        load(Job.WEIGHTS, begin, 32): Status(0),
        load(Job.WEIGHTS, begin, 33): Status.MAIN,  # the store has 16 rows of 2
        load(Job.WEIGHTS, end - 12, 3): Status(0),
        load(Job.WEIGHTS, end - 12, 4): Status.MAIN,
        load(Job.WEIGHTS, begin - 4, 1): Status.MAIN,
        load(Job.WEIGHTS, 0xFFFF_FFFC, 1): Status.MAIN,
        load(Job.WEIGHTS, begin + 2, 1): Status.MAIN,
        load(Job.WEIGHTS, begin + 2, 0): Status(0),
        load(Job.DEPTHWISE_WEIGHTS, begin, 16): Status(0),
        load(Job.DEPTHWISE_WEIGHTS, begin, 17): Status.MAIN,
        load(Job.CHANNELS, end - 96, 8): Status(0),
        load(Job.CHANNELS, end - 92, 8): Status.MAIN,
        load(Job.CHANNELS, begin, 9): Status.MAIN,
        load(Job.CHANNELS, begin + 1, 1): Status.MAIN,
    }
    records = play(SMALL, list(cases))
    for (segment, expected), record in zip(cases.items(), records, strict=True):
        assert statuses(segment, record) == [expected, 0] and record.rule == 0, segment.ops[1]


def load_ahead(job: Job, count: int, ahead: int) -> Segment:
    """A load, one behind it, and one from the begin of the store."""
    ops = (
        set_(8, DMA_TEST_BASE, 8192),
        *(Op(START, BY_DMA | job, DMA_TEST_BASE, count), Op(WAIT, 0, 0, 0)),
        *(Op(START, NEXT | job, DMA_TEST_BASE + 64, ahead), Op(WAIT, 0, 0, 0)),
        *(Op(START, BY_DMA | job, DMA_TEST_BASE, 1), Op(WAIT, 0, 0, 0)),
    )
    return replace(random_segment(0, SMALL, 1), ops=ops)


@pytest.mark.slow
def test_what_does_not_fit_beside_the_rest_is_not_loaded_ahead() -> None:
    """The stores have 16 rows of 2 x 4 weights, and 8 channels."""
    cases = {
        load_ahead(Job.WEIGHTS, 20, 12): Status(0),
        load_ahead(Job.WEIGHTS, 20, 14): Status.MAIN,
        load_ahead(Job.WEIGHTS, 32, 1): Status.MAIN,
        load_ahead(Job.WEIGHTS, 0, 32): Status(0),
        load_ahead(Job.DEPTHWISE_WEIGHTS, 9, 7): Status(0),
        load_ahead(Job.DEPTHWISE_WEIGHTS, 9, 8): Status.MAIN,
        load_ahead(Job.CHANNELS, 5, 3): Status(0),
        load_ahead(Job.CHANNELS, 5, 4): Status.MAIN,
        load_ahead(Job.CHANNELS, 8, 0): Status(0),
    }
    records = play(SMALL, list(cases))
    for (segment, expected), record in zip(cases.items(), records, strict=True):
        assert statuses(segment, record) == [0, expected, 0] and record.rule == 0, segment.ops[1:]
        judge(Context(make_engine(SMALL), segment.memory_seed, "Verilator"), 0, segment, record)


def statuses(segment: Segment, record: Record) -> list[int]:
    return [record.values[n] for n, op in enumerate(segment.ops) if op.funct3 == WAIT]


def test_the_dma_port_is_as_wide_as_a_row() -> None:
    with pytest.raises(UsageError, match="EngineSize: dma is 32; 0 \\(none\\) or 128, a row"):
        EngineSize(dma=32)
