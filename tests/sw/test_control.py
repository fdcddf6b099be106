"""IF and WHILE: subgraphs that do not fit, loops that do not end, and both packagings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator, check_supported
from cfukit_sw.evaluator.control import MAX_ITERATIONS
from cfukit_sw.kernels import sources_of
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes
from cfukit_sw.values import value_refusal
from support.kernels import HostModel, RefusedError
from support.models_control import loop

Q: dict[str, Any] = {"scale": 1.0, "zero_point": 0}


def counting(times: int, step: int = 1) -> Model:
    """n = start; while n < times: n += step."""
    build = ModelBuilder("counting")
    start, end = (build.tensor(name, (1,), "int32") for name in ("start", "end"))
    body = ModelBuilder("body")
    n, more = (body.tensor(name, (1,), "int32") for name in ("n", "more"))
    body.operator("ADD", [n, body.constant("step", np.array([step], np.int32))], [more])
    loop(build, [start], [end], times, body.model([n], [more]))
    return build.model([start], [end])


def int32(value: int) -> Any:
    return np.array([value], np.int32)


def test_as_often_as_the_condition_holds() -> None:
    model = parse_model(model_bytes(counting(10, 3)))
    for registry in ("portable", "reference"):
        host, evaluator = HostModel(lower(model, registry=registry)), Evaluator(model)
        for start, end in ((0, 12), (10, 10), (11, 11), (9, 12), (-5, 10)):
            assert evaluator.run([int32(start)]).outputs[0].tolist() == [end]
            assert host.run([int32(start)])[0].tolist() == [end]


def test_a_loop_that_does_not_end_is_refused_by_its_operator() -> None:
    model = counting(10, 0)
    with pytest.raises(
        ModelError, match="counting: operator 0 WHILE: its condition still holds after 10,000 iter"
    ):
        Evaluator(model).run([int32(0)])
    for registry in ("portable", "reference"):
        with pytest.raises(RefusedError) as caught:
            HostModel(lower(model, registry=registry)).run([int32(0)])
        assert caught.value.value == MAX_ITERATIONS
    assert value_refusal("WHILE", MAX_ITERATIONS)[1] == "a loop that ends before"
    longest = counting(MAX_ITERATIONS - 1)
    assert Evaluator(longest).run([int32(0)]).outputs[0].tolist() == [MAX_ITERATIONS - 1]
    assert HostModel(lower(longest)).run([int32(0)])[0].tolist() == [MAX_ITERATIONS - 1]


def test_only_the_kernels_of_the_main_graph_and_of_subgraphs_are_linked() -> None:
    plan = lower(counting(10))
    names = {path.name for path in sources_of(plan)}
    assert names == {"while.c", "less.c", "add_int32.c"}
    assert plan.activation_bytes == plan.arena_bytes
    assert plan.scratch_bytes > 0


def test_subgraphs_come_back_from_a_file() -> None:
    model = counting(10)
    again = parse_model(model_bytes(model), "counting")
    assert [op.type for graph in again.subgraphs for op in graph.operators] == ["LESS", "ADD"]
    assert again.operators == model.operators


def with_subgraph(model: Model, number: int, graph: Model) -> Model:
    graphs = list(model.subgraphs)
    graphs[number - 1] = graph
    return replace(model, subgraphs=tuple(graphs))


def itself() -> Model:
    """The body calls the loop again."""
    model = counting(10)
    body = model.subgraphs[1]
    again = replace(model.operators[0], inputs=body.inputs, outputs=body.outputs)
    return with_subgraph(model, 2, replace(body, operators=(again,)))


def other_type() -> Model:
    body = ModelBuilder("body")
    n, more = (body.tensor(name, (1,), **Q) for name in ("n", "more"))
    body.operator("RELU", [n], [more])
    return with_subgraph(counting(10), 2, body.model([n], [more]))


def no_bool() -> Model:
    model = counting(10)
    return with_subgraph(model, 1, model.subgraphs[1])


def state() -> Model:
    model = counting(10)
    body = model.subgraphs[1]
    tensors = (replace(body.tensors[0], is_variable=True), *body.tensors[1:])
    return with_subgraph(model, 2, replace(body, tensors=tensors))


def another_operator() -> Model:
    model = counting(10)
    body = model.subgraphs[1]
    return with_subgraph(model, 2, replace(body, operators=(replace(body.operators[0], type="COS"),)))


def option(value: int) -> Model:
    model = counting(10)
    op = model.operators[0]
    return replace(model, operators=(replace(op, options=op.options | {"body_subgraph_index": value}),))


REFUSED = {
    "a body that calls the loop": (itself(), "at most 3 calls deep"),
    "a body for int8": (other_type(), "1 values of type int8, as its subgraph has"),
    "a condition that gives int32": (no_bool(), "its condition gives .*; one bool"),
    "a body with variables": (state(), "subgraph 2 has variables; variables in the main graph only"),
    "an operator that does not run": (another_operator(), "operator 0 COS: not a supported operator"),
    "the main graph": (option(0), "body_subgraph_index is 0; 1..2"),
    "no such subgraph": (option(3), "body_subgraph_index is 3; 1..2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    model, message = REFUSED[name]
    with pytest.raises(ModelError, match=message):
        check_supported(model)


def test_the_scratch_holds_one_subgraph_at_a_time() -> None:
    model = counting(10)
    needs = [lower(graph).arena_bytes for graph in model.subgraphs]
    assert lower(model).steps[0].scratch_bytes == max(needs)
