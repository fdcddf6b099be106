"""Resource variables: they live from inference to inference, and a reset brings back what CALL_ONCE assigned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator, check_supported, simplified
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes
from support.kernels import HostModel
from support.models import Case, random_inputs
from support.models_variables import filled_once, resource
from support.tflm import tflm_outputs

SAME: dict[str, Any] = {"scale": 0.5, "zero_point": 3}
Change = Callable[[ModelBuilder], None]


def delay(
    initial: Any = (1, 2), *, assign: bool = True, late: bool = False, change: Change | None = None
) -> Model:
    """y is the x of the inference before; `initial` in the first one."""
    build = ModelBuilder("delay")
    x, y = (build.tensor(name, (2,), **SAME) for name in "xy")
    if initial is not None and not late:
        filled_once(build, {"v": (np.array(initial, np.int8), SAME)})
    handle = resource(build, "v")
    build.operator("READ_VARIABLE", [handle], [y])
    if assign:
        build.operator("ASSIGN_VARIABLE", [handle, x], [])
    if late:
        filled_once(build, {"v": (np.array(initial, np.int8), SAME)})
    if change is not None:
        change(build)
    return build.model([x], [y])


def runs(model: Model) -> list[tuple[Callable[[], None], Callable[[Any], list[int]]]]:
    """(reset, run) of the evaluator and of the C of both registries."""
    evaluator = Evaluator(model)
    found = [(evaluator.reset, lambda x: evaluator.run([x]).outputs[0].tolist())]
    for registry in ("portable", "reference"):
        host = HostModel(lower(model, registry=registry))
        found.append((host.reset, lambda x, host=host: host.run([x])[0].tolist()))
    return found


def test_what_was_read_and_keeps_its_bytes_stays_as_it_was() -> None:
    """A MUL by 1 in units of 2 is no code: its result has the storage of what was read, which must not be the variable's."""
    build = ModelBuilder("kept")
    x, read = (build.tensor(name, (2,), **SAME) for name in ("x", "read"))
    scaled, y = build.tensor("scaled", (2,), scale=1.0, zero_point=3), build.tensor("y", (2,), scale=1.0)
    one = build.constant("one", np.array([1], np.int8), scale=2.0)
    filled_once(build, {"v": (np.array((1, 2), np.int8), SAME)})
    handle = resource(build, "v")
    build.operator("READ_VARIABLE", [handle], [read])
    build.operator("MUL", [read, one], [scaled], fused_activation_function="NONE")
    build.operator("ASSIGN_VARIABLE", [handle, x], [])
    build.operator("ADD", [scaled, x], [y], fused_activation_function="NONE")
    model = build.model([x], [y])
    assert "MUL" not in [step.type for step in lower(model).steps]
    values = [np.array(pair, np.int8) for pair in ((40, 50), (-60, 70), (5, 6))]
    (_, expected), *others = runs(model)
    wanted = [expected(value) for value in values]
    assert all([run(value) for value in values] == wanted for _, run in others)


@pytest.mark.parametrize(("initial", "first"), [((1, 2), [1, 2]), ((7, 7), [7, 7]), (None, [3, 3])])
def test_values_come_one_inference_later_and_a_reset_brings_back_the_first(
    initial: Any, first: list[int]
) -> None:
    model = parse_model(model_bytes(delay(initial)))
    for reset, run in runs(model):
        for _ in range(2):
            assert run(np.array([10, 11], np.int8)) == first
            assert run(np.array([20, 21], np.int8)) == [10, 11]
            assert run(np.array([30, 31], np.int8)) == [20, 21]
            reset()


def test_initial_values_take_constants_only_if_they_differ() -> None:
    assert [v.initial for v in lower(delay((7, 7))).variables] == [None]
    plan = lower(delay((1, 2)))
    (variable,) = plan.variables
    assert variable.initial is not None
    assert plan.constants[variable.initial : variable.initial + 2] == b"\1\2"
    assert plan.state_bytes == 2


