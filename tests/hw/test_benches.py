"""The rules of the test bench exist in Python (for Amaranth and cocotb) and in C++ (for Verilator): both see the same in one trace."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from cfukit import Cfu, MemoryPort, Module, Mux, Signal
from cfukit.testing import amaranth_driver, verilator_driver
from cfukit.testing.judge import RULES
from cfukit.testing.stimulus import NO_LIMIT, PATTERN_CYCLES, Op, Segment

HANG_CYCLES = 80
TRACES = 160
ALWAYS = (1 << PATTERN_CYCLES) - 1
# Bits of funct7: what the CFU does now and then from that command on.
BUSY, SPURIOUS, DROPS, CHANGES, HANGS, REFUSES, STRAYS = (1 << bit for bit in range(7))
RESTLESS = STRAYS | HANGS  # asks for memory for ever


class Unruly(Cfu):
    """A CFU that answers at random times, and breaks the rules that its last command names."""

    def _gateware(self, m: Module) -> None:
        ports, memory = self.ports, self.memory
        assert memory is not None
        dice = Signal(32, init=0x12345678, reset_less=True)
        faults, outstanding, stuck = Signal(7), Signal(3), Signal()
        full, value = Signal(), Signal(32)
        fire, answer = Signal(), Signal()
        m.d.comb += [
            fire.eq(ports["cmd_valid"] & ports["cmd_ready"]),
            answer.eq(ports["rsp_valid"] & ports["rsp_ready"] & full),
            ports["cmd_ready"].eq(
                ((outstanding < 3) | ~ports["cmd_valid"])
                & ~(faults[0] & (dice[3:6] == 0))
                & ~(stuck & faults[5] & ports["cmd_valid"])
            ),
            ports["rsp_valid"].eq(
                (full & ~(faults[2] & (dice[9:12] == 0))) | (faults[1] & (dice[12:17] == 0))
            ),
            ports["rsp_payload_outputs_0"].eq(value ^ (faults[3] & (dice[17:20] == 0))),
        ]
        restless = faults[6] & faults[4]
        m.d.comb += [
            memory.cmd_valid.eq((dice[20:22] == 0) & ((outstanding != 0) | restless)),
            memory.we.eq(dice[22]),
            memory.addr.eq(Mux(faults[6] & ~faults[4] & ~dice[23], dice, dice[4:14] << 2)),
            memory.data.eq(dice),
            memory.mask.eq(dice[27:31]),
        ]
        m.d.sync += [
            dice.eq(
                (dice * 1664525 + 1013904223) ^ (dice >> 15) ^ Mux(fire, ports["cmd_payload_inputs_0"], 0)
            ),
            outstanding.eq(outstanding + fire - answer),
        ]
        with m.If(fire):
            m.d.sync += faults.eq(ports["cmd_payload_function_id"][3:])
        with m.If((faults[4] | faults[5]) & ~faults[6] & (dice[7:9] == 0)):
            m.d.sync += stuck.eq(1)
        with m.If(answer):
            m.d.sync += full.eq(0)
        with m.Elif((outstanding != 0) & (dice[:2] == 0) & ~(stuck & faults[4])):
            m.d.sync += [full.eq(1), value.eq(dice)]


def trace(seed: int) -> Segment:
    """A segment in which commands of a few kinds meet ready patterns, gaps and a memory of all kinds."""
    rng = random.Random(f"unruly {seed}")
    fault = rng.choice((0, 0, BUSY, SPURIOUS, DROPS, CHANGES, HANGS, REFUSES, STRAYS, RESTLESS))

    def pattern() -> int:
        density = rng.choice((0.3, 0.7, 1.0))
        return sum((rng.random() < density) << bit for bit in range(PATTERN_CYCLES)) | 1

    ops = tuple(
        Op(
            rng.randrange(8),
            fault if rng.random() < 0.3 else 0,
            rng.getrandbits(32),
            rng.getrandbits(32),
            rng.choice((0, 0, 1, 5)),
        )
        for _ in range(rng.randrange(1, 40))
    )
    return Segment(
        "gaps",
        ops,
        pattern(),
        rng.choice((1, 2, NO_LIMIT)),
        rng.random() < 0.8,
        memory_seed=seed,
        memory_ready=rng.choice((ALWAYS, pattern())),
        memory_waits=tuple(rng.randrange(6) for _ in range(5)),
    )


@pytest.mark.slow
def test_both_benches_see_the_same_in_random_traces() -> None:
    cfu = Unruly({}, name="unruly", memory=MemoryPort(32), autonomous=True, front_end="none")
    bench = verilator_driver.build(cfu.verilog(), "unruly", 32)
    rules: Counter[int] = Counter()
    for seed in range(TRACES):
        segment = trace(seed)
        (in_python,) = amaranth_driver.play(cfu, [segment], HANG_CYCLES)
        (in_cpp,) = verilator_driver.play(bench, [segment], HANG_CYCLES)
        assert in_python == in_cpp, f"seed {seed}: {segment}"
        rules[in_python.rule] += 1
    possible = {
        number for number, (name, _) in RULES.items() if not name.startswith("dma-")
    }  # it has no DMA port
    assert set(rules) == {0, *possible}, f"not every rule was broken once: {rules}"
