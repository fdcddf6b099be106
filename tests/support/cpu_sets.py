"""A set of CPU configurations that contains every pair of option values. A greedy search finds the same set each time."""

from __future__ import annotations

import functools
import itertools
import random
from typing import Any

from cfukit_base.errors import UsageError
from cfukit_cpu import configuration

Table = dict[str, Any]
Items = tuple[tuple[str, Any], ...]
FACTORS: dict[str, tuple[Any, ...]] = {
    "icache_bytes": (512, 4096, 65536),
    "dcache_bytes": (0, 512, 4096, 65536),
    "multiplier": (True, False),
    "divider": (True, False),
    "prediction": ("static", "none"),
    "bypass": (True, False),
    "traps": (True, False),
    "interrupts": (True, False),
    "alignment_check": (True, False),
    "csrs": ("all", "few", "none"),
}

# As FACTORS, with TCMs in place of the caches or beside them.
TCM_FACTORS: dict[str, tuple[Any, ...]] = {
    "icache_bytes": (0, 1024),
    "dcache_bytes": (0, 1024),
    "itcm_bytes": (0, 0x20000),
    "dtcm_bytes": (0, 0x10000),
    "tcm": ("block", "spram"),
    "boot_rom_bytes": (0, 1024),
    "multiplier": (True, False),
    "prediction": ("static", "none"),
    "bypass": (True, False),
    "traps": (True, False),
    "interrupts": (True, False),
    "alignment_check": (True, False),
    "csrs": ("all", "none"),
}


def valid(table: Table) -> bool:
    """Whether cfukit accepts the configuration."""
    try:
        configuration(table)
    except UsageError:
        return False
    return True


def pairs(table: Table, factors: dict[str, tuple[Any, ...]] = FACTORS) -> set[tuple[Any, ...]]:
    return {(a, table[a], b, table[b]) for a, b in itertools.combinations(factors, 2)}


def pairwise(factors: dict[str, tuple[Any, ...]] = FACTORS, **fixed: Any) -> list[Table]:
    """Configurations that together contain every valid pair of values. The keys of `fixed` are the same in all of them."""
    return [dict(table) for table in _pairwise(tuple(factors.items()), tuple(fixed.items()))]


@functools.cache
def _pairwise(factors: Items, fixed: Items) -> list[Items]:
    rng, names = random.Random(1), dict(factors)
    everything = [
        dict(zip(names, values, strict=True), **dict(fixed)) for values in itertools.product(*names.values())
    ]
    candidates = [(table, pairs(table, names)) for table in everything if valid(table)]
    wanted = set().union(*(found for _, found in candidates))
    chosen: list[Items] = []
    while wanted:
        pool = rng.sample(candidates, min(400, len(candidates)))
        best, found = max(pool, key=lambda candidate: len(candidate[1] & wanted))
        if not found & wanted:  # for rare pairs search everything
            best, found = max(candidates, key=lambda candidate: len(candidate[1] & wanted))
        wanted -= found
        chosen.append(tuple(best.items()))
    return chosen
