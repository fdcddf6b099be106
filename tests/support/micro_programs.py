"""Short sequences of instructions with the causes of their cycles, derived by hand from the CPU's pipeline.

Stages: fetch, decode D, execute E, memory M, writeBack W. Each stage that waits holds those in front of it, and bubbles do not close.
A sequence stands between two reads of the cycle counter, with nops around it. What it costs is the difference to as many nops.
"""

from __future__ import annotations

from dataclasses import dataclass

from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.causes import CAUSE_NAMES, Segment
from cfukit_cpu import Configuration

REPEATS = 3  # the last one counts: everything that fits is in the caches by then
WORD_CYCLES = 2  # of a word of main memory on board sim
LINE_WORDS = 8
DTCM, ITCM = 0x3000_8000, 0x2000_F000


@dataclass(frozen=True)
class Sequence:
    """Instructions, and the cycles that they take more than as many nops, by cause. far: code that they call."""

    text: str
    causes: dict[str, int]
    far: str = ""

    @property
    def instructions(self) -> int:
        return len(self.text.replace("1:", "").replace("2:", "").split("\n"))


def sequences(soc: Soc, config: Configuration) -> dict[str, Sequence]:
    """All that a system's CPU can execute, by name."""
    cpu = soc.cpu
    has_tcm = config.tcm == "spram"
    # A jump or a taken backward branch is seen in D: the instruction behind it is lost. Without prediction it is seen in E.
    predicted = 1 if config.prediction == "static" else 2
    # An uncached load waits in W for its answer. Its command leaves W in the first cycle, goes through a register that a CPU with
    # its data in TCM does not have, takes two cycles on the bus, and the answer goes through another register.
    uncached = 2 if has_tcm else 3
    loads_are_uncached = {} if cpu.dcache_bytes or has_tcm else {"uncached": uncached}
    # A result is ready at the end of E, M (shifts, CFU) or W (loads, products); D waits until then.
    found = {
        "alu chain": Sequence("addi a1, a1, 1\n addi a1, a1, 1\n add a2, a1, a1", {}),
        "shift, used at once": Sequence("slli a1, a2, 3\n add a3, a1, a1", {"hazard": 1}),
        "shift, used later": Sequence("slli a1, a2, 3\n nop\n add a3, a1, a1", {}),
        "load, used at once": Sequence("lw a1, 0(s4)\n add a3, a1, a1", loads_are_uncached | {"hazard": 2}),
        "load, used later": Sequence("lw a1, 0(s4)\n nop\n nop\n add a3, a1, a1", loads_are_uncached),
        "jal": Sequence("jal zero, 1f\n1: nop", {"branch": predicted}),
        "forward branch, taken": Sequence("beq zero, zero, 1f\n1: nop", {"branch": 2}),  # seen in E
        "forward branch, not taken": Sequence("bne zero, zero, 1f\n1: nop", {}),
        # The jump skips an instruction; the branch back is predicted and then refused in E, or not predicted.
        "backward branch, not taken": Sequence(
            "j 2f\n1: nop\n2: bne zero, zero, 1b",
            {"executing": -1, "branch": predicted + (2 if predicted == 1 else 0)},
        ),
        "jalr": Sequence("auipc a1, 0\n jalr zero, 8(a1)\n nop", {"branch": 2}),
        "CFU, answer in the same cycle": Sequence(".insn r 0x0B, 0, 0, a1, a2, a3", {}),
        "CFU, latency 1": Sequence(".insn r 0x0B, 1, 0, a1, a2, a3", {}),
        # The answer is awaited in M, where the instruction is one cycle after its command.
        "CFU, latency 10": Sequence(".insn r 0x0B, 1, 9, a1, a2, a3", {"cfu_wait": 9}),
        # The second command is offered while the CFU gives the first answer; it takes it a cycle later.
        "CFU, twice": Sequence(
            ".insn r 0x0B, 1, 9, a1, a2, a3\n .insn r 0x0B, 1, 9, a1, a2, a3",
            {"cfu_issue": 1, "cfu_wait": 18},
        ),
        "uncached load": Sequence("lw a1, 4(s8)", {"uncached": uncached}),
    }
    if cpu.multiplier:
        found["product, used at once"] = Sequence("mul a1, a2, a2\n add a3, a1, a1", {"hazard": 2})
        found["product, used later"] = Sequence("mul a1, a2, a2\n nop\n add a3, a1, a1", {"hazard": 1})
    if cpu.divider:
        # One bit per cycle in M, and one cycle for the sign.
        found["division"] = Sequence("div a1, a2, a3", {"muldiv": 33})
        found["division, used at once"] = Sequence(
            "remu a1, a2, a3\n add a3, a1, a1", {"muldiv": 33, "hazard": 1}
        )
    if cpu.csrs:
        # It waits in E until the two instructions in front of it have left M and W.
        found["CSR"] = Sequence("csrr a1, 0xB00", {"csr": 2})
    if cpu.traps:
        # The ecall is seen in E and goes on as a bubble to W; then comes a cycle to remember it and one to jump. The handler's
        # first instruction retires six cycles after the jump: 7 cycles from where the ecall had retired. `mret` jumps from W,
        # which takes 5. In the handler, `addi` waits for what `csrr` read, and `csrw` until it is alone.
        found["ecall"] = Sequence("ecall", {"executing": 3, "hazard": 1, "csr": 2, "trap": 7 + 5})
        found["mret"] = Sequence(
            "auipc a1, 0\n addi a1, a1, 16\n csrw mepc, a1\n mret\n nop", {"csr": 2, "trap": 5}
        )
    if cpu.dcache_bytes:
        # A command may not overtake a load that can miss: it waits in E until the load has left M and W.
        found["load, CFU"] = Sequence("lw a1, 0(s4)\n .insn r 0x0B, 0, 0, a1, a2, a3", {"cfu_issue": 2})
        # The cache cannot read a word that is being written. The load is done again, from fetch on: 5 stages.
        found["store, load"] = Sequence("sw a2, 0(s4)\n lw a1, 0(s4)", {"dcache": 5})
        # Two lines that evict each other: 8 words, and 4 cycles more until the load is in W again.
        found["load misses"] = Sequence(
            "lw a1, 0(s6)\n lw a1, 0(s5)", {"dcache": 2 * (LINE_WORDS * WORD_CYCLES + 4)}
        )
    if not has_tcm:
        # The buffer has two places and the bus takes two cycles for a store: stores 1 and 2 enter at once, and of the eight the
        # last six wait for one cycle each.
        stores = "\n ".join(f"sw a2, {4 * n}(s4)" for n in range(8))
        found["stores"] = Sequence(stores, {"store": 6})
        found["store"] = Sequence("sw a2, 0(s4)", {})
    else:
        # No buffer: a store to a register waits in W for its acknowledge.
        found["uncached store"] = Sequence("sw zero, 16(s8)", {"uncached": 1})
        # The bank has one port: the load waits in E while the store is in W.
        found["store, nop, load"] = Sequence("sw a2, 0(s4)\n nop\n lw a1, 0(s4)", {"tcm": 1})
        found["store, load"] = Sequence("sw a2, 0(s4)\n lw a1, 0(s4)", {})
        # The instruction bank has one port too: a fetch waits for the data access.
        found["load from the instruction bank"] = Sequence("lw a1, 0(s6)", {"tcm": 1})
        found["store to the instruction bank"] = Sequence("sw a1, 0(s6)", {"tcm": 1})
    if cpu.icache_bytes:
        # Two lines that evict each other, of one `ret` each: 8 words, and 4 cycles until the first is in D. The bus passes from
        # the data side to the fetch side and back, for a cycle each.
        found["calls that miss"] = Sequence(
            "jal ra, far1\n jal ra, far2",
            {
                "executing": 2,
                "icache": 2 * (LINE_WORDS * WORD_CYCLES + 4) + 1,
                "uncached": 1,
                "branch": 2 * (predicted + 2),
            },
            far="far1: ret\n  .space 0xfffc\nfar2: ret\n",
        )
    return found


