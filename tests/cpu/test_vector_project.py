"""The memory port's example on the whole system: one access per cycle, no cost for the CPU, and misuse is reported."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from cfukit_soc import read_counts, simulate
from cfukit_tools import api
from cfukit_tools.firmware.bare import build_bare
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System

VECTOR = Path(__file__).resolve().parents[2] / "proj" / "vector"
ELEMENTS = 1024  # COUNT of rate.c
# Of the CFU to its memory: a sum reads, a copy reads and writes; once to fill the caches, once measured, with an idle and a busy CPU.
ACCESSES = [ELEMENTS] * 2 + [2 * ELEMENTS] * 2
MISUSE = """
#include "cfu_ops.h"
#include "cfukit.h"
CFU_MEMORY static volatile uint32_t words[64];
int main(void) {
  uint32_t sum = 0;
  (void)cfu_vector_source(%s, 0);
  (void)cfu_vector_destination(CFU_ADDR(words), 0);
  (void)cfu_vector_start_%s(200);
  for (int i = 0; i < 100; i++) {
    sum += words[0]; /* line 11 */
  }
  return (int)(sum + cfu_vector_wait()) & 0;
}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cpu", "width"),
    [*(pytest.param("tcm", width, marks=pytest.mark.long) for width in (32, 128)), ("fomu", 32)],
)
def test_one_access_per_cycle(cpu: str, width: int, tmp_path: Path) -> None:
    folder = tmp_path / "vector"
    shutil.copytree(VECTOR, folder, ignore=shutil.ignore_patterns("build"))
    settings = (f'soc.cpu="{cpu}"', f"cfu.params.width={width}")

    def run(path: Path) -> dict:
        return api.exec_(path, project=folder, assignments=settings, stdin=b"", engine="rtl")

    document = run(folder / "rate.c")
    assert document["exit_code"] == 0 and document["fault"] is None
    found = re.findall(r"(\w+), CPU (\w+).* (\d+) cycles, .*per access of (\d+) bits", document["output"])
    cycles = {(what, cpu_does): int(count) for what, cpu_does, count, _ in found}
    assert {int(bits) for *_, bits in found} == {width} and len(cycles) == 4
    # While the CPU waits there is an access in every cycle except for the start and the first answer.
    assert ELEMENTS <= cycles["sum", "waits"] <= ELEMENTS + 3
    assert 2 * ELEMENTS - 1 <= cycles["copy", "waits"] <= 2 * ELEMENTS + 2
    # Each store of the CPU takes one cycle from the CFU, and on single-ported memory so does each load. Nothing else is lost.
    each = 1 if cpu == "tcm" else 2
    assert cycles["sum", "loads"] <= cycles["sum", "waits"] + 100 * each
    assert cycles["copy", "loads"] <= cycles["copy", "waits"] + 200 * each + 4

    if (cpu, width) == ("tcm", 32):
        program = folder / "misuse.c"
        program.write_text(MISUSE % ("CFU_ADDR(words)", "copy"))
        fault = run(program)["fault"]
        assert fault["kind"] == "memory_collision" and (fault["function"], fault["line"]) == ("main", 11)
        program.write_text(MISUSE % (81920, "sum"))
        fault = run(program)["fault"]
        assert fault["kind"] == "memory_range" and "0x14000" in str(fault["message"])
        program.write_text(MISUSE % (2, "sum"))
        assert "offset 0x2 of the data TCM" in run(program)["fault"]["message"]
        program.write_text(MISUSE % ("CFU_ADDR(words)", "sum"))
        assert run(program)["exit_code"] == 0


@pytest.mark.slow
def test_the_accesses_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "vector"
    shutil.copytree(VECTOR, folder, ignore=shutil.ignore_patterns("build"))
    system = System(load_target(folder))
    elf, counts = build_bare(system, folder / "rate.c", on_host=False), tmp_path / "counts"
    outcome = simulate(system.simulator(), system.soc_json, elf, counts=counts)
    assert outcome.exit_code == 0
    busy = [segment for segment in read_counts(counts) if segment.busy.memory_port]
    assert sorted(segment.busy.memory_port for segment in busy) == sorted(2 * ACCESSES)
    waiting = [segment for segment in busy if segment.causes.cfu_wait > 500]
    assert waiting and all(segment.busy.cfu >= segment.causes.cfu_wait for segment in waiting)
