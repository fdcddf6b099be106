"""The reader: how it reads valid files, and its messages about the others."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
import tflite
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import check_supported
from cfukit_sw.model import Model, Tensor
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.options import BUILTIN_OPERATORS, CLASSES, ENUMERATIONS, Field, options_class
from cfukit_sw.tflite_reader import parse_model, read_model
from cfukit_sw.tflite_writer import model_bytes
from support.models import random_model

DENSE = random_model("FULLY_CONNECTED", 2)


def refusal(model: Model | bytes) -> str:
    data = model if isinstance(model, bytes) else model_bytes(model)
    with pytest.raises(ModelError) as caught:
        parse_model(data, "m", "m.tflite")
    assert caught.value.where.startswith("m.tflite")
    return caught.value.message


def with_tensor(model: Model, index: int, **changes: Any) -> Model:
    tensors = list(model.tensors)
    tensors[index] = replace(tensors[index], **changes)
    return replace(model, tensors=tuple(tensors))


# --- the options table against the package ------


def odd_value(field: Field) -> Any:
    if field.kind in ENUMERATIONS:
        return list(ENUMERATIONS[field.kind].values())[-1]
    return {"ints": (3, -1, 4), "bool": not field.default, "float32": 0.375, "int32": 11, "text": "a b"}.get(
        field.kind
    )


@pytest.mark.parametrize("name", CLASSES)
def test_options_agree_with_the_package(name: str) -> None:
    """Every field that the package's own functions write comes back under our name, and so do defaults."""
    operator = next(op for op in BUILTIN_OPERATORS.values() if options_class(op) == name)
    model = random_model("RELU", 1)
    tensors = replace(model, operators=(replace(model.operators[0], type=operator, options={}),))
    fields = [field for field in CLASSES[name] if field.kind != "unused"]
    assert parse_model(model_bytes(tensors)).operators[0].options == {f.name: f.default for f in fields}
    module = __import__(f"tflite.{name}", fromlist=["Start"])
    builder = flatbuffers.Builder(64)
    new_values = {field.name: odd_value(field) for field in fields}
    vectors = {
        f.name: builder.CreateNumpyVector(np.array(odd_value(f), np.int32))
        for f in fields
        if f.kind == "ints"
    } | {f.name: builder.CreateString(odd_value(f)) for f in fields if f.kind == "text"}
    module.Start(builder)
    for field in fields:
        value = vectors.get(field.name, new_values[field.name])
        if field.kind in ENUMERATIONS:
            value = {text: code for code, text in ENUMERATIONS[field.kind].items()}[value]
        getattr(module, f"Add{field.accessor}")(builder, value)
    builder.Finish(module.End(builder))
    from cfukit_sw.flatbuffer_check import Checker
    from cfukit_sw.options import decode_options

    data = bytes(builder.Output())
    table = flatbuffers.table.Table(data, flatbuffers.encode.Get(flatbuffers.packer.uoffset, data, 0))
    Checker(data).table(table.Pos, name)
    assert decode_options(name, table) == new_values


# --- facts of the format ------


def test_operator_code_is_the_larger_field() -> None:
    """Files from before 2020 have only the one-byte field, some newer ones only the other."""
    data = model_bytes(random_model("PAD", 0))
    file = tflite.Model.GetRootAs(data)
    code = file.OperatorCodes(0)._tab
    for slot, width in ((4, 1), (10, 4)):
        changed = bytearray(data)
        at = code.Pos + code.Offset(slot)
        changed[at : at + width] = bytes(width)
        assert parse_model(bytes(changed)).operators[0].type == "PAD"


def test_the_identifier_is_not_looked_at() -> None:
    data = bytearray(model_bytes(DENSE))
    data[4:8] = b"????"
    assert parse_model(bytes(data)).operators == DENSE.operators


def test_constants_are_read_only_views() -> None:
    tensor = next(t for t in parse_model(model_bytes(DENSE)).tensors if t.data is not None)
    assert tensor.data is not None
    with pytest.raises(ValueError, match="read-only"):
        tensor.data[...] = 0


def test_custom_operators_are_read() -> None:
    model = random_model("RELU", 1)
    custom = replace(model, operators=(replace(model.operators[0], type="CUSTOM:Mine", options={}),))
    assert parse_model(model_bytes(custom)).operators[0].type == "CUSTOM:Mine"


def test_file_facts(tmp_path: Path) -> None:
    path = tmp_path / "dense.tflite"
    path.write_bytes(model_bytes(DENSE))
    model = read_model(path)
    assert model.name == "dense" and len(model.sha256) == 64
    image, weights = model.input_of(model.operators[0], 0), model.input_of(model.operators[0], 1)
    assert image is not None and weights is not None
    assert model.macs == image.shape[0] * weights.elements


def test_scales_without_zero_points_do_not_count() -> None:
    """TFLM takes such a tensor for one that is not quantised."""
    tensor = parse_model(model_bytes(with_tensor(DENSE, 0, zero_points=np.zeros(0, np.int64)))).tensors[0]
    assert not tensor.scales.size


# --- refusals ------


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none.tflite: cannot be read: No such file.*give the path"):
        read_model(tmp_path / "none.tflite")
    (tmp_path / "text.tflite").write_text("hello, this is a text file " * 9)
    with pytest.raises(ModelError, match=r"not a .tflite file \(no TFL3 at byte 4\)"):
        read_model(tmp_path / "text.tflite")
    (tmp_path / "empty.tflite").write_bytes(b"")
    with pytest.raises(ModelError, match="not a .tflite file"):
        read_model(tmp_path / "empty.tflite")


def test_every_truncation_is_refused() -> None:
    data = model_bytes(DENSE)
    for length in range(0, len(data) - 16, 7):
        refusal(data[:length])


