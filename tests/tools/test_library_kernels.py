"""A [[kernel]] that names a kernel of the library for the project's CFU: what it changes, and what remains."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cfukit_base.errors import UsageError
from cfukit_sw.cfu_kernels import cfu_kernels
from cfukit_sw.kernels import Kernel
from cfukit_sw.lowering import Op
from cfukit_tools.firmware.program import project_kernels
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System
from support.engine_description import INSTRUCTIONS, cfu
from support.verilog import write

CFU = """
from cfukit import Cfu, Fixed, Instruction

class Add(Instruction):
    rs1 = rs2 = rd = "any"
    time = Fixed(1)
    def gateware(self, m, cmd):
        return cmd.rs1 + cmd.rs2
    def call(self, funct7, rs1, rs2):
        return rs1 + rs2

def make_cfu():
    return Cfu({0: Add()})

def every(op):
    return True

def none(op):
    return False

def reversed_weights(weights):
    return weights.tobytes()[::-1]
"""
CONV = Op("CONV_2D", 0, (1, 9, 9, 8), (1, 9, 9, 4), filter_shape=(4, 3, 3, 8))
ADD = Op("ADD", 0, (1, 9, 9, 8), (1, 9, 9, 8), operands=((1, 9, 9, 8), (8,)), constant=1)
TOO_LARGE = replace(CONV, strides=(1, 4096))
WIDE = replace(CONV, input_type="int16")
WEIGHTS = np.arange(288, dtype=np.int16).astype(np.int8).reshape(4, 3, 3, 8)
LIBRARY = {(kernel.op, kernel.function): kernel for kernel in cfu_kernels(cfu(*INSTRUCTIONS))}
NAMED = LIBRARY["CONV_2D", "cfukit_engine_conv"]


def kernels(folder: Path, *entries: str) -> list[Kernel]:
    """Of a project with an engine and these [[kernel]] entries."""
    write(folder, {"cfu.py": CFU, "project.toml": "".join(f"[[kernel]]\n{entry}\n" for entry in entries)})
    system = System(load_target(folder))
    system.cfu_json = cfu(*INSTRUCTIONS)
    return project_kernels(system)


def conv(folder: Path, more: str = "") -> Kernel:
    first, *others = kernels(folder, f'op = "CONV_2D"\nfunction = "cfukit_engine_conv"\n{more}')
    assert len(others) == len(LIBRARY) - 1 and NAMED.function not in {kernel.function for kernel in others}
    return first


def test_a_supports_of_ones_own_only_says_no(tmp_path: Path) -> None:
    """What the library's function cannot compute remains refused, with the reason."""
    kernel = conv(tmp_path, 'supports = "every"')
    for op in (CONV, TOO_LARGE, WIDE):
        assert kernel.supports(op) == NAMED.supports(op) == (op is CONV)
        assert kernel.refusal(op) == NAMED.refusal(op)
    assert not conv(tmp_path, 'supports = "none"').supports(CONV)


@pytest.mark.parametrize("more", ["", 'supports = "every"', 'pack = "reversed_weights"'])
def test_what_is_not_named_remains_the_librarys(tmp_path: Path, more: str) -> None:
    kernel = conv(tmp_path, more)
    same = ("registry", "sources", "near", "weights_alignment", "fold", "small", "lead")
    assert {name: getattr(kernel, name) for name in same} == {name: getattr(NAMED, name) for name in same}
    assert kernel.pack is not None and NAMED.pack is not None
    librarys = NAMED.pack(CONV, WEIGHTS)
    assert kernel.pack(CONV, WEIGHTS) == (WEIGHTS.tobytes()[::-1] if "pack" in more else librarys)


def test_an_operator_that_the_function_does_not_compute_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"kernel 1: op: 'SUB', 'cfukit_engine_add' does not compute it; ADD"
    ):
        kernels(
            tmp_path,
            'op = "MEAN"\nfunction = "cfukit_engine_mean"',
            'op = "SUB"\nfunction = "cfukit_engine_add"',
        )


def test_an_entry_twice_is_the_librarys_twice(tmp_path: Path) -> None:
    known = LIBRARY["ADD", "cfukit_engine_add"]
    for kernel in kernels(tmp_path, *['op = "ADD"\nfunction = "cfukit_engine_add"'] * 2)[:2]:
        assert kernel.weights_alignment == known.weights_alignment > 0
        assert kernel.supports(ADD) and kernel.scratch(ADD) == known.scratch(ADD) > 0
