"""Elementwise operators in float32 on random bit patterns: TFLM's results, from zeros and subnormal numbers to infinities."""

from __future__ import annotations

import numpy as np
import pytest

from cfukit_sw.evaluator import Evaluator
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_writer import model_bytes
from support.kernels import HostModel
from support.models_float import assert_same
from support.tflm import tflm_outputs

pytestmark = pytest.mark.needs("tflm")

UNARY = (
    *("ABS", "CEIL", "COS", "ELU", "EXP", "FLOOR", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "NEG"),
    *("RELU", "RELU6", "ROUND", "RSQRT", "SIN", "SQRT", "SQUARE", "TANH"),
)
BINARY = (
    *("ADD", "SUB", "MUL", "DIV", "FLOOR_DIV", "FLOOR_MOD", "MINIMUM", "MAXIMUM", "SQUARED_DIFFERENCE"),
    *("PRELU", "EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"),
)
COMPARISONS = BINARY[-6:]
COUNT = 1 << 15


def elementwise(type: str) -> Model:
    build = ModelBuilder(type.lower())
    inputs = [build.tensor(f"x{k}", (1, COUNT), "float32") for k in range(2 if type in BINARY else 1)]
    y = build.tensor("y", (1, COUNT), "bool" if type in COMPARISONS else "float32")
    build.operator(type, inputs, [y], **({"alpha": 0.3} if type == "LEAKY_RELU" else {}))
    return build.model(inputs, [y])


def bit_patterns(rng: np.random.Generator) -> np.ndarray:
    """Any bits, or numbers of a size that functions change much for."""
    bits = rng.integers(0, 2**32, COUNT, np.uint32, endpoint=False).view(np.float32)
    usual = (rng.normal(size=COUNT) * 10.0 ** rng.integers(-3, 3, COUNT)).astype(np.float32)
    return np.where(rng.random(COUNT) < 0.5, bits, usual).reshape(1, COUNT)


def compare(type: str, seeds: range) -> None:
    model = elementwise(type)
    evaluator, host = Evaluator(model), HostModel(lower(model))
    inputs = [
        [bit_patterns(np.random.default_rng([seed, k])) for k in range(len(model.inputs))] for seed in seeds
    ]
    (theirs,) = tflm_outputs([(model_bytes(model), [(True, arrays) for arrays in inputs])])
    assert theirs is not None
    for seed, arrays, (want,) in zip(seeds, inputs, theirs, strict=True):
        (got,) = evaluator.run(arrays).outputs
        finite = np.isfinite(got) | (got == want.reshape(got.shape)) | np.isnan(want.reshape(got.shape))
        assert finite.all()
        assert_same(got, want.reshape(got.shape), type, f"{type} seed {seed}")
        np.testing.assert_array_equal(host.run(arrays)[0], got, f"{type} seed {seed}, C")


@pytest.mark.parametrize("type", ["TANH", "FLOOR_DIV"])
def test_many_bit_patterns(type: str) -> None:
    compare(type, range(1))


@pytest.mark.long
@pytest.mark.parametrize("type", [*UNARY, *BINARY])
def test_half_a_million_bit_patterns(type: str) -> None:
    compare(type, range(16))
