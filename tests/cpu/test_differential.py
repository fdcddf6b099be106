"""Every CPU behaves like the stock CPU with the CFU fix: the same instructions retire with the same values and leave the same memory.

That holds for any bus latency, any initial state, and any value that a memory returns when a read collides with a write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import pytest

from cfukit_cpu import PRESETS, configuration, derive
from support.cpu_compare import (
    REFERENCE,
    build,
    difference,
    features_of,
    interrupt_times,
    label,
    reference_bench,
    run,
    same_cycles,
    tcms_of,
)
from support.cpu_misses import data_misses, stored_before, unexplained
from support.cpu_programs import CODE_BYTES, Features, Program, generate
from support.cpu_sets import FACTORS, TCM_FACTORS, Table, pairs, pairwise, valid
from support.marks import long_except

RAM = 0x4000_0000
SEEDS = range(9)  # each number of wait states once, and interrupts in every third program
CACHED = [
    name
    for name, (_, config) in PRESETS.items()
    if name != "full+cfu" and not config.itcm_bytes and not config.dtcm_bytes
]
# They take as many cycles as the reference.
LEAST = {"multiplier": False, "divider": False, "traps": False, "csrs": "few"}
EQUAL_CYCLES = [
    {"divider": False},
    {"interrupts": False, "csrs": "few"},
    LEAST,
    {"traps": False, "csrs": "none"},
]
ITCM, DTCM = 0x2000_0000, 0x3000_0000
# Configurations with TCMs, and where code and data of their programs lie.
TCMS: list[tuple[str | dict[str, Any], list[tuple[int, int]]]] = [
    ("tcm", [(RAM, DTCM), (RAM, RAM + 0x10000), (RAM, DTCM + 0x4000)]),
    ("fomu", [(ITCM, DTCM)]),
    ("fomu-mac", [(ITCM, DTCM)]),
    (
        {"base": "fomu", "itcm_bytes": 0x20000, "divider": True},
        [(ITCM, ITCM + 0x10000), (ITCM + 0x8000, DTCM)],
    ),
    (
        {
            "base": "fomu",
            "itcm_bytes": 0x20000,
            "traps": True,
            "interrupts": True,
            "alignment_check": True,
            "csrs": "all",
        },
        [(ITCM, DTCM), (ITCM, ITCM + 0x10000)],
    ),
    (
        {
            "icache_bytes": 0,
            "dcache_bytes": 0,
            "itcm_bytes": 0x20000,
            "dtcm_bytes": 0x10000,
            "prediction": "none",
        },
        [(ITCM, DTCM), (ITCM, ITCM + 0x10000), (ITCM, RAM)],
    ),
    (
        {"icache_bytes": 1024, "dcache_bytes": 512, "itcm_bytes": 0x20000, "dtcm_bytes": 0x14000},
        [(ITCM, DTCM), (RAM, DTCM), (RAM, ITCM + 0x10000), (ITCM, RAM)],
    ),
    (
        {"base": "lean", "dcache_bytes": 0, "dtcm_bytes": 0x10000, "bypass": False},
        [(RAM, DTCM), (RAM, RAM + 0x10000)],
    ),
    ({"base": "lean", "icache_bytes": 0, "itcm_bytes": 0x8000, "csrs": "none"}, [(ITCM, RAM)]),
]
FEW_TCMS = [(given, places) for given, places in TCMS if isinstance(given, str) or len(places) > 3]
# Wrong edits of the gateware. The suite must find each of them.
WRONG = {
    "no CFU fix": "if(CfuPlugin_bus_cmd_valid) begin\n        execute_CfuPlugin_hold",
    "commands overtake loads": "assign execute_CfuPlugin_hazard = ",
    "a result is not forwarded": "assign when_HazardSimplePlugin_l45_1 = ",
    "a tag bit is ignored": "(io_cpu_memory_mmuRsp_physicalAddress[31 : 12] == ways_0_tagsReadRsp_address)",
}


@lru_cache(2000)
def case(
    seed: int, features: Features, code: int = RAM, data: int = RAM + 2 * CODE_BYTES
) -> tuple[Program, str]:
    """A program, and the retirement indices at which interrupts arrive."""
    program = generate(seed, features, code, data, length=500 + seed % 5 * 150)
    return program, interrupt_times(program, 97 + seed % 200) if features.interrupts else ""


@lru_cache(2000)
def reference(seed: int, features: Features, *place: int) -> Any:
    program, interrupts = case(seed, features, *place)
    return run(reference_bench(), program, interrupts=interrupts)


def check(given: str | Mapping[str, Any], seeds: Iterable[int], *place: int) -> None:
    bench, config = build(given), configuration(given).configuration
    for seed in seeds:
        features = features_of(config, interrupts=seed % 3 == 2)
        program, interrupts = case(seed, features, *place)
        expected = reference(seed, features, *place)
        got = run(
            bench,
            program,
            wait=seed % 9,
            fixed=False,
            seed=seed,
            interrupts=interrupts,
            tcms=tcms_of(config),
        )
        assert difference(got, expected) == "", f"CPU {label(given)}, seed {seed}"
        if same_cycles(config):
            got = run(bench, program, seed=seed, interrupts=interrupts)
            # The program's only CSR access waits until two stages are empty. A CPU without CSRs has no such access.
            saved = 2 if config.csrs == "none" else 0
            assert got.cycles == expected.cycles - saved, f"CPU {label(given)}, seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("given", [*CACHED, LEAST], ids=label)
def test_presets(given: str | Mapping[str, Any]) -> None:
    check(given, SEEDS)


def shared_out(tables: list[Table]) -> list[Any]:
    """Every fourth one runs in `make test`, the others in `make test-long`."""
    return [pytest.param(one, marks=pytest.mark.long if n % 4 else ()) for n, one in enumerate(tables)]


@pytest.mark.slow
@pytest.mark.parametrize("given", shared_out(pairwise()), ids=label)
def test_every_pair_of_options(given: Mapping[str, Any]) -> None:
    check(given, SEEDS)


@pytest.mark.slow
@pytest.mark.parametrize(("given", "places"), FEW_TCMS, ids=[label(given) for given, _ in FEW_TCMS])
def test_tightly_coupled_memories(given: str | Mapping[str, Any], places: list[tuple[int, int]]) -> None:
    for place in places:
        check(given, SEEDS, *place)


def place_of(given: Mapping[str, Any]) -> tuple[int, int]:
    """Put code where the CPU can fetch it, and data in a TCM if there is one."""
    config = configuration(given).configuration
    data = DTCM if config.dtcm_bytes else ITCM + 0x10000 if config.itcm_bytes else RAM + 2 * CODE_BYTES
    return RAM if config.icache_bytes else ITCM, data


@pytest.mark.slow
@pytest.mark.parametrize("given", shared_out(pairwise(TCM_FACTORS)), ids=label)
def test_every_pair_of_options_with_tightly_coupled_memories(given: Mapping[str, Any]) -> None:
    check(given, SEEDS, *place_of(given))


@pytest.mark.long
@pytest.mark.parametrize("given", pairwise(TCM_FACTORS), ids=label)
def test_every_such_pair_with_many_seeds(given: Mapping[str, Any], long_seeds: range) -> None:
    check(given, long_seeds, *place_of(given))


@pytest.mark.long
@pytest.mark.parametrize(("given", "places"), TCMS, ids=[label(given) for given, _ in TCMS])
def test_tightly_coupled_memories_with_many_seeds(
    given: str | Mapping[str, Any], places: list[tuple[int, int]], long_seeds: range
) -> None:
    for place in places:
        check(given, long_seeds, *place)


@pytest.mark.long
@pytest.mark.parametrize("given", [*CACHED, *EQUAL_CYCLES, *pairwise()], ids=label)
def test_many_seeds(given: str | Mapping[str, Any], long_seeds: range) -> None:
    check(given, long_seeds)


@pytest.mark.parametrize("factors", [FACTORS, TCM_FACTORS], ids=["core", "tcm"])
def test_the_set_covers_every_valid_pair(factors: dict[str, tuple[Any, ...]]) -> None:
    chosen = pairwise(factors)
    covered = set().union(*(pairs(table, factors) for table in chosen))
    missing = set().union(*(_possible(pair) for pair in _all_pairs(factors) if pair not in covered))
    assert not missing and len(chosen) < 25


def _all_pairs(factors: dict[str, tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    names = list(factors)
    return {
        (a, x, b, y)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        for x in factors[a]
        for y in factors[b]
    }


def _possible(pair: tuple[Any, ...]) -> set[tuple[Any, ...]]:
    """The pair of option values, if any configuration contains it."""
    a, x, b, y = pair
    for traps, csrs in ((True, "all"), (False, "none"), (False, "all")):
        for lines in (0, 1024):
            table = {"traps": traps, "interrupts": traps, "alignment_check": traps, "csrs": csrs}
            table |= {"icache_bytes": lines, "dcache_bytes": lines, "itcm_bytes": 0x20000}
            if valid({**table, a: x, b: y}):
                return {pair}
    return set()


def miss_features(given: str | Mapping[str, Any]) -> Features:
    features = features_of(configuration(given).configuration)
    return Features(features.multiplier, features.divider, False, False, False, features.csrs, True, False)


MISSES = [REFERENCE, "lean", "perf", {"icache_bytes": 512, "dcache_bytes": 512}]


def check_misses(given: str | Mapping[str, Any], seeds: Iterable[int]) -> None:
    bench, config = build(given), configuration(given).configuration
    features = miss_features(given)
    for seed in seeds:
        program, _ = case(seed, features)
        outcome = run(bench, program, wait=seed % 4, fixed=False, seed=seed)
        assert outcome.ended
        missed = data_misses(outcome.trace, config.dcache_bytes)
        assert outcome.d_read_words == 8 * len(missed), f"seed {seed}"
        why = unexplained(
            outcome.trace,
            outcome.fills,
            config.icache_bytes,
            prediction=config.prediction == "static",
            again=missed | stored_before(outcome.trace),
            exit_pc=program.exit_pc,
        )
        assert why == "", f"CPU {label(given)}, seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("given", MISSES, ids=label)
def test_misses_are_those_of_a_model(given: str | Mapping[str, Any]) -> None:
    check_misses(given, range(100, 110))


@pytest.mark.slow
def test_the_model_of_misses_refuses_other_caches() -> None:
    bench, config = build("lean"), configuration("lean").configuration
    program, _ = case(103, miss_features("lean"))
    outcome = run(bench, program, wait=3, fixed=False, seed=103)
    trace, fills = outcome.trace, outcome.fills
    again = data_misses(trace, config.dcache_bytes) | stored_before(trace)
    rest = {"prediction": True, "exit_pc": program.exit_pc}
    assert unexplained(trace, fills, 2048, again=again, **rest) == ""
    for size in (1024, 4096):
        assert unexplained(trace, fills, size, again=again, **rest) != ""
    # Here the instructions behind a repeated load evict it. A model without that would see two lines too many.
    assert unexplained(trace, fills, 2048, again=set(), **rest) != ""
    for at in range(0, len(fills) - 2, 9):
        assert unexplained(trace, fills[:at] + fills[at + 1 :], 2048, again=again, **rest) != "", at
        assert unexplained(trace, fills[:at] + fills[at:][:1] + fills[at:], 2048, again=again, **rest), at


@pytest.mark.long
@pytest.mark.parametrize("given", MISSES, ids=label)
def test_misses_of_many_programs(given: str | Mapping[str, Any], long_seeds: range) -> None:
    check_misses(given, long_seeds)


@pytest.mark.slow
@pytest.mark.parametrize("name", long_except(WRONG, "commands overtake loads", "a tag bit is ignored"))
def test_a_wrong_edit_is_seen(name: str) -> None:
    old = WRONG[name]
    new = {
        "no CFU fix": "if(execute_CfuPlugin_schedule) begin\n        execute_CfuPlugin_hold",
        "commands overtake loads": old + "1'b0 && ",
        "a result is not forwarded": old + "1'b0 && ",
        "a tag bit is ignored": old.replace(
            "31 : 12] == ways_0_tagsReadRsp_address", "31 : 13] == ways_0_tagsReadRsp_address[19:1]"
        ),
    }[name]
    bench = build(REFERENCE, lambda text: text.replace(old, new, 1) if text.count(old) == 1 else "")
    features = features_of(configuration(REFERENCE).configuration)
    for seed in range(60):
        program, _ = case(seed, features)
        got = run(bench, program, wait=seed % 9, fixed=False, seed=seed)
        if difference(got, reference(seed, features)):
            return
    pytest.fail(f"60 programs do not see that {name}")


# Wrong TCM gateware: preset, a regular expression in its Verilog, and the replacement.
WRONG_TCM = {
    "loads do not wait for stores": (
        "fomu",
        r"(assign data_execute_haltIt = data_execute_haltIt__cache) \| .*;",
        r"\1;",
    ),
    "fetches do not wait for data": ("fomu", r"(assign fetch_prefetch_haltIt =) .*;", r"\1 1'b0;"),
    "a load in execute misses a store": ("tcm", r"(kept_mask <=) .*;", r"\1 4'd0;"),
    "the cache sees what is not its own": (
        "tcm",
        r"(assign data_writeBack_isValid__cache = data_writeBack_isValid) .*;",
        r"\1;",
    ),
    "a byte is not written": ("fomu", r"if \(mask\[2\]\) mem.*;", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", long_except(WRONG_TCM, "fetches do not wait for data", "a load in execute misses a store")
)
def test_wrong_gateware_is_seen(name: str) -> None:
    given, old, new = WRONG_TCM[name]
    assert re.search(old, derive(configuration(given)))
    bench, config = build(given, lambda text: re.sub(old, new, text)), configuration(given).configuration
    place = (ITCM if config.itcm_bytes else RAM, DTCM)
    for seed in range(60):
        features = features_of(config)
        program, _ = case(seed, features, *place)
        got = run(bench, program, wait=seed % 9, fixed=False, seed=seed, tcms=tcms_of(config))
        if difference(got, reference(seed, features, *place)):
            return
    pytest.fail(f"60 programs do not see that {name}")
