"""Placement: the choice by sizes and latencies, what is refused, and what it gains on a system with two RAMs."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.plan import Plan
from cfukit_base.errors import ResultError, UsageError
from cfukit_base.protocol import wire
from cfukit_soc import build_simulator, simulate
from cfukit_soc.fast import simulate_fast
from cfukit_sw.elf import memory_map
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.firmware import build_firmware
from cfukit_sw.linker import Placement, linker_script, resolve
from cfukit_sw.lower import lower
from cfukit_sw.model_c import write_model
from cfukit_sw.placement import PARTS, place, traffic
from cfukit_sw.tflite_reader import read_model
from cfukit_tools.firmware import script as inference
from support.models import random_inputs
from support.socs import make_soc, memory, soc_of

DIGITS = Path(__file__).parents[2] / "sw" / "cfukit_sw" / "models" / "digits.tflite"
SIZES = {"code": 17_000, "weights": 24_000, "arena": 2_000, "data": 17_000}


SLOW = memory("slow", 1 << 20, 10)
FAST = memory("fast", 65536, 2, base=0x1000_0000)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return lower(read_model(DIGITS))


def where(placement: Placement) -> tuple[str, ...]:
    return tuple(getattr(placement, part) for part in PARTS)


def test_all_that_fits_goes_into_the_fast_memory(plan: Plan) -> None:
    assert where(place(plan, soc_of(SLOW, FAST), SIZES)) == ("fast",) * 4
    assert where(place(plan, soc_of(SLOW), SIZES)) == ("slow",) * 4


@pytest.mark.parametrize("size", [1000, 3000, 20_000, 26_000, 30_000, 45_000, 60_100])
def test_the_choice_is_the_cheapest_that_fits(plan: Plan, size: int) -> None:
    soc = soc_of(SLOW, memory("fast", size, 2, base=0x1000_0000))
    used = traffic(plan, soc_of(SLOW))

    def cycles(choice: tuple[str, ...]) -> float:
        by_name = {m.name: m for m in soc.memories}
        return sum(used[part].cycles(by_name[name]) for part, name in zip(PARTS, choice, strict=True))

    fitting = [
        choice
        for choice in product(("slow", "fast"), repeat=4)
        if sum(SIZES[part] for part, name in zip(PARTS, choice, strict=True) if name == "fast") <= size
    ]
    assert cycles(where(place(plan, soc, SIZES))) == min(map(cycles, fitting))


def test_of_equals_everything_stays_together(plan: Plan) -> None:
    soc = soc_of(SLOW, memory("other", 1 << 20, 10, base=0x1000_0000))
    assert where(place(plan, soc, SIZES)) == ("slow",) * 4


def test_a_pin_is_honoured_and_the_rest_chosen(plan: Plan) -> None:
    placed = place(plan, soc_of(SLOW, FAST), SIZES, Placement(weights="slow"))
    assert where(placed) == ("fast", "slow", "fast", "fast")


def test_a_pinned_part_that_does_not_fit_says_how_much(plan: Plan) -> None:
    soc = soc_of(SLOW, memory("fast", 8192, 2, base=0x1000_0000))
    with pytest.raises(
        ResultError, match="memory fast: does not fit: 24,000 bytes asked; 8,192 bytes"
    ) as info:
        place(plan, soc, SIZES, Placement(weights="fast"))
    assert (info.value.details["asked"], info.value.details["available"]) == (24_000, 8192)


def test_a_model_that_fits_nowhere_is_refused(plan: Plan) -> None:
    with pytest.raises(ResultError, match="does not fit"):
        place(plan, soc_of(memory("slow", 32_768, 10)), SIZES)


def test_a_wrong_name_gets_a_suggestion(plan: Plan) -> None:
    with pytest.raises(UsageError, match="place.arena: 'fsat'; no such memory, did you mean 'fast'"):
        place(plan, soc_of(SLOW, FAST), SIZES, Placement(arena="fsat"))


def test_kinds_of_memory_limit_the_choice(plan: Plan) -> None:
    flash = memory("flash", 1 << 21, 40, "flash", base=0x2000_0000)
    instructions = memory("itcm", 1 << 16, 1, "itcm", base=0x1000_0000)
    data = memory("dtcm", 1 << 16, 1, "dtcm", base=0x5000_0000)
    placed = place(plan, soc_of(flash, instructions, data, reset=0x2000_0000), SIZES)
    assert placed.code == "flash"  # nothing copies code from there yet
    assert (placed.weights, placed.arena, placed.data) == ("dtcm", "dtcm", "dtcm")
    placed = place(plan, soc_of(SLOW, instructions, data), SIZES)
    assert where(placed) == ("itcm", "dtcm", "dtcm", "dtcm")
    # Without data TCM the rest of the instruction TCM serves; on a CPU without I$ fetches wait for that, but it is worth it.
    placed = place(plan, soc_of(SLOW, instructions), SIZES)
    assert where(placed) == ("itcm",) * 4
    soc = soc_of(instructions, data, reset=0x1000_0000, icache_bytes=0, dcache_bytes=0)
    assert where(place(plan, soc, SIZES)) == ("itcm", "dtcm", "dtcm", "dtcm")
    assert where(place(plan, replace(soc, memories=(SLOW, instructions)), SIZES)) == ("itcm",) * 4


def test_without_caches_every_load_counts(plan: Plan) -> None:
    """A larger cache never reads more words of weights. Without caches, code and weights are read most."""
    macs = sum(step.macs for step in plan.steps)

    def used(**cpu: int) -> dict[str, float]:
        found = traffic(plan, soc_of(**cpu))
        return {part: each.reads for part, each in found.items()}

    large, stock, tiny = (used(dcache_bytes=size)["weights"] for size in (65_536, 4096, 512))
    assert large <= stock <= tiny
    none = used(dcache_bytes=0, icache_bytes=0)
    assert none["code"] == 4 * macs and none["weights"] >= macs / 2 > stock


def test_plain_places_of_a_cpu_with_tightly_coupled_memories_alone() -> None:
    """Code lies where it can be fetched, stack and arena in the data memory, without gaps for a cache that does not exist."""
    instructions = memory("itcm", 1 << 16, 1, "itcm", base=0x1000_0000)
    data = memory("dtcm", 1 << 21, 1, "dtcm", base=0x5000_0000)
    soc = soc_of(instructions, data, reset=0x1000_0000, icache_bytes=0, dcache_bytes=0)
    found = resolve(soc, Placement())
    assert (found["code"], found["data"], found["arena"]) == ("itcm", "dtcm", "dtcm")
    assert "ALIGN(. -" not in linker_script(soc)
    soc = replace(soc, cpu=replace(soc.cpu, dcache_bytes=16_384))
    assert ".arena (ALIGN(. - 8192, 16384) + 8192) " in linker_script(soc)
    soc = replace(soc, memories=soc.memories[::-1])
    assert resolve(soc, Placement())["data"] == "dtcm"


# --- on board sim_slow ---------------------------------------------------------------------------------------------------


class Bench:
    """Board sim_slow, 64 KiB of RAM on chip, and the shipped model."""

    def __init__(self, folder: Path, shared: Path):
        self.folder, self.model = folder, read_model(DIGITS)
        self.soc_json = make_soc("sim_slow", folder / "soc")
        self.soc = Soc.read(self.soc_json)
        self.shared = shared
        self.plan = lower(self.model)
        self.sources = write_model(self.plan, folder / "model")
        self.inputs = random_inputs(self.model, np.random.default_rng(0))
        self.expected = Evaluator(self.model).run(self.inputs).outputs

    def build(self, placement: object) -> Path:
        return build_firmware(
            self.sources, self.soc_json, build_dir=self.folder, kind="server", placement=placement
        )

    def cycles(self, elf: Path) -> int:
        """Cycles of one inference on the exact simulator, after checking its outputs."""
        script = wire.Script()
        inference.start(script, self.plan, self.inputs)
        inference.read_outputs(script, self.plan)
        script.exit()
        result = simulate_fast(
            self.soc_json, elf, None, build_dir=self.folder, stdin=bytes(script), max_cycles=100_000_000
        )
        answers = [wire.parse(frame) for frame in wire.split(result.output)[1]]
        data = inference.output_bytes(answers)
        assert data == b"".join(array.tobytes() for array in self.expected)
        return next(answer.cycles for answer in answers if isinstance(answer, wire.Done))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    return Bench(tmp_path_factory.mktemp("placed"), shared / "soc")


@pytest.mark.long
def test_the_choice_is_right_on_the_system(bench: Bench) -> None:
    """Measure all placements.

    Outputs stay right, every part lies where it should, and the choice for a RAM of any size is within 3 % of the best that fits.

    """
    measured: dict[tuple[str, ...], int] = {}
    sizes: dict[str, int] = {}
    for choice in product(("main_ram", "sram"), repeat=4):

        def pinned(found: dict[str, int], choice: tuple[str, ...] = choice) -> Placement:
            sizes.update(found)
            return Placement(**dict(zip(PARTS, choice, strict=True)))

        elf = bench.build(pinned)
        for name, parts in ((shown.name, shown.parts) for shown in memory_map(elf, bench.soc)):
            assert set(parts) == {part for part, place in zip(PARTS, choice, strict=True) if place == name}
        measured[choice] = bench.cycles(elf)
    for size in (1024, 4096, 18_000, 26_000, 28_000, 45_000, 65_536):
        slow, fast = bench.soc.memories
        soc = replace(bench.soc, memories=(slow, replace(fast, bytes=size)))
        fitting = [
            cycles
            for choice, cycles in measured.items()
            if sum(sizes[part] for part, name in zip(PARTS, choice, strict=True) if name == "sram") <= size
        ]
        assert measured[where(place(bench.plan, soc, sizes))] <= 1.03 * min(fitting), size
    assert measured[("sram",) * 4] < 0.85 * measured[("main_ram",) * 4]


@pytest.mark.slow
def test_memories_are_as_slow_as_they_say(bench: Bench) -> None:
    """A load that misses reads 8 words. Stores go to memory one by one."""
    source = bench.folder / "latency.c"
    source.write_text(
        """
