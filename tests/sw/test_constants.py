"""What follows from shapes and constants is computed before any inference, and costs neither time nor memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator, check_supported, simplified
from cfukit_sw.evaluator.gathering import BASIC_CLASSIFIER
from cfukit_sw.extract import extract_operator
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes, write_model
from cfukit_sw.values import value_refusal
from cfukit_tools.verbs import info as informing
from support.kernels import HostModel, RefusedError


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def flatten(rows: int, *, sizes_are_output: bool = False) -> Model:
    """RELU6, then what Keras exports for Flatten: SHAPE, STRIDED_SLICE, PACK, RESHAPE."""
    build = ModelBuilder("flatten")
    quantised = {"scale": 0.1, "zero_point": -128}
    x, a = (build.tensor(name, (rows, 2, 3), **quantised) for name in "xa")
    sizes, first, shape = (
        build.tensor(n, s, "int32") for n, s in (("sizes", (3,)), ("first", ()), ("shape", (2,)))
    )
    y = build.tensor("y", (rows, 6), **quantised)
    build.operator("RELU6", [x], [a])
    build.operator("SHAPE", [a], [sizes], out_type="INT32")
    rows_of = [build.constant(name, ints(value)) for name, value in (("b", 0), ("e", 1), ("s", 1))]
    build.operator("STRIDED_SLICE", [sizes, *rows_of], [first], shrink_axis_mask=1)
    build.operator("PACK", [first, build.constant("six", np.array(6, np.int32))], [shape], values_count=2)
    build.operator("RESHAPE", [a, shape], [y])
    return build.model([x], [y, sizes] if sizes_are_output else [y])


def test_a_computed_shape_leaves_one_kernel_call() -> None:
    model = parse_model(model_bytes(flatten(4)))
    plan = lower(model)
    assert [step.type for step in plan.steps] == ["RELU6"]
    assert plan.removed == (1, 2, 3)
    assert plan.activation_bytes == lower(flatten(4)).activation_bytes == 24
    shape = simplified(model).tensors[model.operators[4].inputs[1]].data
    assert shape is not None
    assert shape.tolist() == [4, 6]


def test_an_output_of_the_model_is_copied_from_the_constants() -> None:
    model = flatten(3, sizes_are_output=True)
    x = np.arange(-9, 9, dtype=np.int8).reshape(3, 2, 3)
    for registry in ("portable", "reference"):
        got = HostModel(lower(model, registry=registry)).run([x])
        for one, want in zip(got, Evaluator(model).run([x]).outputs, strict=True):
            np.testing.assert_array_equal(one, want)
    assert got[1].tolist() == [3, 2, 3]


def test_computed_parameters_are_constants_of_the_extracted_operator() -> None:
    """A slice whose end was computed: alone it has the end as a constant."""
    build = ModelBuilder("slice")
    x, y = (build.tensor(n, (size,), scale=0.1, zero_point=0) for n, size in (("x", 5), ("y", 3)))
    end = build.tensor("end", (1,), "int32")
    build.operator("ADD", [build.constant("a", ints(1)), build.constant("b", ints(2))], [end])
    build.operator(
        "STRIDED_SLICE", [x, build.constant("begin", ints(0)), end, build.constant("step", ints(1))], [y]
    )
    alone = extract_operator(build.model([x], [y]), 1)
    assert [alone.tensors[index].name for index in alone.operators[0].inputs] == ["x", "begin", "end", "step"]
    assert Evaluator(alone).run([np.arange(5, dtype=np.int8)]).outputs[0].tolist() == [0, 1, 2]


def test_what_cannot_be_computed_is_refused_by_its_operator() -> None:
    build = ModelBuilder("bad")
    x, y = (build.tensor(n, (2,), scale=0.1, zero_point=0) for n in "xy")
    sizes = build.tensor("sizes", (1,), "int32")
    build.operator("ADD", [build.constant("a", ints(1, 2)), build.constant("b", ints(1, 2, 3))], [sizes])
    build.operator("RESHAPE", [x, sizes], [y])
    with pytest.raises(ModelError, match="operator 0 ADD: .*shapes that broadcast"):
        check_supported(build.model([x], [y]))


def test_info_refuses_only_the_operator_that_does_not_run(tmp_path: Path) -> None:
    model = flatten(3)
    odd = replace(model.operators[0], type="RANGE", options={})
    write_model(replace(model, operators=(odd, *model.operators[1:])), tmp_path / "odd.tflite")
    found = informing.info(tmp_path / "odd.tflite")
    assert [message.partition(";")[0] for message in found.refused] == [
        "odd: operator 0 RANGE: not a supported operator"
    ]
    assert [op.kernel for op in found.ops] == ["", *["none: nothing to compute"] * 4]


# --- places that are computed ------


def gather(type: str, data: np.ndarray | None = None) -> Model:
    build = ModelBuilder("gather")
    x = build.tensor("x", (3, 2), scale=0.1, zero_point=0)
    shape = (2,) if type == "GATHER" else (2, 1)
    places = build.tensor("places", shape, "int32", data=data)
    y = build.tensor("y", (2, 2), scale=0.1, zero_point=0)
    build.operator(type, [x, places], [y])
    return build.model([x] if data is not None else [x, places], [y])


@pytest.mark.parametrize("type", ["GATHER", "GATHER_ND"])
def test_places_inside_and_outside(type: str) -> None:
    model = gather(type)
    x = np.arange(6, dtype=np.int8).reshape(3, 2)
    for places in ((0, 0), (2, 1), (1, 2), (3, 0), (0, -1), (0, 2**31 - 1), (-(2**31), 3)):
        given = ints(*places).reshape(model.tensors[model.inputs[1]].shape)
        outside = [place for place in places if not 0 <= place < 3]
        hosts = [HostModel(lower(model, registry=registry)) for registry in ("portable", "reference")]
        if not outside:
            for got in (Evaluator(model).run([x, given]).outputs, *(host.run([x, given]) for host in hosts)):
                assert got[0].tolist() == [x[place].tolist() for place in places]
            continue
        with pytest.raises(ModelError, match=f"operator 0 {type}: the index {outside[0]:,}; indices inside"):
            Evaluator(model).run([x, given])
        for host in hosts:
            with pytest.raises(RefusedError) as caught:
                host.run([x, given])
            assert caught.value.value == outside[0] % 2**32
            assert value_refusal(type, caught.value.value)[0] == f"the index {outside[0]:,}"


@pytest.mark.parametrize("type", ["GATHER", "GATHER_ND"])
def test_constant_places_are_checked_before(type: str) -> None:
    check_supported(gather(type, ints(2, 0)))
    with pytest.raises(ModelError, match="the index 3; indices inside the tensor"):
        check_supported(gather(type, ints(0, 3)))


def test_classes_that_are_computed() -> None:
    build = ModelBuilder("classes")
    scores, classes = build.tensor("scores", (1, 3), "int32"), build.tensor("classes", (2,), "int32")
    outputs = [build.tensor("detected", (2,), "bool"), build.tensor("y", (2,), "int32")]
    build.operator(BASIC_CLASSIFIER, [scores, classes, build.constant("t", ints(5, 5))], outputs)
    model = build.model([scores, classes], outputs)
    host, given = HostModel(lower(model)), ints(4, 5, 6).reshape(1, 3)
    for got in (Evaluator(model).run([given, ints(1, 0)]).outputs, host.run([given, ints(1, 0)])):
        assert [each.tolist() for each in got] == [[True, False], [5, 4]]
    with pytest.raises(ModelError, match="BasicClassifier: the index 3; indices inside the tensor"):
        Evaluator(model).run([given, ints(0, 3)])
    with pytest.raises(RefusedError) as caught:
        host.run([given, ints(0, -1)])
    assert value_refusal(BASIC_CLASSIFIER, caught.value.value)[0] == "the index -1"
