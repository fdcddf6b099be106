"""The fast simulator gives the RTL's cycles on systems that nobody has chosen, for random programs in machine code and in C."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cfukit_base.artefacts import Soc
from support import cpu_programs
from support.bare import patient_cfu
from support.fast_compare import Both, chunk, program_image
from support.nonsense_words import nonsense_words
from support.random_c import c_image
from support.random_systems import RandomSystem, random_system
from support.random_words import random_words
from support.socs import make_soc
from support.system_programs import PatchGenerator, StormGenerator, SystemGenerator, layout, system_image
from support.traffic_cfu import traffic

SEEDS = int(os.environ.get("CFUKIT_SEEDS", "20"))
FIRST = int(os.environ.get("CFUKIT_FIRST_SYSTEM", "0"))
INPUT = b"what comes in"
_MASK = 0xBC0  # of external interrupts


@pytest.fixture(autouse=True)
def _registers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random programs end by our exit register."""
    monkeypatch.setattr(cpu_programs, "EXIT", 8)
    monkeypatch.setattr(cpu_programs, "ACK", 0)


def images(soc: Soc, soc_json: Path, number: int, folder: Path) -> Iterator[bytes]:
    """Programs of every kind that the system can run."""
    cpu, seeds = soc.cpu, range(100 * number, 100 * number + 100)
    for seed in seeds[:20]:
        yield system_image(soc, seed, generator=PatchGenerator if seed % 5 == 0 else SystemGenerator)
    if cpu.interrupts and cpu.traps and _MASK in cpu.csrs:
        for seed in seeds[20:26]:
            yield system_image(soc, seed, 600, StormGenerator)
    if cpu.reset_address in (memory.base for memory in soc.memories if memory.kind not in ("rom", "flash")):
        for seed in seeds[30:36]:
            yield program_image(soc_json, seed)
    for seed in seeds[40:44]:
        yield chunk(soc, cpu.reset_address, random_words(seed, soc)[: _room(soc)])
    for seed in seeds[50:54]:
        if not cpu.traps and _room(soc) > 65536:
            yield chunk(soc, cpu.reset_address, nonsense_words(seed, soc))
    for seed in seeds[60:64]:
        yield c_image(soc, seed, folder)


def _room(soc: Soc) -> int:
    return next(
        memory.base + memory.bytes - soc.cpu.reset_address
        for memory in soc.memories
        if 0 <= soc.cpu.reset_address - memory.base < memory.bytes
    )


@pytest.mark.long
@pytest.mark.parametrize("number", range(FIRST, FIRST + max(2, SEEDS // 5)))
def test_programs_on_systems_that_nobody_has_chosen(shared_tmp: Path, tmp_path: Path, number: int) -> None:
    system = random_system(number, tmp_path / "system", shared_tmp)
    soc, both, told = system.both.soc, system.both, {"autonomous": int(system.autonomous)}
    if system.port_bits:
        compare_ports(system, soc, tmp_path, number)
        return
    for n, image in enumerate(images(soc, both.soc_json, number, tmp_path)):
        both.compare(image, tmp_path, stdin=INPUT, **told, exact=int(n % 10 == 7))


def compare_ports(system: RandomSystem, soc: Soc, folder: Path, number: int) -> None:
    """Programs that load and store while the CFU reads and writes the same memories."""
    assert system.port_bits is not None
    seeds = range(100 * number, 100 * number + 100)
    on_bus = [
        seed
        for seed in seeds
        if layout(soc, seed)[1] in (memory.base for memory in soc.memories if memory.kind == "ram")
    ]
    for n, seed in enumerate((on_bus or [*seeds])[:10]):
        image = c_image(soc, seed, folder, traffic(seed, *system.port_bits))
        system.both.compare(image, folder, autonomous=1, exact=int(n == 7))


@pytest.mark.slow
def test_programs_in_c(shared_tmp: Path, tmp_path: Path) -> None:
    both = Both(make_soc("sim", tmp_path / "soc", cpu="min"), patient_cfu(tmp_path), shared_tmp)
    for seed in range(6):
        assert both.compare(c_image(both.soc, seed, tmp_path), tmp_path)["end"] == "exit"
