"""CPU and CFU share the data TCM on the CPU's RTL: programs behave as they do alone, and the CFU's words stay as it left them.

A first run without the CFU records which words a random program uses. Then the CFU reads any word and writes all the others, in
most cycles, including words in the same row as the program's. Memories return poison wherever a read collides with a write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from cfukit_cpu import configuration, derive
from support.cpu_compare import (
    build,
    difference,
    features_of,
    interrupt_times,
    label,
    reference_bench,
    run,
    tcms_of,
)
from support.cpu_programs import generate
from support.marks import long_except

RAM, ITCM, DTCM = 0x4000_0000, 0x2000_0000, 0x3000_0000
NO_TRAPS = {"base": "tcm", "traps": False, "dcache_bytes": 0, "csrs": "few"}
CASES: list[tuple[str | dict[str, Any], int, int]] = [
    ("tcm", 32, RAM),
    ("tcm", 64, RAM),
    ("tcm", 128, RAM),
    (NO_TRAPS, 128, RAM),
    ("fomu", 32, ITCM),
    ("fomu", 64, ITCM),
]
LEVELS = (256, 230, 100, 20)  # of 256 cycles


def check(given: str | dict[str, Any], bits: int, code: int, seeds: Iterable[int], folder: Path) -> None:
    config = configuration(given).configuration
    bench, alone = build(given, memory_port_bits=bits), build(given)
    for seed in seeds:
        features = features_of(config, interrupts=seed % 3 == 2)
        program = generate(seed, features, code, DTCM, 500 + seed % 5 * 150)
        interrupts = interrupt_times(program, 97 + seed) if features.interrupts else ""
        common: dict[str, Any] = {
            "wait": seed % 9,
            "fixed": False,
            "interrupts": interrupts,
            "tcms": tcms_of(config),
        }
        expected = run(reference_bench(), program, wait=0, interrupts=interrupts)
        first = run(bench, program, seed=seed, touched=folder / "touched", **common)
        assert difference(first, expected) == "", f"seed {seed}, without traffic"
        assert first.port_errors == 0, f"seed {seed}, without traffic"
        if given not in (
            NO_TRAPS,
            "fomu",
        ):  # with the port, a CFU command waits for these stores
            assert first.cycles == run(alone, program, seed=seed, **common).cycles, f"seed {seed}"
        level = LEVELS[seed % len(LEVELS)]
        got = run(bench, program, seed=seed, touched=folder / "touched", traffic=level, **common)
        where = f"CPU {label(given)}, port of {bits} bits, seed {seed}"
        assert difference(got, expected) == "", where
        assert got.port_errors == 0, where
        assert got.cycles == first.cycles, f"{where}: the CFU delayed the CPU"
        assert (
            got.port_reads > got.cycles * level // 256 // 8
            and got.port_writes > got.cycles * level // 256 // 8
        )


@pytest.mark.slow
@pytest.mark.parametrize(("given", "bits", "code"), [CASES[2], CASES[4]], ids=["tcm-128", "fomu-32"])
def test_programs_are_not_disturbed(
    given: str | dict[str, Any], bits: int, code: int, tmp_path: Path
) -> None:
    check(given, bits, code, range(6), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(("given", "bits", "code"), CASES, ids=[f"{label(c)}-{b}" for c, b, _ in CASES])
def test_programs_are_not_disturbed_with_many_seeds(
    given: str | dict[str, Any], bits: int, code: int, tmp_path: Path, long_seeds: range
) -> None:
    check(given, bits, code, long_seeds, tmp_path)


# Wrong gateware: regular expressions in the CPU's Verilog, and their replacements.
WRONG = {
    "a store and the CFU at once": ("tcm", 128, r"(assign cfu_mem_cmd_ready =) .*;", r"\1 1'b1;"),
    "a load and the CFU at once": ("fomu", 32, r"(assign cfu_mem_cmd_ready =) .*;", r"\1 ~cfu_stores;"),
    "a command overtakes stores": ("fomu", 32, r"(assign execute_CfuPlugin_hazard =) .*;", r"\1 1'b0;"),
    "the wrong word of the row": ("tcm", 64, r"(\blane <=) .*;", r"\1 1'h0;"),
    "a mask is ignored": ("tcm", 128, r"if \(mask\[9\]\)", "if (mask != 0)"),
}
ONCE_PER_CPU = ("a store and the CFU at once", "a command overtakes stores")


@pytest.mark.slow
@pytest.mark.parametrize("name", long_except(WRONG, *ONCE_PER_CPU))
def test_wrong_gateware_is_seen(name: str, tmp_path: Path) -> None:
    given, bits, old, new = WRONG[name]
    config, code = configuration(given).configuration, ITCM if given == "fomu" else RAM
    bench = build(given, lambda text: re.sub(old, new, text), memory_port_bits=bits)
    right = build(given, memory_port_bits=bits)
    assert re.search(old, derive(configuration(given), bits))
    for seed in range(20):
        program = generate(seed, features_of(config), code, DTCM, 600)
        expected = run(reference_bench(), program)
        common: dict[str, Any] = {"seed": seed, "tcms": tcms_of(config), "touched": tmp_path / "touched"}
        run(right, program, **common)
        got = run(bench, program, traffic=230, **common)
        if difference(got, expected) or got.port_errors:
            return
    pytest.fail(f"20 programs do not see: {name}")
