"""float32: the C kernels equal the evaluator bit for bit, with infinities and NaN among the values, and exp is accurate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator, check_supported
from cfukit_sw.evaluator.floats import exp
from cfukit_sw.lower import lower
from cfukit_sw.model_builder import ModelBuilder
from support.kernels import HostModel
from support.models import random_inputs, random_model
from support.models_float import FLOAT_ONLY, FLOAT_TYPES

ODD = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 3e38, -3e38, 1e-40, -1e-45], np.float32)


@pytest.mark.parametrize("type", [*FLOAT_TYPES, *FLOAT_ONLY])
def test_kernels_with_odd_values(type: str) -> None:
    count = 0
    for seed in range(5, 60, 6):
        model, rng = random_model(type, seed), np.random.default_rng(seed)
        if model.tensors[model.inputs[0]].type != "float32":
            continue  # int32 arithmetic
        inputs = [
            np.where(rng.random(x.shape) < 0.1, rng.choice(ODD, x.shape), x)
            for x in random_inputs(model, rng)
        ]
        wanted = Evaluator(model).run(inputs).outputs
        for registry in ("portable", "reference"):
            for got, want in zip(HostModel(lower(model, registry=registry)).run(inputs), wanted, strict=True):
                np.testing.assert_array_equal(got, want, f"{type} seed {seed} {registry}")
        count += 1
    assert count >= 5


@given(st.floats(-103, 88, width=32))
def test_exp(x: float) -> None:
    """Within half a unit in the last place of float32, and a thousandth more."""
    real = np.exp(np.longdouble(x))
    assert abs(np.longdouble(exp(np.array([x]))[0]) - real) <= real * np.longdouble(2.0**-35)


def test_exp_of_anything() -> None:
    got = exp(np.array([-np.inf, np.inf, 0.0, 1000.0]))
    with np.errstate(over="ignore"):
        assert got.astype(np.float32).tolist() == [0.0, np.inf, 1.0, np.inf]
    assert np.isnan(exp(np.array([np.nan]))[0])


def test_types_do_not_mix() -> None:
    build = ModelBuilder("mixed")
    x = build.tensor("x", (1, 2), "float32")
    w = build.constant("w", np.ones((3, 2), np.int8), scale=1.0)
    y = build.tensor("y", (1, 3), "float32")
    build.operator("FULLY_CONNECTED", [x, w], [y])
    with pytest.raises(ModelError, match="'w' int8.* has type int8; supported: float32"):
        check_supported(build.model([x], [y]))
