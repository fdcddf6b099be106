"""What the harness watches: the runtime's own stack and no other, and which store the bus refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfukit_base.artefacts import Outcome
from cfukit_base.symbols import symbol
from cfukit_sw.firmware import build_firmware
from support.bare import assemble
from support.watched import BOTTOM, FRAME, OTHER_STACKS, OVERFLOWS, REFUSED, TOP, on_stack, storing


@pytest.mark.parametrize("code", OTHER_STACKS.values(), ids=OTHER_STACKS)
def test_another_stack_is_no_fault(run_asm: Callable[..., Outcome], code: str) -> None:
    inside = f"  li sp, {TOP - 256:#x}\n  nop\n" + FRAME
    result = run_asm(on_stack(inside + code + inside))
    assert result.fault is None and result.exit_code == 7


@pytest.mark.parametrize("code", OVERFLOWS.values(), ids=OVERFLOWS)
def test_a_frame_below_the_stack_is_a_fault(run_asm: Callable[..., Outcome], code: str) -> None:
    fault = run_asm(on_stack(code)).fault
    assert fault is not None and fault.kind == "stack_overflow"
    assert fault.address is not None and fault.address < BOTTOM


SECOND_STACK = """
#include "cfukit.h"
static uint32_t second[1024] __attribute__((aligned(16)));
static volatile int result;
static __attribute__((noinline)) int sum(int n) { volatile int here = n; return n ? sum(n - 1) + here : 0; }
static void task(void) { result = sum(10); }
int main(void) {
  __asm__ volatile("mv s1, sp\\n add sp, %0, %1\\n jalr %2\\n mv sp, s1" ::"r"(second), "r"(sizeof second), "r"(task)
    : "s1", "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "memory");
  printf("%d\\n", result);
  return 0;
}
"""


def test_a_task_on_a_stack_of_its_own_runs(system: Any, tmp_path: Path) -> None:
    (tmp_path / "task.c").write_text(SECOND_STACK)
    elf = build_firmware([tmp_path / "task.c"], system.soc_json, build_dir=tmp_path)
    result = system.run(elf)
    assert result.fault is None and result.exit_code == 0 and b"55\n" in result.output


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED)
def test_the_store_that_was_refused_is_named(system: Any, tmp_path: Path, code: str) -> None:
    elf = assemble(storing(code), tmp_path)
    fault = system.run(elf).fault
    assert fault is not None and (fault.kind, fault.access, fault.address) == (
        "bus_error",
        "store",
        0 if "4(t0)" not in code else 4,
    )
    assert fault.pc == symbol(elf, "refused")
