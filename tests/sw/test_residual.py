"""An ADD that becomes part of a convolution: which ones do, and what the plan says of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cfukit_base.artefacts.plan import InArena
from cfukit_sw.cfu_kernels import cfu_kernels
from cfukit_sw.kernels import Kernel
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from support.engine_description import INSTRUCTIONS, PARAMS, cfu
from support.models_variables import resource


def kernels(residual: int = 1, requantizers: int = 2) -> list[Kernel]:
    """Those of an engine."""
    params = PARAMS | {"residual": residual, "requantizers": requantizers}
    return cfu_kernels(replace(cfu(*INSTRUCTIONS), params=params))


def conv(build: ModelBuilder, x: int, channels: int, size: int) -> int:
    shape, weights = (
        build.tensors[x].shape,
        np.ones((channels, size, size, build.tensors[x].shape[3]), np.int8),
    )
    w = build.constant(f"w{x}{size}", weights, scale=0.1, zero_point=0)
    y = build.tensor(f"y{x}{size}", (*shape[:3], channels), scale=0.5, zero_point=3)
    build.operator("CONV_2D", [x, w], [y], padding="SAME", stride_h=1, stride_w=1)
    return y


def summed(kind: str = "", channels: int = 8, batches: int = 1) -> Model:
    """A convolution of 3 x 3, and an ADD of its output and another tensor."""
    build = ModelBuilder("summed")
    shape = (batches, 8, 8, channels)
    x = build.tensor("x", shape, scale=0.5, zero_point=3)
    other = x
    y = conv(build, x, channels, 3)
    if kind == "convolution":
        other = conv(build, x, channels, 1)
    if kind == "constant":
        other = build.constant("c", np.ones(shape, np.int8), scale=0.5, zero_point=0)
    elif kind == "broadcast":
        other = build.tensor("b", (1, 1, 1, channels), scale=0.5, zero_point=0)
    elif kind == "itself":
        other = y
    z = build.tensor("z", shape, scale=0.7, zero_point=-5)
    build.operator("ADD", [other, y], [z], fused_activation_function="NONE")
    outputs = (
        [z, conv(build, y, channels, 1)] if kind == "read twice" else [z, y] if kind == "an output" else [z]
    )
    return build.model([x, other] if kind == "broadcast" else [x], outputs)


def test_a_sum_is_part_of_the_convolution_before_it() -> None:
    model = summed()
    plan = lower(model, kernels())
    (step,) = plan.steps
    assert (step.index, step.fused, step.kernel, step.type) == (1, (0, 1), "conv_add", "ADD")
    assert model.operators[0].outputs[0] not in plan.tensors and plan.folded == (0,)
    assert step.macs == model.macs
    assert step.params["addend"] == InArena(plan.tensors[model.inputs[0]].offset)


def test_the_scales_of_the_sum_come_before_the_channels() -> None:
    """Each of the three fills a row of the engine's store of channels."""
    plan = lower(summed(), kernels(requantizers=2))
    words = np.frombuffer(plan.constants[plan.steps[0].params["channels"].offset :], "<i4")[
        : 3 * (6 + 8)
    ].reshape(-1, 3)
    alone = lower(summed(), kernels(residual=0))
    own, add = alone.steps[0].params["channels"].offset, alone.steps[1].params
    np.testing.assert_array_equal(words[6:], np.frombuffer(alone.constants[own:], "<i4")[:24].reshape(-1, 3))
    result = -add["zero_point2"] << 20, add["multiplier2"], add["shift2"]
    addend = -add["zero_point1"] << 20, add["multiplier1"], add["shift1"]
    assert [tuple(row) for row in words[:6].tolist()] == [result] * 2 + [addend] * 2 + [
        (0, add["multiplier"], add["shift"])
    ] * 2


@pytest.mark.parametrize(
    "model",
    [summed(kind) for kind in ("constant", "broadcast", "itself", "read twice", "an output")]
    + [summed(channels=7), summed(batches=2)],
)
def test_other_sums_are_operators_of_their_own(model: Model) -> None:
    assert not lower(model, kernels()).folded


@pytest.mark.parametrize("between", [False, True])
def test_a_convolution_does_not_wait_for_an_assignment(between: bool) -> None:
    """What it reads can have the storage of the variable."""
    build = ModelBuilder("assigned")
    x, read, z = (build.tensor(name, (1, 8, 8, 8), scale=0.5, zero_point=3) for name in ("x", "read", "z"))
    handle = resource(build, "v")
    build.operator("READ_VARIABLE", [handle], [read])
    y = conv(build, read, 8, 3)
    if between:
        build.operator("ASSIGN_VARIABLE", [handle, x], [])
    build.operator("ADD", [x, y], [z], fused_activation_function="NONE")
    if not between:
        build.operator("ASSIGN_VARIABLE", [handle, x], [])
    plan = lower(build.model([x], [z]), kernels())
    assert [step.kernel for step in plan.steps] == (
        ["conv", "move", "add"] if between else ["conv_add", "move"]
    )


def test_without_the_stage_nothing_is_one() -> None:
    assert [step.kernel for step in lower(summed(), kernels(residual=0)).steps] == ["conv", "add"]
    assert not lower(summed()).folded


def test_of_two_convolutions_the_one_that_saves_more_takes_the_sum() -> None:
    """With four channels the smaller one would wait for its results; with eight neither does, and the later one takes it."""
    assert [step.fused for step in lower(summed("convolution", 4), kernels()).steps] == [(1,), (0, 2)]
    assert [step.fused for step in lower(summed("convolution"), kernels()).steps] == [(0,), (1, 2)]
