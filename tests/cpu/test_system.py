"""Derived CPUs in the whole system: C programs run, and programs that need more than the CPU has are refused first."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from cfukit_base.artefacts import Soc
from cfukit_base.errors import BuildError, UsageError
from cfukit_soc import build_simulator, generate_soc, simulate
from cfukit_sw.firmware import build_firmware
from cfukit_sw.linker import AUTO, Placement
from support.bare import patient_cfu
from support.marks import long_except
from support.socs import make_soc

ARITHMETIC = """
#include "cfukit.h"
#include <stdio.h>
volatile int a = -1234567, b = 89;
volatile long long wide = 0x123456789abcLL;
int main(void) {
  printf("%d %d %d %u\\n", a / b, a * b, a % b, (unsigned)a / 7u);
  printf("%d\\n", (int)((wide * a) >> 20));
  return 0;
}
"""
EXPECTED = f"{-13871} {-109876463} {-48} {(2**32 - 1234567) // 7}\n"


LEAST = {"multiplier": False, "divider": False, "traps": False, "csrs": "none"}


def soc_with(given: Any, folder: Path) -> Path:
    return make_soc("sim", folder / "soc", cpu=given)


def simulator_of(soc: Path, folder: Path) -> Path:
    """The one that tests of causes use too."""
    return build_simulator(soc, patient_cfu(folder), causes=True, build_dir=folder)


def firmware(source: str, soc: Path, folder: Path, suffix: str = "c", placement: Placement = AUTO) -> Path:
    path = folder / f"program.{suffix}"
    path.write_text(source)
    return build_firmware([path], soc, build_dir=folder / "build", placement=placement)


@pytest.mark.slow
@pytest.mark.parametrize(
    "given",
    [
        pytest.param("lean", marks=pytest.mark.long),
        pytest.param("min", marks=pytest.mark.long),
        LEAST,
        pytest.param({"divider": False}, marks=pytest.mark.long),
    ],
)
def test_arithmetic_without_the_units(given: Any, tmp_path: Path) -> None:
    soc = soc_with(given, tmp_path)
    elf = firmware(ARITHMETIC, soc, tmp_path)
    result = simulate(simulator_of(soc, tmp_path), soc, elf, max_cycles=10_000_000)
    assert result.exit_code == 0 and EXPECTED.encode() in result.output
    assert Soc.read(soc).cpu.verilog == ("cpu.v",)


@pytest.mark.slow
def test_products_without_a_multiplier(tmp_path: Path) -> None:
    rng = random.Random(5)
    words = [0, 1, 2, 3, 127, 128, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 128, 2**32 - 2, 2**32 - 1]
    words += [rng.getrandbits(rng.randrange(1, 33)) for _ in range(20)]
    text = ", ".join(f"{word}u" for word in words)
    source = f"""#include <stdio.h>
