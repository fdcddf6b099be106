"""Programs that reach DRAM in every order: hits and misses in L2, dirty lines, the same row, other rows and banks, pauses."""

from __future__ import annotations

import random

from cfukit_base.artefacts import Soc

SPAN = 0x8000  # of the program itself, which the accesses spare


def stream(seed: int, soc: Soc, accesses: int = 150) -> str:
    """C source. The addresses come from a few neighbourhoods, which differ by seed."""
    source = random.Random(seed)
    memory = next(memory for memory in soc.memories if memory.kind == "ram")
    top = memory.bytes - 0x20000  # the stack is above, or below this
    places = [source.randrange(SPAN, top) & ~63 for _ in range(3)]
    places += [place ^ 1 << source.randrange(6, top.bit_length() - 1) for place in places]
    places = [SPAN + place % (top - SPAN) for place in places]
    lines = []
    for n in range(accesses):
        address = memory.base + source.choice(places) + 4 * source.randrange(16)
        kind = source.choice("lllssrwp") if n % 8 else "p"
        if kind == "l":
            lines.append(f"sum += *(volatile u32 *){address:#x};")
        elif kind == "s":
            lines.append(f"*(volatile u32 *){address:#x} = sum;")
        elif kind == "r":
            count, step = source.randrange(2, 40), source.choice([4, 16, 32, 64, 512, 2048, 4096])
            step = min(step, (top - SPAN) // (2 * count)) & ~3
            start = memory.base + SPAN + source.randrange(top - SPAN - count * step) & ~3
            lines.append(
                f"for (u32 i = 0; i < {count}; i++) sum += *(volatile u32 *)({start:#x} + i * {step});"
            )
        elif kind == "w":
            count, step = source.randrange(2, 40), source.choice([4, 8, 32, 64, 512, 2048])
            start = memory.base + SPAN + source.randrange(top - SPAN - count * step) & ~3
            lines.append(
                f"for (u32 i = 0; i < {count}; i++) *(volatile u32 *)({start:#x} + i * {step}) = sum + i;"
            )
        else:
            pause = source.choice([1, 3, 10, 40, 200, 1000])
            lines.append(f'for (u32 i = 0; i < {pause}; i++) asm volatile("");')
    return "int main(void) { u32 sum = 1;\n" + "\n".join(lines) + "\nreturn sum & 0xFF; }\n"