def program(soc: Soc, config: Configuration) -> str:
    """An assembly program that runs each sequence and as many nops REPEATS times; `costs` finds them in its segments."""
    counter = soc.csrs["cfukit_cycles"].address + 4
    spram = config.tcm == "spram"
    far, blocks = [], []
    for number, sequence in enumerate(sequences(soc, config).values()):
        blocks.append(_block(2 * number, sequence.text))
        blocks.append(_block(2 * number + 1, "\n ".join(["nop"] * sequence.instructions)))
        far.append(sequence.far)
    if spram:
        places = f"  li s4, {DTCM}\n  li s5, {DTCM + 256}\n  li s6, {ITCM}\n"
    else:
        places = "  la s4, data\n  la s5, data + 0x100\n  la s6, data + 0x10100\n"
    traps = soc.cpu.traps
    handler = "  .balign 32\nhandler:\n  csrr a1, mepc\n  addi a1, a1, 4\n  csrw mepc, a1\n  mret\n"
    return f"""
  .globl main
main:
  mv s7, ra
  li s1, {counter}
  li s8, {soc.csrs["uart_rxtx"].address}
{places}
  li a2, 5
  li a3, 3
  {"la a1, handler" if traps else ""}
  {"csrw mtvec, a1" if traps else ""}
{"".join(blocks)}
  li a0, 0
  mv ra, s7
  ret
{handler if traps else ""}
  .section .text.far, "ax"
  .balign {0x10000 if any(far) else 4}
  .space {0x200 if any(far) else 4}
{"".join(far)}
  .bss
  .balign 4096
data: .space {4 if spram else 0x11000}
"""


def _block(number: int, text: str) -> str:
    """Code in one half of the smallest cache; far code lies in the other half."""
    return f"""
  li s0, {REPEATS}
  j block{number}
  .balign {1024 if "far" in text else 32}
block{number}:
  lw s2, 0(s1)
  .rept 5
  nop
  .endr
  {text}
  .rept 5
  nop
  .endr
  lw s3, 0(s1)
  addi s0, s0, -1
  bnez s0, block{number}
  .rept 20
  nop
  .endr
"""


def costs(segments: tuple[Segment, ...], count: int) -> list[dict[str, int]]:
    """Of each of `count` sequences: cycles by cause, less those of the nops."""
    last = [segments[2 * REPEATS * block + 2 * REPEATS - 1].causes.named() for block in range(2 * count)]
    found = []
    for text, nops in zip(last[::2], last[1::2], strict=True):
        found.append({name: text[name] - nops[name] for name in CAUSE_NAMES if text[name] != nops[name]})
    return found
