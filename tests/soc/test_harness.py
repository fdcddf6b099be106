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

BOTTOM, TOP = 0x41000000, 0x41004000
STACK = "".join(
    f"  .globl __cfukit_stack_{name}\n  .set __cfukit_stack_{name}, {value:#x}\n"
    for name, value in (("bottom", BOTTOM), ("top", TOP))
)
FRAME = "  addi sp, sp, -16\n  addi sp, sp, 16\n"
OTHER_STACKS = {
    "another region": "  mv s1, sp\n  lui sp, 0x40800\n" + FRAME + "  mv sp, s1\n",
    "an address whose upper half lies in the stack": "  lui sp, 0x41000\n  addi sp, sp, -2048\n" + FRAME,
    "an address relative to pc": "  la sp, word\n" + FRAME,
    "from memory": "  la t0, word\n  lw sp, 0(t0)\n" + FRAME,
    "from a register": f"  li t0, {BOTTOM - 64:#x}\n  mv sp, t0\n" + FRAME,
    "from a CSR": f"  li t0, {BOTTOM - 64:#x}\n  csrw mscratch, t0\n  csrrw sp, mscratch, sp\n" + FRAME,
    "x2 as any register": "  li x2, 5\n  add x2, x2, x2\n  sub x2, x2, x2\n  addi x2, x2, -1\n  slli x2, x2, 3\n",
}
OVERFLOWS = {
    "a frame": "  li sp, 0x41000008\n  nop\n  addi sp, sp, -16\n",
    "a large frame": f"  li sp, {TOP:#x}\n  li t0, -0x5000\n  add sp, sp, t0\n",
    "a large frame, the other way round": f"  li sp, {TOP:#x}\n  li t0, -0x5000\n  add sp, t0, sp\n",
    "a frame behind the upper half of an address alone": "  lui sp, 0x41000\n  nop\n  addi sp, sp, -16\n",
    "a frame after the return from another stack": (
        "  li s1, 0x41000008\n  lui sp, 0x40800\n" + FRAME + "  mv sp, s1\n  addi sp, sp, -16\n"
    ),
}


def program(code: str) -> str:
    end = "  li sp, 0x41ff0000\n  li a0, 7\n  li t0, 0xf0000008\n  sw a0, 0(t0)\n1: j 1b\n"
    return f"{STACK}  .globl main\nmain:\n{code}{end}word: .word 0x40700000\n"


@pytest.mark.parametrize("code", OTHER_STACKS.values(), ids=OTHER_STACKS)
def test_another_stack_is_no_fault(run_asm: Callable[..., Outcome], code: str) -> None:
    inside = f"  li sp, {TOP - 256:#x}\n  nop\n" + FRAME
    result = run_asm(program(inside + code + inside))
    assert result.fault is None and result.exit_code == 7


@pytest.mark.parametrize("code", OVERFLOWS.values(), ids=OVERFLOWS)
def test_a_frame_below_the_stack_is_a_fault(run_asm: Callable[..., Outcome], code: str) -> None:
    fault = run_asm(program(code)).fault
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


INNOCENT = "  sw t1, 0(t1)\n"
REFUSED = {
    "alone": "refused: sw t1, 0(zero)\n1: j 1b\n",
    "before other stores": "refused: sw t1, 0(zero)\n" + 8 * INNOCENT + "1: j 1b\n",
    "between other stores": 3 * INNOCENT + "refused: sb t1, 3(zero)\n" + 8 * INNOCENT + "1: j 1b\n",
    "its base register is used again": "  li t0, 0\nrefused: sw t1, 4(t0)\n  mv t0, t1\n  sw t0, 4(t0)\n1: j 1b\n",
    "long before the next store": "refused: sw t1, 0(zero)\n  li t2, 90\n1: addi t2, t2, -1\n  bnez t2, 1b\n"
    + 8 * INNOCENT,
    "the first of two": "refused: sw t1, 0(zero)\n  sw t1, 0(zero)\n1: j 1b\n",
    "behind many": "  li t2, 100\n1: sw t2, 0(t1)\n  addi t2, t2, -1\n  bnez t2, 1b\nrefused: sh t1, 2(zero)\n"
    + INNOCENT,
}


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED)
def test_the_store_that_was_refused_is_named(system: Any, tmp_path: Path, code: str) -> None:
    text = f"  .globl main\n  .globl refused\nmain:\n  li t1, 0x40100000\n{code}  li a0, 0\n  ret\n"
    elf = assemble(text, tmp_path)
    fault = system.run(elf).fault
    assert fault is not None and (fault.kind, fault.access, fault.address) == (
        "bus_error",
        "store",
        0 if "4(t0)" not in code else 4,
    )
    assert fault.pc == symbol(elf, "refused")
