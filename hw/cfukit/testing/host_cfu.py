"""The verilated CFU as `cfu_software()` for kernels that are compiled for the host."""

from __future__ import annotations

from pathlib import Path

from cfukit.testing.verilator_driver import compile_verilog

SHIM = Path(__file__).with_name("host_cfu.cpp")


def build_host_cfu(cfu_verilog: Path, memory_width: int = 0, dma_width: int = 0) -> Path:
    """One object to link with host C code: cfu.v by Verilator behind `cfu_software`, and Verilator's runtime.

    memory_width, dma_width: of the CFU's ports in bits, 0 without one. Behind them are the program's section cfukit_dtcm and the
    memory that its pointers lead to.
    """
    widths = {"MEMORY_BITS": memory_width, "DMA_BITS": dma_width}
    defines = tuple(f"-D{name}={width}" for name, width in widths.items() if width)
    text = cfu_verilog.read_text()
    return compile_verilog(text, str(cfu_verilog), SHIM, "VCfu", defines=defines, link=("-r", "-nostdlib"))
