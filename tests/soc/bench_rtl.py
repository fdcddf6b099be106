"""Speed of the RTL engine: `python tests/soc/bench_rtl.py [--cxx zig] [--cycles N]`.

A convolution-like loop (loads, a 4-lane multiply-accumulate CFU, some scalar work) on the board `sim`; prints simulated
MHz per second of CPU time, the time from a changed CFU to a running simulator, the start-up time, and what causes cost:
of a simulator that can tell them but is not asked, and of one that is. Runs alternate, and the fastest of each kind counts.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cfukit_base import tools
from cfukit_soc import build_simulator, simulate
from support.bare import compile_c
from support.socs import make_soc

MAC4 = Path(__file__).parents[1] / "support" / "mac4_cfu.v"
REPEATS = 5
CONVOLUTION = """
static signed char weights[1024], input[1024], output[256];
int main(void) {
  for (u32 i = 0; i < 1024; i++) { weights[i] = (signed char)(i * 7); input[i] = (signed char)(i * 13); }
  for (u32 n = 0;; n = (n + 1) & 255) {
    const u32 *w = (const u32 *)weights, *x = (const u32 *)input;
    u32 sum = CFU(1, 0, 0, 0);
    for (int i = 0; i < 256; i += 4) {
      CFU(0, 0, w[i], x[i]);
      CFU(0, 0, w[i + 1], x[i + 1]);
      CFU(0, 0, w[i + 2], x[i + 2]);
      sum = CFU(0, 0, w[i + 3], x[i + 3]);
    }
    for (int i = 0; i < 64; i++) sum += (u32)(input[i] * weights[(i + n) & 1023]);
    output[n] = (signed char)((int)sum >> 7);
  }
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cxx", choices=("found", "zig"), default="found")
    parser.add_argument("--cycles", type=int, default=10_000_000)
    options = parser.parse_args()
    cxx = tools.host_cxx()
    if options.cxx == "zig":
        zig = tools.zig()
        cxx = tools.Tool("zig c++", (*zig.argv, "c++"), zig.version, zig.path, zig.source, zig.env)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        soc = make_soc("sim", folder / "soc")
        build_simulator(soc, None, build_dir=folder, cxx=cxx)  # warms the runtime's cache
        changed = folder / "changed.v"  # in no cache yet
        changed.write_text(f"{MAC4.read_text()}// {time.time_ns()}\n")
        begin = time.monotonic()
        simulator = build_simulator(soc, changed, build_dir=folder, cxx=cxx)
        built = time.monotonic() - begin
        elf = compile_c(CONVOLUTION, folder)
        started = _cpu_seconds(lambda: simulate(simulator, soc, elf, max_cycles=1))
        counting = build_simulator(soc, MAC4, build_dir=folder, cxx=cxx, causes=True)
        ways = ((simulator, None), (counting, None), (counting, folder / "counts"))
        ran, unasked, asked = (
            min(times) - started
            for times in zip(
                *(
                    [
                        _cpu_seconds(
                            lambda: simulate(way, soc, elf, max_cycles=options.cycles, counts=counts)  # noqa: B023
                        )
                        for way, counts in ways
                    ]
                    for _ in range(REPEATS)
                ),
                strict=True,
            )
        )
    rate = options.cycles / (ran - started) / 1e6
    print(f"{cxx.name} {cxx.version}: {rate:.2f} simulated MHz per CPU second")
    print(f"with causes: {asked / ran:.2f} times as long; not asked for: {unasked / ran:.2f} times")
    print(f"a changed CFU to its simulator: {built:.1f} s; start of a run: {started:.3f} s of CPU time")


def _cpu_seconds(action: object) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    action()  # type: ignore[operator]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