def test_what_is_read_shares_the_variable_s_storage_while_that_is_safe() -> None:
    """READ, then a use, then ASSIGN: one copy at the end. If the old value is used after ASSIGN, it is copied."""

    def model(last: bool) -> Model:
        build = ModelBuilder("share")
        x, a, y, z = (build.tensor(name, (4,), **SAME) for name in ("x", "a", "y", "z"))
        handle = resource(build, "v")
        build.operator("READ_VARIABLE", [handle], [a])
        build.operator("RELU", [a], [y])
        build.operator("ASSIGN_VARIABLE", [handle, x], [])
        build.operator("RELU", [a if last else x], [z])
        return build.model([x], [y, z])

    types = [[step.type for step in lower(model(last)).steps] for last in (False, True)]
    assert types == [
        ["RELU", "ASSIGN_VARIABLE", "RELU"],
        ["READ_VARIABLE", "RELU", "ASSIGN_VARIABLE", "RELU"],
    ]
    for _, run in runs(model(True))[1:]:
        run(np.array([5, -5, 5, 9], np.int8))
    x = np.array([5, -5, 6, 9], np.int8)
    for last in (False, True):
        evaluator, host = Evaluator(model(last)), HostModel(lower(model(last)))
        for given in (x, -x, x + 1):
            for got, want in zip(host.run([given]), evaluator.run([given]).outputs, strict=True):
                np.testing.assert_array_equal(got, want)


def other_size(build: ModelBuilder) -> None:
    more = build.constant("more", np.zeros(3, np.int8), **SAME)
    build.operator("ASSIGN_VARIABLE", [build.operators[1].outputs[0], more], [])


def no_such_subgraph(build: ModelBuilder) -> None:
    build.operator("CALL_ONCE", [], [], init_subgraph_index=9)


def assigns_nothing() -> Model:
    model = delay()
    (once,) = model.subgraphs
    operators = (once.operators[0], replace(once.operators[1], inputs=()))
    return replace(model, subgraphs=(replace(once, operators=operators),))


