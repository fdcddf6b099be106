"""Play segments on the gateware itself, in Amaranth's simulator."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from amaranth.sim import Simulator

from cfukit.cfu import Cfu
from cfukit.testing.bench import Bench
from cfukit.testing.judge import Record
from cfukit.testing.stimulus import Segment
from cfukit_base import progress

PERIOD_US = 1
PROGRESS_CYCLES = 512  # about every 20 ms


def play(cfu: Cfu, segments: Sequence[Segment], hang_cycles: int, waves: Path | None = None) -> list[Record]:
    """The record of each segment, up to the first that breaks a rule. waves: the VCD file to write."""
    ports = cfu.ports
    records: list[Record] = []
    total = sum(len(segment.ops) for segment in segments)

    async def play_all(ctx: Any) -> None:
        done = 0
        for segment in segments:
            ctx.set(ports["cmd_valid"], 0)
            ctx.set(ports["rsp_ready"], 1)
            bench = Bench(segment, hang_cycles, cfu.memory_width, cfu.dma_width)
            for side in bench.sides:
                for name in side.inputs:
                    ctx.set(ports[name], 0)
            ctx.set(ports["reset"], 1)
            for _ in range(2):
                await ctx.tick()
            ctx.set(ports["reset"], 0)
            going = True
            while going:
                valid, op, ready = bench.drive()
                ctx.set(ports["cmd_valid"], valid)
                ctx.set(ports["cmd_payload_function_id"], op.function_id)
                ctx.set(ports["cmd_payload_inputs_0"], op.rs1)
                ctx.set(ports["cmd_payload_inputs_1"], op.rs2)
                ctx.set(ports["rsp_ready"], ready)
                for side in bench.sides:
                    for name, value in zip(side.inputs, side.drive(), strict=True):
                        ctx.set(ports[name], value)
                await ctx.delay(0)
                for side in bench.sides:
                    side.see(*(ctx.get(ports[name]) for name in side.outputs))
                going = bench.see(
                    bool(ctx.get(ports["cmd_ready"])),
                    bool(ctx.get(ports["rsp_valid"])),
                    ctx.get(ports["rsp_payload_outputs_0"]),
                    ready,
                )
                await ctx.tick()
                if bench.cycle % PROGRESS_CYCLES == 0:
                    progress.advance(done + bench.answered, total, "commands")
            done += len(segment.ops)
            records.append(bench.finish())
            if bench.record.rule:
                break

    simulator = Simulator(cfu.module())
    simulator.add_clock(PERIOD_US * 1e-6)
    simulator.add_testbench(play_all)
    with simulator.write_vcd(str(waves)) if waves else nullcontext():
        simulator.run()
    return records
