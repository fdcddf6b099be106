"""The tests that every CFU gets without writing any.

`check_gateware`: gateware against model; `check_verilog`: the generated Verilog against the model, in bulk; `run_cocotb`: the same through
cocotb; `check_header`: cfu_ops.h compiles without a warning; `vectors`: the model's answers, for the test through the CPU.
All judge alike: values, order, declared time, the rules of the handshake (one response per command, responses stay until taken, no hang,
no double execution), reset. A failure is a `CfuMismatch` that names instruction, operands, got, expected, call and seed.
"""

from cfukit.testing.checks import (
    check_gateware,
    check_header,
    check_verilog,
    memory_contents,
    memory_seed,
    project_cocotb_tests,
    run_cocotb,
    run_project_cocotb,
    vectors,
)
from cfukit.testing.mismatch import CfuMismatch

__all__ = [
    "CfuMismatch",
    "check_gateware",
    "check_header",
    "check_verilog",
    "memory_contents",
    "memory_seed",
    "project_cocotb_tests",
    "run_cocotb",
    "run_project_cocotb",
    "vectors",
]
