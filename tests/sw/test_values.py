"""Limits that depend on values: what the evaluator refuses, every kernel refuses too, with the same value."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import cfukit_sw.evaluator
from cfukit_base.errors import ModelError, ResultError
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_writer import write_model
from cfukit_sw.values import value_refusal
from cfukit_tools.verbs.infer import infer
from support.kernels import HostModel, RefusedError


def wide_softmax(width: int, output: str = "int8", scale: float = 0.1) -> Model:
    """[2, width] -> RELU6 -> SOFTMAX."""
    build = ModelBuilder("wide")
    x, between = (build.tensor(name, (2, width), scale=scale, zero_point=-128) for name in ("x", "between"))
    bits, zero_point = (8, -128) if output == "int8" else (16, -32768)
    y = build.tensor("y", (2, width), output, scale=2.0**-bits, zero_point=zero_point)
    build.operator("RELU6", [x], [between])
    build.operator("SOFTMAX", [between], [y], beta=1.0)
    return build.model([x], [y])


def refusal_of(model: Model, array: np.ndarray) -> str | list[np.ndarray]:
    """The evaluator's words, or its outputs."""
    try:
        return Evaluator(model).run([array]).outputs
    except ModelError as error:
        return error.given


@given(
    output=st.sampled_from(["int8", "int16"]),
    more=st.integers(-40, 400),
    below=st.integers(0, 80),
    smaller=st.integers(0, 60),
    second=st.booleans(),
)
@example(output="int8", more=-1, below=0, smaller=0, second=False)
@example(output="int8", more=0, below=0, smaller=0, second=False)
@example(output="int16", more=-1, below=0, smaller=0, second=True)
@example(output="int16", more=0, below=0, smaller=0, second=True)
@settings(deadline=None, max_examples=60)
def test_the_evaluator_refuses_what_kernels_refuse(
    output: str, more: int, below: int, smaller: int, second: bool
) -> None:
    """Rows of equal values around the limit, some of them smaller."""
    width = (512 if output == "int8" else 8192) + more
    model = wide_softmax(width, output)
    array = np.full((2, width), -128, np.int8)
    array[int(second)] = 0
    array[int(second), :below] = -smaller
    array[1 - int(second), 0] = 127
    expected = refusal_of(model, array)
    for registry in ("portable", "reference"):
        try:
            got: str | list[np.ndarray] = HostModel(lower(model, registry=registry)).run([array])
        except RefusedError as error:
            assert error.step == 1
            got = value_refusal("SOFTMAX", error.value)[0]
        if isinstance(expected, str):
            assert got == expected
        else:
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("width", [20_000, 70_000])
def test_sums_beyond_32_bits_are_seen(width: int) -> None:
    for output in ("int8", "int16"):
        model, array = wide_softmax(width, output), np.zeros((2, width), np.int8)
        for registry in ("portable", "reference"):
            with pytest.raises(RefusedError) as caught:
                HostModel(lower(model, registry=registry)).run([array])
            assert caught.value.value == width
        assert refusal_of(model, array) == f"a row whose exponentials sum to {width:,}"


def refusing(type: str) -> tuple[Model, list[np.ndarray], int]:
    """A model, inputs that it refuses, and the value that its kernel reports."""
    build = ModelBuilder("refusing")
    quantised = {"scale": 0.5, "zero_point": -3}
    if type == "EMBEDDING_LOOKUP":
        rows, table = (
            build.tensor("rows", (2,), "int32"),
            build.constant("t", np.ones((3, 4), np.int8), scale=1.0),
        )
        y = build.tensor("y", (2, 4), "float32")
        build.operator(type, [rows, table], [y])
        return build.model([rows], [y]), [np.array([2, 3], np.int32)], 3
    if type == "BROADCAST_ARGS":
        x, other, y = (build.tensor(name, (2,), "int32") for name in "xzy")
        build.operator(type, [x, other], [y])
        return build.model([x, other], [y]), [np.array([2, 3], np.int32), np.array([1, 4], np.int32)], 3
    x, y = (build.tensor(name, (3,), **quantised) for name in "xy")
    if type == "RSQRT":
        build.operator(type, [x], [y])
        return build.model([x], [y]), [np.array([0, -3, -5], np.int8)], -2
    element = "int8" if type == "DIV" else "int32"
    a, b, y = (
        build.tensor(name, (3,), element, **(quantised if element == "int8" else {})) for name in "abc"
    )
    build.operator("DIV", [a, b], [y])
    return build.model([a, b], [y]), [np.array([0, -3, -5], element), np.array([1, -3, 0], element)], 0


@pytest.mark.parametrize("type", ["BROADCAST_ARGS", "DIV", "DIV int32", "EMBEDDING_LOOKUP", "RSQRT"])
def test_kernels_refuse_the_same_value(type: str) -> None:
    model, inputs, value = refusing(type)
    with pytest.raises(ModelError) as caught:
        Evaluator(model).run(inputs)
    assert caught.value.given == value_refusal(model.operators[0].type, value % 2**32)[0]
    for registry in ("portable", "reference"):
        with pytest.raises(RefusedError) as refused:
            HostModel(lower(model, registry=registry)).run(inputs)
        assert refused.value.value == value % 2**32


def test_every_refusal_of_values_has_a_word_for_firmware() -> None:
    """Functions that `prepare` returns compute: if one refuses, then through `value_refusal`, and kernels through `cfukit_refuse`."""
    found = 0
    for path in Path(cfukit_sw.evaluator.__file__).parent.glob("*.py"):
        for outer in ast.walk(ast.parse(path.read_text())):
            for inner in ast.walk(outer) if isinstance(outer, ast.FunctionDef) else ():
                if not isinstance(inner, ast.FunctionDef) or inner is outer:
                    continue
                for call in (node for node in ast.walk(inner) if isinstance(node, ast.Call)):
                    if isinstance(call.func, ast.Attribute) and call.func.attr == "refuse":
                        assert "value_refusal(" in ast.unparse(call), f"{path.name}:{call.lineno}"
                        found += 1
    assert found


@pytest.mark.parametrize("engine", ["host", "fast", pytest.param("rtl", marks=pytest.mark.long)])
@pytest.mark.parametrize("layers", [False, True])
def test_firmware_names_sample_operator_and_value(engine: str, layers: bool, tmp_path: Path) -> None:
    path, inputs = tmp_path / "wide.tflite", tmp_path / "inputs.npz"
    write_model(wide_softmax(600), path)
    array = np.full((3, 2, 600), -128, np.int8)
    array[:, :, 0] = 127
    array[2] = 0
    np.savez(inputs, in0=array)
    said = (
        r"portable firmware, sample 2: operator 1 SOFTMAX: a row whose exponentials sum to 600; less than 512"
    )
    with pytest.raises(ResultError, match=said) as caught:
        infer(path, inputs=inputs, outputs=None, engine=engine, layers=tmp_path / "l.npz" if layers else None)
    assert caught.value.exit_code == 1
