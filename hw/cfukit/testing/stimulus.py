"""What every CFU is tested with: commands, gaps between them, back-pressure and resets, from one seed.

A run is a list of segments; each begins with a reset. Drivers (Amaranth's simulator, Verilator, cocotb) play them and record
what happened; `judge` compares the record with the model.

A long latency costs time, so that instructions with one come up less often, and a run of them alone is shorter than asked for:
on average a command may take CYCLES_PER_OPERATION.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from cfukit.base import BaseCfu
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

    ready: rsp_ready by cycle (one bit each, PATTERN_CYCLES bits). limit: commands outstanding at most. drain: wait for all
    responses (else the next reset comes while some are outstanding). steady: one instruction, always ready, no gaps.
    For a CFU with a memory port: memory_seed gives the contents (-1: no port), memory_ready is as ready, memory_waits says how many
    cycles longer than one the n-th read takes (repeated).
    """

    kind: str
    ops: tuple[Op, ...]
    ready: int
    limit: int
    drain: bool
    memory_seed: int = -1
    memory_ready: int = (1 << PATTERN_CYCLES) - 1
    memory_waits: tuple[int, ...] = (0,)

    @property
    def timed(self) -> bool:
        """Whether nothing delays a response beyond what is declared."""
        return (
            self.always_ready
            and self.memory_ready == (1 << PATTERN_CYCLES) - 1
            and not any(self.memory_waits)
        )

    @property
    def always_ready(self) -> bool:
        return self.ready == (1 << PATTERN_CYCLES) - 1

    @property
    def steady(self) -> bool:
        return self.kind == "steady"


def expected_cycles(cfu: BaseCfu, seed: int = 0) -> dict[int, float]:
    """Mean declared latency of each instruction over commands as the tests choose them, by funct3.

    The longest that `time` allows where the model cannot be asked.
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
    """How many commands are affordable, and how often each instruction comes up: weights by funct3, 1 for the fast ones."""

    operations: int
    cycles: Mapping[int, float]
    weights: Mapping[int, float]

    def steady_count(self, funct3: int, share: int) -> int:
        """Commands of one instruction alone, from `share`."""
        return max(FEWEST, min(share, int(share * CYCLES_PER_OPERATION / max(1.0, self.cycles[funct3]))))


def budget(cfu: BaseCfu, seed: int, operations: int) -> Budget:
    """`operations` commands take at most CYCLES_PER_OPERATION times as many cycles, by the declared latencies."""
    cycles = expected_cycles(cfu, seed)
    weights = {funct3: min(1.0, CYCLES_PER_OPERATION / max(1.0, mean)) for funct3, mean in cycles.items()}
    mean = sum(cycles[i] * weights[i] for i in weights) / sum(weights.values()) if weights else 0.0
    return Budget(int(operations * min(1.0, CYCLES_PER_OPERATION / max(1.0, mean))), cycles, weights)


def segments(cfu: BaseCfu, seed: int, operations: int) -> list[Segment]:
    """About `operations` commands, fewer where latencies are long: edge words and steady streams first, then random
    sequences under changing conditions."""
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
    return made


def initial_contents(segment: Segment) -> bytes:
    """What the memory holds at the segment's reset."""
    return random.Random(f"cfukit memory {segment.memory_seed}").randbytes(TEST_BYTES)


def _with_memory(segment: Segment, number: int, rng: random.Random) -> Segment:
    """The memory of one segment: as good as it gets, or now and then refused (also for long), or slow to answer."""
    segment = replace(segment, memory_seed=rng.getrandbits(31))
    kind = number % 4 if segment.kind not in ("steady", "unassigned") else 0
    if kind == 0:
        return segment
    density = rng.choice((0.1, 0.5, 0.9))
    ready = sum((rng.random() < density) << i for i in range(PATTERN_CYCLES)) | 1
    if kind == 1:  # starved: the CPU stores in every cycle for a while
        length = rng.randrange(100, 900)
        ready &= ~((1 << length) - 1 << rng.randrange(PATTERN_CYCLES - length))
    waits = (0,) if kind == 2 else tuple(rng.choice((0, 0, 1, 2, rng.randrange(12))) for _ in range(61))
    return replace(segment, memory_ready=ready | 1, memory_waits=waits)


def sequence(cfu: BaseCfu, seed: int, count: int) -> Iterator[Op]:
    """At most `count` commands (see `budget`) with declared operands only: edge words of each instruction, then random ones."""
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
    # Verilog may do anything on a funct3 that is not declared, even change its state: they stand in a segment of their own.
    mixed = cfu.zero_when_unassigned and len(cfu.instructions) < 8
    if not cfu.instructions or (mixed and rng.random() < 0.03):
        return _unassigned_op(rng, cfu, gap)
    # One of a weight below 1 is sometimes replaced by another of weight 1, if there is any.
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
        # A stride that is prime to 256 meets every pair once and mixes both words early.
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
