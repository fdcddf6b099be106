"""A C program that sends a CFU model's vectors through CPU and CFU and reports the first difference.

Each instruction is issued twice over the vectors' sequence: plainly, and (odd vectors) right behind a division, whose long
stall is what makes a CPU issue a CFU instruction twice if the CFU's handshake allows it.

A CFU with a memory port works meanwhile on 16 KiB of the data TCM. After each command the program loads and stores words there that the
CFU leaves alone, now and then in every cycle for a while; in the end each word must be what both sides left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cfukit_base.artefacts.cfu import CfuInstruction

Vector = tuple[int, int, int, int, int]  # funct3, funct7, a, b, expected

_PROGRAM = """\
#include "cfu.h"
#include "cfukit.h"

%(memory)s
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
  fill();
  for (uint32_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
    const struct vector *const v = &vectors[i];
    const uint32_t got = (i & 1u) != 0 ? issue_after_division(v->operation, v->a, v->b) : issue(v->operation, v->a, v->b);
    if (got != v->expected) {
      printf("{\\"call\\": %%u, \\"got\\": %%u}\\n", (unsigned)i, (unsigned)got);
      return 1;
    }
    traffic(i);
  }
  return compare();
}
"""

_NO_MEMORY = """\
static void fill(void) {}
static void traffic(uint32_t call) { (void)call; }
static int compare(void) { return 0; }
"""

_MEMORY = """\
static const uint16_t mine[] = { %(mine)s };
static const uint32_t left[] = { %(left)s };
enum { WORDS = sizeof left / sizeof left[0], MINE = sizeof mine / sizeof mine[0] };
CFU_MEMORY static volatile uint32_t memory[WORDS]; /* offset 0: the only one */
static uint32_t turn;

static void fill(void) {
  uint32_t state = %(state)su;
  for (uint32_t i = 0; i < WORDS; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    memory[i] = state;
  }
}

#define STORES_4 "sw %%1, 0(%%0)\\nsw %%1, 0(%%0)\\nsw %%1, 0(%%0)\\nsw %%1, 0(%%0)\\n"
#define STORES_16 STORES_4 STORES_4 STORES_4 STORES_4

static void traffic(uint32_t call) {
  for (uint32_t i = 0; i < %(steps)u; i++) {
    volatile uint32_t *const word = &memory[mine[turn]];
    *word = *word * 1664525u + 1013904223u;
    turn = turn + 1 == MINE ? 0 : turn + 1;
  }
  if (call %% 8 == 0) { /* no cycle is left for the CFU */
    volatile uint32_t *const word = &memory[mine[turn]];
    const uint32_t value = *word;
    __asm__ volatile(STORES_16 STORES_16 STORES_16 STORES_16 : : "r"(word), "r"(value) : "memory");
  }
}

static int compare(void) {
  const uint32_t begin = cfukit_cycles_low();
  while (cfukit_cycles_low() - begin < %(settle_cycles)uu) {}
  for (uint32_t i = 0; i < WORDS; i++) {
    if (memory[i] != left[i]) {
      printf("{\\"offset\\": %%u, \\"got\\": %%u, \\"expected\\": %%u}\\n", (unsigned)(4 * i), (unsigned)memory[i],
             (unsigned)left[i]);
      return 1;
    }
  }
  return 0;
}
"""
TRAFFIC_STEPS = 6  # of the CPU after each command


@dataclass(frozen=True)
class Shared:
    """What CPU and CFU share: contents before and after (by the CFU's model alone), the CPU's words, when the CFU is surely done."""

    before: bytes
    after: bytes
    mine: tuple[int, ...]
    settle_cycles: int


def _memory(shared: Shared | None, commands: int, state: int) -> str:
    if shared is None:
        return _NO_MEMORY
    words = [int.from_bytes(shared.after[i : i + 4], "little") for i in range(0, len(shared.after), 4)]
    for step in range(commands * TRAFFIC_STEPS):
        word = shared.mine[step % len(shared.mine)]
        words[word] = (words[word] * 1664525 + 1013904223) & 0xFFFF_FFFF
    return _MEMORY % {
        "mine": ", ".join(map(str, shared.mine)),
        "left": ", ".join(f"{word}u" for word in words),
        "state": state,
        "steps": TRAFFIC_STEPS,
        "settle_cycles": shared.settle_cycles,
    }


def vectors_program(
    vectors: Sequence[Vector], *, divider: bool = True, shared: Shared | None = None, state: int = 0
) -> str:
    """C text for `vectors` (in order, from reset): exit code 0, or 1 after printing the first difference as JSON.

    divider: whether the CPU has one. shared: for a CFU with a memory port; state: of the generator of its contents.
    """
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
        f"  case {i}: return {f'AFTER_DIVISION({f3}, {f7})' if divider else f'cfu_op({f3}, {f7}, a, b)'};\n"
        for i, (f3, f7) in enumerate(operations)
    )
    memory = _memory(shared, len(vectors), state)
    return _PROGRAM % {"vectors": rows, "plain": plain, "stalled": stalled, "memory": memory}


def told(wrong: Mapping[str, object]) -> str:
    """What `first_wrong` found, for people: as the other checks tell it, words in hexadecimal."""
    got, expected = (f"0x{wrong[key]:08x}" for key in ("got", "expected"))
    differs = f"got {got}, expected {expected} (seed {wrong['seed']})"
    if "offset" in wrong:
        return f"the memory of CPU and CFU at offset 0x{wrong['offset']:x}: {differs}"
    operands = [f"funct7 {wrong['funct7']}"]
    operands += [
        f"{register} 0x{wrong[key]:08x}" for register, key in (("rs1", "a"), ("rs2", "b")) if key in wrong
    ]
    return f"instruction {wrong['instruction']}, call {wrong['call']} ({', '.join(operands)}) {differs}"


def first_wrong(
    output: str, vectors: Sequence[Vector], instructions: Sequence[CfuInstruction], seed: int
) -> dict[str, object]:
    """What the program printed, with instruction, the operands that it has, got, expected, call number and seed."""
    found: dict[str, object] = json.loads(output.strip().splitlines()[-1])
    if "offset" in found:  # a word of the memory that CPU and CFU share
        return {**found, "seed": seed}
    funct3, funct7, a, b, expected = vectors[int(str(found["call"]))]
    item = next((item for item in instructions if item.funct3 == funct3), None)
    operands = {"a": a} if item is None or item.rs1 else {}
    operands |= {"b": b} if item is None or item.rs2 else {}
    return {
        "instruction": item.name if item is not None else f"funct3 {funct3}",
        "funct7": funct7,
        **operands,
        "expected": expected,
        "got": found["got"],
        "call": found["call"],
        "seed": seed,
    }