volatile unsigned v[] = {{{text}}};
int main(void) {{
  unsigned sum = 0;
  unsigned long long wide = 0;
  for (unsigned i = 0; i < {len(words)}; i++)
    for (unsigned j = 0; j < {len(words)}; j++) {{
      sum = (sum << 1 | sum >> 31) ^ (v[i] * v[j]);
      wide = (wide << 1 | wide >> 63) ^ (unsigned long long)((long long)(int)v[i] * (int)v[j]);
    }}
  printf("%u %u %u\\n", sum, (unsigned)wide, (unsigned)(wide >> 32));
  return 0;
}}"""
    total, wide = 0, 0
    for a in words:
        for b in words:
            total = ((total << 1 | total >> 31) & (2**32 - 1)) ^ (a * b & (2**32 - 1))
            product = (a - (a >> 31 << 32)) * (b - (b >> 31 << 32))
            wide = ((wide << 1 | wide >> 63) & (2**64 - 1)) ^ (product & (2**64 - 1))
    soc = soc_with(LEAST, tmp_path)
    elf = firmware(source, soc, tmp_path)
    result = simulate(simulator_of(soc, tmp_path), soc, elf, max_cycles=10_000_000)
    assert f"{total} {wide & (2**32 - 1)} {wide >> 32}\n".encode() in result.output


REFUSED = [
    (
        'int main(void) { int r; asm volatile("csrr %0, minstret" : "=r"(r)); return r; }',
        "c",
        r"program\.c:1 in main\(\): CSR 0xb02",
    ),
    (
        'int main(void) { asm volatile("ecall"); return 0; }',
        "c",
        r"program\.c:1 in main\(\): ecall, ebreak, mret, wfi or unimp",
    ),
    (
        " .globl main\nmain:\n .word 0x02c5c533\n ret\n",
        "S",
        r"a division \(0x02c5c533\).*the CPU lean has none",
    ),
]


@pytest.mark.parametrize(("source", "suffix", "message"), REFUSED, ids=["csr", "ecall", "division"])
def test_what_the_cpu_lacks_is_refused_with_its_line(
    source: str, suffix: str, message: str, tmp_path: Path
) -> None:
    soc = soc_with("lean", tmp_path)
    with pytest.raises(BuildError, match=message):
        firmware(source, soc, tmp_path, suffix)


def test_what_is_no_cpu_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cpu.json").write_text('{"schema": "other"}')
    with pytest.raises(UsageError, match=r"schema is 'other'; cfukit\.cpu/1"):
        generate_soc("sim", tmp_path / "cpu.json", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("given", long_except(("fomu", "fomu-mac", "tcm"), "tcm"))
def test_programs_run_from_tightly_coupled_memories(given: str, tmp_path: Path) -> None:
    soc = soc_with(given, tmp_path)
    described = Soc.read(soc)
    data = described.memory("dtcm")
    assert data is not None and data.base == 0x30000000 and data.read_cycles == 1
    assert described.cpu.reset_address == (0x40000000 if given == "tcm" else 0x20000000)
    placement = Placement(data="dtcm", arena="dtcm")
    elf = firmware(ARITHMETIC, soc, tmp_path, placement=placement)
    simulator = simulator_of(soc, tmp_path)
    result = simulate(simulator, soc, elf, max_cycles=10_000_000)
    assert result.exit_code == 0 and EXPECTED.encode() in result.output


STARTS = [
    pytest.param({"base": "fomu", "boot_rom_bytes": 1024}, Placement(), 0x20080000, marks=pytest.mark.long),
    ({"base": "fomu", "boot_rom_bytes": 1024}, Placement(data="dtcm"), 0x20080000),
    ("tcm", Placement(data="dtcm"), 0x40000000),
    pytest.param(
        {"itcm_bytes": 0x10000, "dtcm_bytes": 0x8000},
        Placement(code="itcm", data="dtcm"),
        0x40000000,
        marks=pytest.mark.long,
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("given", "placement", "reset"), STARTS)
def test_the_start_fills_tightly_coupled_memories(
    given: Any, placement: Placement, reset: int, tmp_path: Path
) -> None:
    """The simulator loads only memories on the bus and the boot ROM; the program then copies its code and data into place."""
    soc = soc_with(given, tmp_path)
    assert Soc.read(soc).cpu.reset_address == reset
    source = ARITHMETIC.replace(
        "int main(void) {", "int v[3] = {5, 6, 7};\nint main(void) {\n  if (v[2] != 7) return 3;"
    )
    elf = firmware(source, soc, tmp_path, placement=placement)
    with elf.open("rb") as file:
        loaded = [
            segment["p_paddr"] for segment in ELFFile(file).iter_segments("PT_LOAD") if segment["p_filesz"]
        ]
    assert all(address >= 0x40000000 or address >> 19 == 0x20080000 >> 19 for address in loaded)
    result = simulate(simulator_of(soc, tmp_path), soc, elf, max_cycles=10_000_000)
    assert result.exit_code == 0 and EXPECTED.encode() in result.output


OUTSIDE = [
    (
        "fomu",
        "0x40000100",
        "0x40000100",
    ),  # the program counter has too few bits: it would land in the program's own code
    ("fomu", "0x20004000 + 65536", "0x20014000"),
    ("fomu", "0x2000fffc", "0x20010000"),  # runs past the end
    ("lean", "0x50000000", "0x50000000"),
    pytest.param({"base": "lean", "dtcm_bytes": 0x10000}, "0x30000000", "0x30000000", marks=pytest.mark.long),
]


@pytest.mark.slow
@pytest.mark.parametrize(("given", "jump", "reported"), OUTSIDE)
def test_a_fetch_outside_is_a_fault(given: Any, jump: str, reported: str, tmp_path: Path) -> None:
    soc = soc_with(given, tmp_path)
    source = f"int main(void) {{\n  *(unsigned *)0x2000fffc = 0x13;\n  ((void (*)(void))({jump}))();\n  return 0;\n}}\n"
    if given != "fomu":
        source = source.replace("*(unsigned *)0x2000fffc = 0x13;", "")
    elf = firmware(source, soc, tmp_path)
    simulator = simulator_of(soc, tmp_path)
    fault = simulate(simulator, soc, elf, max_cycles=100_000).fault
    assert fault is not None and (fault.kind, hex(fault.address)) == ("fetch_fault", reported)
    assert f"fetch from {int(reported, 16):#010x}, where the CPU has no memory" in fault.message
    if "fffc" not in jump:
        assert fault.function == "main" and fault.line == 3


REFUSED_STORE = """
#include "cfukit.h"
static volatile int kept[8];
int main(void) {
  int *volatile nowhere = (int *)0x100;
  for (int i = 0; i < 8; i++) kept[i] = i;
  *nowhere = 7;
  for (int i = 0; i < 8; i++) kept[i] = 2 * i;
  printf("%d\\n", kept[3]);
  return 0;
}
"""


@pytest.mark.slow
@pytest.mark.parametrize("given", ["lean", "min", "fomu", "tcm"])
def test_the_store_that_the_bus_refuses_is_named_on_every_kind_of_cpu(given: str, tmp_path: Path) -> None:
    """Behind the buffers of a CPU with and without D$, and where a store waits for its answer in the last stage."""
    soc = soc_with(given, tmp_path)
    elf = firmware(REFUSED_STORE, soc, tmp_path)
    fault = simulate(simulator_of(soc, tmp_path), soc, elf, max_cycles=1_000_000).fault
    assert fault is not None and (fault.kind, fault.access, fault.address) == ("bus_error", "store", 0x100)
    assert (fault.function, fault.line) == ("main", 7)
