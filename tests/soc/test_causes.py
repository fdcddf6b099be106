"""Every cycle has one cause: counts derived by hand on every CPU, and random programs in which the rules must hold.

The harness itself ends a run with a fault when no rule holds in a cycle, or when the causes do not add up. The fast simulator must
say the same as the RTL.
"""

from __future__ import annotations

import re
import shutil
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cfukit_base.artefacts import Outcome, Soc
from cfukit_base.artefacts.causes import CAUSE_NAMES, Busy, Causes, Segment
from cfukit_base.errors import UsageError
from cfukit_cpu import configuration
from cfukit_cpu.configuration import PRESETS
from cfukit_soc import build_simulator, read_counts, simulate
from cfukit_soc.fast import simulate_fast
from cfukit_soc.generate import HARNESS
from cfukit_sw.firmware import build_firmware
from support import cpu_programs, micro_programs
from support.bare import EXIT, ODD_CFU, UART_RXTX, assemble, patient_cfu
from support.cpu_compare import features_of
from support.cpu_sets import TCM_FACTORS, pairwise
from support.elves import write_elf
from support.fast_compare import first_cause
from support.marks import long_except
from support.socs import make_soc

Counted = tuple[Outcome, tuple[Segment, ...]]
QUICK = "full+cfu"


def check_sums(outcome: Outcome, segments: tuple[Segment, ...]) -> None:
    """Segments and instructions add up to the run."""
    assert outcome.causes is not None and outcome.cycles == outcome.causes.cycles == segments[-1].end
    assert sum((segment.causes for segment in segments), Causes.of({})) == outcome.causes
    begin = 0
    for segment in segments:
        assert segment.causes.cycles == segment.end - begin
        assert max(segment.busy.cfu, segment.busy.memory_port) <= segment.end - begin
        by_cause = tuple(sum(counts) for counts in zip(*segment.by_pc.values(), strict=True))
        assert by_cause == tuple(segment.causes.named().values())
        begin = segment.end


def check_fast(counted: Counted, soc_json: Path, elf: Path, cfu: Path, folder: Path, **options: Any) -> None:
    """The fast simulator says the same."""
    counts = folder / "fast.counts"
    outcome = simulate_fast(soc_json, elf, cfu, build_dir=folder, counts=counts, **options)
    segments = read_counts(counts)
    assert first_cause(counted[1], segments) == ""
    assert (outcome, segments) == counted


