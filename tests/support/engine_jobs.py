"""Random jobs of the streaming engine, as commands in a segment: a bench plays them, and the engine's model judges."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from cfukit.dma import DMA_TEST_BASE, DMA_TEST_BYTES
from cfukit.engine import EngineSize, Job
from cfukit.engine.instructions import BY_DMA, NEXT
from cfukit.testing.stimulus import PATTERN_CYCLES, Op, Segment

SET, START, FEED, WAIT = range(4)
RESTART, FEED_CHANNELS = 0, 2
ALWAYS = (1 << PATTERN_CYCLES) - 1
INPUT, OUTPUT, END = (
    0,
    8192,
    16384,
)  # offsets: inputs and weights lie in the first half, outputs in the second one
MULTIPLIERS = (0, 1 << 30, (1 << 31) - 1)


def halves(low: int, high: int) -> int:
    return (low & 0xFFFF) | (high & 0xFFFF) << 16


@dataclass(frozen=True)
class RandomJob:
    """sets: its descriptor. rows, channel_rows: of the stores, that its weights and channels take. channels: how many are loaded.
    residual: its results are added to others; its own channels come behind the rows of an ADD.
    """

    sets: tuple[Op, ...]
    depthwise: bool
    adds: bool
    weight_rows: int
    rows: int
    channels: int
    channel_rows: int
    residual: bool = False

    def load(self, rng: random.Random, size: EngineSize) -> Iterator[Op]:
        """Weights and channels. A job may begin while its weights are on their way, if they come last."""
        loads = [
            _weights(rng, size, self.depthwise, self.weight_rows),
            _channels(rng, size, self.channels, self.adds, self.residual),
        ]
        for load in loads if rng.random() < 0.5 else reversed(loads):
            yield from load

    def compute(self, rng: random.Random) -> Iterator[Op]:
        if self.residual:
            if rng.random() < 0.8:  # else those of an earlier job
                yield Op(START, Job.TERMS, 0, 0)
            yield Op(START, Job.DEPTHWISE_ADD if self.depthwise else Job.CONV_ADD, 0, 0)
        elif self.adds:
            yield Op(START, Job.TERMS, 0, 0)
            yield Op(START, Job.ADD, 0, 0)
        elif self.depthwise:
            yield Op(START, rng.choice((Job.DEPTHWISE, Job.SUM, Job.MAX)), 0, 0)
        else:
            yield Op(START, Job.CONV, 0, 0)

    def fits_beside(self, other: RandomJob, size: EngineSize) -> bool:
        rows = self.channel_rows + other.channel_rows
        return self.rows + other.rows <= size.weight_rows and rows * size.requantizers <= size.channels

    def load_ahead(self, rng: random.Random, size: EngineSize) -> tuple[list[Op], list[Op]]:
        """Loads beside the job before, and behind it: of both kinds, or of one."""
        weights = NEXT | (Job.DEPTHWISE_WEIGHTS if self.depthwise else Job.WEIGHTS)
        loads = [
            Op(START, weights, _main(rng, self.weight_rows * size.lanes, size.lanes), self.weight_rows),
            Op(START, NEXT | Job.CHANNELS, _main(rng, 12 * self.channels, 4), self.channels),
        ]
        rng.shuffle(loads)
        beside = rng.choice((2, 2, 2, 1))
        return loads[:beside], [replace(op, funct7=op.funct7 & 15 | BY_DMA) for op in loads[beside:]]


def _main(rng: random.Random, count: int, aligned: int) -> int:
    """Where `count` bytes of main memory begin."""
    return DMA_TEST_BASE + rng.randrange((DMA_TEST_BYTES - count) // aligned + 1) * aligned


def random_job(rng: random.Random, size: EngineSize) -> RandomJob:
    """One that fits into the stores and the memory."""
    while True:
        depthwise = rng.random() < 0.4
        height, width = rng.randint(1, 7), rng.randint(1, 7)
        filter_height, filter_width = rng.choice([(1, 1), (3, 3), (rng.randint(1, 5), rng.randint(1, 4))])
        channels = rng.choice((1, 3, size.lanes, 2 * size.lanes, rng.randint(1, 3 * size.lanes)))
        outputs = channels if depthwise else rng.choice((1, size.outputs, rng.randint(1, 20)))
        pixel = channels + rng.choice((0, 0, 0, rng.randint(0, 5)))
        row = width * pixel + rng.choice((0, 0, rng.randint(0, 9)))
        taps = filter_height * filter_width
        rows = taps if depthwise else -(-taps * channels // size.lanes)
        groups = -(-outputs // (size.lanes if depthwise else size.outputs))
        output_height, output_width = rng.randint(1, 5), rng.randint(1, 5)
        output_pixel = outputs + rng.choice((0, 0, rng.randint(0, 20)))
        weight_rows = groups * rows * (1 if depthwise else size.outputs)
        fits = rows <= size.window_rows and groups * rows <= size.weight_rows and outputs <= size.channels
        output_bytes = output_height * output_width * output_pixel
        if (
            fits
            and height * row + 100 < OUTPUT
            and output_bytes + 100 < END - OUTPUT
            and weight_rows * size.lanes < OUTPUT
        ):
            break
    zero_points = rng.randrange(256), rng.randrange(256)
    low, high = sorted(rng.randint(-128, 127) for _ in range(2)) if rng.random() < 0.5 else (-128, 127)
    to, at = rng.randrange(OUTPUT, END - output_bytes - 50), rng.randrange(INPUT, OUTPUT - height * row - 50)
    ends = rng.choice(("input", "output", "", "", ""))  # which of them ends with the memory
    if ends == "input":
        to, at = (
            rng.randrange(OUTPUT - output_bytes),
            END - (height - 1) * row - (width - 1) * pixel - channels,
        )
    elif ends == "output":
        to = END - output_bytes + output_pixel - outputs
    sets = [
        set_(0, at, pixel),
        set_(1, halves(height, width), row),
        set_(2, halves(filter_height, filter_width), channels),
        set_(
            3,
            halves(rng.randint(1, 3), rng.randint(1, 3)),
            halves(rng.choice((1, 1, 2)), rng.choice((1, 1, 3))),
        ),
        set_(4, halves(-rng.randint(0, 3), -rng.randint(0, 3)), rows),
        set_(5, to, output_pixel),
        set_(6, halves(output_height, output_width), outputs),
        set_(7, zero_points[0] | zero_points[1] << 8 | (low & 0xFF) << 16 | (high & 0xFF) << 24, 0),
    ]
    if size.dma:
        sets.append(set_(8, DMA_TEST_BASE, DMA_TEST_BYTES))
    residual = bool(size.residual) and rng.random() < 0.6 and outputs + 3 * size.requantizers <= size.channels
    adds = depthwise and not residual and rng.random() < 0.3
    loaded = (
        outputs + 3 * size.requantizers if residual else max(outputs, 3 * size.requantizers if adds else 0)
    )
    if residual:
        pixels = output_height * output_width
        sets += _addend(rng, size, pixels, outputs, to, output_bytes)
    channel_rows = -(-loaded // size.requantizers)
    return RandomJob(tuple(sets), depthwise, adds, weight_rows, groups * rows, loaded, channel_rows, residual)


def _addend(
    rng: random.Random, size: EngineSize, pixels: int, outputs: int, to: int, output_bytes: int
) -> list[Op]:
    """One for each output, in a place that is not written."""
    number = 9 if size.dma else 8
    while True:
        pixel = outputs + rng.choice((0, 0, rng.randint(0, 20)))
        at = rng.randrange(END - pixels * pixel)
        end = at + pixels * pixel
        if end <= to or at >= to + output_bytes + 4:  # it may begin a few bytes before `at`
            break
    low, high = sorted(rng.randint(-128, 127) for _ in range(2)) if rng.random() < 0.5 else (-128, 127)
    sum_range = rng.randrange(256) | (low & 0xFF) << 8 | (high & 0xFF) << 16
    return [set_(number, at, pixel), set_(number + 1, sum_range, 3)]


def random_jobs(rng: random.Random, size: EngineSize, count: int) -> Iterator[Op]:
    """Jobs one after the other. With DMA, often one is loaded for while the one before computes."""
    made = [random_job(rng, size) for _ in range(count)]
    late: list[Op] | None = None
    for job, following in zip(made, [*made[1:], None], strict=True):
        yield from job.sets
        yield from job.load(rng, size) if late is None else late
        yield from job.compute(rng)
        late = None
        if (
            size.dma
            and following
            and not following.adds
            and following.fits_beside(job, size)
            and rng.random() < 0.7
        ):
            beside, late = following.load_ahead(rng, size)
            yield from beside
        yield Op(WAIT, 0, 0, 0)
        if late is None and rng.random() < 0.5:
            yield from _copy(rng, size)


def _copy(rng: random.Random, size: EngineSize) -> Iterator[Op]:
    """Some rows to anywhere, from main memory, or from anywhere in the TCM that does not overlap what lies before it."""
    lanes, count = size.lanes, rng.choice((0, 1, 2, 3, 5, rng.randint(6, 60)))
    first = rng.randrange(END // lanes - count)
    yield set_(5, first * lanes + rng.choice((0, 0, rng.randrange(lanes))), 0)
    if size.dma and rng.random() < 0.5:
        row = rng.randrange(-1, DMA_TEST_BYTES // lanes - count + 1)
        yield Op(START, BY_DMA | Job.COPY, DMA_TEST_BASE + row * lanes, count)
    else:
        after = [n for n in range(END // lanes - count) if n >= first or n + count <= first]
        yield Op(START, Job.COPY, rng.choice(after) * lanes, count)
    yield Op(WAIT, 0, 0, 0)


def _weights(rng: random.Random, size: EngineSize, depthwise: bool, count: int) -> Iterator[Op]:
    """`count` rows, from anywhere."""
    first = rng.randrange((OUTPUT - count * size.lanes) // size.lanes + 1) * size.lanes
    job = Job.DEPTHWISE_WEIGHTS if depthwise else Job.WEIGHTS
    if size.dma and rng.random() < 0.6:
        yield Op(START, BY_DMA | job, DMA_TEST_BASE + first, count)
    elif rng.random() < 0.7:
        yield Op(START, job, first, count)
    else:
        yield Op(FEED, RESTART, int(not depthwise) | 4, 0)
        words = [
            rng.choice((rng.getrandbits(32), 0x80808080, 0x7F7F7F7F)) for _ in range(count * size.lanes // 4)
        ]
        for n in range(0, len(words), size.fed_words):
            yield Op(FEED, 1, words[n], words[n + size.fed_words - 1])


def _channels(rng: random.Random, size: EngineSize, count: int, adds: bool, residual: bool) -> Iterator[Op]:
    """`count` channels, from anywhere; for an ADD its three rows, which also come first for a residual job."""
    if size.dma and not adds and rng.random() < 0.6:
        yield Op(START, BY_DMA | Job.CHANNELS, _main(rng, 12 * count, 4), count)
    elif adds or rng.random() < 0.8:
        yield Op(FEED, RESTART, 2, 0)
        shift = rng.choice((-7, -9, -12))
        if residual:
            yield from _sum_channels(rng, size)
            count -= 3 * size.requantizers
        for _ in range(max(count, 3 * size.requantizers if adds else 0)):
            bias = rng.choice((0, rng.getrandbits(32), rng.randint(-5000, 5000) & 0xFFFFFFFF))
            multiplier = rng.choice((*MULTIPLIERS, rng.randint(1 << 30, (1 << 31) - 1)))
            for word in (bias, multiplier, rng.choice((shift, shift, rng.randint(-31, 30))) & 0xFFFFFFFF):
                yield Op(FEED, FEED_CHANNELS, word, 0)
    else:
        yield Op(START, Job.CHANNELS, rng.randrange((OUTPUT - 12 * count) // 4) * 4, count)


def _sum_channels(rng: random.Random, size: EngineSize) -> Iterator[Op]:
    """Both operands and the sum, as an ADD has them."""
    for row in range(3):
        bias = 0 if row == 2 else rng.randint(-128, 127) * -(1 << 20) & 0xFFFFFFFF
        multiplier, shift = (
            rng.randint(1 << 30, (1 << 31) - 1),
            rng.randint(-21, -17) if row == 2 else rng.randint(-3, 0),
        )
        for word in (bias, multiplier, shift & 0xFFFFFFFF) * size.requantizers:
            yield Op(FEED, FEED_CHANNELS, word, 0)


def set_(number: int, rs1: int, rs2: int) -> Op:
    return Op(SET, number, rs1, rs2)


def random_segment(seed: int, size: EngineSize, jobs: int = 3) -> Segment:
    """Some jobs, on a memory that is ideal, busy, or late."""
    rng = random.Random(f"engine {seed}")
    ops = tuple(random_jobs(rng, size, jobs))
    ready, waits = ALWAYS, (0,)
    if seed % 3 == 1:
        ready = sum((rng.random() < 0.6) << i for i in range(PATTERN_CYCLES)) | 1
    if seed % 3 == 2:
        waits = tuple(rng.choice((0, 1, 2, rng.randrange(12))) for _ in range(61))
    dma = {"dma_seed": seed} if size.dma else {}
    late = size.dma and seed % 4
    dma_ready = sum((rng.random() < 0.4) << i for i in range(PATTERN_CYCLES)) | 1 if late else ALWAYS
    dma_waits = tuple(rng.choice((0, 0, 1, rng.randrange(20))) for _ in range(61)) if late else (0,)
    return Segment(
        "jobs", ops, ALWAYS, 2, True, seed, ready, waits, **dma, dma_ready=dma_ready, dma_waits=dma_waits
    )
