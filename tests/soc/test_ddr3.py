"""DDR3: liblitedram's levelling on a model of the PHY's delays, the memory test, and the boot ROM on LiteDRAM's PHY model."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from cfukit_base import process
from cfukit_base.artefacts import Soc
from cfukit_base.tools import riscv_cc
from cfukit_soc import build_simulator, simulate
from cfukit_soc.boards import boards
from cfukit_sw.boot import BOOT, build_boot, litex_software
from support.socs import make_soc

SUPPORT = Path(__file__).parents[1] / "support"
MEMORY = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
uint32_t cfukit_memory_errors(volatile uint32_t *memory, uint32_t words);
int sdram_init(void) { return 1; }
static uint32_t memory[1 << 18];
int main(void) {
  printf("%u\\n", (unsigned)cfukit_memory_errors(memory, 1 << 18));
  return 0;
}
"""


def compiled(out: Path, sources: list[Path], *words: str) -> Path:
    """A program for this machine."""
    tool = riscv_cc("zig")
    files = [str(path) for path in sources]
    done = process.run([*tool.argv, "-w", "-O1", *words, "-o", str(out), *files], env=tool.env, timeout=3000)
    assert done.ok, done.stderr
    return out


@pytest.fixture(scope="module")
def hardware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the system as it is synthesised."""
    return make_soc("arty", tmp_path_factory.mktemp("hardware"), simulated=False).parent


@pytest.fixture(scope="module")
def levelling(hardware: Path) -> Path:
    folder = hardware
    (folder / "stub.h").write_text(
        "#define CSR_ACCESSORS_DEFINED\nvoid csr_write_simple(unsigned long, unsigned long);\n"
        "unsigned long csr_read_simple(unsigned long);\n"
    )
    software = litex_software()
    places = [BOOT / "litex", folder, software, software / "include"]
    flags = ["-DSDRAM_TEST_DISABLE", "-include", str(folder / "stub.h"), *(f"-I{path}" for path in places)]
    names = ("sdram.c", "accessors.c")
    sources = [*(software / "liblitedram" / name for name in names), SUPPORT / "ddr3_stub.c"]
    return compiled(folder / "levelling", sources, *flags)


def level(program: Path, lanes: list[tuple[int, int, int, int]]) -> tuple[str, list[tuple[int, ...]]]:
    words = [str(value) for lane in lanes for value in lane]
    done = process.run([str(program), *words], timeout=300)
    assert done.ok, done.stderr
    chosen = [tuple(map(int, found)) for found in re.findall(r"^lane (\d+) (\d+) (\d+)$", done.stdout, re.M)]
    return done.stdout, chosen


@pytest.mark.slow
def test_levelling_finds_each_lanes_window_and_its_middle(levelling: Path) -> None:
    source = random.Random(6)
    for _ in range(20):
        lanes = []
        for _ in range(2):
            first = source.randrange(1, 18)
            lanes.append((0, source.randrange(8), first, first + source.randrange(6, 12)))
        said, chosen = level(levelling, lanes)
        assert "levelled 1, hardware control 1" in said
        for (write_slip, read_slip, first, last), (got_write, got_read, delay) in zip(
            lanes, chosen, strict=True
        ):
            assert (got_write, got_read) == (write_slip, read_slip), (lanes, said)
            assert abs(delay - (first + last) / 2) <= 1.5, (lanes, said)


@pytest.mark.slow
def test_levelling_without_a_window_says_so(levelling: Path) -> None:
    said, chosen = level(levelling, [(0, 1, 40, 41), (0, 1, 8, 20)])
    assert re.search(r"best: m0, b\d+ delays: -", said) and re.search(r"best: m1, b01 delays: 14\+-06", said)
    assert chosen[1] == (0, 1, 14)


@pytest.mark.slow
def test_the_memory_test_finds_what_is_stuck(tmp_path: Path) -> None:
    include = BOOT.parents[1] / "include"
    (tmp_path / "main.c").write_text(MEMORY)
    (tmp_path / "soc.h").write_text("#define CFUKIT_MAIN_RAM_BASE 0\n#define CFUKIT_MAIN_RAM_BYTES 1\n")
    source = (BOOT / "ddr3.c").read_text()

    def errors(good: str = "", bad: str = "") -> int:
        assert good in source
        (tmp_path / "ddr3.c").write_text(source.replace(good, bad) if good else source)
        words = [f"-I{tmp_path}", f"-I{include}"]
        program = compiled(tmp_path / "test", [tmp_path / "main.c", tmp_path / "ddr3.c"], *words)
        return int(process.run([str(program)], timeout=300).stdout)

    assert errors() == 0
    # A stuck address line, a stuck data line, and a lost word.
    assert errors("memory[place] = ~place;", "memory[place & ~4096u] = ~place;") > 0
    assert errors("memory[bit] = UINT32_C(1) << bit;", "memory[bit] = UINT32_C(1) << bit & ~16u;") == 1
    assert errors("memory[i] = value = value", "memory[i & ~1u] = value = value") == 16384


@pytest.mark.slow
def test_the_boot_rom_initialises_and_tests_ddr3(tmp_path: Path) -> None:
    soc_json = make_soc("arty", tmp_path / "soc", from_rom=True)
    soc = Soc.read(soc_json)
    assert soc.cpu.reset_address == 0 and "bus_rom.v" in soc.chips
    boot = build_boot(soc_json, bytes(range(16)), build_dir=tmp_path)
    result = simulate(
        build_simulator(soc_json, None, build_dir=tmp_path), soc_json, boot, max_cycles=1_500_000
    )
    said = result.output.decode()
    assert "Initializing SDRAM @0x40000000" in said and "DDR3: levelled, 0 errors\n" in said
    assert said.endswith(f"cfukit boot: board arty, system {bytes(range(16)).hex()}\n")
    assert result.fault is not None and result.fault.kind == "time_out"  # it waits for a host


@pytest.mark.slow
def test_headers_say_what_the_boards_phy_can(hardware: Path, tmp_path: Path) -> None:
    make_soc("arty100t", tmp_path, simulated=False)
    phy = (hardware / "generated" / "sdram_phy.h").read_text()
    for name in ("READ_LEVELING_CAPABLE", "BITSLIPS 8", "DELAYS 32", "CL 7"):
        assert f"#define SDRAM_PHY_{name}" in phy, name
    assert phy == (tmp_path / "generated" / "sdram_phy.h").read_text()
    assert not any("20" + "26" in path.read_text() for path in (hardware / "generated").iterdir())


@pytest.mark.slow
def test_a_simulated_board_differs_from_hardware_in_phy_and_start_alone(
    hardware: Path, tmp_path: Path
) -> None:
    real = Soc.read(hardware / "soc.json")
    played = Soc.read(make_soc("arty", tmp_path))
    assert tuple(memory for memory in real.memories if memory.kind != "rom") == played.memories
    assert (real.cpu.reset_address, played.cpu.reset_address) == (0, 0x4000_0000)
    own = set(real.csrs) - set(played.csrs)
    assert own and all(name.startswith("ddrphy_") for name in own)
    assert {name: board.ddr3 for name, board in boards().items() if board.ddr3}.keys() == {"arty", "arty100t"}


@pytest.mark.slow
@pytest.mark.parametrize(("clock_hz", "marked"), [(75_000_000, False), (50_000_000, True)])
def test_ddr3_below_its_slowest_clock_is_marked(clock_hz: int, marked: bool, tmp_path: Path) -> None:
    soc = Soc.read(make_soc("arty", tmp_path, clock_hz=clock_hz))
    assert ("ddr3_out_of_specification" in soc.constants) == marked
