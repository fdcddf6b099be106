"""IF and WHILE: subgraphs that do not fit, loops that do not end, and both packagings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator, check_supported
from cfukit_sw.evaluator.control import MAX_ITERATIONS, MAX_STEPS
from cfukit_sw.kernels import sources_of
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes
from cfukit_sw.values import value_refusal
from support.kernels import HostModel, RefusedError
from support.models_control import counted_by_variable, counting, nested
from support.tflm import tflm_outputs

Q: dict[str, Any] = {"scale": 1.0, "zero_point": 0}


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


@pytest.mark.parametrize("in_branch", [False, True])
def test_nested_loops_have_one_limit(in_branch: bool) -> None:
    """Neither loop alone is long. Each model runs twice, so the count begins again."""
    fits, too_long = nested(90, 400, in_branch), nested(200, 400, in_branch)
    evaluator = Evaluator(fits)
    for _ in range(2):
        assert evaluator.run([int32(0)]).outputs[0].tolist() == [90]
    with pytest.raises(ModelError, match="WHILE: its iterations, with .* take more than 200,000 steps"):
        Evaluator(too_long).run([int32(0)])
    for registry in ("portable", "reference"):
        host = HostModel(lower(fits, registry=registry))
        for _ in range(2):
            assert host.run([int32(0)])[0].tolist() == [90]
        with pytest.raises(RefusedError) as caught:
            HostModel(lower(too_long, registry=registry)).run([int32(0)])
        assert caught.value.value == MAX_STEPS


def test_the_evaluator_and_c_count_the_same_steps() -> None:
    """The longest model that runs is the same for both."""
    low, high = 1, 1000
    while high - low > 1:
        middle = (low + high) // 2
        try:
            Evaluator(nested(middle, 300)).run([int32(0)])
            low = middle
        except ModelError:
            high = middle
    assert low > 50
    HostModel(lower(nested(low, 300))).run([int32(0)])
    with pytest.raises(RefusedError):
        HostModel(lower(nested(high, 300))).run([int32(0)])


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


def once() -> Model:
    model = counting(10)
    body = model.subgraphs[1]
    call = replace(
        body.operators[0], type="CALL_ONCE", inputs=(), outputs=(), options={"init_subgraph_index": 1}
    )
    return with_subgraph(model, 2, replace(body, operators=(call, *body.operators)))


def doubling() -> Model:
    """Every level calls the next one in both branches of an IF."""
    build, levels = ModelBuilder("doubling"), 15
    for level in range(levels):
        graph = ModelBuilder(f"level {level}")
        c, y = (graph.tensor(name, (1,), "bool") for name in "cy")
        if level + 1 < levels:
            numbers = dict.fromkeys(("then_subgraph_index", "else_subgraph_index"), level + 2)
            graph.operator("IF", [c, c], [y], **numbers)
        else:
            graph.operator("LOGICAL_NOT", [c], [y])
        build.subgraphs.append(graph.model([c], [y]))
    c, y = (build.tensor(name, (1,), "bool") for name in "cy")
    build.operator("IF", [c, c], [y], then_subgraph_index=1, else_subgraph_index=1)
    return build.model([c], [y])


def another_operator() -> Model:
    model = counting(10)
    body = model.subgraphs[1]
    return with_subgraph(model, 2, replace(body, operators=(replace(body.operators[0], type="TOPK_V2"),)))


def option(value: int) -> Model:
    model = counting(10)
    op = model.operators[0]
    return replace(model, operators=(replace(op, options=op.options | {"body_subgraph_index": value}),))


def absent() -> Model:
    model = counting(10)
    return replace(model, operators=(replace(model.operators[0], inputs=(-1,)),))


REFUSED = {
    "an input that is absent": (absent(), "one of its inputs is absent"),
    "a body that calls the loop": (itself(), "at most 16 calls deep"),
    "bodies that call two each": (doubling(), "at most 20,000 operators together"),
    "CALL_ONCE in a body": (once(), "subgraph 2 has CALL_ONCE; CALL_ONCE in the main graph only"),
    "a body for int8": (other_type(), "1 values of type int8, as its subgraph has"),
    "a condition that gives int32": (no_bool(), "its condition gives .*; one bool"),
    "an operator that does not run": (another_operator(), "operator 0 TOPK_V2: not a supported operator"),
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
    assert lower(model).steps[0].scratch_bytes == -(-max(needs) // 4) * 4 + 4  # and the counter of steps


SETS = [
    (first, [np.array([flag]), np.array([1, 2], np.int8)])
    for first, flag in ((True, True), (False, True), (False, False), (False, True))
]


@pytest.mark.parametrize("type", ["IF", "WHILE"])
def test_variables_of_subgraphs_live_on_and_are_reset(type: str) -> None:
    """As TFLM says, up to six calls deep."""
    models = [counted_by_variable(type, depth, 2) for depth in (1, 2, 6)]
    answers = tflm_outputs([(model_bytes(model), SETS) for model in models])
    for model, wanted in zip(models, answers, strict=True):
        assert wanted is not None
        evaluator = Evaluator(parse_model(model_bytes(model)))
        hosts = [HostModel(lower(model, registry=registry)) for registry in ("portable", "reference")]
        for _ in range(2):  # a reset brings back the first answer
            for (first, inputs), (want,) in zip(SETS, wanted, strict=True):
                if first:
                    evaluator.reset()
                assert evaluator.run(inputs).outputs[0].tolist() == want.tolist()
                for host in hosts:
                    if first:
                        host.reset()
                    assert host.run(inputs)[0].tolist() == want.tolist()
    assert len({str(want) for want in wanted}) > 1


def test_a_state_inside_a_subgraph_belongs_to_the_model() -> None:
    """A variable tensor of the body itself, not a resource: an SVDF in a branch remembers."""
    build, branch = ModelBuilder("branches"), ModelBuilder("branch")
    flag, x, y = build.tensor("flag", (1,), "bool"), *(build.tensor(name, (1, 1), scale=0.5) for name in "xy")
    a, b = (branch.tensor(name, (1, 1), scale=0.5) for name in "ab")
    features = branch.constant("f", np.array([[1]], np.int8), scale=1.0)
    times = branch.constant("t", np.ones((1, 3), np.int16), scale=1.0)
    state = branch.tensor("s", (1, 3), "int16", scale=0.5, zero_point=0, variable=True)
    branch.operator("SVDF", [a, features, times, -1, state], [b], rank=1)
    other = ModelBuilder("other")
    a2 = other.tensor("a", (1, 1), scale=0.5)
    build.subgraphs += [branch.model([a], [b]), other.model([a2], [a2])]
    build.operator("IF", [flag, x], [y], then_subgraph_index=1, else_subgraph_index=2)
    model = build.model([flag, x], [y])
    evaluator, host = Evaluator(model), HostModel(lower(model))
    for on, value, want in ((True, 1, 1), (True, 2, 3), (False, 9, 9), (True, 3, 6), (True, 4, 9)):
        inputs = [np.array([on]), np.array([[value]], np.int8)]
        assert evaluator.run(inputs).outputs[0].tolist() == [[want]]
        assert host.run(inputs)[0].tolist() == [[want]]
