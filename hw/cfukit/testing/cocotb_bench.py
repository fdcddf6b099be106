"""The cocotb test that plays a script (CFUKIT_SCRIPT) on module Cfu and writes what it saw (CFUKIT_RECORDS)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer

from cfukit.testing.bench import Bench
from cfukit.testing.script import Script, write_records


@cocotb.test()
async def random_operations(dut: Any) -> None:
    """All segments, up to the first that breaks a rule."""
    script = Script.read(Path(os.environ["CFUKIT_SCRIPT"]))
    records = []
    dut.clk.value = 0
    for segment in script.segments:
        bench = Bench(segment, script.hang_cycles, script.memory_width, script.dma_width)
        for side in bench.sides:
            for name in side.inputs:
                getattr(dut, name).value = 0
        await reset(dut)
        going = True
        while going:
            valid, op, ready = bench.drive()
            dut.cmd_valid.value = int(valid)
            dut.cmd_payload_function_id.value = op.function_id
            dut.cmd_payload_inputs_0.value = op.rs1
            dut.cmd_payload_inputs_1.value = op.rs2
            dut.rsp_ready.value = int(ready)
            for side in bench.sides:
                for name, given in zip(side.inputs, side.drive(), strict=True):
                    getattr(dut, name).value = int(given)
            await Timer(4, "ns")
            if bench.memory:
                bench.memory.see(*memory_command(dut))
            if bench.dma:
                bench.dma.see(*dma_outputs(dut))
            rsp_valid = int(dut.rsp_valid.value)
            # Without a response the payload may be unknown (x).
            value = int(dut.rsp_payload_outputs_0.value) if rsp_valid else 0
            going = bench.see(bool(int(dut.cmd_ready.value)), bool(rsp_valid), value, ready)
            await edge(dut)
        records.append(bench.finish())
        if bench.record.rule:
            break
    write_records(Path(os.environ["CFUKIT_RECORDS"]), records)


def memory_command(dut: Any) -> tuple[bool, bool, int, int, int]:
    """What the CFU asks of the memory. Payload that does not count may be unknown (x), and is not looked at."""
    if not int(dut.mem_cmd_valid.value):
        return False, False, 0, 0, 0
    we, address = bool(int(dut.mem_cmd_payload_we.value)), int(dut.mem_cmd_payload_addr.value)
    if not we:
        return True, False, address, 0, 0
    return True, True, address, int(dut.mem_cmd_payload_data.value), int(dut.mem_cmd_payload_mask.value)


def dma_outputs(dut: Any) -> tuple[bool, int, int, bool]:
    """A command, whose payload may be unknown (x) while there is none, and rsp_ready."""
    ready = bool(int(dut.dma_read_rsp_ready.value))
    if not int(dut.dma_read_cmd_valid.value):
        return False, 0, 0, ready
    address, count = dut.dma_read_cmd_payload_addr.value, dut.dma_read_cmd_payload_count.value
    return True, int(address), int(count), ready


async def reset(dut: Any) -> None:
    """Two cycles of reset with no command."""
    dut.cmd_valid.value = 0
    dut.cmd_payload_function_id.value = 0
    dut.cmd_payload_inputs_0.value = 0
    dut.cmd_payload_inputs_1.value = 0
    dut.rsp_ready.value = 1
    dut.reset.value = 1
    for _ in range(2):
        await Timer(4, "ns")
        await edge(dut)
    dut.reset.value = 0


async def edge(dut: Any) -> None:
    """One rising clock edge."""
    dut.clk.value = 1
    await Timer(1, "ns")
    dut.clk.value = 0
    await Timer(1, "ns")
