"""float32: the C kernels equal the evaluator bit for bit, with infinities and NaN among the values, and exp is accurate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator, check_supported, float_functions
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


# Accuracy in units in the last place, and the range in which it is tried.
FUNCTIONS = {
    "exp": (np.exp, 0.51, (-87, 88)),
    "exp_minus_1": (np.expm1, 1.0, (-100, 44)),
    "tanh": (np.tanh, 2.2, (-30, 30)),
    "log": (np.log, 0.501, (2.0**-149, 3e38)),
    "sin": (np.sin, 0.501, (-3e38, 3e38)),
    "cos": (np.cos, 0.501, (-3e38, 3e38)),
    "square_root": (np.sqrt, 0.5, (2.0**-149, 3e38)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@given(data=st.data())
def test_functions_are_accurate(name: str, data: st.DataObject) -> None:
    reference, units, (low, high) = FUNCTIONS[name]
    low, high = float(np.float32(low)), float(np.float32(high))
    values = st.floats(low, high, width=32) | st.floats(max(low, -8), 8, width=32)
    x = np.array(data.draw(st.lists(values, min_size=1, max_size=20)), np.float32)
    real = reference(x.astype(np.longdouble))
    got = getattr(float_functions, name)(x)
    unit = np.maximum(np.spacing(np.abs(real).astype(np.float32)), np.float32(2.0**-149)).astype(
        np.longdouble
    )
    assert (np.abs(got.astype(np.longdouble) - real) <= units * unit).all(), (x, got, real)


SPECIAL = {
    "exp": ([-np.inf, np.inf, 0.0, 1000.0], [0.0, np.inf, 1.0, np.inf]),
    "exp_minus_1": ([-np.inf, 0.0, -200.0], [-1.0, 0.0, -1.0]),
    "tanh": ([-np.inf, np.inf, 0.0, 1000.0], [-1.0, 1.0, 0.0, 1.0]),
    "log": ([0.0, 1.0, np.inf], [-np.inf, 0.0, np.inf]),
    "cos": ([0.0, -0.0], [1.0, 1.0]),
    "round_even": (
        [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.0**23 + 1],
        [0.0, 2.0, 2.0, 0.0, -2.0, -2.0, 2.0**23 + 1],
    ),
    "reciprocal_square_root": ([0.0, 4.0, np.inf], [np.inf, 0.5, 0.0]),
}
NOT_NUMBERS = {"log": [-1.0, -np.inf], "sin": [np.inf, -np.inf], "cos": [np.inf], "square_root": [-1.0]}


@pytest.mark.parametrize("name", SPECIAL)
def test_functions_of_special_values(name: str) -> None:
    given, wanted = SPECIAL[name]
    with np.errstate(all="ignore"):
        assert getattr(float_functions, name)(np.array(given, np.float32)).tolist() == wanted


@pytest.mark.parametrize("name", [*NOT_NUMBERS, "exp", "tanh", "round_even"])
def test_not_a_number_stays(name: str) -> None:
    with np.errstate(all="ignore"):
        given = np.array([np.nan, *NOT_NUMBERS.get(name, [])], np.float32)
        assert np.isnan(getattr(float_functions, name)(given)).all()


def test_types_do_not_mix() -> None:
    build = ModelBuilder("mixed")
    x = build.tensor("x", (1, 2), "float32")
    w = build.constant("w", np.ones((3, 2), np.int8), scale=1.0)
    y = build.tensor("y", (1, 3), "float32")
    build.operator("FULLY_CONNECTED", [x, w], [y])
    with pytest.raises(ModelError, match="'w' int8.* has type int8; supported: float32"):
        check_supported(build.model([x], [y]))
