"""Programs in which the stack pointer leaves the stack, or another stack is used, and in which the bus refuses a store."""

from __future__ import annotations

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


def on_stack(code: str) -> str:
    """A program with the symbols of a stack, which runs `code` and exits with 7."""
    end = "  li sp, 0x41ff0000\n  li a0, 7\n  li t0, 0xf0000008\n  sw a0, 0(t0)\n1: j 1b\n"
    return f"{STACK}  .globl main\nmain:\n{code}{end}word: .word 0x40700000\n"


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


def storing(code: str) -> str:
    """A program with a store called `refused`, that fails."""
    return f"  .globl main\n  .globl refused\nmain:\n  li t1, 0x40100000\n{code}  li a0, 0\n  ret\n"
