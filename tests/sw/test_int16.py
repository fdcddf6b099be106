"""int16 activations: 64-bit sums, and what is refused. That outputs equal TFLM's stands in test_evaluator_golden.py."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator, check_supported
from cfukit_sw.fixed_point import multiply_wide
from cfukit_sw.kernels import project_kernel
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from support.kernels import HostModel, shared_object

WRAPPER = """
#include "cfukit_fixed_point.h"
int32_t t_multiply_wide(int64_t x, int32_t m, int32_t s) { return cfukit_multiply_wide(x, m, s); }
"""


@pytest.fixture(scope="module")
def c(tmp_path_factory: pytest.TempPathFactory) -> Any:
    source = tmp_path_factory.mktemp("wide") / "wide.c"
    source.write_text(WRAPPER)
    dll = shared_object([Path(source)], ["-Wno-missing-prototypes"])
    dll.t_multiply_wide.argtypes = [ctypes.c_int64, ctypes.c_int32, ctypes.c_int32]
    dll.t_multiply_wide.restype = ctypes.c_int32
    return dll


def rounded_once(x: int, m: int, s: int) -> int:
    """On unbounded integers: the multiplier with 16 bits, then one rounding, halves up, and the low 32 bits."""
    reduced = min((m + 2**15) // 2**16, 0x7FFF)
    value = (x * reduced + 2 ** (14 - s)) // 2 ** (15 - s)
    return (value + 2**31) % 2**32 - 2**31


sums = st.integers(-(2**47) + 1, 2**47 - 1) | st.integers(-(2**20), 2**20)


@given(sums, st.sampled_from([0, 2**30, 2**31 - 1]) | st.integers(2**30, 2**31 - 1), st.integers(-31, 7))
@example(2**47 - 1, 2**31 - 1, 7)
@example(-(2**47) + 1, 0x7FFF0000, -31)
@example(1 << 14, 2**30, 0)
@example(-(1 << 14), 2**30, 0)
def test_wide_multiply(c: Any, x: int, m: int, s: int) -> None:
    expected = rounded_once(x, m, s)
    assert c.t_multiply_wide(x, m, s) == expected
    assert int(multiply_wide(np.array([x], np.int64), m, s)[0]) == expected


def dense(
    bias: Any = None, *, zero_point: int = 0, type: str = "FULLY_CONNECTED", scale: float = 0.01
) -> Model:
    build = ModelBuilder("dense")
    depthwise = type == "DEPTHWISE_CONV_2D"
    shape, out = ((1, 1, 1, 2), (1, 1, 1, 2)) if depthwise else ((1, 2), (1, 2))
    x = build.tensor("x", shape, "int16", scale=0.01, zero_point=zero_point)
    w = build.constant("w", np.array([[1, 2], [3, 4]], np.int8).reshape(2, 2), scale=0.5)
    if depthwise:
        w = build.constant("w", np.array([3, 4], np.int8).reshape(1, 1, 1, 2), scale=0.5)
    y = build.tensor("y", out, "int16", scale=scale, zero_point=0)
    inputs = [x, w] if bias is None else [x, w, build.constant("b", bias, scale=0.005)]
    options = {"padding": "VALID", "stride_h": 1, "stride_w": 1, "depth_multiplier": 1} if depthwise else {}
    build.operator(type, inputs, [y], **options)
    return build.model([x], [y])


def test_a_bias_that_only_64_bits_hold() -> None:
    model = dense(np.array([2**40, -(2**40)], np.int64), scale=2.0**22)
    x = np.array([[1000, -1000]], np.int16)
    (want,) = Evaluator(model).run([x]).outputs
    assert want.tolist() == [[1311, -1311]]
    for registry in ("portable", "reference"):
        plan = lower(model, registry=registry)
        assert plan.steps[0].kernel == "fully_connected_int16"
        assert HostModel(plan).run([x])[0].tolist() == want.tolist()


REFUSED = {
    "a zero point": (dense(zero_point=5), "zero points 5 and 0; 0 for int16"),
    "sums beyond 47 bits": (
        dense(np.array([2**47, 0], np.int64)),
        r"sums up to 140737488453632; below 2\*\*47",
    ),
    "a depthwise bias of 32 bits": (dense(np.array([1, 2], np.int32), type="DEPTHWISE_CONV_2D"), "int64"),
    "a large multiplier": (dense(scale=1e-5), "left shift 9; at most 7"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    model, message = REFUSED[name]
    with pytest.raises(ModelError, match=message):
        check_supported(model)


def test_a_project_s_kernel_sees_int8_only() -> None:
    own = project_kernel("FULLY_CONNECTED", "own", [Path("own.c")])
    plan = lower(dense(), [own])
    assert [step.registry for step in plan.steps] == ["reference"]
