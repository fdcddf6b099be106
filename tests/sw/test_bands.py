"""Models in less memory than their tensors take: bands of rows, and tensors in a larger memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from cfukit_base.artefacts.plan import InArena, Invocation, Plan, Step, Steps
from cfukit_base.errors import ModelError
from cfukit_sw.bands import Chain
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.fitting import Fitting
from cfukit_sw.kernels import Kernel, portable_kernels
from cfukit_sw.lower import Room, lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from support.kernels import HostModel
from support.models import ACTIVATIONS, Case, random_inputs, random_model
from support.models_networks import _conv, _pool

WINDOWS = ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D", "ADD", "SUB", "MUL")


def chain_of_operators(seed: int) -> Model:
    """Windows of all kinds on a tall image, one after the other, with shortcuts."""
    case = Case("CHAIN", np.random.default_rng([seed, zlib.crc32(b"bands")]))
    x = case.image((1, case.whole(8, 40), case.whole(1, 6), case.whole(1, 8)))
    images = [x]
    for _ in range(case.whole(2, 7)):
        if case.chance(0.2):
            same = [y for y in images if case.build.tensors[y].shape == case.build.tensors[x].shape]
            other = case.pick(same) if case.chance(0.6) else constant(case, case.build.tensors[x].shape)
            y = case.out(case.build.tensors[x].shape, case.scale(0.01, 0.5))
            options = {"fused_activation_function": case.pick(ACTIVATIONS)}
            case.build.operator(case.pick(["ADD", "SUB", "MUL"]), [x, other], [y], **options)
            x = y
        else:
            x = case.pick([_conv, _conv, _pool])(case, x)
        images.append(x)
    return case.build.model(case.inputs, [x])


def constant(case: Case, shape: tuple[int, ...]) -> int:
    """One value, one for each channel or each element."""
    sizes = case.pick([(), (1,), (1, 1, 1, 1), (shape[-1],), shape])
    data = case.rng.integers(-128, 128, sizes).astype(np.int8)
    return case.build.constant("c", data, scale=case.scale(0.01, 0.5), zero_point=case.zero_point())


def near_kernels() -> list[Kernel]:
    """Kernels that reach only the arena's memory, as those of a CFU do."""
    found = [kernel for kernel in portable_kernels() if kernel.op in WINDOWS]
    return [replace(kernel, near=True, registry="project") for kernel in found]


def in_less(model: Model, part: float, kernels: list[Kernel]) -> tuple[Plan, int] | None:
    """The plan with a part of the memory that it takes alone; None if the model is not legal."""
    try:
        Evaluator(model)
        whole = lower(model, kernels)
    except ModelError:
        return None
    room = int(whole.activation_bytes * part)
    return (lower(model, kernels, room=Room(room + whole.state_bytes)), room) if room else None


def far_in(step: Step, plan: Plan) -> list[str]:
    """The kernels of a call that get a tensor in the larger memory, apart from copies."""

    def reached(call: Step | Invocation) -> Iterator[str]:
        for value in call.params.values():
            if (
                isinstance(value, InArena)
                and value.offset >= plan.near_bytes
                and call.struct != "cfukit_copy"
            ):
                yield call.function
            for inner in value.items if isinstance(value, Steps) else ():
                yield from reached(inner)

    return list(reached(step))


def compare(model: Model, plan: Plan, seed: int) -> None:
    """Outputs of all operators that are stored, and of those that are not, equal the evaluator's."""
    inputs = random_inputs(model, np.random.default_rng(seed))
    host = HostModel(plan, seed=seed)
    expected = Evaluator(model).run(inputs, keep_layers=True)
    for (op, output), value in host.layers(inputs, model).items():
        np.testing.assert_array_equal(
            value, expected.layers[op][output], err_msg=f"seed {seed}, operator {op}"
        )
    for tensor, want in zip(plan.outputs, expected.outputs, strict=True):
        np.testing.assert_array_equal(host.read(tensor), want, err_msg=f"seed {seed}")


