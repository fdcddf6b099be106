"""The writer: the reader returns what was written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_sw.model import NUMPY_TYPES, Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_reader import parse_model, read_model
from cfukit_sw.tflite_writer import model_bytes, write_model
from support.models import all_types, random_model


def read_back(model: Model) -> Model:
    """The written model as the reader returns it, with the names and the digest that are not in the file."""
    again = parse_model(model_bytes(model))
    pairs = zip(again.subgraphs, model.subgraphs, strict=True)
    subgraphs = tuple(replace(got, name=given.name) for got, given in pairs)
    return replace(again, name=model.name, sha256=model.sha256, subgraphs=subgraphs)


@given(st.sampled_from(all_types()), st.integers(0, 10**6))
def test_round_trip_of_every_operator(type: str, seed: int) -> None:
    model = random_model(type, seed)
    assert read_back(model) == model


names = st.text(max_size=20).filter(lambda text: "\x00" not in text)


@given(
    names,
    st.sampled_from(sorted(NUMPY_TYPES)),
    st.lists(st.integers(1, 5), max_size=4),
    st.lists(st.floats(0, 2.0**100, width=32), max_size=3),
    st.integers(-(2**31), 2**31 - 1),
    st.dictionaries(names, st.binary(max_size=30), max_size=3),
    st.integers(0, 2**32),
)
def test_round_trip_of_tensors(
    name: str,
    type: str,
    shape: list[int],
    scales: list[float],
    dimension: int,
    metadata: dict[str, bytes],
    seed: int,
) -> None:
    build, rng = ModelBuilder("tensors"), np.random.default_rng(seed)
    x = build.tensor("x", (4,), scale=0.1)
    y = build.tensor("y", (4,), scale=0.1)
    data = rng.integers(0, 2, shape).astype(NUMPY_TYPES[type])
    build.tensor(name, shape, type, scale=scales, quantized_dimension=dimension, data=data)
    build.tensor(name, shape, type, variable=True)
    build.metadata = metadata
    build.operator("RELU", [x], [y])
    model = build.model([x], [y])
    assert read_back(model) == model


def test_equal_models_are_equal_bytes() -> None:
    assert model_bytes(random_model("CHAIN", 3)) == model_bytes(random_model("CHAIN", 3))
    assert random_model("CHAIN", 3) != random_model("CHAIN", 4)


def test_files(tmp_path: Path) -> None:
    model = random_model("CHAIN", 3)
    write_model(model, tmp_path / "chain.tflite")
    assert read_model(tmp_path / "chain.tflite").operators == model.operators


def test_constants_are_aligned() -> None:
    """Aligned as by TensorFlow's converter, so that firmware can use them in place."""
    data = model_bytes(random_model("CHAIN", 3))
    for tensor in parse_model(data).tensors:
        if tensor.data is not None:
            assert data.find(tensor.data.tobytes()) % 16 == 0


def test_unknown_options() -> None:
    build = ModelBuilder()
    x = build.tensor("x", (4,), scale=0.1)
    with pytest.raises(ValueError, match=r"SOFTMAX has no option \['gamma'\]; there are \['beta'\]"):
        build.operator("SOFTMAX", [x], [x], gamma=1.0)