def measure(cpu: str, folder: Path) -> tuple[Counted, dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """A run of all sequences on a CPU; what each took, and what it must take."""
    soc_json = make_soc("sim", folder / "soc", cpu=cpu)
    soc, config = Soc.read(soc_json), configuration(cpu).configuration
    source = folder / "program.S"
    source.write_text(micro_programs.program(soc, config))
    elf = build_firmware([source], soc_json, build_dir=folder / "build")
    cfu = patient_cfu(folder)
    simulator = build_simulator(soc_json, cfu, causes=True, build_dir=folder)
    outcome = simulate(simulator, soc_json, elf, max_cycles=2_000_000, counts=folder / "counts")
    segments = read_counts(folder / "counts")
    check_fast((outcome, segments), soc_json, elf, cfu, folder, max_cycles=2_000_000)
    expected = {name: sequence.causes for name, sequence in micro_programs.sequences(soc, config).items()}
    found = dict(zip(expected, micro_programs.costs(segments, len(expected)), strict=True))
    return (outcome, segments), found, expected


@pytest.mark.slow
@pytest.mark.parametrize("cpu", long_except(PRESETS, "full+cfu", "lean", "fomu-mac"))
def test_counts_derived_by_hand(cpu: str, tmp_path: Path) -> None:
    (outcome, segments), found, expected = measure(cpu, tmp_path)
    assert outcome.exit_code == 0 and outcome.causes is not None
    assert outcome.causes.executing == outcome.instructions
    check_sums(outcome, segments)
    assert found == expected


RAM, ITCM, DTCM, BOOT_ROM = 0x4000_0000, 0x2000_0000, 0x3000_0000, 0x2008_0000
# CPUs, and where code and data of their random programs lie.
RANDOM = [
    ("full+cfu", RAM, RAM + 0x10000),
    pytest.param("min", RAM, RAM + 0x10000, marks=pytest.mark.long),
    ("fomu", ITCM, DTCM),
    pytest.param("tcm", RAM, DTCM, marks=pytest.mark.long),
    ({"base": "lean", "dcache_bytes": 512, "icache_bytes": 512, "bypass": False}, RAM, RAM + 0x10000),
    pytest.param(
        {"base": "fomu", "itcm_bytes": 0x20000, "tcm": "block", "divider": True},
        ITCM,
        ITCM + 0x10000,
        marks=pytest.mark.long,
    ),
    pytest.param(
        {"base": "fomu", "traps": True, "interrupts": True, "csrs": "all"}, ITCM, DTCM, marks=pytest.mark.long
    ),
    pytest.param(
        {"icache_bytes": 0, "dcache_bytes": 0, "itcm_bytes": 0x8000, "prediction": "none"},
        ITCM,
        RAM + 0x10000,
        marks=pytest.mark.long,
    ),
]


def run_random(given: str | dict[str, Any], code: int, data: int, seeds: range, folder: Path) -> Causes:
    """Run a program of each seed; all their causes."""
    config = configuration(given).configuration
    soc_json = make_soc("sim", folder / "soc", cpu=given)
    cfu = patient_cfu(folder)
    simulator = build_simulator(soc_json, cfu, causes=True, build_dir=folder)
    total = Causes.of({})
    for seed in seeds:
        program = cpu_programs.generate(seed, features_of(config), code, data)
        words = b"".join(word.to_bytes(4, "little") for word in program.words)
        parts = [(code, words, len(words)), (data, program.data, len(program.data))]
        if config.boot_rom_bytes:
            start = b"".join(word.to_bytes(4, "little") for word in (code | 26 << 7 | 0x37, 26 << 15 | 0x67))
            parts.append((BOOT_ROM, start, len(start)))  # lui x26, code; jr x26
        elf = write_elf(folder / "program.elf", parts, BOOT_ROM if config.boot_rom_bytes else code)
        counts, trace = folder / "counts", folder / "trace"
        outcome = simulate(simulator, soc_json, elf, max_cycles=3_000_000, counts=counts, trace=trace)
        assert outcome.fault is None and outcome.causes is not None, f"seed {seed}"
        segments = read_counts(counts)
        check_sums(outcome, segments)
        check_fast((outcome, segments), soc_json, elf, cfu, folder, max_cycles=3_000_000)
        executed = Counter[int]()
        for segment in segments:
            executed.update({pc: cycles[0] for pc, cycles in segment.by_pc.items()})
        traced = Counter(int(line.split()[0], 16) for line in trace.read_text().splitlines())
        assert +executed == traced, f"seed {seed}"
        total += outcome.causes
    return total


@pytest.mark.slow
@pytest.mark.parametrize(("given", "code", "data"), RANDOM, ids=lambda value: str(value)[:60])
def test_the_rules_hold_in_random_programs(
    given: str | dict[str, Any], code: int, data: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_programs, "IO", EXIT)  # the exit register, and read-only ones behind it
    total = run_random(given, code, data, range(12), tmp_path)
    config = configuration(given).configuration
    seen = {name for name, cycles in total.named().items() if cycles}
    wanted = {"executing", "icache", "branch", "hazard", "cfu_wait", "uncached"}
    wanted |= {"muldiv"} if config.divider else set()
    wanted |= {"trap", "csr"} if config.traps else set()
    wanted |= {"dcache"} if config.dcache_bytes and data != DTCM else set()
    assert wanted <= seen


@pytest.mark.long
@pytest.mark.parametrize("given", [*pairwise(), *pairwise(TCM_FACTORS)], ids=lambda value: str(value)[:60])
def test_the_rules_hold_with_every_pair_of_options(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_programs, "IO", EXIT)
    run_random(given, *place_of(given), range(12), tmp_path)


def place_of(given: dict[str, Any]) -> tuple[int, int]:
    """Code where the CPU can fetch it, data in a TCM if there is one."""
    config = configuration(given).configuration
    data = DTCM if config.dtcm_bytes else ITCM + 0x10000 if config.itcm_bytes else RAM + 0x10000
    return RAM if config.icache_bytes else ITCM, data


# The UART's interrupt stays up. The handler returns with interrupts off, and each `csrsi` lets the next one in.
INTERRUPTED_BEFORE = {
    "a load": "lw t1, 0(sp)",
    "a product": "mul t1, t1, t1",
    "its use": "mul t1, t1, t1\n add t2, t1, t1",
    "a division": "div t1, t1, s10",
    "the CFU": ".insn r 0x0B, 1, 9, t2, t1, t1",
    "a store": "sw t2, -4(sp)",
    "a branch": "beqz zero, 2f\n nop\n2: nop",
    "a jump": "j 2f\n nop\n2: nop",
    "a CSR": "csrr t1, 0xB00",
}
LET_IN = "\n  ".join(
    f"csrsi mstatus, 8\n  {text}\n  .rept 8\n  nop\n  .endr" for text in INTERRUPTED_BEFORE.values()
)
INTERRUPTS = 3 * len(INTERRUPTED_BEFORE)
INTERRUPTED = f"""
  .globl main
main:
  mv s7, ra
  li s8, {UART_RXTX}
  la t0, handler
  csrw mtvec, t0
  li t0, 2
  sw t0, 0x14(s8)  # ev_enable: received
1:
  lw t1, 0x10(s8)  # ev_pending
  beqz t1, 1b
  li s9, 0
  li s10, 3
  li t0, 0x80000001
  csrw 0xbc0, t0   # the UART's interrupt, and the CFU
  li t0, 0x800
  csrw mie, t0
1:
  {LET_IN}
  addi s10, s10, -1
  bnez s10, 1b
  mv a0, s9
  mv ra, s7
  ret
  .balign 4
handler:
  li t3, 0x80
  csrc mstatus, t3
  addi s9, s9, 1
  mret
"""


@pytest.mark.slow
def test_an_interrupt_is_a_trap(system: Any, tmp_path: Path) -> None:
    simulator = build_simulator(system.soc_json, ODD_CFU, causes=True, build_dir=system.build_dir)
    elf, counts = assemble(INTERRUPTED, tmp_path), tmp_path / "counts"
    outcome = simulate(simulator, system.soc_json, elf, stdin=b"x", max_cycles=1_000_000, counts=counts)
    assert outcome.exit_code == INTERRUPTS and outcome.causes is not None
    segments = read_counts(counts)
    check_sums(outcome, segments)
    check_fast((outcome, segments), system.soc_json, elf, ODD_CFU, tmp_path, stdin=b"x", max_cycles=1_000_000)
    # A jump takes five cycles, to the handler and back. Before it, what is in the pipeline leaves: up to three bubbles.
    assert INTERRUPTS * (5 + 5) <= outcome.causes.trap <= INTERRUPTS * (5 + 5 + 3)


# Wrong rules, and how the first program that meets them ends.
WRONG = {
    "a stage that waits moves": (
        "bubbles.h",
        "else if (m.predicted && !decode_holds)",
        "else if (m.predicted)",
    ),
    "a cause has no rule": ("vexriscv.h", "return Cause::hazard;", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_ends_the_run(
    name: str, system: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = shutil.copytree(HARNESS, tmp_path / "harness")
    file, old, new = WRONG[name]
    header = harness / file
    assert header.read_text().count(old) == 1
    header.write_text(header.read_text().replace(old, new))
    monkeypatch.setattr("cfukit_soc.simulator.HARNESS", harness)
    simulator = build_simulator(system.soc_json, ODD_CFU, causes=True, build_dir=tmp_path)
    source = "  .globl main\nmain:\n  li t0, 9\n1: mul t1, t0, t0\n add t2, t1, t1\n addi t0, t0, -1\n"
    source += "  lw t1, -8(sp)\n  beq t1, t1, 2f\n2: slli t3, t0, 2\n  bnez t3, 1b\n  li a0, 0\n  ret\n"
    counts = tmp_path / "counts"
    outcome = simulate(
        simulator, system.soc_json, assemble(source, tmp_path), max_cycles=10_000, counts=counts
    )
    assert outcome.fault is not None and outcome.fault.kind == "cause"
    assert outcome.fault.function == "main" and "please report it" in outcome.fault.message
    assert outcome.causes is not None and outcome.causes.cycles == outcome.cycles


def test_counts_are_read_as_they_are_written(tmp_path: Path) -> None:
    names = len(CAUSE_NAMES)
    file = tmp_path / "counts"
    first = struct.pack(f"<5Q{names}Q", 7, 2, 1, 32, 2, 4, 3, *[0] * (names - 2))
    rows = struct.pack(f"<I{names}I", 0x4000_0001, 3, 3, *[0] * (names - 2))
    rows += struct.pack(f"<I{names}I", 0x4000_0005, 1, *[0] * (names - 1))
    last = struct.pack(f"<5Q{names}Q", 7, 0, 0, 0, 0, *[0] * names)
    file.write_bytes(first + rows + last)
    one, empty = read_counts(file)
    assert (one.end, one.busy) == (7, Busy(cfu=2, memory_port=1, dma_bytes=32))
    assert one.causes == Causes.of({"executing": 4, "icache": 3})
    assert one.by_pc == {0x4000_0000: (3, 3, *[0] * (names - 2)), 0x4000_0004: (1, *[0] * (names - 1))}
    assert empty.end == 7 and empty.causes.cycles == 0 and empty.by_pc == {}
    file.write_bytes(b"")
    assert read_counts(file) == ()


def test_the_harness_has_the_same_causes() -> None:
    """In the same order: the file has no names."""
    text = (HARNESS / "causes.h").read_text().partition("#define CAUSES(X)")[2].partition("enum class")[0]
    assert tuple(re.findall(r"X\((\w+)\)", text)) == CAUSE_NAMES


def test_a_simulator_without_causes_refuses(tmp_path: Path) -> None:
    simulator = tmp_path / "simulator"
    simulator.write_bytes(b"")
    with pytest.raises(UsageError, match=r"built without causes; build_simulator\(\.\.\., causes=True\)"):
        simulate(simulator, tmp_path / "soc.json", tmp_path / "program.elf", counts=tmp_path / "counts")