REFUSED = {
    "an assignment of nothing": (
        assigns_nothing(),
        "operator 1 ASSIGN_VARIABLE of its subgraph has 0 inputs; 2",
    ),
    "nothing assigns it": (delay(None, assign=False), "READ_VARIABLE: variable 'v', which nothing assigns"),
    "used before CALL_ONCE": (delay(late=True), "CALL_ONCE: operator 1 READ_VARIABLE comes before it"),
    "another size": (
        delay(change=other_size),
        r"ASSIGN_VARIABLE: tensor . 'more' int8\[3\]; 2 values of type int8",
    ),
    "another subgraph": (delay(change=no_such_subgraph), "CALL_ONCE: init_subgraph_index is 9; 1..1"),
    "another size at first": (delay((1, 2, 3)), r"CALL_ONCE: its subgraph assigns .*int8\[3\]; 2 values"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    model, message = REFUSED[name]
    with pytest.raises(ModelError, match=message):
        check_supported(parse_model(model_bytes(model)))


def test_a_subgraph_that_computes_is_refused() -> None:
    model = delay()
    once = ModelBuilder("once")
    x, y = (once.tensor(name, (2,), **SAME) for name in "xy")
    once.operator("RELU", [x], [y])
    once.operator("ASSIGN_VARIABLE", [resource(once, "v"), y], [])
    build = ModelBuilder("computes")
    build.tensors, build.operators = list(model.tensors), list(model.operators)
    build.subgraphs = [once.model([x], [])]
    with pytest.raises(
        ModelError, match="CALL_ONCE: its subgraph has operator 0 RELU; constants that are assigned"
    ):
        check_supported(build.model(model.inputs, model.outputs))


def test_a_variable_that_is_too_large_is_refused() -> None:
    build = ModelBuilder("large")
    x = build.tensor("x", (2**31 - 1,), scale=1.0)
    build.operator("ASSIGN_VARIABLE", [resource(build, "v"), x], [])
    with pytest.raises(ModelError, match=r"ASSIGN_VARIABLE: .*at most 8388608 elements"):
        simplified(build.model([x], [x]))


def test_subgraphs_come_back_from_a_file() -> None:
    model = delay()
    again = parse_model(model_bytes(model), "delay")
    assert len(again.subgraphs) == 1
    assert [op.type for op in again.subgraphs[0].operators] == ["VAR_HANDLE", "ASSIGN_VARIABLE"]
    assert again.operators == model.operators
    assert again.tensors == model.tensors


def buffered(slots: int, cycles: int, variable: bool = True) -> Model:
    build = ModelBuilder("buffered")
    quantised = {"scale": 0.1, "zero_point": 7}
    x, newest = (build.tensor(name, (1, 1, 1, 2), **quantised) for name in ("x", "n"))
    build.operator("RELU", [x], [newest])
    buffer = build.tensor("b", (1, slots, 1, 2), **quantised, variable=variable)
    build.operator("CUSTOM:CIRCULAR_BUFFER", [newest], [buffer], cycles_max=cycles)
    return build.model([x], [buffer])


def test_a_circular_buffer_may_be_an_output() -> None:
    model = parse_model(model_bytes(buffered(3, 1)))
    runners = [
        Evaluator(model),
        *(HostModel(lower(model, registry=name)) for name in ("portable", "reference")),
    ]
    for runner in runners:
        for _ in range(2):
            for number in (1, 2, 3, 4):
                result = runner.run([np.full((1, 1, 1, 2), 10 * number, np.int8)])
                outputs = result.outputs if isinstance(runner, Evaluator) else result
            assert outputs[0][0, :, 0, 1].tolist() == [20, 30, 40]
            runner.reset()


@pytest.mark.parametrize(
    "model, message",
    [
        (buffered(3, 2), "cycles_max is 2, and no output of the model comes from operators behind it"),
        (buffered(3, 0), "cycles_max is 2"),
        (buffered(3, 1, variable=False), "'b' .* is no variable; a variable"),
    ],
)
def test_buffers_that_are_refused(model: Model, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        check_supported(parse_model(model_bytes(model)))


def test_inferences_that_end_early() -> None:
    """Each third one comes to its end."""
    build = ModelBuilder("ending")
    x, y = (build.tensor(name, (1, size, 1, 1), scale=0.1) for name, size in (("x", 1), ("y", 4)))
    buffer = build.tensor("b", (1, 4, 1, 1), scale=0.1, variable=True)
    build.operator("CUSTOM:CIRCULAR_BUFFER", [x], [buffer], cycles_max=3)
    build.operator("RELU", [buffer], [y])
    model = parse_model(model_bytes(build.model([x], [y])))
    wanted = {3: [0, 1, 2, 3], 6: [3, 4, 5, 6]}
    for runner in (Evaluator(model), HostModel(lower(model)), HostModel(lower(model, registry="reference"))):
        for _ in range(2):
            for number in range(1, 9):
                result = runner.run([np.full((1, 1, 1, 1), number, np.int8)])
                outputs = result.outputs if isinstance(runner, Evaluator) else result
                assert outputs[0].reshape(-1).tolist() == wanted.get(number, [0] * 4)
            runner.reset()


def streaming(seed: int) -> Model:
    """Two buffers that end inferences, a value that passes them, and a variable that counts on both sides of the first."""
    case = Case("STREAMING", np.random.default_rng(seed))
    build, quantised = case.build, {"scale": 0.1, "zero_point": case.zero_point()}
    width = case.whole(1, 3)
    x = case.image((1, 1, 1, width), **quantised)
    handle = resource(build, "v")

    def tensor(slots: int, variable: bool = False) -> int:
        name = f"t{len(build.tensors)}"
        return build.tensor(name, (1, slots, 1, width), **quantised, variable=variable)

    def counted(value: int) -> int:
        old, new = tensor(1), tensor(1)
        build.operator("READ_VARIABLE", [handle], [old])
        build.operator("ADD", [old, value], [new])
        build.operator("ASSIGN_VARIABLE", [handle, new], [])
        return new

    def buffered(value: int, slots: int) -> int:
        buffer = tensor(slots, variable=True)
        build.operator("CUSTOM:CIRCULAR_BUFFER", [value], [buffer], cycles_max=case.pick([1, 2, 3]))
        return buffer

    first = buffered(counted(x), 1)
    second = tensor(1)
    build.operator("ADD", [first, counted(x)], [second])
    last, y = buffered(second, case.whole(1, 4)), tensor(0)
    joined, size = [last, first, x, second], build.tensors[last].shape[1]
    build.tensors[y] = replace(build.tensors[y], shape=(1, size + 3, 1, width))
    build.operator("CONCATENATION", joined, [y], axis=1)
    return build.model([x], [y])


@pytest.mark.needs("tflm")
def test_endings_are_tflms() -> None:
    """With states that change before and behind them."""
    models = [streaming(seed) for seed in range(12)]
    rng = np.random.default_rng(1)
    sets = [[(n == 0, random_inputs(model, rng)) for n in range(13)] for model in models]
    answers = tflm_outputs([(model_bytes(m), given) for m, given in zip(models, sets, strict=True)])
    for model, given, theirs in zip(models, sets, answers, strict=True):
        assert theirs is not None
        read = parse_model(model_bytes(model))
        evaluator, host = Evaluator(read), HostModel(lower(read))
        for number, ((_, arrays), wanted) in enumerate(zip(given, theirs, strict=True)):
            (got,) = evaluator.run(arrays).outputs
            np.testing.assert_array_equal(got, wanted[0], f"inference {number}")
            np.testing.assert_array_equal(host.run(arrays)[0], got, f"inference {number}, C")
