"""The integer kernels of QUANTIZE and DEQUANTIZE against the evaluator's float arithmetic, around every rounding edge."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cfukit_sw.evaluator import Evaluator
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from support.kernels import HostModel

scales = st.floats(2.0**-110, 2.0**110, width=32) | st.floats(2.0**-12, 8, width=32)
zero_points = st.integers(-128, 127)


def one_operator(type: str, count: int, source: str, target: str, scale: float, zero_point: int) -> Model:
    build = ModelBuilder("conversion")
    quantised = {"scale": scale, "zero_point": zero_point}
    x = build.tensor("x", (count,), source, **({} if source == "float32" else quantised))
    y = build.tensor("y", (count,), target, **({} if target == "float32" else quantised))
    build.operator(type, [x], [y])
    return build.model([x], [y])


def neighbours(values: np.ndarray, steps: int = 4) -> np.ndarray:
    """Each float32 and its two neighbours."""
    bits = values.astype(np.float32).view(np.int32)
    return np.concatenate([(bits + step).view(np.float32) for step in range(-steps, steps + 1)])


@given(scales, zero_points)
@settings(max_examples=150)
def test_float_to_int8(scale: float, zero_point: int) -> None:
    """Every tie between two outputs, its neighbours, infinities and NaN."""
    halves = np.arange(-259.0, 260.0, 0.5) * np.float32(scale)
    odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-40, 3e38, -3e38, scale * 600, -scale * 600]
    values = np.concatenate([neighbours(halves), np.array(odd, np.float32)])
    model = one_operator("QUANTIZE", values.size, "float32", "int8", scale, zero_point)
    plan = lower(model)
    assert plan.steps[0].registry == "portable"
    (got,) = HostModel(plan).run([values])
    (want,) = Evaluator(model).run([values]).outputs
    wrong = np.flatnonzero(got != want)
    assert not wrong.size, (values[wrong[:5]], got[wrong[:5]], want[wrong[:5]], scale, zero_point)


@given(scales, zero_points)
@settings(max_examples=150)
def test_int8_to_float(scale: float, zero_point: int) -> None:
    values = np.arange(-128, 128, dtype=np.int8)
    model = one_operator("DEQUANTIZE", values.size, "int8", "float32", scale, zero_point)
    plan = lower(model)
    assert plan.steps[0].registry == "portable"
    (got,) = HostModel(plan).run([values])
    (want,) = Evaluator(model).run([values]).outputs
    np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32))


def test_scales_beyond_the_integer_kernels() -> None:
    for scale in (1e-43, 2.0**-121, 2.0**119, 3e38):
        for type, source, target in (("QUANTIZE", "float32", "int8"), ("DEQUANTIZE", "int8", "float32")):
            plan = lower(one_operator(type, 1, source, target, scale, 0))
            assert plan.steps[0].registry == "reference"
