"""Why a simulation ended early, for people and for JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from cfukit_base.symbols import locate, symbol

TRAP_CAUSES = {
    0: "instruction address misaligned",
    1: "instruction access fault",
    2: "illegal instruction",
    3: "breakpoint",
    4: "load address misaligned",
    5: "load access fault",
    6: "store address misaligned",
    7: "store access fault",
    8: "environment call",
    11: "environment call",
}


def fault_from(raw: dict[str, Any], elf: Path) -> dict[str, Any]:
    """The harness's record with the place in the source and a sentence.

    kind: "cfu_hang" (funct3, funct7, a, b, accepted), "cfu_protocol" (an answer that nobody asked for), "hang",
    "memory_collision" (a load of a word that the CFU wrote in the same cycle), "memory_range" (address: an offset that the CFU asked for),
    "stack_overflow" (address: where the stack pointer went, stack_bytes),
    "time_out", "bus_error" (address, access), "fetch_fault" (address) or "trap" (cause, value, vector: one that no handler takes).
    Always: pc, instruction, registers (x0 to x31), cycle, function, file, line, message.
    """
    fault: dict[str, Any] = {"kind": raw["end"], "pc": raw["pc"], "instruction": raw["instruction"]}
    fault["cycle"] = raw["cycles"]
    for key in ("funct3", "funct7", "a", "b", "accepted", "address", "access", "cause", "value", "vector"):
        if key in raw:
            fault[key] = raw[key]
    if raw["end"] == "stack_overflow":
        bottom, top = stack_of(elf)
        fault["stack_bytes"] = top - bottom
    fault.update(asdict(locate(elf, raw["pc"])))
    fault["registers"] = raw["registers"]
    fault["message"] = _sentence(fault)
    return fault


def stack_of(elf: Path) -> tuple[int, int]:
    """First address of the stack and the one after its last, by the linker script's symbols; (0, 0) without them."""
    try:
        return symbol(elf, "__cfukit_stack_bottom"), symbol(elf, "__cfukit_stack_top")
    except KeyError:
        return 0, 0


def _sentence(fault: dict[str, Any]) -> str:
    place = f"at {fault['pc']:#010x}"
    if fault["function"]:
        place += f" in {fault['function']}"
    if fault["file"]:
        place += f" ({fault['file']}:{fault['line']})"
    kind = fault["kind"]
    if kind == "cfu_hang":
        what = "never answered" if fault["accepted"] else "never accepted"
        text = f"the CFU {what} the instruction funct3={fault['funct3']} funct7={fault['funct7']}"
        return f"{text} with operands {fault['a']:#010x}, {fault['b']:#010x} {place}, since before cycle {fault['cycle']}"
    if kind == "bus_error":
        return f"{fault['access']} {place} at address {fault['address']:#010x}, where nothing answers"
    if kind == "stack_overflow":
        below = f"below the stack of {fault['stack_bytes']:,} bytes"
        return f"stack overflow: the stack pointer goes to {fault['address']:#010x}, {below}, {place}"
    if kind == "fetch_fault":
        return f"fetch from {fault['address']:#010x}, where the CPU has no memory, by or after the instruction {place}"
    if kind == "memory_collision":
        return f"the load {place} read a word in the very cycle in which the CFU wrote it: it belongs to one of them at a time"
    if kind == "memory_range":
        return (
            f"the CFU asked for offset {fault['address']:#x} of the data TCM, which is outside or not aligned to its port, "
            f"while the CPU was {place}"
        )
    if kind == "trap":
        cause = TRAP_CAUSES.get(fault["cause"], f"cause {fault['cause']}")
        return f"trap without a handler: {cause} {place}, value {fault['value']:#010x}"
    if kind == "cfu_protocol":
        return f"the CFU gave an answer in cycle {fault['cycle']} that no instruction had asked for, {place}"
    if kind == "hang":
        return f"no instruction completes any more {place}"
    return f"still running after {fault['cycle']} cycles {place}"
