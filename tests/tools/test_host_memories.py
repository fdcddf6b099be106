"""Engine host: the ports of a CFU lead to the memory of the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cfukit_base.errors import ResultError
from cfukit_tools import api
from support import toy_engine

FOLD = Path(toy_engine.__file__).with_name("dma_cfu.py")
PROGRAM = """
#include "cfu_ops.h"
#include "cfukit.h"

#define LANES (CFU_PARAM_WIDTH / 32)
#define ELEMENTS 300
static uint32_t seed = SEED;
static uint32_t random(uint32_t below) {
  seed ^= seed << 13; seed ^= seed >> 17; seed ^= seed << 5;
  return (uint32_t)(((uint64_t)seed * below) >> 32);
}

__attribute__((aligned(16))) static uint32_t in_data[ELEMENTS * LANES] = {1};
__attribute__((aligned(16))) static uint32_t in_bss[ELEMENTS * LANES];
__attribute__((aligned(16))) static const uint32_t constants[ELEMENTS * LANES] = {3, 1, 4, 1, 5, 9, 2, 6};

static uint32_t fold(uint32_t total, const uint32_t *from, uint32_t count) {
  for (; count > 0; count--) {
    total = total << 1 | total >> 31;
    for (uint32_t lane = 0; lane < LANES; lane++) total += *from++;
  }
  return total;
}

int main(void) {
  __attribute__((aligned(16))) uint32_t on_stack[ELEMENTS * LANES];
  uint32_t *const all[] = {in_data, in_bss, on_stack};
  for (int array = 0; array < 3; array++)
    for (int i = 0; i < ELEMENTS * LANES; i++) all[array][i] = random(~0u);
  for (int round = 0; round < 200; round++) {
    uint32_t expected = 0;
    all[random(3)][random(ELEMENTS * LANES)] += 1; /* no burst is under way */
    for (uint32_t bursts = 1 + random(5); bursts > 0; bursts--) {
      const uint32_t array = random(4), count = 1 + random(ELEMENTS), begin = random(ELEMENTS - count + 1) * LANES;
      const uint32_t *from = array < 3 ? all[array] : constants;
      expected = fold(expected, from + begin, count);
      cfu_barrier();
      (void)cfu_start(CFU_DMA_ADDR(from) + 4 * begin, count);
    }
    if (cfu_wait() != expected) return 1;
  }
  puts("right");
  return 0;
}
"""
WRONG = """
#include "cfu_ops.h"
#include "cfukit.h"
static uint32_t words[64] __attribute__((aligned(64)));
int main(void) {
  (void)cfu_start(%s);
  return (int)cfu_wait();
}
"""


def fold_project(folder: Path, width: int, lazy: int) -> Path:
    project = folder / "fold"
    project.mkdir()
    (project / "cfu.py").write_text(FOLD.read_text())
    (project / "project.toml").write_text(f"cfu.params = {{ width = {width}, lazy = {lazy} }}\n")
    return project


@pytest.mark.slow
@pytest.mark.parametrize(("width", "lazy"), [(32, 0), (128, 3)])
def test_dma_reads_whatever_a_pointer_leads_to(tmp_path: Path, width: int, lazy: int) -> None:
    """Initialised and other variables, constants and the stack; several bursts at a time, into a CFU that makes them wait."""
    program = tmp_path / "program.c"
    program.write_text(PROGRAM.replace("SEED", str(width + 1)))
    document = api.exec_(program, project=fold_project(tmp_path, width, lazy), engine="host", stdin=b"")
    assert (document["output"], document["exit_code"]) == ("right\n", 0)


@pytest.mark.slow
def test_a_wrong_burst_ends_the_program_with_what_was_asked_for(tmp_path: Path) -> None:
    project, program = fold_project(tmp_path, 32, 0), tmp_path / "wrong.c"
    rule = "a burst has at least one, lies in memory and begins at a multiple of its element"
    for burst, asked in (
        ("CFU_DMA_ADDR(words) + 2, 2", "2 elements of 4 bytes at address 0x"),
        ("CFU_DMA_ADDR(words), 0", "0 elements of 4 bytes at address 0x"),
        ("CFU_DMA_ADDR(words) + 0x7ffff000u, 1", "1 elements of 4 bytes at address 0x"),
        ("64, 1", "1 elements of 4 bytes at address 0x00000040"),
    ):
        program.write_text(WRONG % burst)
        with pytest.raises(ResultError, match=re.escape(f"the CFU asked by DMA for {asked}")) as caught:
            api.exec_(program, project=project, engine="host", stdin=b"")
        assert rule in str(caught.value)
