"""Corners where TFLM does not do what the formula suggests.

The expected values come from its interpreter (0.dev20261023182759). The evaluator and the C of both registries must give them,
and refuse what TFLM leaves undefined.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator, check_supported
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from support.kernels import HostModel

LARGEST = 2**31 - 1


def one_operator(type: str, x: dict[str, Any], y: dict[str, Any], *more: Any, **options: Any) -> Model:
    """A model of operator `type` from tensor x to tensor y.

    Further inputs are arrays, or dictionaries of an array and its quantisation.
    """
    build = ModelBuilder(type.lower())
    first, result = (build.tensor(name, **tensor) for name, tensor in (("x", x), ("y", y)))
    rest = []
    for given in more:
        quantization = dict(given) if isinstance(given, dict) else {"data": given}
        rest.append(build.constant("c", quantization.pop("data"), **quantization))
    build.operator(type, [first, *rest], [result], **options)
    return build.model([first], [result])


def int32(*values: int) -> Any:
    return np.array(values, np.int32)


def int8(*values: int) -> Any:
    return np.array(values, np.int8)


def plain(type: str, activation: str, second: Any) -> Model:
    """int32 arithmetic with a constant."""
    tensor = {"shape": (5,), "type": "int32"}
    return one_operator(type, tensor, tensor, second, fused_activation_function=activation)


def pool(type: str, scale: float, activation: str = "NONE") -> Model:
    """A pool of 2 x 2 from scale 0.02."""
    x = {"shape": (1, 2, 2, 1), "scale": 0.02, "zero_point": 3}
    y = {"shape": (1, 1, 1, 1), "scale": scale, "zero_point": 3}
    window = {"filter_height": 2, "filter_width": 2, "stride_h": 1, "stride_w": 1, "padding": "VALID"}
    return one_operator(type, x, y, fused_activation_function=activation, **window)


SAME = {"scale": 0.1, "zero_point": 0}
CASES: dict[str, tuple[Model, Any, Any]] = {
    "an int32 sum ignores its activation": (
        plain("ADD", "RELU6", int32(1)),
        int32(-7, 7, 3, -1, LARGEST),
        int32(-6, 8, 4, 0, -(2**31)),
    ),
    "an int32 product does not": (
        plain("MUL", "RELU6", int32(1, 1, 1, 2, 3)),
        int32(-7, 7, 3, -(2**31), 2**30),
        int32(0, 6, 3, 0, 0),
    ),
    "an int32 product within -1 .. 1": (
        plain("MUL", "RELU_N1_TO_1", int32(1)),
        int32(-7, 7, 3, -1, 0),
        int32(-1, 1, 1, -1, 0),
    ),
    "int32 without its zero point wraps": (
        one_operator(
            "QUANTIZE",
            {"shape": (5,), "type": "int32", "scale": 0.5, "zero_point": -5},
            {"shape": (5,), "type": "int16", "scale": 40000.0, "zero_point": 0},
        ),
        int32(LARGEST, LARGEST - 5, 0, -(2**31), LARGEST - 4),
        np.array([-26844, 26844, 0, -26844, -26844], np.int16),
    ),
    "hard swish rounds in 16 bits": (
        one_operator(
            "HARD_SWISH",
            {"shape": (5,), "scale": 2.0**-17, "zero_point": 0},
            {"shape": (5,), "scale": 0.05, "zero_point": 0},
        ),
        int8(-128, -1, 0, 1, 127),
        int8(-1, -1, 1, 1, 1),
    ),
    "nearest neighbour, corners aligned and pixels halved": (
        one_operator(
            "RESIZE_NEAREST_NEIGHBOR",
            {"shape": (1, 3, 2, 1), **SAME},
            {"shape": (1, 5, 4, 1), **SAME},
            int32(5, 4),
            align_corners=True,
            half_pixel_centers=True,
        ),
        int8(0, 1, 2, 3, 4, 5),
        int8(0, 1, 1, 1, 2, 3, 3, 3, 2, 3, 3, 3, 4, 5, 5, 5, 4, 5, 5, 5),
    ),
    "scales of a pool that hardly differ": (
        pool("AVERAGE_POOL_2D", 0.0200005, "RELU"),
        int8(1, 2, 3, 5),
        int8(3),
    ),
    "a shrunk axis takes any positive stride": (
        one_operator(
            "STRIDED_SLICE",
            {"shape": (2, 3), **SAME},
            {"shape": (3,), **SAME},
            int32(-1, 0),
            int32(0, 3),
            int32(7, 1),
            shrink_axis_mask=1,
        ),
        int8(0, 1, 2, 3, 4, 5),
        int8(3, 4, 5),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values(name: str) -> None:
    model, given, expected = CASES[name]
    inputs = [given.reshape(model.tensors[model.inputs[0]].shape)]
    computed = [Evaluator(model).run(inputs).outputs[0]]
    computed += [HostModel(lower(model, registry=r)).run(inputs)[0] for r in ("portable", "reference")]
    for got in computed:
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got.reshape(-1), expected)


def table(type: str, scale: float, y_scale: float, y_zero_point: int = 0) -> Model:
    x, y = ({"shape": (4,), "scale": s, "zero_point": z} for s, z in ((scale, 0), (y_scale, y_zero_point)))
    return one_operator(type, x, y)


UNDEFINED = {
    "LOGISTIC below": (table("LOGISTIC", 2.0**-29, 1 / 256, -128), "scale 1.86.*; 2..-28 or more"),
    "LOGISTIC above": (table("LOGISTIC", 2.0**35, 1 / 256, -128), "2..-28 or more, below 2..35"),
    "TANH below": (table("TANH", 1e-20, 1 / 128), "2..-28 or more"),
    "RELU6": (table("RELU6", 1e-20, 1e-20), "lets 6 / scale be an int32"),
    "pools": (pool("MAX_POOL_2D", 0.020002), "equal scales"),
    "REDUCE_MAX": (
        one_operator("REDUCE_MAX", {"shape": (4,), **SAME}, {"shape": (), "scale": 0.2}, int32(0)),
        "equal scales and zero points",
    ),
    "PADV2": (
        one_operator(
            "PADV2",
            {"shape": (1,), **SAME},
            {"shape": (3,), **SAME},
            int32(1, 1).reshape(1, 2),
            {"data": int8(5), "scale": 0.1, "zero_point": 1},
        ),
        "equal scales and zero points",
    ),
    "PACK": (
        one_operator("PACK", {"shape": (2,), **SAME}, {"shape": (1, 2), **SAME}, values_count=2),
        "values_count is 2; 1",
    ),
    "CONV_2D": (
        one_operator(
            "CONV_2D",
            {"shape": (1, 1, 1, 1), **SAME},
            {"shape": (1, 1, 1, 1), **SAME},
            {"data": np.ones((1, 4, 1, 1), np.int8), "scale": 1.0},
            padding="SAME",
            stride_h=1,
            stride_w=1,
            dilation_h_factor=32767,
            dilation_w_factor=1,
        ),
        "padding of 49150; at most 32767",
    ),
    "TRANSPOSE": (
        one_operator(
            "TRANSPOSE", {"shape": (2, 3), **SAME}, {"shape": (3, 2), **SAME}, np.array([1, 0], np.int64)
        ),
        "constant int32",
    ),
    "SLICE": (
        one_operator(
            "SLICE", {"shape": (3,), **SAME}, {"shape": (2,), **SAME}, np.array([0], np.int64), int32(2)
        ),
        "one type, because TFLM takes the begins' for both",
    ),
    "STRIDED_SLICE": (
        one_operator(
            "STRIDED_SLICE",
            {"shape": (2, 3), **SAME},
            {"shape": (3,), **SAME},
            int32(1, 0),
            int32(0, 3),
            int32(-1, 1),
            shrink_axis_mask=1,
        ),
        "stride -1 of a shrunk axis; a positive one",
    ),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_what_tflm_leaves_undefined_or_refuses(name: str) -> None:
    model, message = UNDEFINED[name]
    with pytest.raises(ModelError, match=f"operator 0 {model.operators[0].type}: .*{message}"):
        check_supported(model)


@pytest.mark.parametrize("scale", [2.0**-28, 2.0**34])
def test_the_widest_scales_of_sigmoids(scale: float) -> None:
    """Where TFLM's own arithmetic still holds: one half, and all or nothing."""
    values = int8(-128, -1, 1, 127)
    (got,) = Evaluator(table("LOGISTIC", scale, 1 / 256, -128)).run([values]).outputs
    assert got.tolist() == ([0, 0, 0, 0] if scale < 1 else [-128, -128, 127, 127])