@given(st.binary(max_size=300))
def test_noise_is_refused(noise: bytes) -> None:
    refusal(b"\x10\x00\x00\x00TFL3" + noise)


CASES: list[tuple[dict[str, Any], str]] = [
    ({"shape": (1, -1)}, "fixed sizes of 0 or more"),
    ({"shape": (65536, 65536)}, "4294967296 elements; at most 2147483647"),
    ({"shape": (1,) * 9}, "9 dimensions; at most 8"),
    ({"scales": np.array([np.nan], np.float32)}, "scale nan; a finite number"),
    ({"scales": np.array([np.inf], np.float32)}, "scale inf; a finite number"),
    ({"scales": np.array([-1], np.float32)}, "scale -1.0; a finite number, not negative"),
    ({"zero_points": np.array([128])}, "zero point 128; -128..127 for int8"),
    ({"zero_points": np.array([0, 0, 0])}, "3 zero points for 1 scales"),
]


@pytest.mark.parametrize(("changes", "message"), CASES)
def test_absurd_tensors(changes: dict[str, Any], message: str) -> None:
    text = refusal(with_tensor(DENSE, 0, **changes))
    assert text.startswith("m.tflite: tensor 0 'x0'") and message in text


def test_constants_of_the_wrong_size() -> None:
    text = refusal(with_tensor(DENSE, 1, shape=(3, 1000)))
    assert "bytes of data; 3000 bytes for int8[3, 1000]" in text


def test_a_variable_with_data() -> None:
    assert "a variable with constant data" in refusal(with_tensor(DENSE, 1, is_variable=True))


def test_indices() -> None:
    count = len(DENSE.tensors)
    assert f"model outputs: tensor index 99; 0..{count - 1}" in refusal(replace(DENSE, outputs=(99,)))
    op = DENSE.operators[0]
    wrong = replace(DENSE, operators=(replace(op, inputs=(0, -2)),))
    assert f"operator 0 FULLY_CONNECTED: inputs: tensor index -2; -1..{count - 1}" in refusal(wrong)


def test_order_of_operators() -> None:
    build = ModelBuilder()
    x, a, b = (build.tensor(name, (4,), scale=0.1) for name in "xab")
    build.operator("RELU", [a], [b])
    build.operator("RELU", [x], [a])
    assert "operator 0 RELU: reads tensor 1 'a' int8[4], which nothing has written" in refusal(
        build.model([x], [b])
    )
    build = ModelBuilder()
    x, a, b = (build.tensor(name, (4,), scale=0.1) for name in "xab")
    build.operator("RELU", [x], [a])
    build.operator("RELU6", [x], [a])
    message = refusal(build.model([x], [a]))
    assert "operator 1 RELU6: writes tensor 1 'a' int8[4], which is the output of operator 0 RELU" in message
    assert "model outputs: tensor 2 'b' int8[4] is never written" in refusal(
        replace(build.model([x], [b]), operators=(build.operators[0],))
    )
    assert "model outputs: none" in refusal(replace(DENSE, outputs=()))


def test_unknown_operators_are_refused_by_name_and_not_as_corrupt() -> None:
    """A custom operator may have no output, or read a scratch tensor that nothing writes."""
    build = ModelBuilder("odd")
    x, y, z = (build.tensor(name, (4,), scale=0.1) for name in "xyz")
    scratch = build.tensor("scratch", (64,), "uint8")
    build.operator("CUSTOM:hook", [], [])
    build.operator("RELU", [x], [y])
    build.operator("CUSTOM:npu", [y, scratch], [z])
    model = parse_model(model_bytes(build.model([x], [z])), "odd")
    assert [op.type for op in model.operators] == ["CUSTOM:hook", "RELU", "CUSTOM:npu"]
    with pytest.raises(
        ModelError, match="odd: operator 0 CUSTOM:hook: not a supported operator; supported: "
    ):
        check_supported(model)
    with pytest.raises(ModelError, match="operator 2 CUSTOM:npu: not a supported operator"):
        check_supported(replace(model, operators=model.operators[1:]))


def test_wrong_options() -> None:
    model = random_model("CONV_2D", 1)
    data = bytearray(model_bytes(model))
    entry = tflite.Model.GetRootAs(bytes(data)).Subgraphs(0).Operators(0)._tab
    changed = bytearray(data)
    changed[entry.Pos + entry.Offset(10)] = 8
    assert "operator 0 CONV_2D: options of type 8; Conv2DOptions" in refusal(bytes(changed))


def test_a_file_that_shares_its_vectors_without_end() -> None:
    """A hundred tensors share one long scale vector: small in the file, large when read."""
    scales = np.linspace(0.1, 1, 2000).astype(np.float32)
    tensors = [Tensor(i, f"t{i}", (2000,), "int8", scales, quantized_dimension=0) for i in range(100)]
    model = replace(DENSE, tensors=DENSE.tensors + tuple(replace(t, index=9 + t.index) for t in tensors))
    data = bytearray(model_bytes(model))
    file = tflite.Model.GetRootAs(bytes(data)).Subgraphs(0)
    first = file.Tensors(len(DENSE.tensors)).Quantization()._tab
    keep = first.Pos + first.Offset(8)
    target = keep + struct.unpack_from("<I", data, keep)[0]
    end = len(data)
    for i in range(len(DENSE.tensors), file.TensorsLength()):
        table = file.Tensors(i).Quantization()._tab
        at = table.Pos + table.Offset(8)
        if at < target:
            struct.pack_into("<I", data, at, target - at)
    assert len(data) == end
    small = parse_model(bytes(data))  # shared too, but within four times the file's size
    assert (small.tensors[-1].scales == small.tensors[-2].scales).all()
