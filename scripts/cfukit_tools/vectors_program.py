"""A C program that sends a CFU model's vectors through CPU and CFU and reports the first difference.

Each instruction is issued twice over the vectors' sequence: plainly, and (odd vectors) right behind a division, whose long
stall is what makes a CPU issue a CFU instruction twice if the CFU's handshake allows it.
"""

from __future__ import annotations

import json

Vector = tuple[int, int, int, int, int]  # funct3, funct7, a, b, expected

_PROGRAM = """\
#include "cfu.h"
#include "cfukit.h"

struct vector { uint16_t operation; uint32_t a, b, expected; };
static const struct vector vectors[] = {
%(vectors)s};

/* A division that ends right before the instruction: its result is not used, its stall is. */
#define AFTER_DIVISION(funct3, funct7)                                                                  \\
  ({ uint32_t result, quotient;                                                                         \\
     __asm__ volatile("div %%1, %%2, %%3\\n.insn r 0x0B, " #funct3 ", " #funct7 ", %%0, %%2, %%3"             \\
                      : "=&r"(result), "=&r"(quotient) : "r"(a), "r"(b)); result; })

static uint32_t issue(uint32_t operation, uint32_t a, uint32_t b) {
  switch (operation) {
%(plain)s  default: return 0;
  }
}

static uint32_t issue_after_division(uint32_t operation, uint32_t a, uint32_t b) {
  switch (operation) {
%(stalled)s  default: return 0;
  }
}

int main(void) {
  for (uint32_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
    const struct vector *const v = &vectors[i];
    const uint32_t got = (i & 1u) != 0 ? issue_after_division(v->operation, v->a, v->b) : issue(v->operation, v->a, v->b);
    if (got != v->expected) {
      printf("{\\"call\\": %%u, \\"got\\": %%u}\\n", (unsigned)i, (unsigned)got);
      return 1;
    }
  }
  return 0;
}
"""


def vectors_program(vectors: list[Vector]) -> str:
    """C text for `vectors` (in order, from reset): exit code 0, or 1 after printing the first difference as JSON."""
    operations = sorted({(funct3, funct7) for funct3, funct7, *_ in vectors})
    number = {operation: index for index, operation in enumerate(operations)}
    rows = "".join(
        f"  {{{number[funct3, funct7]}, {a}u, {b}u, {expected}u}},\n"
        for funct3, funct7, a, b, expected in vectors
    )
    plain = "".join(
        f"  case {i}: return cfu_op({f3}, {f7}, a, b);\n" for i, (f3, f7) in enumerate(operations)
    )
    stalled = "".join(
        f"  case {i}: return AFTER_DIVISION({f3}, {f7});\n" for i, (f3, f7) in enumerate(operations)
    )
    return _PROGRAM % {"vectors": rows, "plain": plain, "stalled": stalled}


def first_wrong(output: str, vectors: list[Vector], names: dict[int, str], seed: int) -> dict[str, object]:
    """What the program printed, with instruction, operands, got, expected, call number and seed."""
    found = json.loads(output.strip().splitlines()[-1])
    funct3, funct7, a, b, expected = vectors[found["call"]]
    return {
        "instruction": names.get(funct3, f"funct3 {funct3}"),
        "funct7": funct7,
        "a": a,
        "b": b,
        "expected": expected,
        "got": found["got"],
        "call": found["call"],
        "seed": seed,
    }
