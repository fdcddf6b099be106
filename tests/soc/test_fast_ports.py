"""The fast simulator with a CFU that works on its own, alone, at a memory port or at a DMA port: every instruction at the RTL's cycle,
and what the CFU read when.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfukit_base.artefacts import Soc
from cfukit_base.cfu_ports import DmaShape
from cfukit_cpu import write_cpu
from cfukit_soc import generate_soc
from cfukit_soc.image import memory_image
from support import bare
from support.fast_compare import Both
from support.marks import long_except
from support.traffic_cfu import DTCM, collision, outside, traffic, write_traffic_cfu

Ports = tuple[str, str | dict[str, Any], int, int]
SYSTEMS: dict[str, Ports] = {  # board, CPU, bits of the memory port, bits of the DMA port
    "both over the bus": ("sim", "tcm", 32, 128),
    "wide rows": ("sim", "tcm", 128, 0),
    "single-ported banks": ("sim", "fomu", 32, 0),
    "two banks in a row": ("sim", "fomu", 64, 0),
    "no data cache": ("sim", {"base": "tcm", "dcache_bytes": 0}, 64, 32),
    "the stock CPU": ("sim", "full+cfu", 0, 64),
    "neither": ("sim", "full+cfu", 0, 0),
    "ulx3s": ("ulx3s", {"base": "tcm", "dtcm_bytes": 65536}, 64, 128),
    "arty": ("arty", {"base": "tcm", "dtcm_bytes": 65536}, 128, 32),
    "tang20k": ("tang20k", {"base": "tcm", "dtcm_bytes": 16384}, 64, 64),
}
COMMON = ("both over the bus", "ulx3s")
FLAGS = ("-O2", "-O1", "-O0")

Made = Callable[[str], Both]


@pytest.fixture(scope="module")
def made(shared_tmp: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """made(name of a system): it on both simulators."""
    known: dict[str, Both] = {}

    def make(name: str) -> Both:
        if name not in known:
            board, cpu, memory_bits, dma_bits = SYSTEMS[name]
            folder = tmp_path_factory.mktemp("ports")
            dma = DmaShape(width=dma_bits) if dma_bits else None
            soc = generate_soc(
                board, write_cpu(cpu, folder, memory_port_bits=memory_bits), folder / "soc", dma=dma
            )
            known[name] = Both(soc, write_traffic_cfu(folder / "cfu", memory_bits, dma_bits), shared_tmp)
        return known[name]

    return make


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Both, str, str], bytes]:
    """image(both, source, flags): the memory image of a C program that lies where the CPU starts."""

    def make(both: Both, source: str, flags: str = "-O2") -> bytes:
        soc = Soc.read(both.soc_json)
        main = next((memory for memory in soc.memories if memory.kind == "ram"), None)
        on_chip = main is None or not soc.cpu.icache_bytes
        end = DTCM + 8192 if on_chip or main is None else main.base + main.bytes - 4096
        monkeypatch.setattr(bare, "_LINK", bare._LINK.replace("0x40000000", hex(soc.cpu.reset_address)))
        return memory_image(bare.compile_c(source, tmp_path, flags, stack_end=end), soc)

    return make


def compare(both: Both, name: str, make: Callable[..., bytes], folder: Path, seeds: range) -> None:
    """The first program without the fast path too."""
    for seed in seeds:
        found = make(both, traffic(seed, *SYSTEMS[name][2:]), FLAGS[seed % 3])
        assert both.compare(found, folder, autonomous=1)["end"] == "exit"
        if seed == seeds[0]:
            both.compare(found, folder, autonomous=1, exact=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", long_except(COMMON, COMMON[0]))
def test_traffic_from_both_sides(made: Made, image: Callable[..., bytes], tmp_path: Path, name: str) -> None:
    both = made(name)
    compare(both, name, image, tmp_path, range(3))
    if name != COMMON[0]:
        return
    for offset in (2, 1 << 19):
        assert both.compare(image(both, outside(offset)), tmp_path)["end"] == "memory_range"
    for address, count in ((0x41FFFFF0, 2), (0x3FFFFFF0, 2), (0x40000008, 1), (0x40000000, 0)):
        assert both.compare(image(both, outside(address, count)), tmp_path)["end"] == "dma_range"
    assert both.compare(image(both, collision(1)), tmp_path)["end"] == "memory_collision"


class WithoutCfu(Both):
    """The fast simulator has no CFU, as when it runs the portable kernels."""

    @functools.cached_property
    def simulators(self) -> dict[str, tuple[str, ...]]:
        rtl, fast = Both(self.soc_json, self.cfu, self.build_dir).simulators.values()
        return {"rtl": rtl, "fast": tuple(word for word in fast if not word.startswith("cfu="))}


@pytest.mark.slow
def test_a_program_that_needs_no_cfu(made: Made, image: Callable[..., bytes], tmp_path: Path) -> None:
    """The CPU has the ports, and nothing uses them."""
    name = "single-ported banks"
    both = made(name)
    alone = WithoutCfu(both.soc_json, both.cfu, both.build_dir)
    for seed in range(3):
        source = re.sub(r"CFU\(\d[^()]*\)", "1", traffic(seed, *SYSTEMS[name][2:]))
        for exact in (0, 1):
            assert alone.compare(image(alone, source), tmp_path, exact=exact)["end"] == "exit"


@pytest.mark.long
@pytest.mark.parametrize("name", SYSTEMS)
def test_traffic_from_both_sides_with_many_seeds(
    made: Made, image: Callable[..., bytes], tmp_path: Path, name: str
) -> None:
    compare(made(name), name, image, tmp_path, range(3, 15))
