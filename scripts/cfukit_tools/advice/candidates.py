"""Changes of a system that could help, given where its cycles go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cfukit_base.artefacts.run import VariantRun
from cfukit_base.artefacts.suggest import AdviceKind
from cfukit_cpu.configuration import CACHE_BYTES, KIB, STOCK, TCM_MAX_BYTES, TCM_STEP_BYTES, Configuration

DATA_CAUSES = ("dcache", "store", "uncached")
_TCM = "dtcm"
_PRODUCT_CALLS = frozenset({"__mulsi3"})
_DIVISION_CALLS = frozenset({"__divsi3", "__udivsi3", "__modsi3", "__umodsi3"})


@dataclass(frozen=True)
class Candidate:
    """A change to try. advice: what it is, for people. changes: KEY=VALUE."""

    advice: str
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Family:
    """Changes of which one is enough, the cheapest first.

    * causes, functions: those whose cycles they can save.
    * growing: each is the one before and more, so one that does not help ends the search.
    """

    kind: AdviceKind
    candidates: tuple[Candidate, ...]
    causes: tuple[str, ...] = ()
    functions: frozenset[str] = frozenset()
    growing: bool = False


def families(cpu: Configuration, variant: VariantRun, base: str) -> Iterator[Family]:
    """What could be changed of a CPU and of the placement. base: the preset that changed keys refer to; "" if the project names it."""
    first = () if base in ("", STOCK) else (f"soc.cpu.base={base}",)
    for kind, name, size in (("icache", "I$", cpu.icache_bytes), ("dcache", "D$", cpu.dcache_bytes)):
        larger = tuple(
            Candidate(
                f"{name} of {_size(more)} instead of {_size(size)}", (*first, f"soc.cpu.{kind}_bytes={more}")
            )
            for more in CACHE_BYTES
            if size < more and more >= KIB
        )
        causes = ("icache",) if kind == "icache" else ("dcache", "uncached")
        yield Family("icache" if kind == "icache" else "dcache", larger, causes, growing=True)
    yield Family("tcm", tuple(_placements(cpu, variant, first)), DATA_CAUSES)
    yield from _units(cpu, first)


def _placements(cpu: Configuration, variant: VariantRun, first: tuple[str, ...]) -> Iterator[Candidate]:
    """Arena, weights or both in the data TCM, which gets the size that they need."""
    places = {
        part: (memory.name, size)
        for memory in variant.memory_map or ()
        for part, size in memory.parts.items()
    }
    for parts in (("arena",), ("weights",), ("arena", "weights")):
        moved = [part for part in parts if part in places and places[part][0] != _TCM]
        if len(moved) < len(parts):
            continue
        held = sum(size for part, (memory, size) in places.items() if memory == _TCM and part not in parts)
        needed = held + sum(-(-places[part][1] // 16) * 16 for part in parts)
        size = max(cpu.dtcm_bytes, -(-needed // TCM_STEP_BYTES) * TCM_STEP_BYTES)
        if size > TCM_MAX_BYTES:
            continue
        bigger = (*first, f"soc.cpu.dtcm_bytes={size}") if size > cpu.dtcm_bytes else ()
        named = " and ".join(f"{part} ({places[part][1]:,} bytes)" for part in parts)
        text = f"{named} in a data TCM of {_size(size)}"
        yield Candidate(text, (*bigger, *(f"place.{part}={_TCM}" for part in parts)))


def _units(cpu: Configuration, first: tuple[str, ...]) -> Iterator[Family]:
    def unit(advice: str, change: str, *causes: str, functions: frozenset[str] = frozenset()) -> Family:
        return Family("cpu", (Candidate(advice, (*first, f"soc.cpu.{change}")),), causes, functions)

    if not cpu.bypass:
        yield unit("bypass: results reach the next instructions at once", "bypass=true", "hazard")
    if cpu.prediction == "none":
        yield unit("static branch prediction", "prediction=static", "branch")
    if not cpu.multiplier:
        yield unit("a multiplier", "multiplier=true", functions=_PRODUCT_CALLS)
    if not cpu.divider:
        yield unit("a divider", "divider=true", functions=_DIVISION_CALLS)


def _size(count: int) -> str:
    if not count:
        return "nothing"
    return f"{count // KIB} KiB" if count % KIB == 0 else f"{count} bytes"
