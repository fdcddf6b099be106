"""`write_cpu` turns a configuration into cpu.json and the Verilog of the CPU."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfukit_base.artefacts.cpu import Cpu, CpuSource
from cfukit_base.cache import write_atomic
from cfukit_base.digest import digest_bytes
from cfukit_cpu.caches import report_data_cache, resize_data_cache, resize_instruction_cache
from cfukit_cpu.configuration import (
    CACHE_BYTES,
    Configuration,
    Named,
    check_memory_port,
    configuration,
    keys_of,
    memories,
)
from cfukit_cpu.core import CFU_ENABLE_CSR, apply_options, csrs_of, fix_cfu_port, free_memories
from cfukit_cpu.edits import Source
from cfukit_cpu.stock import FILE, SHA256, WHEEL, WHEEL_VERSION, stock_text


def write_cpu(
    given: str | Mapping[str, Any],
    directory: Path,
    *,
    memory_port_bits: int = 0,
    cfu_sees_stores: bool = False,
) -> Path:
    """Write cpu.json and the Verilog that it names (module VexRiscv) to `directory`; the path of cpu.json.

    * given: a preset's name, or a table of keys.
    * memory_port_bits: width of the port that gives a CFU the data TCM (see `shared_dtcm`); 0 = none.
    * cfu_sees_stores: a CFU instruction waits until earlier stores have left the pipeline, as it does with a memory port.
    """
    named = configuration(given)
    verilog = derive(named, memory_port_bits, cfu_sees_stores=cfu_sees_stores)
    cpu = describe(named, memory_port_bits, digest_bytes(verilog.encode()))
    write_atomic(directory / cpu.verilog, verilog)
    cpu.write(directory / "cpu.json")
    return directory / "cpu.json"


def derive(named: Named, memory_port_bits: int = 0, *, cfu_sees_stores: bool = False) -> str:
    """The CPU's Verilog: the stock file as it is, or edited, with the configuration in its first lines."""
    text = stock_text()
    config = named.configuration
    if memory_port_bits:
        check_memory_port(config, memory_port_bits, named.name)
    if named.stock:
        return text
    source = Source(text)
    # A cache that the CPU lacks stays in the text in its smallest size, and synthesis removes it.
    resize_data_cache(source, config.dcache_bytes or CACHE_BYTES[0])
    report_data_cache(source, config.dcache_bytes)
    resize_instruction_cache(source, config.icache_bytes or CACHE_BYTES[0])
    fix_cfu_port(source)
    free_memories(source)
    apply_options(source, config, cfu_sees_stores=cfu_sees_stores or bool(memory_port_bits))
    if memories(config):
        from cfukit_cpu.tcm_wiring import connect  # Amaranth takes a moment

        connect(source, config, memory_port_bits)
    return _header(named) + source.text()


def describe(named: Named, memory_port_bits: int, digest: str) -> Cpu:
    """cpu.json of a configuration; digest: of its Verilog."""
    config = named.configuration
    return Cpu(
        name=named.name,
        isa=isa(config),
        icache_bytes=config.icache_bytes,
        dcache_bytes=config.dcache_bytes,
        traps=config.traps,
        interrupts=config.interrupts,
        multiplier=config.multiplier,
        divider=config.divider,
        csrs=csrs_of(config),
        cfu_enable_csr=CFU_ENABLE_CSR if config.csrs != "none" else None,
        memory_port_bits=memory_port_bits,
        about=named.about,
        configuration=keys_of(config),
        cfu_fix=not named.stock,
        memories=memories(config),
        verilog=FILE
        if named.stock
        else "cpu.v",  # the stock file keeps its name: synthesis names cells after it
        source=CpuSource(wheel=WHEEL, version=WHEEL_VERSION, file=FILE, sha256=SHA256),
        digest=digest,
    )


def isa(config: Configuration) -> str:
    """The ISA for the compiler. There is no name for a divider without a multiplier, so software does not use that divider."""
    if config.multiplier:
        return "rv32im" if config.divider else "rv32i_zmmul"
    return "rv32i"


def _header(named: Named) -> str:
    lines = [
        f"CPU {named.name}: {named.about}.",
        f"Derived from {FILE} of {WHEEL} {WHEEL_VERSION}, SHA-256 {SHA256}.",
        *(f"{key} = {json.dumps(value)}" for key, value in keys_of(named.configuration).items()),
    ]
    return "".join(f"// {line}\n" for line in lines) + "\n"
