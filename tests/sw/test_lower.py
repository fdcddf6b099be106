"""Lowering: what a plan promises, what is removed or shared, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cfukit_base.artefacts.plan import InArena, InConstants, Plan
from cfukit_base.errors import BuildError, ModelError
from cfukit_sw.evaluator import SUPPORTED, Evaluator, check_supported
from cfukit_sw.evaluator.calls import CALLS
from cfukit_sw.kernels import (
    KERNEL_SOURCES,
    Weights,
    library,
    list_kernels,
    project_kernel,
)
from cfukit_sw.lower import lower
from cfukit_sw.lowering import LOWERINGS, Op
from cfukit_sw.lowering.overlap import window_lead
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_reader import parse_model, read_model
from support.fuzz import damaged_model, seed_models
from support.kernels import HostModel
from support.models import all_types, random_inputs, random_model


def int8(build: ModelBuilder, name: str, shape: tuple[int, ...]) -> int:
    return build.tensor(name, shape, scale=0.5, zero_point=3)


def dense(build: ModelBuilder, source: int, inputs: int, outputs: int, seed: int = 0) -> int:
    rng = np.random.default_rng(seed)
    weights = build.constant(
        f"w{source}", rng.integers(-9, 10, (outputs, inputs), np.int8), scale=0.1, zero_point=0
    )
    result = int8(build, f"fc{source}", (1, outputs))
    build.operator("FULLY_CONNECTED", [source, weights], [result])
    return result


def branching() -> Model:
    """x -> dense -> reshape -> dense; a dead dense beside it."""
    build = ModelBuilder("branching")
    x = int8(build, "x", (1, 8))
    first = dense(build, x, 8, 6)
    dense(build, first, 6, 5)  # dead
    shaped = int8(build, "shaped", (1, 1, 2, 3))
    shape = build.constant("shape", np.array([1, 1, 2, 3], np.int32))
    build.operator("RESHAPE", [first, shape], [shaped])
    last = dense(build, shaped, 6, 8)
    return build.model([x], [last])


def test_dead_operators_are_removed_and_reshapes_are_free() -> None:
    plan = lower(branching())
    assert [step.index for step in plan.steps] == [0, 3]
    assert plan.removed == (1,)
    model = branching()
    reshaped, source = model.operators[2].outputs[0], model.operators[0].outputs[0]
    assert plan.tensors[reshaped].offset == plan.tensors[source].offset
    assert plan.tensors[reshaped].shape == (1, 1, 2, 3)


def test_every_output_can_be_read_when_the_plan_says_so() -> None:
    model = branching()
    inputs = random_inputs(model, np.random.default_rng(1))
    expected = Evaluator(model).run(inputs, keep_layers=True).layers
    got = HostModel(lower(model)).layers(inputs)
    assert sorted(got) == [(0, 0), (2, 0), (3, 0)]
    for (op, output), value in got.items():
        np.testing.assert_array_equal(value, expected[op][output])


def test_an_alias_of_the_input_that_is_an_output_is_copied() -> None:
    build = ModelBuilder("only_reshape")
    x, y = int8(build, "x", (2, 3)), int8(build, "y", (3, 2))
    build.operator("RESHAPE", [x, build.constant("shape", np.array([3, 2], np.int32))], [y])
    plan = lower(build.model([x], [y]))
    assert [step.kernel for step in plan.steps] == ["move"]
    assert plan.tensors[x].offset != plan.tensors[y].offset


def test_operators_of_a_part_of_a_model_keep_their_numbers() -> None:
    model = branching()
    last = model.operators[-1]
    part = replace(model, operators=(last,), inputs=(last.inputs[0],), outputs=last.outputs)
    assert [(step.index, step.type) for step in lower(part).steps] == [(last.index, last.type)]


def test_equal_constants_are_stored_once() -> None:
    build = ModelBuilder("twins")
    x = int8(build, "x", (1, 8))
    y = dense(build, dense(build, x, 8, 8), 8, 8)
    plan = lower(build.model([x], [y]))
    weights = [step.params["weights"] for step in plan.steps]
    assert weights[0] == weights[1] and isinstance(weights[0], InConstants)
    assert len(plan.constants) == 8 * 8 + 8 * 12


def test_the_arena_is_no_larger_than_what_lives() -> None:
    plan = lower(branching())
    assert (plan.activation_bytes, plan.arena_bytes) == (14, 16)  # 8 in and 6 out, then 6 in and 8 out


@pytest.mark.parametrize("sizes", [(), (1,), (1, 1), (1, 1, 1), (1, 1, 1, 1)])
def test_an_operator_that_keeps_every_byte_needs_no_code(sizes: tuple[int, ...]) -> None:
    """1 in units of 2: only the scale changes. The constant may have any shape of ones."""
    build = ModelBuilder()
    x = build.tensor("x", (1, 2, 2, 3), scale=0.5, zero_point=3)
    one = build.constant("c", np.ones(sizes, np.int8), scale=2.0)
    y = build.tensor("y", (1, 2, 2, 3), scale=1.0, zero_point=3)
    z = build.tensor("z", (1, 2, 2, 3), scale=1.0, zero_point=3)
    build.operator("MUL", [x, one], [y], fused_activation_function="NONE")
    build.operator("ADD", [y, y], [z], fused_activation_function="NONE")
    model = build.model([x], [z])
    assert [step.type for step in lower(model).steps] == ["ADD"]
    assert [step.type for step in lower(model, registry="reference").steps] == ["MUL", "ADD"]


def test_in_place_elementwise() -> None:
    build = ModelBuilder("add")
    x = int8(build, "x", (1, 4, 4, 8))
    a = int8(build, "a", (1, 4, 4, 8))
    b = int8(build, "b", (1, 4, 4, 8))
    build.operator("RELU", [x], [a])
    build.operator("ADD", [a, a], [b])
    plan = lower(build.model([x], [b]))
    assert plan.arena_bytes == 128


def test_the_document_is_reproducible_and_can_be_read(tmp_path: Path) -> None:
    for type in ("CONV_2D", "CONCATENATION", "SOFTMAX"):
        model = random_model(type, 3)
        plan = lower(model)
        assert plan.text() == lower(model).text()
        plan.write(tmp_path / "plan.json")
        assert Plan.read(tmp_path / "plan.json") == plan


def pointers(plan: Plan) -> list[tuple[str, InArena | InConstants]]:
    return [
        (f"{s.index}.{n}", v)
        for s in plan.steps
        for n, v in s.params.items()
        if isinstance(v, InArena | InConstants)
    ]


@pytest.mark.parametrize("type", sorted(set(all_types()) & {*LOWERINGS, "CHAIN"}))
def test_pointers_stay_inside(type: str) -> None:
    for seed in range(8):
        plan = lower(random_model(type, seed))
        for where, pointer in pointers(plan):
            size = plan.arena_bytes if isinstance(pointer, InArena) else len(plan.constants)
            assert 0 <= pointer.offset < max(size, 1), (where, pointer)
            if not where.endswith(("input", "output")):
                assert pointer.offset % 4 == 0, where
        for tensor in plan.tensors.values():
            assert tensor.offset + tensor.bytes <= plan.arena_bytes


# --- the choice of kernels -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type", sorted(set(all_types()) & {*LOWERINGS, "CHAIN"}))
def test_the_reference_registry_needs_no_other(type: str) -> None:
    for seed in range(6):
        plan = lower(random_model(type, seed), registry="reference")
        assert {step.registry for step in plan.steps} <= {"reference"}


def test_a_projects_kernel_comes_first_where_it_supports_the_operator() -> None:
    model = branching()
    seen = []

    def supports(op: Op) -> bool:
        seen.append(op)
        return bool(op.filter_shape == (6, 8))

    def pack(op: Op, weights: Weights) -> bytes:
        return weights[::-1].tobytes()

    kernel = project_kernel("FULLY_CONNECTED", "mine", [], supports, pack, lambda op: 24)
    plan = lower(model, kernels=[kernel])
    assert [(s.registry, s.kernel, s.scratch_bytes) for s in plan.steps] == [
        ("project", "mine", 24),
        ("portable", "fully_connected", 0),
    ]
    first = plan.steps[0]
    assert first.params["scratch_bytes"] == 24 and isinstance(first.params["scratch"], InArena)
    at = first.params["weights"]
    weights = model.tensors[model.operators[0].inputs[1]].data
    assert isinstance(at, InConstants) and weights is not None
    assert plan.constants[at.offset :][:48] == weights[::-1].tobytes()
    assert seen[0].input_zero_point == 3 and seen[0].macs == 48 and seen[0].type == "FULLY_CONNECTED"


@pytest.mark.parametrize(
    ("name", "wrong"), [("pack", lambda op, weights: "text"), ("scratch", lambda op: -4)]
)
def test_a_projects_function_that_returns_nonsense_is_named(name, wrong) -> None:  # type: ignore[no-untyped-def]
    kernel = project_kernel("FULLY_CONNECTED", "mine", [], **{name: wrong})
    with pytest.raises(BuildError, match=f"kernel mine: {name}: returned"):
        lower(branching(), kernels=[kernel])


def test_sums_too_large_for_the_fast_arithmetic_get_the_reference_kernel() -> None:
    build = ModelBuilder("large")
    x = int8(build, "x", (1, 4))
    weights = build.constant("w", np.full((2, 4), 127, np.int8), scale=0.1, zero_point=0)
    bias = build.constant("b", np.array([2**29, 0], np.int32))
    y = int8(build, "y", (1, 2))
    build.operator("FULLY_CONNECTED", [x, weights, bias], [y])
    (step,) = lower(build.model([x], [y])).steps
    assert step.registry == "reference"


def test_every_kernel_file_is_listed_and_every_listed_file_exists() -> None:
    listed = {source for kernel in library() for source in kernel.sources}
    assert listed == set(KERNEL_SOURCES.rglob("*.c"))
    assert {kernel.registry for kernel in list_kernels()} == {"portable", "reference"}


# --- refusals ------------------------------------------------------------------------------------------------------------


def test_an_unknown_operator_is_named_with_its_index() -> None:
    model = branching()
    wrong = replace(model.operators[3], type="FANCY_CONV")
    model = replace(model, operators=(*model.operators[:3], wrong))
    with pytest.raises(ModelError, match=r"branching: operator 3 FANCY_CONV: .*supported: .*CONV_2D"):
        lower(model)


def test_the_evaluator_and_lowering_know_the_same_operators() -> None:
    """Nothing is left of VAR_HANDLE and CALL_ONCE at run time. IF and WHILE have subgraphs, which need the whole lowering."""
    assert sorted({*LOWERINGS, "VAR_HANDLE", "CALL_ONCE", *CALLS}) == list(SUPPORTED)


@pytest.mark.parametrize("seed", range(0, 3000, 100))
def test_what_the_evaluator_takes_lowering_takes(seed: int) -> None:
    """Of damaged models too, but for those with more axes than kernels have loops: rules stand in one place."""
    seeds = seed_models()
    for case in range(seed, seed + 100):
        try:
            model = parse_model(damaged_model(case, seeds), "damaged")
            check_supported(model)
        except ModelError:
            continue
        try:
            lower(model)
        except ModelError as error:
            assert "after merging" in error.allowed or "is a constant" in error.given, (case, error)


def test_a_zero_point_of_0_need_not_be_written() -> None:
    build = ModelBuilder("joined")
    x = build.tensor("x", (1, 4), scale=0.5, zero_point=0)
    y = build.tensor("y", (1, 8), scale=0.5, zero_point=0)
    build.operator("CONCATENATION", [x, x], [y], axis=1)
    model = build.model([x], [y])
    tensors = (replace(model.tensors[x], zero_points=np.zeros(0, np.int64)), *model.tensors[1:])
    assert lower(replace(model, tensors=tensors)).steps[0].kernel == "move"


def test_computed_weights_get_a_reference_kernel() -> None:
    """A project's kernel packs weights, which must be known for that."""
    build = ModelBuilder("computed")
    x, w = int8(build, "x", (1, 4)), build.tensor("w", (2, 4), scale=0.1, zero_point=0)
    y = int8(build, "y", (1, 2))
    build.operator("FULLY_CONNECTED", [x, w], [y], fused_activation_function="NONE")
    own = project_kernel("FULLY_CONNECTED", "mine", [])
    (step,) = lower(build.model([x, w], [y]), kernels=[own]).steps
    assert (step.registry, step.kernel) == ("reference", "fully_connected")


