"""The verilated CFU as `cfu_software()` for kernels that are compiled for the host."""

from __future__ import annotations

from pathlib import Path

from cfukit.testing.verilator_driver import compile_verilog

SHIM = Path(__file__).with_name("host_cfu.cpp")


def build_host_cfu(cfu_verilog: Path, memory_width: int = 0) -> Path:
    """One object to link with host C code: cfu.v by Verilator behind `cfu_software`, and Verilator's runtime.

    memory_width: of the CFU's memory port in bits, 0 without one. Behind it is the program's section cfukit_dtcm.
    """
    text = cfu_verilog.read_text()
    defines = (f"-DMEMORY_BITS={memory_width}",) if memory_width else ()
    return compile_verilog(text, str(cfu_verilog), SHIM, "VCfu", defines=defines, link=("-r", "-nostdlib"))
