"""Choose the memories for code, weights, data (with the stack) and arena: what fits, with the fewest estimated cycles.

The estimate counts the words that each part of a firmware exchanges with its memory in one inference, and multiplies them by the
memory's cycles. It counts loads that miss the caches, and every store, because stores are written through. It is coarse, but good
enough to decide which part deserves a fast memory that is too small for all. An access to data in the instruction TCM of a CPU
without I$ costs a cycle more, because a fetch has to wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.cpu import Memory
from cfukit_base.artefacts.plan import InArena, InConstants, Plan, Step
from cfukit_base.errors import ResultError
from cfukit_sw.linker import READ_ONLY_KINDS, Placement, resolve

PARTS = ("code", "weights", "arena", "data")
ALIGNMENT_BYTES = 16
_CODE_WORDS_PER_STEP = (
    300  # words of code that a kernel call fetches because they are not, or no more, in the cache
)
_INSTRUCTIONS_PER_MAC = 4
_INPUTS_PER_MAC, _WEIGHTS_PER_MAC = (
    1 / 4,
    1 / 2,
)  # loads, with two rows of inputs times four channels at a time


@dataclass
class Traffic:
    """Words read from and stores made to a part in one inference."""

    reads: float = 0.0
    writes: float = 0.0

    def cycles(self, memory: Memory, more: int = 0) -> float:
        """Cycles in a memory. `more`: what each access costs beside the memory's own cycles."""
        return self.reads * (memory.read_cycles + more) + self.writes * (memory.write_cycles + more)


def traffic(plan: Plan, soc: Soc) -> dict[str, Traffic]:
    """Estimated traffic of each part, through the caches that soc.json names."""
    total = {part: Traffic() for part in PARTS}
    for step in plan.steps:
        total["code"].reads += (
            _CODE_WORDS_PER_STEP if soc.cpu.icache_bytes else step.macs * _INSTRUCTIONS_PER_MAC
        )
        _add_step(plan, step, total, soc.cpu.dcache_bytes)
    return total


def _add_step(plan: Plan, step: Step, total: dict[str, Traffic], cache_bytes: int) -> None:
    sizes = {"reads": 0.0, "writes": 0.0}
    members = {place.offset: place.bytes for place in plan.tensors.values()}
    for name, value in step.params.items():
        if isinstance(value, InArena) and not name.startswith("scratch"):
            sizes["writes" if name.startswith("output") else "reads"] += members.get(value.offset, 0)
    arena, weights, data = total["arena"], total["weights"], total["data"]
    arena.reads += sizes["reads"] / 4
    arena.writes += sizes["writes"]  # a byte each
    if step.struct not in ("cfukit_conv", "cfukit_conv_add", "cfukit_fully_connected"):
        weights.reads += sum(64 for value in step.params.values() if isinstance(value, InConstants))
        data.writes += sizes["writes"] / 16
        return
    number = {name: value for name, value in step.params.items() if isinstance(value, int)}
    outputs, channels = sizes["writes"], number["output_channels"]
    positions = outputs / max(channels, 1)
    taps = prod(number.get(name, 1) for name in ("filter_height", "filter_width"))
    depth = taps * (number.get("filter_channels") or number["input_channels"])
    rows = 2.0
    if step.scratch_bytes:  # rows of taps, written and read again
        rows = max(1.0, step.scratch_bytes / max(depth, 1))
        arena.writes += positions * depth / 4
        arena.reads += positions * depth / 4
    elif depth:
        rows = max(2.0, 1536 / depth)
    weight_bytes = channels * depth
    if cache_bytes:  # half a cache keeps one thing while others pass through
        passes = max(1.0, positions / rows) if weight_bytes > cache_bytes // 2 else 1.0
        weights.reads += weight_bytes / 4 * passes + channels * 3 * passes  # and bias, multiplier, shift
    else:
        arena.reads += step.macs * _INPUTS_PER_MAC
        weights.reads += step.macs * _WEIGHTS_PER_MAC
    data.writes += outputs / 2  # registers saved around each block of outputs
    data.reads += outputs / 16


def place(plan: Plan, soc: Soc, sizes: Mapping[str, int], pinned: Placement = Placement()) -> Placement:
    """The placement of a firmware whose parts have these sizes in bytes. Parts that `pinned` names stay where it says.

    ResultError, with the bytes asked and available, if a pinned part does not fit, or if nothing fits.
    """
    fixed = resolve(soc, pinned)
    memories = {memory.name: memory for memory in soc.memories}
    boot_writable = memories[fixed["boot"]].kind not in READ_ONLY_KINDS

    def candidates(part: str) -> list[str]:
        if getattr(pinned, part) != "auto":
            return [getattr(pinned, part)]
        if part == "code" and not boot_writable:
            return [fixed["code"]]
        # A boot ROM is not for programs, and only code is fetched.
        unfit = {"code": ("dtcm", "rom"), "weights": ("rom",)}.get(part, READ_ONLY_KINDS)
        names = [name for name, memory in memories.items() if memory.kind not in unfit]
        if part == "weights":  # crt0.S copies weights, so they need room only at their destination
            names = [
                name
                for name in names
                if boot_writable or memories[name].kind not in READ_ONLY_KINDS or name == fixed["boot"]
            ]
        # Among equals the default comes first, and the memory that code may want comes last.
        return sorted(
            names,
            key=lambda name: (name != fixed[part], part != "code" and memories[name].kind == "itcm"),
        )

    used = traffic(plan, soc)
    fetches_wait = not soc.cpu.icache_bytes

    def cycles_of(part: str, name: str) -> float:
        shared = part != "code" and memories[name].kind == "itcm" and fetches_wait
        return used[part].cycles(memories[name], int(shared))

    best: tuple[float, Placement] | None = None
    worst_fit: tuple[int, str, int] | None = None
    for choice in product(*(candidates(part) for part in PARTS)):
        where = dict(zip(PARTS, choice, strict=True))
        asked = dict.fromkeys(memories, 0)
        for part, name in where.items():  # parts begin at multiples of ALIGNMENT_BYTES
            asked[name] = -(-asked[name] // ALIGNMENT_BYTES) * ALIGNMENT_BYTES + sizes[part]
        over = max((asked[name] - memories[name].bytes, name) for name in memories)
        if over[0] > 0:
            if worst_fit is None or over[0] < worst_fit[0]:
                worst_fit = (over[0], over[1], asked[over[1]])
            continue
        cycles = sum(cycles_of(part, name) for part, name in where.items())
        if best is None or cycles < best[0]:
            best = cycles, Placement(**where, load=pinned.load)
    if best is None:
        assert worst_fit is not None
        _, name, asked_bytes = worst_fit
        available = memories[name].bytes
        raise ResultError(
            f"memory {name}",
            f"does not fit: {asked_bytes:,} bytes asked",
            allowed=f"{available:,} bytes available",
            hint="a smaller model, another [place], or a board with more memory",
            memory=name,
            asked=asked_bytes,
            available=available,
        )
    return best[1]
