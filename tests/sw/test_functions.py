"""What the newer operators refuse, and corners of theirs. That outputs equal TFLM's stands in test_evaluator_golden.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator, check_supported
from cfukit_sw.fixed_point import inverse_square_root, log_above_one
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from support.kernels import HostModel

Q: dict[str, Any] = {"scale": 0.5, "zero_point": 0}


def one(type: str, inputs: list[dict[str, Any]], output: dict[str, Any], **options: Any) -> Model:
    build = ModelBuilder(type.lower())
    given = [build.tensor(f"x{k}", **tensor) for k, tensor in enumerate(inputs)]
    y = build.tensor("y", **output)
    build.operator(type, given, [y], **options)
    return build.model(given, [y])


@given(st.integers(1 << 19, 2**31 - 1))
def test_logarithm(x: int) -> None:
    """Within 2^-20 of the real one over all sums."""
    got = int(log_above_one(np.array([x], np.int64))[0]) / 2**26
    assert abs(got - np.log(x / 2**19)) < 1e-6


@given(st.integers(0, 33025 * 255**2 // 16))
def test_inverse_square_root(x: int) -> None:
    multiplier, shift = inverse_square_root(x)
    real = multiplier / 2**31 * 2.0**shift
    assert abs(real * np.sqrt(max(x, 1)) - 1) < 1e-4


@pytest.mark.parametrize(
    ("value", "target", "expected"),
    [
        (3e9, "int32", -(2**31)),
        (-3e9, "int32", -(2**31)),
        (np.nan, "int16", 0),
        (-2.9, "int8", -2),
        (300.0, "int8", 44),
    ],
)
def test_casts_of_floats(value: float, target: str, expected: int) -> None:
    """As on x86, where TFLM's interpreter runs."""
    model = one("CAST", [{"shape": (1,), "type": "float32"}], {"shape": (1,), "type": target})
    x = np.array([value], np.float32)
    assert Evaluator(model).run([x]).outputs[0].tolist() == [expected]
    assert HostModel(lower(model)).run([x])[0].tolist() == [expected]


def test_a_sum_of_tensors_begins_with_the_negative_zero_point() -> None:
    """As in TFLM: two zeros give 4, not 0."""
    tensor = {"shape": (1,), "scale": 1.0, "zero_point": -4}
    model = one("ADD_N", [tensor, tensor], {"shape": (1,), "scale": 1.0, "zero_point": 0})
    x = np.array([-4], np.int8)
    for run in (lambda: Evaluator(model).run([x, x]).outputs, lambda: HostModel(lower(model)).run([x, x])):
        assert run()[0].tolist() == [4]


FLAT = {"shape": (4,), **Q}
REFUSED = {
    "LESS": (
        one("LESS", [{"shape": (2,), "scale": 1.5}] * 2, {"shape": (2,), "type": "bool"}),
        "a scale below 1",
    ),
    "EQUAL of two types": (
        one("EQUAL", [FLAT, {"shape": (4,), "type": "int32"}], {"shape": (4,), "type": "bool"}),
        "type int32; supported: int8",
    ),
    "LOG_SOFTMAX": (one("LOG_SOFTMAX", [FLAT], FLAT), "scale 1/16 and zero point 127"),
    "a long LOG_SOFTMAX": (
        one("LOG_SOFTMAX", [{"shape": (5000,), **Q}], {"shape": (5000,), "scale": 1 / 16, "zero_point": 127}),
        "rows of at most 4095 values",
    ),
    "BATCH_MATMUL": (
        one("BATCH_MATMUL", [{"shape": (2, 3), **Q}] * 2, {"shape": (2, 3), **Q}),
        "matrices that can be multiplied",
    ),
    "ADD_N": (one("ADD_N", [FLAT, {"shape": (4,), "scale": 0.25}], FLAT), "equal scales and zero points"),
    "SELECT_V2": (
        one("SELECT_V2", [{"shape": (3,), "type": "bool"}, FLAT, FLAT], FLAT),
        "shapes that broadcast",
    ),
    "eight dimensions": (
        one("MAXIMUM", [{"shape": (1, 2) * 4, "type": "int32"}] * 2, {"shape": (1, 2) * 4, "type": "int32"}),
        "8 dimensions; at most 7",
    ),
    "CAST": (
        one("CAST", [{"shape": (1,), "type": "float32"}], {"shape": (1,), "type": "uint32"}),
        "type uint32",
    ),
    "ELU": (one("ELU", [FLAT], {"shape": (4,), "scale": 1e-9}), "lets every output be an int32"),
    "ABS int16": (
        one(
            "ABS",
            [{"shape": (1,), "type": "int16", "scale": 1.0, "zero_point": 2}],
            {"shape": (1,), "type": "int16", **Q},
        ),
        "zero point 2; 0 for int16",
    ),
    "SPACE_TO_BATCH_ND": (
        one("SPACE_TO_BATCH_ND", [{"shape": (1, 2), **Q}] * 3, {"shape": (1, 2), **Q}),
        "2 dimensions; 3 or 4",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    model, message = REFUSED[name]
    with pytest.raises(ModelError, match=f"operator 0 {model.operators[0].type}: .*{message}"):
        check_supported(model)