#include "cfukit.h"
static uint32_t loads(volatile uint32_t *at) {
  const uint32_t begin = cfukit_cycles_low();
  for (int i = 0; i < 64; i++) (void)at[1024 * i];
  return cfukit_cycles_low() - begin;
}
static uint32_t stores(volatile uint32_t *at) {
  const uint32_t begin = cfukit_cycles_low();
  for (int i = 0; i < 64; i++) { at[0] = 1; at[1] = 1; at[2] = 1; at[3] = 1; at[4] = 1; at[5] = 1; at[6] = 1; at[7] = 1; }
  return cfukit_cycles_low() - begin;
}
int main(void) {
  volatile uint32_t *slow = (void *)0x40400000, *fast = (void *)0x10000000;
  for (int round = 0; round < 2; round++) {
    const uint32_t a = loads(slow), b = loads(fast), c = stores(slow), d = stores(fast);
    if (round == 1) printf("%u %u %u %u", a, b, c, d);
  }
  return 0;
}
""".replace("1024 * i", "1024 * (i & 15)")
    )
    elf = build_firmware([source], bench.soc_json, build_dir=bench.folder)
    simulator = build_simulator(bench.soc_json, None, build_dir=bench.shared)
    result = simulate(simulator, bench.soc_json, elf, max_cycles=1_000_000)
    slow_loads, fast_loads, slow_stores, fast_stores = map(int, wire.split(result.output)[0].split())
    words = (
        64 * 8
    )  # one more cycle per word would be 512; the bus may cost a few cycles where a loop begins and ends
    assert abs((slow_loads - fast_loads) / words - (10 - 2)) < 0.05
    assert 64 * 8 * 6 <= slow_stores < 64 * 8 * 6 * 1.1 and fast_stores < slow_stores / 2


@pytest.mark.parametrize(("code", "part"), [("sram", ".boot"), ("main_ram", ".text")])
def test_something_stands_at_the_reset_address(tmp_path: Path, code: str, part: str) -> None:
    from elftools.elf.elffile import ELFFile

    soc_json = make_soc("sim_slow", tmp_path / "soc")
    source = tmp_path / "main.c"
    source.write_text("int main(void) { return 0; }\n")
    elf = build_firmware([source], soc_json, build_dir=tmp_path, placement=Placement(code=code))
    with elf.open("rb") as file:
        program = ELFFile(file)
        assert program["e_entry"] == program.get_section_by_name(part)["sh_addr"] == 0x4000_0000