def check(seeds: range) -> tuple[int, int]:
    """How many models run in bands, and how many have tensors in the larger memory."""
    banded = far = 0
    for seed in seeds:
        near = near_kernels() if seed % 2 else []
        model = chain_of_operators(seed) if seed % 4 < 3 else random_model("NETWORK", seed)
        made = in_less(model, (0.9, 0.5, 0.3, 0.1)[seed // 4 % 4], near)
        if made is None:
            continue
        plan, _ = made
        for step in plan.steps:
            kernels = step.stages or (f"{step.registry}/{step.kernel}",)
            if all(kernel.startswith("project/") for kernel in kernels):
                assert not far_in(step, plan), f"seed {seed}: {step.type} {step.index}"
        compare(model, plan, seed)
        banded += any(step.stages for step in plan.steps)
        far += plan.far_bytes > 0
    return banded, far


def test_random_models_in_less_memory() -> None:
    banded, far = check(range(60))
    assert banded > 25
    assert far > 15


@pytest.mark.long
def test_random_models_in_less_memory_at_length() -> None:
    banded, far = check(range(1000, 3000))
    assert banded > 800
    assert far > 500


def tower(*kernels: int, height: int = 32, width: int = 4, channels: int = 4, stride: int = 1) -> Model:
    """Convolutions one after the other."""
    build = ModelBuilder()
    shape = (1, height, width, channels)
    x = first = build.tensor("x", shape, "int8", scale=0.5)
    rng = np.random.default_rng(1)
    for number, size in enumerate(kernels):
        data = rng.integers(-128, 128, (channels, size, size, channels)).astype(np.int8)
        weights = build.constant(f"w{number}", data, scale=0.01)
        shape = (1, -(-shape[1] // stride), -(-shape[2] // stride), channels)
        y = build.tensor(f"y{number}", shape, "int8", scale=0.5)
        build.operator(
            "CONV_2D", [x, weights], [y], padding="SAME", stride_h=stride, stride_w=stride,
            dilation_h_factor=1, dilation_w_factor=1, fused_activation_function="NONE",
        )  # fmt: skip
        x = y
    return build.model([first], [x])


def test_no_row_is_computed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Chain] = []
    call = Chain.call

    def noted(chain: Chain, band_rows: int, kernels: object) -> object:
        seen.append(chain)
        return call(chain, band_rows, kernels)  # type: ignore[arg-type]

    monkeypatch.setattr(Chain, "call", noted)
    lower(tower(3, 5, 3, 1, stride=1), room=Room(1400))
    for chain in seen:
        for rows in (1, 2, 3, chain.output_rows):
            for number, stage in enumerate(chain.stages):
                new = [band[number + 1][1] for band in chain.needs(rows)]
                assert [first for first, _ in new] == [0, *(end for _, end in new)][:-1]
                assert new[-1][1] == stage.output_rows


def test_what_fits_is_left_alone() -> None:
    model = tower(3, 3, stride=2)
    plan = lower(model)
    assert lower(model, room=Room(plan.arena_bytes)).text() == plan.text()
    less = lower(model, room=Room(plan.arena_bytes - 1))
    (step,) = less.steps
    assert step.stages == ("portable/conv_2d", "portable/conv_2d")
    assert step.fused == (0, 1)
    assert less.near_bytes < plan.arena_bytes
    compare(model, less, 0)


def test_less_room_means_smaller_bands_and_then_a_larger_memory() -> None:
    model = tower(3, 3, 3, 3)
    rows, far = [], []
    for room in (1600, 1500, 1400, 1000, 900, 800, 700, 600):
        plan = lower(model, near_kernels(), room=Room(room))
        assert plan.near_bytes <= room
        rows += [step.band_rows for step in plan.steps if step.stages]
        far.append(plan.far_bytes)
        compare(model, plan, 1)
    assert far == sorted(far)
    assert far[0] == 0 < far[-1]
    assert 1 <= min(rows) < max(rows)


def test_the_height_of_a_band_is_the_one_with_the_fewest_cycles() -> None:
    """A call that takes a while wants few bands, one that saves something many."""

    def rows(cycles: int) -> list[int]:
        kernels = [replace(kernel, cycles=lambda op: cycles) for kernel in near_kernels()]
        return [step.band_rows for step in lower(tower(3, 3, 3, 3), kernels, room=Room(800)).steps]

    assert rows(10_000) == rows(300) > rows(-10_000)


def test_the_room_for_others_counts() -> None:
    model = tower(3, 3, 3, 3)
    plan = lower(model, room=Room(2000, 500))
    assert plan.near_bytes <= 1500 or plan.arena_bytes <= 2000


def test_reference_kernels_run_whole_operators() -> None:
    plan = lower(tower(3, 3), registry="reference", room=Room(600))
    assert not any(step.stages for step in plan.steps)
    assert plan.far_bytes
    compare(tower(3, 3), plan, 0)


def test_nothing_left_to_move_is_no_endless_loop() -> None:
    plan = lower(tower(3, 3), room=Room(8))
    assert isinstance(plan, Plan)
    assert Fitting.__doc__
