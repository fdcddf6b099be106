"""What every CFU is tested with: commands, gaps between them, back-pressure and resets, all from one seed.

A run is a list of segments, and each segment begins with a reset. Drivers (Amaranth's simulator, Verilator, cocotb) play the
segments and record what happens. `judge` compares the record with the model.

A long latency costs simulation time. So instructions that have one come up less often, and a run that has nothing else is shorter
than asked for: on average a command may take CYCLES_PER_OPERATION.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from cfukit.base import BaseCfu
from cfukit.dma import DMA_TEST_BYTES
from cfukit.instruction import Instruction
from cfukit.memory import TEST_BYTES

EDGES = (
    *(0, 1, 0xFFFF_FFFF, 0x8000_0000, 0x7FFF_FFFF, 0x8080_8080, 0x7F7F_7F7F, 0x807F_807F),
    *(0x80, 0x7F, 0xFF, 0x8000, 0xFFFF, 0x0101_0101, 0x5555_5555, 0xAAAA_AAAA),
)
PATTERN_CYCLES = 1024  # rsp_ready repeats after this
NO_LIMIT = 1 << 20
CYCLES_PER_OPERATION = 64  # on average; more makes a run shorter
LATENCY_SAMPLES = 64
FEWEST = 2  # commands of a segment, however slow they are
CPU_LIMIT = 2  # full+cfu has one command in memory and one in execute


@dataclass(frozen=True)
class Op:
    """One command, offered after at least `gap_cycles` without one."""

    funct3: int
    funct7: int
    rs1: int
    rs2: int
    gap_cycles: int = 0

    @property
    def function_id(self) -> int:
        return self.funct7 << 3 | self.funct3


class Vector(NamedTuple):
    """A command and the model's answer to it."""

    funct3: int
    funct7: int
    rs1: int
    rs2: int
    rd: int


@dataclass(frozen=True)
class Segment:
    """Commands from one reset to the next.

    * kind: "steady" is one instruction, always ready, without gaps.
    * ready: rsp_ready by cycle, one bit each, repeated after PATTERN_CYCLES.
    * limit: the most commands that may be outstanding.
    * drain: wait for all responses. Else the next reset comes while some are outstanding.
    * memory_seed: gives the contents of the memory behind the CFU's port; -1 without a port.
    * memory_ready: mem_cmd_ready by cycle, as `ready`.
    * memory_waits: how many cycles more than one the n-th read takes, repeated.
    * dma_seed, dma_ready, dma_waits: the same for main memory behind the DMA port; an element waits behind the one before.
    """

    kind: str
    ops: tuple[Op, ...]
    ready: int
    limit: int
    drain: bool
    memory_seed: int = -1
    memory_ready: int = (1 << PATTERN_CYCLES) - 1
    memory_waits: tuple[int, ...] = (0,)
    dma_seed: int = -1
    dma_ready: int = (1 << PATTERN_CYCLES) - 1
    dma_waits: tuple[int, ...] = (0,)

    @property
    def timed(self) -> bool:
        """Whether nothing delays a response beyond what is declared."""
        return (
            self.always_ready
            and self.memory_ready == (1 << PATTERN_CYCLES) - 1
            and not any(self.memory_waits)
            and self.dma_ready == (1 << PATTERN_CYCLES) - 1
            and not any(self.dma_waits)
        )

    @property
    def always_ready(self) -> bool:
        return self.ready == (1 << PATTERN_CYCLES) - 1

    @property
    def steady(self) -> bool:
        return self.kind == "steady"


def expected_cycles(cfu: BaseCfu, seed: int = 0) -> dict[int, float]:
    """Mean declared latency by funct3, over commands as the tests choose them.

    Where the model cannot be asked, it is the longest that `time` allows.
    """
    rng = random.Random(f"cfukit latencies {seed}")
    means: dict[int, float] = {}
    for funct3, instruction in cfu.instructions.items():
        time = instruction.time
        means[funct3] = time.max_cycles
        if time.max_cycles <= CYCLES_PER_OPERATION or time.min_cycles == time.max_cycles:
            continue
        cfu.reset()
        total = now = 0
        with contextlib.suppress(Exception):  # the run itself will say what is wrong with the model
            for _ in range(LATENCY_SAMPLES):
                op = _op(rng, funct3, instruction, None)
                cycles = cfu.latency_cycles(op.funct3, op.funct7, op.rs1, op.rs2, now)
                cfu.call(op.funct3, op.funct7, op.rs1, op.rs2, now)
                total, now = total + cycles, now + cycles + 1
            means[funct3] = total / LATENCY_SAMPLES
    cfu.reset()
    return means


