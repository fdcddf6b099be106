"""Connect `Tcm` and its memories in the text of the CPU."""

from __future__ import annotations

from cfukit_base.verilog import verilog_of
from cfukit_cpu.configuration import Configuration
from cfukit_cpu.edits import CORE, Rule, Source
from cfukit_cpu.shared_dtcm import core_ports
from cfukit_cpu.tcm import DATA_FROM_CACHE, DATA_TO_CACHE, FETCH_FROM_CACHE, NAME, Tcm
from cfukit_cpu.tcm_memories import boot_rom_verilog, memory_verilog, row_memory_verilog

_STAGE = "IBusCachedPlugin_iBusRsp_stages_"
_CORE_SIGNALS = {
    **{f"data_{name}": f"dataCache_1_io_cpu_{name}" for name in ("execute_isValid", "execute_address")},
    **{f"data_{name}": f"dataCache_1_io_cpu_{name}" for name in ("memory_address", "writeBack_address")},
    "data_execute_args_wr": "execute_MEMORY_WR",
    "data_execute_args_size": "execute_DBusCachedPlugin_size",
    "data_memory_isStuck": "memory_arbitration_isStuck",
    "data_writeBack_isStuck": "writeBack_arbitration_isStuck",
    "data_writeBack_isFiring": "writeBack_arbitration_isFiring",
    "data_writeBack_storeData": "dataCache_1_io_cpu_writeBack_storeData",
    "fetch_prefetch_pc": f"{_STAGE}0_input_payload",
    "fetch_fetch_isStuck": "IBusCachedPlugin_cache_io_cpu_fetch_isStuck",
    "fetch_fetch_pc": f"{_STAGE}1_input_payload",
    "fetch_decode_isStuck": "IBusCachedPlugin_cache_io_cpu_decode_isStuck",
}


def connect(source: Source, config: Configuration, memory_port_bits: int = 0) -> None:
    """Put an instance of `Tcm` between the core and its cache modules, and append its modules to the text."""
    rules: list[Rule] = []
    declarations, pins = [], [".clk(clk)", ".rst(reset)"]
    for prefix, core, names in (
        ("data", "dataCache_1_io_cpu_", (*DATA_TO_CACHE, *DATA_FROM_CACHE)),
        ("fetch", "IBusCachedPlugin_cache_io_cpu_", FETCH_FROM_CACHE),
    ):
        for name, width in names:
            wire = f"{core}{name}__cache"
            declarations.append(f"  wire [{width - 1}:0] {wire};\n")
            rules.append((rf"(?<=    \.io_cpu_{name} ) *\({core}{name}(?:\[31:0\])? *\)", f"({wire})", 1))
            pins += [f".{prefix}_{name}({core}{name})", f".{prefix}_{name}__cache({wire})"]
    pins += [f".{prefix}({signal})" for prefix, signal in _CORE_SIGNALS.items()]
    if memory_port_bits:
        port_rules, port_pins = core_ports(memory_port_bits)
        rules += port_rules
        pins += port_pins
    instance = f"  {NAME} tcm (\n    " + ",\n    ".join(pins) + "\n  );\n"
    rules += [(r"(?m)^  localparam ShiftCtrlEnum_DISABLE_1", "".join(declarations) + r"\g<0>", 1)]
    rules += [(r"\nendmodule\n", "\n" + instance + r"\g<0>", 1)]
    source.swap_all(CORE, rules)
    source.appended += tcm_verilog(config, memory_port_bits)


def tcm_verilog(config: Configuration, memory_port_bits: int = 0) -> str:
    """Modules Tcm, InstructionTcm, DataTcm, BootRom."""
    tcm = Tcm(config, memory_port_bits)
    text = verilog_of(tcm, NAME, tcm.ports)
    parts = [text]
    if config.itcm_bytes:
        parts.append(
            memory_verilog(
                "InstructionTcm", config.itcm_bytes, "shared" if config.tcm == "block" else "single"
            )
        )
    if memory_port_bits:
        parts.append(row_memory_verilog("DataTcm", config.dtcm_bytes, memory_port_bits, config.tcm))
    elif config.dtcm_bytes:
        parts.append(
            memory_verilog("DataTcm", config.dtcm_bytes, "simple" if config.tcm == "block" else "single")
        )
    if config.boot_rom_bytes:
        parts.append(boot_rom_verilog(config.boot_rom_bytes))
    return "\n".join(parts)