@pytest.mark.needs("reference")
def test_arenas_of_the_reference_models_fit_tflms(reference) -> None:  # type: ignore[no-untyped-def]
    index = json.loads((reference / "index.json").read_text())
    for entry in index["models"]:
        model = read_model(reference / entry["file"])
        for registry in ("portable", "reference"):
            plan = lower(model, registry=registry)
            assert plan.activation_bytes <= entry["arena_tflm_x86_64"]["head"], (entry["name"], registry)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_lead_of_windows_is_enough_and_needed(stride: int) -> None:
    """Over all tiles no byte is written that is still to be read. With one byte less, some byte is."""
    rng = np.random.default_rng(stride)
    for _ in range(60):
        height, width, channels, outputs = (int(n) for n in rng.integers(1, 9, 4))
        pad = int(rng.integers(0, 3))
        out = ((height + 2 * pad - 1) // stride + 1, (width + 2 * pad - 1) // stride + 1)
        op = Op(
            "CONV_2D",
            0,
            (1, height, width, channels),
            (1, *out, outputs),
            strides=(stride, stride),
            padding=(pad, pad, pad, pad),
        )
        tile = int(rng.integers(1, 12))
        lead = window_lead(op, tile)
        assert lead is not None
        positions = [(y, x) for y in range(out[0]) for x in range(out[1])]
        slack = [
            min(
                (min(max(0, y * stride - pad), height) * width + min(max(0, x * stride - pad), width))
                * channels
                for y, x in positions[first:]
            )
            + lead
            - min(first + tile, len(positions)) * outputs
            for first in range(0, len(positions), tile)
        ]
        assert min(slack) >= 0 and (lead == 0 or min(slack) == 0)


# --- padding folded into convolutions ------------------------------------------------------------------------------------


def padded(
    amounts: list[list[int]],
    value: int | None = None,
    *,
    readers: int = 1,
    output: bool = False,
    size: int = 3,
) -> Model:
    """x -> PAD (PADV2 with `value`) -> convolution 3x3."""
    build, rng = ModelBuilder("padded"), np.random.default_rng(0)
    x = int8(build, "x", (1, 6, 5, 4))
    table = np.array([[0, 0], *amounts, [0, 0]], np.int32)
    shape = tuple(int(n) + int(sum(pair)) for n, pair in zip((1, 6, 5, 4), table, strict=True))
    between = int8(build, "between", shape)
    inputs = [x, build.constant("amounts", table)]
    if value is not None:
        source = build.tensors[between]
        fill = {"scale": source.scales, "zero_point": source.zero_points}
        inputs.append(build.constant("value", np.array([value], np.int8), **fill))
    build.operator("PAD" if value is None else "PADV2", inputs, [between])
    outputs = [between] if output else []
    for number in range(readers):
        weights = build.constant(
            f"w{number}", rng.integers(-9, 10, (8, size, size, 4), np.int8), scale=0.1, zero_point=0
        )
        y = int8(build, f"y{number}", (1, shape[1] - size + 1, shape[2] - size + 1, 8))
        build.operator("CONV_2D", [between, weights], [y], padding="VALID", stride_h=1, stride_w=1)
        outputs.append(y)
    return build.model([x], outputs)


@pytest.mark.parametrize(
    ("model", "folds"),
    [
        (padded([[1, 1], [1, 1]]), True),
        (padded([[0, 2], [2, 1]]), True),
        (padded([[1, 1], [1, 1]], value=3), True),
        (padded([[1, 1], [1, 1]], value=4), False),  # not the zero point
        (padded([[3, 1], [1, 1]]), False),  # whole windows outside the image
        (padded([[1, 1], [1, 1]], readers=2), False),
        (padded([[1, 1], [1, 1]], output=True), False),
        (padded([[1, 1], [1, 1]], size=1), False),
    ],
)
@pytest.mark.parametrize("registry", ["portable", "reference"])
def test_padding_is_folded_where_that_is_exact(model: Model, folds: bool, registry: str) -> None:
    plan = lower(model, registry=registry)
    assert plan.folded == ((0,) if folds else ())
    if folds:
        (step,) = plan.steps
        assert (step.index, step.fused) == (1, (0, 1))
        assert model.operators[0].outputs[0] not in plan.tensors
    inputs = random_inputs(model, np.random.default_rng(1))
    expected = Evaluator(model).run(inputs, keep_layers=True).layers
    got = HostModel(plan).layers(inputs, model)
    assert sorted(got) == [(op.index, 0) for op in model.operators]
    for (op, output), value in got.items():
        np.testing.assert_array_equal(value, expected[op][output])


def test_padding_is_not_folded_at_the_price_of_a_better_kernel() -> None:
    model = padded([[1, 1], [1, 1]])
    kernel = project_kernel("CONV_2D", "mine", [], lambda op: not any(op.padding))
    assert [step.kernel for step in lower(model, kernels=[kernel]).steps] == ["move", "mine"]


# --- the arena -----------------------------------------------------------------------------------------------------------


def two_convolutions(scratch: int) -> tuple[Model, Plan]:
    """A large tensor after a small one. The second operator's kernel wants exactly `scratch` bytes."""
    build, rng = ModelBuilder("scratchy"), np.random.default_rng(0)
    x, a, b = int8(build, "x", (1, 8, 8, 1)), int8(build, "a", (1, 8, 8, 8)), int8(build, "b", (1, 8, 8, 8))
    weights = build.constant("w", rng.integers(-9, 10, (8, 3, 3, 1), np.int8), scale=0.1, zero_point=0)
    build.operator("CONV_2D", [x, weights], [a], padding="SAME", stride_h=1, stride_w=1)
    weights = build.constant("v", rng.integers(-9, 10, (8, 1, 1, 8), np.int8), scale=0.1, zero_point=0)
    build.operator("CONV_2D", [a, weights], [b], padding="SAME", stride_h=1, stride_w=1)
    model = build.model([x], [b])
    kernel = project_kernel("CONV_2D", "mine", [], lambda op: op.index == 1, scratch=lambda op: scratch)
    return model, lower(model, kernels=[kernel])


def test_scratch_of_one_operator_takes_none_from_another() -> None:
    _, roomy = two_convolutions(4000)
    assert roomy.steps[0].scratch_bytes == 64 * 12 and roomy.activation_bytes == 512 + 512 + 4000
    model, tight = two_convolutions(0)
    assert tight.activation_bytes <= lower(model, registry="reference").activation_bytes == 1024
    assert tight.steps[0].scratch_bytes == 32 * 12


def test_an_offline_plan_is_met_or_beaten() -> None:
    """The file's plan lets two tensors share bytes. Nonsense in the metadata changes nothing."""
    model = branching()
    plan = lower(model)
    for words in ([0, 0, 3, 1, 2, 3], [0, 0, len(model.tensors), *range(len(model.tensors))], [1], []):
        other = replace(model, metadata={"OfflineMemoryAllocation": np.array(words, "<i4").tobytes()})
        assert lower(other).activation_bytes <= plan.activation_bytes
