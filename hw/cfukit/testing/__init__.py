"""The tests that every CFU gets without writing any.

* `check_gateware` compares the gateware with the model.
* `check_verilog` compares the generated Verilog with the model, on many more commands.
* `run_cocotb` does the same through cocotb.
* `check_header` compiles cfu_ops.h, and accepts no warning.
* `vectors` gives the model's answers, for the test through the CPU.

All of them check values, order, declared time, reset, and the rules of the handshake: one response per command, responses stay
until they are taken, nothing hangs, no command is executed twice. A failure is a `CfuMismatch`. It names instruction, operands,
got, expected, call and seed, and shows the calls that led there.
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
