"""Compressed constants, by TFLM_DECODE or listed in the metadata: the values, and that they are TFLM's own."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfukit_base.errors import ModelError
from cfukit_sw.compressed_metadata import METADATA, READERS, Compressed, compressed_tensors
from cfukit_sw.evaluator import Evaluator, check_supported, simplified
from cfukit_sw.evaluator.compression import DECODE, PRUNING
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes
from support.fuzz import mutate
from support.kernels import HostModel
from support.models import random_inputs, random_model
from support.models_compressed import (
    by_huffman,
    by_metadata,
    by_table,
    compression_metadata,
    few,
    header,
    packed,
    pruned,
    with_few_values,
)
from support.models_float import assert_same
from support.tflm import tflm_outputs


def decoding(
    values: np.ndarray, encoded: Any, ancillary: Any, points: Any = 0, scales: Any = 0.01, axis: int = 0
) -> Model:
    """A decoded tensor in FULLY_CONNECTED, SELECT_V2 or CONCATENATION."""
    build = ModelBuilder("compressed")
    e, a = build.constant("e", encoded), build.constant("a", ancillary)
    quantised = (
        {"scale": scales, "zero_point": points, "quantized_dimension": axis} if scales is not None else {}
    )
    kind = str(values.dtype)
    decoded = build.tensor("d", values.shape, kind, **quantised)
    build.operator(DECODE, [e, a], [decoded])
    if kind == "int8" and values.ndim == 2 and not np.any(points):
        x, y = build.tensor("x", (1, values.shape[1]), scale=0.1, zero_point=5), (1, values.shape[0])
        out = build.tensor("y", y, scale=0.5, zero_point=-9)
        build.operator("FULLY_CONNECTED", [x, decoded], [out])
        return build.model([x], [out])
    if kind in ("int8", "int16", "float32"):
        x, zeros = (
            build.tensor("x", values.shape, "bool"),
            build.constant("z", np.zeros_like(values), **quantised),
        )
        out = build.tensor("y", values.shape, kind, **quantised)
        build.operator("SELECT_V2", [x, decoded, zeros], [out])
        return build.model([x], [out])
    x = build.tensor("x", values.shape, kind, **quantised)
    out = build.tensor("y", (2 * values.shape[0], *values.shape[1:]), kind, **quantised)
    build.operator("CONCATENATION", [x, decoded], [out], axis=0)
    return build.model([x], [out])


def cases() -> list[tuple[str, np.ndarray, Model]]:
    rng, found = np.random.default_rng(7), []
    for count in (1, 2, 3, 7, 16, 30, 100):
        values = few(rng, "int8", (9, 40), count)
        found.append((f"{count} values", values, decoding(values, *by_table(values, None))))
        scales = np.full(9, 0.01)
        found.append(
            (
                f"{count} values by row",
                values,
                decoding(values, *by_table(values, 0), scales=scales, points=np.zeros(9, int)),
            )
        )
    values = few(rng, "int8", (3, 8), 4)
    last = decoding(values, *by_table(values, 1), scales=np.full(8, 0.01), points=np.arange(8), axis=1)
    found.append(("tables along the last axis", values, last))
    for kind in ("bool", "int16", "int32", "int64", "float32"):
        values = few(rng, kind, (4, 11), 6)
        scale = 0.5 if kind == "int16" else None
        found.append((f"tables of {kind}", values, decoding(values, *by_table(values, None), scales=scale)))
        if kind != "bool":
            sparse = np.where(rng.random((4, 11)) < 0.6, 0, values).astype(kind)
            found.append(
                (f"pruned {kind}", sparse, decoding(sparse, *pruned(sparse, np.zeros(1, kind)), scales=scale))
            )
    for points, axis in ((np.array(0), 0), (np.array(-7), 0), (np.arange(4), 0), (np.arange(11), 1)):
        along = points.reshape(-1, 1) if points.size == 4 else points
        values = np.where(rng.random((4, 11)) < 0.6, along, few(rng, "int8", (4, 11), 30)).astype(np.int8)
        model = decoding(
            values, *pruned(values, along), points=points, scales=np.full(points.size, 0.01), axis=axis
        )
        found.append((f"pruned with {points.size} zero points along {axis}", values, model))
    for kind, wide, first in (("int8", False, 1), ("int8", True, 3), ("int8", False, 4), ("int16", True, 2)):
        values = few(rng, kind, (5, 23), 6)
        found.append(
            (
                f"Huffman codes of {kind}",
                values,
                decoding(values, *by_huffman(values, wide, first), scales=0.01),
            )
        )
    return found


def test_constants_are_decoded() -> None:
    for name, values, model in cases():
        known = simplified(parse_model(model_bytes(model), name)).tensors[2]
        assert known.data is not None, name
        np.testing.assert_array_equal(known.data, values, name)
        assert [step.type for step in lower(model).steps] == [model.operators[1].type], (
            "decoding costs nothing"
        )


@pytest.mark.needs("tflm")
def test_outputs_are_tflm_s() -> None:
    rng, sets = np.random.default_rng(1), []
    found = cases()
    for *_, model in found:
        x = model.tensors[model.inputs[0]]
        sets.append([(True, [few(rng, x.type, x.shape, 9)])])
    answers = tflm_outputs(
        [(model_bytes(model), each) for (*_, model), each in zip(found, sets, strict=True)]
    )
    for (name, _, model), samples, theirs in zip(found, sets, answers, strict=True):
        assert theirs is not None, name
        wanted = theirs[0][0]
        inputs = samples[0][1]
        np.testing.assert_array_equal(Evaluator(model).run(inputs).outputs[0], wanted, name)
        for registry in ("portable", "reference"):
            np.testing.assert_array_equal(
                HostModel(lower(model, registry=registry)).run(inputs)[0], wanted, name
            )


def test_an_output_of_the_model_is_copied() -> None:
    build, rng = ModelBuilder("outputs"), np.random.default_rng(3)
    values = [few(rng, "int8", (3, 5), 4), few(rng, "int32", (7,), 3)]
    inputs, outputs = [], []
    for number, value in enumerate(values):
        inputs += [build.constant("c", part) for part in by_table(value, None)]
        scale = 0.5 if number == 0 else None
        outputs.append(build.tensor("d", value.shape, str(value.dtype), scale=scale))
    build.operator(DECODE, inputs, outputs)
    x, y = (build.tensor(name, (1,), scale=0.5) for name in "xy")
    build.operator("RELU", [x], [y])
    model = parse_model(model_bytes(build.model([x], [*outputs, y])))
    samples = [np.zeros(1, np.int8)]
    for results in (Evaluator(model).run(samples).outputs, HostModel(lower(model)).run(samples)):
        for got, value in zip(results, values, strict=False):
            np.testing.assert_array_equal(got, value)


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 40), st.booleans(), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_what_was_encoded_comes_back(count: int, kinds: int, wide: bool, first: int, seed: int) -> None:
    values = few(np.random.default_rng(seed), "int8", (1, count), kinds)
    for encoded, ancillary in (
        by_table(values, None),
        pruned(values, np.int8([0])),
        by_huffman(values, wide, first),
    ):
        known = simplified(decoding(values, encoded, ancillary)).tensors[2].data
        np.testing.assert_array_equal(known, values)


VALUES = np.array([[1, 2], [3, 1]], np.int8)
ENCODED, ANCILLARY = by_table(VALUES, None)


def changed(place: int, value: int) -> np.ndarray:
    return np.concatenate([ANCILLARY[:place], np.uint8([value]), ANCILLARY[place + 1 :]])


REFUSED = {
    "a kind of its own": (decoding(VALUES, ENCODED, changed(0, 200)), "compression of kind 200"),
    "another version": (decoding(VALUES, ENCODED, changed(1, 2)), "versions 2 and 1"),
    "no header": (decoding(VALUES, ENCODED, ANCILLARY[:9]), "ancillary data of 9 bytes; at least 16"),
    "too few indices": (decoding(VALUES, ENCODED[:0].reshape(0), ANCILLARY), "is empty"),
    "no bits": (decoding(VALUES, ENCODED, changed(5, 0xF0)), "indices of 0 bits"),
    "an index behind the table": (decoding(VALUES, ENCODED, changed(6, 2)), "index 2 of a table; below 2"),
    "a short table": (decoding(VALUES, ENCODED, ANCILLARY[:17]), "1 values in tables; 3"),
    "tables by row and one scale": (
        decoding(VALUES, *by_table(VALUES, 0)),
        "has tables along axis 0 and one scale",
    ),
    "few bytes of codes": (
        decoding(VALUES, np.zeros(1, np.uint8), by_huffman(VALUES, True)[1]),
        "bytes of Huffman codes",
    ),
    "no zeros left": (
        decoding(VALUES, packed([1, 1, 1, 1], 1), header(PRUNING)),
        "0 values that are not zero; 4",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    model, message = REFUSED[name]
    with pytest.raises(ModelError, match=message):
        check_supported(model)


# --- listed in the metadata ------


def assigned(seed: int) -> Model:
    """A variable that gets a constant, and is added to the input."""
    rng, build = np.random.default_rng(seed), ModelBuilder("assigned")
    quantised = {"scale": 0.1, "zero_point": 3}
    values = build.constant("v", few(rng, "int8", (2, 9), 5), **quantised)
    x, handle = build.tensor("x", (2, 9), **quantised), build.tensor("h", (1,), "resource")
    read, y = build.tensor("r", (2, 9), **quantised), build.tensor("y", (2, 9), **quantised)
    build.operator("VAR_HANDLE", [], [handle], shared_name="v")
    build.operator("ASSIGN_VARIABLE", [handle, values], [])
    build.operator("READ_VARIABLE", [handle], [read])
    build.operator("ADD", [x, read], [y])
    return build.model([x], [y])


def listed(seeds: range) -> list[tuple[Model, bytes]]:
    """Models with few values in some constants, and their files with these compressed."""
    found = []
    for seed in seeds:
        models = [random_model(type, seed) for type in READERS if type != "ASSIGN_VARIABLE"]
        for model in [*models, assigned(seed)]:
            readers = [op for op in model.operators if op.type in READERS]
            tensors = {t for op in readers for t in op.inputs if t >= 0}
            if any(model.tensors[index].type == "int4" for index in tensors):
                continue
            kinds = ("int8", "int16", "int64", "float32")
            constants = [t for t in sorted(tensors) if model.tensors[t].data is not None]
            chosen = [t for t in constants if model.tensors[t].type in kinds and model.tensors[t].shape]
            if chosen:
                model = with_few_values(model, np.random.default_rng(seed), chosen)
                found.append((model, by_metadata(model, chosen)))
    return found


def test_tensors_that_the_metadata_list_have_their_values() -> None:
    found = listed(range(4))
    assert len(found) > 15
    for model, data in found:
        read = parse_model(data, model.name)
        assert read.tensors == model.tensors and read.metadata.keys().isdisjoint({METADATA})


@pytest.mark.needs("tflm")
def test_tensors_that_the_metadata_list_are_tflms() -> None:
    found = listed(range(2))
    inputs = [random_inputs(model, np.random.default_rng(1)) for model, _ in found]
    answers = tflm_outputs([(data, [(True, x)]) for (_, data), x in zip(found, inputs, strict=True)])
    compared = 0
    for (model, data), arrays, theirs in zip(found, inputs, answers, strict=True):
        if theirs is not None:
            compared += 1
            (got,) = Evaluator(parse_model(data)).run(arrays).outputs
            assert_same(got, theirs[0][0].reshape(got.shape), model.operators[0].type, model.name)
    assert compared > 7


DENSE = next(
    model for seed in range(9) if (model := random_model("FULLY_CONNECTED", seed)).tensors[1].type == "int8"
)
DENSE = with_few_values(DENSE, np.random.default_rng(1), [1])


def with_entry(entry: tuple[int, int, int], version: int = 1) -> bytes:
    """DENSE, whose metadata list one tensor (tensor, buffer of the table, bits) that is not compressed."""
    return model_bytes(replace(DENSE, metadata={METADATA: compression_metadata([entry], version)}))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (with_entry((1, 2, 3), version=2), "version 2; up to 1 is known"),
        (with_entry((1, 2, 0)), "indices of 0 bits, 1 to 7"),
        (with_entry((1, 2, 8)), "indices of 8 bits, 1 to 7"),
        (with_entry((1, 99, 1)), "buffer index 99"),
        (with_entry((1, 0, 1)), "index . of a table with 0 values"),
        (with_entry((DENSE.inputs[0], 1, 1)), "encoded bytes, . needed for|of a table|a table of"),
        (model_bytes(replace(DENSE, metadata={METADATA: b"1234"})), "COMPRESSION_METADATA: corrupt"),
        (model_bytes(replace(DENSE, metadata={METADATA: b"12"})), "COMPRESSION_METADATA: corrupt"),
    ],
)
def test_metadata_that_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        parse_model(data)


def test_readers_that_do_not_decompress_are_refused() -> None:
    model = random_model("PRELU", 0)
    constant = next(t.index for t in model.tensors if t.is_constant)
    with pytest.raises(ModelError, match="operator 0 PRELU: its input, tensor ., is compressed; such inputs"):
        parse_model(by_metadata(with_few_values(model, np.random.default_rng(1), [constant]), [constant]))


def test_damaged_metadata_are_refused_or_read() -> None:
    data = compression_metadata([(1, 2, 3), (4, 5, 6)])
    assert compressed_tensors(data) == {(0, 1): Compressed(2, 3), (0, 4): Compressed(5, 6)}
    rng, refused = random.Random(1), 0
    for _ in range(2000):
        try:
            compressed_tensors(mutate(data, rng))
        except ValueError:
            refused += 1
    assert 200 < refused < 2000
