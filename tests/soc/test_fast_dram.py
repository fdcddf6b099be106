"""The fast simulator on boards with DRAM: L2 cache, controller and refresh give the RTL's cycles, whatever the order of accesses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfukit_base.artefacts import Soc
from cfukit_base.errors import ResultError, UsageError
from cfukit_soc import simulate
from cfukit_soc.fast import not_modelled, simulate_fast
from cfukit_soc.image import memory_image
from cfukit_soc.simulator import build_simulator
from support import cpu_programs
from support.bare import ODD_CFU, assemble, compile_c
from support.dram_streams import stream
from support.fast_compare import Both, program_image
from support.socs import make_soc

SYSTEMS: dict[str, dict[str, Any]] = {
    "arty": {"board": "arty"},
    "ulx3s": {"board": "ulx3s"},
    "tang20k": {"board": "tang20k"},
    "arty at 50 MHz": {"board": "arty", "clock_hz": 50_000_000},
    "arty100t at 75 MHz": {"board": "arty100t", "clock_hz": 75_000_000},
    "tang20k at 48 MHz": {"board": "tang20k", "clock_hz": 48_000_000},
    "ulx3s, no data cache": {"board": "ulx3s", "cpu": {"dcache_bytes": 0}},
    "tang20k, small caches": {"board": "tang20k", "cpu": {"icache_bytes": 1024, "dcache_bytes": 1024}},
    "arty with a CFU": {"board": "arty", "cfu": ODD_CFU},
}
COMMON = ("arty",)
FLAGS = ("-O1", "-O2", "-O0")

Made = Callable[[str], Both]


@pytest.fixture(scope="module")
def made(shared_tmp: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """made(name of a system): it on both simulators."""
    known: dict[str, Both] = {}

    def make(name: str) -> Both:
        if name not in known:
            options = dict(SYSTEMS[name])
            cfu = options.pop("cfu", None)
            folder = tmp_path_factory.mktemp("dram")
            known[name] = Both(make_soc(folder=folder, **options), cfu, shared_tmp)
        return known[name]

    return make


def compare(both: Both, folder: Path, programs: range, streams: range) -> None:
    """Random programs and streams of accesses on both simulators; the first of each without the fast path too."""
    soc = Soc.read(both.soc_json)
    images = [program_image(both.soc_json, seed) for seed in programs]
    first = [images[0]]
    memory = next(memory for memory in soc.memories if memory.kind == "ram")
    stack_end = memory.base + memory.bytes - 16
    for seed in streams:
        elf = compile_c(stream(seed, soc), folder, FLAGS[seed % 3], stack_end=stack_end)
        images.append(memory_image(elf, soc))
    first.append(images[len(programs)])
    ends = {"exit", "cfu_hang"} if both.cfu else {"exit"}  # some instructions of this CFU have no answer
    for image in images:
        assert both.compare(image, folder)["end"] in ends
    for image in first:
        both.compare(image, folder, exact=1)


@pytest.fixture(autouse=True)
def _registers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random programs end by our exit register."""
    monkeypatch.setattr(cpu_programs, "EXIT", 8)
    monkeypatch.setattr(cpu_programs, "ACK", 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMON)
def test_accesses_in_any_order(made: Made, tmp_path: Path, name: str) -> None:
    compare(made(name), tmp_path, range(1), range(1))


@pytest.mark.long
@pytest.mark.parametrize("name", SYSTEMS)
def test_accesses_in_any_order_on_every_system(made: Made, tmp_path: Path, name: str) -> None:
    compare(made(name), tmp_path, range(1, 9), range(1, 9))


LIMITS = [{"max_cycles": 3_000}, {"hang_cycles": 3_000}, {"max_cycles": 3_001, "hang_cycles": 3_000}]
LIMITS += [{"max_cycles": 3_002, "hang_cycles": 3_000}, {"hang_cycles": 10_070}, {"max_cycles": 10_065}]


@pytest.mark.slow
@pytest.mark.parametrize("limits", LIMITS, ids=str)
def test_limits_before_the_chip_is_initialised(made: Made, tmp_path: Path, limits: dict[str, Any]) -> None:
    both = made("ulx3s")
    elf = assemble("  .globl main\nmain:\n li a0, 0\n ret\n", tmp_path)
    rtl = build_simulator(both.soc_json, None, build_dir=both.build_dir)
    found = simulate_fast(both.soc_json, elf, None, build_dir=tmp_path, **limits)
    assert found == simulate(rtl, both.soc_json, elf, **limits)
    assert found.fault is not None


def test_a_program_that_drives_the_chip_itself_is_refused(tmp_path: Path) -> None:
    soc_json = make_soc("ulx3s", tmp_path)
    register = Soc.read(soc_json).csrs["sdram_dfii_control"].address
    elf = assemble(f"  .globl main\nmain:\n li a0, {register:#x}\n lw a0, 0(a0)\n ret\n", tmp_path)
    with pytest.raises(ResultError, match="DRAM controller, which engine fast does not model"):
        simulate_fast(soc_json, elf, None, build_dir=tmp_path)


def test_a_boot_rom_is_refused(tmp_path: Path) -> None:
    soc_json = make_soc("ulx3s", tmp_path, from_rom=True)
    assert not_modelled(Soc.read(soc_json)) == "a boot ROM on the bus"
    with pytest.raises(UsageError, match="boot ROM"):
        simulate_fast(soc_json, tmp_path / "none.elf", None, build_dir=tmp_path)
