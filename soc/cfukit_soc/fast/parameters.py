"""What the fast simulator must know of a system, as the text that parameters.h reads.

Everything follows from soc.json and the CPU beside it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

from cfukit_base.artefacts import Soc
from cfukit_soc.boards import FLASH_BASE, MAIN_RAM_BASE

STOCK = "full+cfu"
_BOOT_ROM_BASE = 0x2008_0000


def parameters(soc_json: Path, soc: Soc) -> str:
    """Lines "key number", "memory base bytes kind read write", "register NAME address", "dram NAME number",
    "csr number".
    """
    cpu = soc.cpu
    options = _options(soc_json.parent / cpu.verilog[0])
    tcms = [memory for memory in soc.memories if memory.kind in ("itcm", "dtcm")]
    cached = bool(cpu.dcache_bytes)
    direct = not cached and any(memory.kind == "dtcm" for memory in tcms)
    numbers = {
        "icache_bytes": cpu.icache_bytes,
        "dcache_bytes": cpu.dcache_bytes,
        "reset_address": cpu.reset_address,
        "flash_base": FLASH_BASE,
        "bus_timeout_cycles": soc.constants["bus_timeout_cycles"],
        "starts_at": soc.dram.starts_at if soc.dram else 0,
        "memory_port_bits": cpu.memory_port_bits,
        "dma_bits": soc.dma.width if soc.dma else 0,
        "main_memory": MAIN_RAM_BASE,
        "multiplier": cpu.multiplier,
        "divider": cpu.divider,
        "traps": cpu.traps,
        "interrupts": cpu.interrupts,
        "prediction": options.get("prediction", "static") == "static",
        "bypass": options.get("bypass", True),
        "alignment_check": options.get("alignment_check", True),
        "stock": cpu.name == STOCK,
        "single_ported": options.get("tcm") == "spram" and bool(tcms),
        "direct_bus": direct,
        "cfu_waits": cached or cpu.traps or bool(cpu.memory_port_bits),
        "cfu_enabled": cpu.cfu_enable_csr is None,
        "registered_csrs": soc.dram is not None,  # LiteX does so, because the controller has many CSRs
    }
    lines = [f"{key} {int(value)}" for key, value in numbers.items()]
    for memory in soc.memories:
        kind: str = memory.kind
        if memory.base == _BOOT_ROM_BASE:
            kind = "cpu_rom"
        if memory.base == MAIN_RAM_BASE and soc.dram:
            kind = "dram"
        words = (memory.base, memory.bytes, kind, memory.read_cycles, memory.write_cycles)
        lines.append(f"memory {' '.join(map(str, words))}")
    if soc.dram:
        controller = {key: value for key, value in asdict(soc.dram).items() if key != "starts_at"}
        lines += [f"dram {key} {value}" for key, value in controller.items()]
    lines += [f"register {name} {register.address}" for name, register in soc.csrs.items()]
    lines += [f"csr {number}" for number in cpu.csrs]
    return "\n".join(lines) + "\n"


def _options(verilog: Path) -> dict[str, int | bool | str]:
    """The configuration in the first lines of a derived CPU; the stock CPU has none."""
    found: dict[str, int | bool | str] = {}
    with verilog.open() as file:
        for line in file:
            if not line.startswith("//"):
                break
            if match := re.fullmatch(r"// (\w+) = (.+)\n", line):
                found[match[1]] = json.loads(match[2])
    return found