@dataclass(frozen=True)
class Budget:
    """How many commands are affordable, and how often each instruction comes up.

    * cycles: mean latency by funct3.
    * weights: by funct3; 1 for fast instructions.
    """

    operations: int
    cycles: Mapping[int, float]
    weights: Mapping[int, float]

    def steady_count(self, funct3: int, share: int) -> int:
        """How many of `share` commands a segment of this instruction alone may have."""
        return max(FEWEST, min(share, int(share * CYCLES_PER_OPERATION / max(1.0, self.cycles[funct3]))))


def budget(cfu: BaseCfu, seed: int, operations: int) -> Budget:
    """The budget under which `operations` commands take at most CYCLES_PER_OPERATION times as many cycles."""
    cycles = expected_cycles(cfu, seed)
    weights = {funct3: min(1.0, CYCLES_PER_OPERATION / max(1.0, mean)) for funct3, mean in cycles.items()}
    mean = sum(cycles[i] * weights[i] for i in weights) / sum(weights.values()) if weights else 0.0
    return Budget(int(operations * min(1.0, CYCLES_PER_OPERATION / max(1.0, mean))), cycles, weights)


def segments(cfu: BaseCfu, seed: int, operations: int) -> list[Segment]:
    """About `operations` commands, fewer where latencies are long.

    Steady streams with edge words come first, then random sequences under changing conditions.
    """
    rng = random.Random(f"cfukit {seed}")
    made: list[Segment] = []
    chosen = budget(cfu, seed, operations)
    left = chosen.operations
    fewest = 8 if left == operations else FEWEST
    always = (1 << PATTERN_CYCLES) - 1
    for funct3, instruction in cfu.instructions.items():
        share = max(8, operations // (8 * max(1, len(cfu.instructions))))
        count = chosen.steady_count(funct3, min(share, 2000))
        ops = tuple(_op(rng, funct3, instruction, index) for index in range(count))
        made.append(Segment("steady", ops, always, NO_LIMIT, True))
        left -= count
    if 0 < len(cfu.instructions) < 8:
        ops = tuple(_unassigned_op(rng, cfu, _gap(rng)) for _ in range(16))
        made.append(Segment("unassigned", ops, always, NO_LIMIT, True))
    index = 0
    while left > 0 or index < 4:
        kind = ("cpu", "gaps", "pressure", "abort")[index % 4]
        count = min(max(left, fewest), rng.choice((16, 64, 300, 1000)))
        if kind == "abort":
            count = min(count, 40)
        density = 1.0 if kind in ("cpu", "gaps") else rng.choice((0.1, 0.5, 0.9))
        gaps = kind != "pressure" or rng.random() < 0.5
        pattern = (
            always if density == 1.0 else sum((rng.random() < density) << i for i in range(PATTERN_CYCLES))
        )
        if pattern == 0:
            pattern = 1
        ops = tuple(_random_op(rng, cfu, _gap(rng) if gaps else 0, chosen.weights) for _ in range(count))
        limit = CPU_LIMIT if kind == "cpu" or rng.random() < 0.3 else NO_LIMIT
        made.append(Segment(kind, ops, pattern, limit, kind != "abort"))
        left -= count
        index += 1
    if cfu.memory is not None:
        memory_rng = random.Random(f"cfukit memory {seed}")
        made = [_with_memory(segment, number, memory_rng) for number, segment in enumerate(made)]
    if cfu.dma is not None:
        dma_rng = random.Random(f"cfukit dma {seed}")
        made = [_with_dma(segment, number, dma_rng) for number, segment in enumerate(made)]
    return made


def initial_contents(segment: Segment) -> bytes:
    """What the memory holds at the segment's reset."""
    return random.Random(f"cfukit memory {segment.memory_seed}").randbytes(TEST_BYTES)


def initial_main_memory(segment: Segment) -> bytes:
    """What main memory holds at the segment's reset."""
    return random.Random(f"cfukit dma {segment.dma_seed}").randbytes(DMA_TEST_BYTES)


def _with_memory(segment: Segment, number: int, rng: random.Random) -> Segment:
    """Choose the memory of one segment: ideal, or one that refuses commands (also for long), or one that answers late."""
    segment = replace(segment, memory_seed=rng.getrandbits(31))
    ready, waits = _moods(segment, number % 4, rng)
    return replace(segment, memory_ready=ready, memory_waits=waits)


def _with_dma(segment: Segment, number: int, rng: random.Random) -> Segment:
    """Choose main memory of one segment. Its mood is independent of the other memory's."""
    segment = replace(segment, dma_seed=rng.getrandbits(31))
    ready, waits = _moods(segment, rng.randrange(4) if number else 0, rng)
    if any(waits) and rng.random() < 0.5:  # as if a refresh came in between
        waits = (*waits, rng.randrange(30, 90))
    return replace(segment, dma_ready=ready, dma_waits=waits)


def _moods(segment: Segment, kind: int, rng: random.Random) -> tuple[int, tuple[int, ...]]:
    """When a memory is ready, and how long it waits: kind 0 is ideal."""
    if kind == 0 or segment.kind in ("steady", "unassigned"):
        return (1 << PATTERN_CYCLES) - 1, (0,)
    density = rng.choice((0.1, 0.5, 0.9))
    ready = sum((rng.random() < density) << i for i in range(PATTERN_CYCLES)) | 1
    if kind == 1:  # as if the CPU stored in every cycle for a while
        length = rng.randrange(100, 900)
        ready &= ~((1 << length) - 1 << rng.randrange(PATTERN_CYCLES - length))
    waits = (0,) if kind == 2 else tuple(rng.choice((0, 0, 1, 2, rng.randrange(12))) for _ in range(61))
    return ready | 1, waits


def sequence(cfu: BaseCfu, seed: int, count: int) -> Iterator[Op]:
    """At most `count` commands with declared operands only: edge words of each instruction, then random words."""
    rng = random.Random(f"cfukit vectors {seed}")
    kinds = list(cfu.instructions.items())
    chosen = budget(cfu, seed, count)
    slow = min(chosen.weights.values()) < 1
    count = max(FEWEST * len(kinds), chosen.operations)
    edges = min(count // 2, (FEWEST if slow else 64) * len(kinds))
    for index in range(count):
        if index < edges:
            funct3, instruction = kinds[index % len(kinds)]
            yield _op(rng, funct3, instruction, index // len(kinds))
        else:
            yield _random_op(rng, cfu, 0, chosen.weights)


def _unassigned_op(rng: random.Random, cfu: BaseCfu, gap: int) -> Op:
    funct3 = rng.choice([value for value in range(8) if value not in cfu.instructions])
    return Op(funct3, rng.getrandbits(7), _word(rng), _word(rng), gap)


def _random_op(rng: random.Random, cfu: BaseCfu, gap: int, weights: Mapping[int, float]) -> Op:
    # Verilog may do anything on an undeclared funct3, even change its state: such commands have a segment of their own.
    mixed = cfu.zero_when_unassigned and len(cfu.instructions) < 8
    if not cfu.instructions or (mixed and rng.random() < 0.03):
        return _unassigned_op(rng, cfu, gap)
    # A slow instruction is sometimes replaced by a fast one, if there is any.
    funct3 = rng.choice(list(cfu.instructions))
    if weights[funct3] < 1 and rng.random() >= weights[funct3]:
        funct3 = rng.choices(list(weights), list(weights.values()))[0]
    return _op(rng, funct3, cfu.instructions[funct3], None, gap)


def _op(rng: random.Random, funct3: int, instruction: Instruction, index: int | None, gap: int = 0) -> Op:
    """A command of one instruction; `index` walks through all pairs of edge words."""
    if instruction.operands is not None:
        funct7, rs1, rs2 = instruction.operands(rng)
        return Op(funct3, funct7, rs1, rs2, gap)
    if instruction.modes is None:
        funct7 = rng.choice((0, 0, 1, 127, rng.getrandbits(7)))
    else:
        funct7 = rng.choice(instruction.modes).value if instruction.modes else 0
    if index is not None and index < len(EDGES) ** 2:
        # A stride that is prime to 256 visits every pair once and mixes both words early.
        pair = index * 83 % len(EDGES) ** 2
        return Op(funct3, funct7, EDGES[pair % len(EDGES)], EDGES[pair // len(EDGES)], gap)
    return Op(funct3, funct7, _word(rng), _word(rng), gap)


def _word(rng: random.Random) -> int:
    kind = rng.random()
    if kind < 0.2:
        return rng.choice(EDGES)
    if kind < 0.3:
        return rng.getrandbits(32) >> rng.randrange(32)
    return rng.getrandbits(32)


def _gap(rng: random.Random) -> int:
    return rng.choice((0, 0, 0, 1, 1, 2, 3, rng.randrange(12)))
