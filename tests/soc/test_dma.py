"""The CFU's DMA port in whole systems, on the RTL: coherence with the CPU's stores, bandwidth, and what is out of range."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cfukit import load_cfu
from cfukit_base.artefacts import Outcome, Soc
from cfukit_base.cfu_ports import DmaShape
from cfukit_base.errors import UsageError
from cfukit_soc import build_simulator, simulate
from support.bare import compile_c
from support.socs import make_soc

FOLD = Path(__file__).parents[1] / "support" / "dma_cfu.py"
PROGRAM = """
#define START(address, count) CFU(0, 0, (u32)(address), (u32)(count))
#define WAIT() CFU(1, 0, 0, 0)
#define LANES (WIDTH / 32)
#define WORDS 1024
static volatile u32 area[WORDS] __attribute__((aligned(64)));
static u32 shadow[WORDS], seed = SEED;
static u32 random(u32 below) {
  seed ^= seed << 13; seed ^= seed >> 17; seed ^= seed << 5;
  return (u32)(((unsigned long long)seed * below) >> 32);
}
static u32 fold(u32 total, u32 begin, u32 count) {
  for (u32 n = 0; n < count; n++) {
    total = total << 1 | total >> 31;
    for (u32 lane = 0; lane < LANES; lane++) total += shadow[(begin + n) * LANES + lane];
  }
  return total;
}
"""
TRAFFIC = (
    PROGRAM
    + """
int main(void) {
  for (u32 i = 0; i < WORDS; i++) area[i] = shadow[i] = random(~0u);
  for (int round = 0; round < ROUNDS; round++) {
    const u32 count = 1 + random(12), begin = random(WORDS / LANES - 12), more = random(3);
    const u32 first = begin * LANES;
    u32 at[5];
    for (int i = 0; i < 5; i++) at[i] = first + random(count * LANES);
    volatile u32 *p0 = area + at[0], *p1 = area + at[1], *p2 = area + at[2], *p3 = area + at[3];
    const u32 v = random(~0u);
    shadow[at[0]] = v; shadow[at[1]] = v + 1; shadow[at[2]] = v + 2;
    if (more == 2) shadow[at[3]] = v + 3;
    u32 expected = fold(0, begin, count);
    const u32 again = random(WORDS / LANES - 12);
    expected = fold(expected, again, 12);
    *p0 = v; *p1 = v + 1;
    if (more == 0) {
      *p2 = v + 2;
      START(area + first, count);
    } else if (more == 1) {
      for (volatile int i = 0; i < (int)(v & 3); i++) { }
      *p2 = v + 2;
      __asm__ volatile("nop");
      START(area + first, count);
    } else {
      *p2 = v + 2; *p3 = v + 3;
      START(area + first, count);
    }
    START(area + again * LANES, 12);
    u32 read = 0;  /* meanwhile the CPU uses the same memory */
    for (u32 i = 0; i < random(20); i++) read += area[random(WORDS)] - shadow[i];
    const u32 got = WAIT();
    if (got != expected) return 1 + round;
    for (u32 i = 0; i < 12; i++) if (area[again * LANES + i] != shadow[again * LANES + i]) return -1 - round;
  }
  return 0;
}
"""
)
SPEED = (
    PROGRAM
    + """
#define BYTES (256 * 1024)
int main(void) {
  /* A program in DRAM is read through the same controller: once around to have it in the caches. */
  u32 taken = 0;
  for (int i = 0; i < 2; i++) {
    const u32 before = cycles();
    START(0x40080000, BYTES / (WIDTH / 8));
    WAIT();
    taken = cycles() - before;
  }
  return (int)taken;
}
"""
)
# At least, for 256 KiB in order. The CPU must not starve meanwhile: the bus would give up its accesses.
BYTES_PER_CYCLE = {("arty", 128): 12, ("tang20k", 64): 3.5, ("ulx3s", 128): 1.8, ("sim", 128): 1.3}
Run = Callable[..., Outcome]


def system(board: str, width: int, folder: Path) -> Run:
    """Compiles and runs programs on a system with the CFU of dma_cfu.py."""
    shape = DmaShape(width=width)
    load_cfu(FOLD, {"width": width}).write(folder / "cfu")
    soc = make_soc(board, folder / "soc", dma=shape)
    assert Soc.read(soc).dma == shape
    program = build_simulator(soc, folder / "cfu" / "cfu.v", build_dir=folder)

    def run(source: str, **macros: int) -> Outcome:
        flags = [f"-D{name}={value}u" for name, value in ({"WIDTH": width, "SEED": 1} | macros).items()]
        elf = compile_c(source, folder / "program", *flags, stack_end=0x40700000)
        return simulate(program, soc, elf, max_cycles=20_000_000)

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("board", "width", "rounds"),
    [
        ("sim", 32, 1000),
        ("sim", 128, 400),
        ("arty", 128, 75),
        pytest.param("arty", 32, 200, marks=pytest.mark.long),
        pytest.param("tang20k", 64, 150, marks=pytest.mark.long),
        ("ulx3s", 128, 75),
    ],
)
def test_a_read_sees_every_earlier_store(board: str, width: int, rounds: int, tmp_path: Path) -> None:
    run = system(board, width, tmp_path)
    outcome = run(TRAFFIC, ROUNDS=rounds, SEED=width + rounds)
    assert outcome.fault is None and outcome.exit_code == 0
    if (board, width) in BYTES_PER_CYCLE:
        outcome = run(SPEED)
        assert outcome.fault is None and outcome.exit_code is not None
        assert 256 * 1024 / outcome.exit_code >= BYTES_PER_CYCLE[board, width], outcome.exit_code
    if (board, width) == ("sim", 128):
        for address, count in (
            (0x41FFFFF0, 2),
            (0x3FFFFFF0, 2),
            (0x40000008, 1),
            (0x40000000, 0),
            (0xFFFFFFF0, 2),
        ):
            fault = run(
                PROGRAM + f"int main(void) {{ START({address:#x}, {count}); return (int)WAIT(); }}"
            ).fault
            assert fault is not None and (fault.kind, fault.address) == ("dma_range", address)
        assert run(PROGRAM + "int main(void) { START(0x41FFFFF0, 1); return (int)WAIT(); }").exit_code == 0


@pytest.mark.parametrize("board", ["fomu", "icebreaker"])
def test_a_board_without_main_memory_is_refused_by_name(board: str, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=f"soc.board: '{board}' has no main memory; the CFU's DMA port needs one"
    ):
        make_soc(board, tmp_path, cpu="fomu", dma=DmaShape(width=32))
