"""int4 weights: two in a byte in the file, int8 in the firmware. That outputs equal TFLM's stands in test_evaluator_golden.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator, check_supported, simplified
from cfukit_sw.evaluator.weights import packed
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes
from support.kernels import HostModel


def dense(values: Any, *, int4: bool, type: str = "int8", scales: Any = 0.5) -> Model:
    build = ModelBuilder("dense")
    channels, terms = values.shape
    x = build.tensor("x", (1, terms), type, scale=0.1, zero_point=0)
    w = build.constant("w", values, scale=scales)
    if int4:
        build.tensors[w] = replace(build.tensors[w], type="int4", data=packed(values))
    y = build.tensor("y", (1, channels), type, scale=0.3, zero_point=0)
    build.operator("FULLY_CONNECTED", [x, w], [y])
    return build.model([x], [y])


@given(st.integers(1, 5), st.integers(1, 7), st.randoms(use_true_random=False))
def test_int4_weights_are_int8_weights(channels: int, terms: int, random: Any) -> None:
    values = np.array([random.randint(-8, 7) for _ in range(channels * terms)], np.int8)
    values = values.reshape(channels, terms)
    small = parse_model(model_bytes(dense(values, int4=True)))
    assert small.tensors[1].bytes == (channels * terms + 1) // 2
    unpacked = simplified(small).tensors[1]
    assert unpacked.type == "int8"
    np.testing.assert_array_equal(unpacked.data, values)
    x = np.arange(terms, dtype=np.int8).reshape(1, terms) - 3
    wide = Evaluator(dense(values, int4=False)).run([x]).outputs[0]
    np.testing.assert_array_equal(Evaluator(small).run([x]).outputs[0], wide)
    np.testing.assert_array_equal(HostModel(lower(small)).run([x])[0], wide)


VALUES = np.array([[1, -8], [7, 2]], np.int8)
REFUSED = {
    "int16 activations": (
        dense(VALUES, int4=True, type="int16"),
        "'w' int4.* has type int4; supported: int8",
    ),
    "a scale for each channel": (
        dense(VALUES, int4=True, scales=[0.5, 0.25]),
        "has type int4; supported: int8",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    """What TFLM refuses too."""
    model, message = REFUSED[name]
    with pytest.raises(ModelError, match=message):
        check_supported(model)


def test_weights_of_the_wrong_size_are_refused() -> None:
    model = dense(VALUES, int4=True)
    short = replace(model.tensors[1], data=model.tensors[1].data[:1])  # type: ignore[index]
    with pytest.raises(ModelError, match="has type int4"):
        check_supported(replace(model, tensors=(model.tensors[0], short, model.tensors[2])))
