"""Speed of the fast simulator: `python tests/soc/bench_fast.py [--cycles N] [--board NAME ...]`.

Loops of scalar code, with a CFU, with loads that miss in the D$, with stores, of code that misses in the I$, that read registers of the
system, and that wait for a CFU which uses its memory port. Prints simulated MHz and
MIPS per second of CPU time, and on board `sim` how much faster than the RTL that is.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from cfukit_base.artefacts import Outcome
from cfukit_cpu import write_cpu
from cfukit_soc import build_simulator, generate_soc, simulate
from cfukit_soc.fast import build_cfu_library, build_fast_simulator, simulate_fast
from soc.bench_rtl import CONVOLUTION, MAC4
from support.bare import compile_c
from support.socs import make_soc
from support.traffic_cfu import write_traffic_cfu

SCALAR = """
static signed char weights[1024], input[1024]; static int output[256];
int main(void) {
  for (u32 n = 0;; n = (n + 1) & 255) {
    int sum = 0;
    for (int i = 0; i < 256; i++) sum += input[i] * weights[(i + n) & 1023];
    output[n] = sum >> 7;
  }
}
"""
MISSES = """
static u32 data[16384];
int main(void) { for (u32 n = 0;; n += 40) { n &= 16383; data[n] += data[(n * 5) & 16383]; } }
"""
CODE_MISSES = """
#define PLACE __attribute__((noinline, aligned(4096)))
static u32 sum;
PLACE static void add(u32 n) { sum += n; }
PLACE static void mix(u32 n) { sum ^= n << 3; }
int main(void) { for (u32 n = 0;; n++) { add(n); mix(n); } }
"""
STORES = """
static volatile u32 data[65536];
int main(void) { for (u32 n = 0;; n = (n + 1) & 65535) data[n] = n; }
"""
CODE = """
int main(void) { for (;;) asm volatile(".rept 4096\\n addi t0, t0, 1\\n .endr" ::: "t0"); }
"""
WAITS = """
int main(void) { for (u32 n = 1;; n++) { CFU(0, 0, n, 4095); CFU(1, 0, 0, 0); } }
"""
POLLS = """
#define REGISTER(address) (*(volatile u32 *)(address))
int main(void) {
  for (u32 end = 100;; end += 100) {
    while (REGISTER(0xF0000808) == 0) {}
    while ((int)(REGISTER(0xF0000004) - end) < 0) {}
  }
}
"""
PROGRAMS = {
    "scalar": SCALAR,
    "mac4": CONVOLUTION,
    "misses": MISSES,
    "stores": STORES,
    "code": CODE,
    "calls": CODE_MISSES,
    "polls": POLLS,
}
STACK_END = 0x4040_0000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=100_000_000)
    parser.add_argument("--board", nargs="+", default=["sim"])
    options = parser.parse_args()
    build_fast_simulator()
    for board in options.board:
        with tempfile.TemporaryDirectory() as name:
            _measure(board, Path(name), options.cycles)


def _measure(board: str, folder: Path, cycles: int) -> None:
    soc = make_soc(board, folder / "soc")
    _measure_on(soc, MAC4, PROGRAMS, board, folder, cycles)
    if board == "sim":
        port = generate_soc(board, write_cpu("tcm", folder, memory_port_bits=128), folder / "port")
        cfu = write_traffic_cfu(folder / "cfu", 128, 0)
        _measure_on(port, cfu, {"waits": WAITS}, board, folder, cycles // 5, autonomous=True)


def _measure_on(
    soc: Path,
    cfu: Path,
    programs: dict[str, str],
    board: str,
    folder: Path,
    cycles: int,
    autonomous: bool = False,
) -> None:
    simulator = build_simulator(soc, cfu, build_dir=folder) if board == "sim" else None
    build_cfu_library(cfu, folder)
    options: dict[str, Any] = {"build_dir": folder, "max_cycles": cycles, "autonomous": autonomous}
    for title, source in programs.items():
        elf = compile_c(source, folder, stack_end=STACK_END)
        mhz, mips = _speed(lambda elf=elf: simulate_fast(soc, elf, cfu, **options))
        line = f"{board:8} {title:8} {mhz:7.1f} MHz {mips:7.1f} MIPS"
        if simulator:
            rtl, _ = _speed(lambda elf=elf: simulate(simulator, soc, elf, max_cycles=cycles // 50))
            line += f", {mhz / rtl:5.1f} times the RTL's {rtl:.1f} MHz"
        print(line, flush=True)


def _speed(run: Callable[[], Outcome]) -> tuple[float, float]:
    """Simulated MHz and MIPS per second of CPU time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    result = run()
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert result.cycles is not None and result.instructions is not None
    return result.cycles / seconds / 1e6, result.instructions / seconds / 1e6


if __name__ == "__main__":
    main()
