"""Random operators through project mlperf_arty on engine host, so through its driver and the verilated engine, against the evaluator."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.kernels import library
from cfukit_sw.loaded import make_blob
from cfukit_sw.lower import Room
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_tools import api
from cfukit_tools.engines.catalogue import engine_named
from cfukit_tools.engines.engine import Job
from cfukit_tools.firmware.inputs import InputSet
from cfukit_tools.firmware.program import PLAIN, Program, build_program, plan_variant, project_kernels
from cfukit_tools.firmware.samples import evaluate, first_difference
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System
from support.engine_models import strained_model, summed_model
from support.models import random_inputs, random_model
from support.reference import FOLDER

TYPES = (
    *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"),
    *("AVERAGE_POOL_2D", "MAX_POOL_2D", "ADD", "MEAN", "SUM", "PAD", "PADV2", "CONCATENATION"),
)
SUMMED = ("CONV_2D", "DEPTHWISE_CONV_2D")
MAKERS: dict[str, Callable[[str, int], Model]] = {"any": random_model, "strained": strained_model}
SAMPLES = 2
LOADED, RESIDUAL = 'sw.packaging="loaded"', "cfu.params.residual=1"


@functools.cache
def firmware() -> tuple[System, Program]:
    """A copy of the project, and its program with all kernels: each model comes to it as data."""
    folder = Path(tempfile.mkdtemp(prefix="cfukit-engine-")) / "mlperf_arty"
    api.init(str(folder), "mlperf_arty")
    system = System(load_target(folder, assignments=(LOADED, RESIDUAL)))
    return system, build_program(system, random_model("CONV_2D", 0), "project", on_host=True)


def program_of(model: Model) -> Program:
    """As `build_program`, without a look at the sources."""
    system, program = firmware()
    plan, kernels = plan_variant(system, model, "project"), [*project_kernels(system), *library()]
    return replace(program, model=model, plan=plan, blob=make_blob(plan, kernels, pointer_bytes=8))


def runs_on_the_engine(model: Model, seed: int) -> bool:
    """Compare outputs and operators with the evaluator's if a kernel of the project runs; False if none does."""
    Evaluator(model)  # ModelError if it is not legal
    program = program_of(model)
    if not any(step.registry not in PLAIN for step in program.plan.steps):
        return False
    rng = np.random.default_rng(seed)
    arrays = zip(*(random_inputs(model, rng) for _ in range(SAMPLES)), strict=True)
    inputs = InputSet(tuple(map(np.stack, arrays)), np.ones(SAMPLES, bool), None, "random")
    job = Job(program, inputs, range(SAMPLES), layers=True)
    [served] = engine_named("host").serve(firmware()[0], [job], 1, lambda job: None)
    truth = evaluate(model, inputs, lambda number: True)
    for number, (expected, got) in enumerate(zip(truth, served.samples, strict=True)):
        wrong = first_difference(expected.layers, got.layers)
        where = f"seed {seed}, sample {number}: {model.operators[0]}, {model.tensors}"
        assert wrong is None, f"(operator, tensor, difference) = {wrong}; {where}"
        np.testing.assert_array_equal(got.outputs[0], expected.outputs[0], err_msg=where)
    return True


def compare(maker: Callable[[str, int], Model], type: str, seeds: Iterable[int], most: int) -> int:
    """How many of the first `most` models that the engine runs, out of those of `seeds`, were compared."""
    compared = 0
    for seed in seeds:
        try:
            compared += runs_on_the_engine(maker(type, seed), seed)
        except ModelError:
            continue
        if compared == most:
            break
    return compared


@pytest.mark.slow
@pytest.mark.parametrize("type", TYPES)
def test_random_operators(type: str) -> None:
    assert compare(strained_model, type, range(100), 5) == 5
    assert compare(random_model, type, range(100), 1) == 1


def is_one(model: Model) -> bool:
    """Whether a convolution and the ADD behind it are one call."""
    return [step.fused for step in program_of(model).plan.steps] == [(0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("type", SUMMED)
def test_random_sums(type: str) -> None:
    """An ADD as part of a convolution, and convolutions that it cannot be part of."""
    assert compare(summed_model, type, range(30), 6) == 6
    assert is_one(summed_model(type, 0))


@pytest.mark.long
@pytest.mark.parametrize("type", SUMMED)
def test_random_sums_at_length(type: str) -> None:
    most = max(500, 25 * int(os.environ.get("CFUKIT_SEEDS", "0")))
    assert compare(summed_model, type, range(1000, 1000 + 4 * most), most) == most


def tall(rows: int, channels: int, middle: int = 2, *, added: bool = False) -> Model:
    """A pointwise, a depthwise and a pointwise convolution, as in a network whose wide tensors exceed a TCM. added: to the input."""
    build, rng = ModelBuilder(), np.random.default_rng(rows)
    x = first = build.tensor("x", (1, rows, 7, channels), scale=0.5, zero_point=3)
    options = {"padding": "SAME", "dilation_h_factor": 1, "dilation_w_factor": 1}
    for number, (kind, kernel, stride, outputs) in enumerate(
        (("CONV_2D", 1, 1, 48), ("DEPTHWISE_CONV_2D", 3, middle, 48), ("CONV_2D", 3, 1, channels))
    ):
        _, height, width, depth = build.tensors[x].shape
        shape = (1, kernel, kernel, depth) if kind != "CONV_2D" else (outputs, kernel, kernel, depth)
        weights = build.constant(f"w{number}", rng.integers(-128, 128, shape).astype(np.int8), scale=0.01)
        y = build.tensor(f"y{number}", (1, -(-height // stride), -(-width // stride), outputs), scale=0.5)
        more = {"depth_multiplier": 1} if kind != "CONV_2D" else {}
        build.operator(kind, [x, weights], [y], stride_h=stride, stride_w=stride, **options, **more)
        x = y
    if added:
        y = build.tensor("z", build.tensors[x].shape, scale=0.7, zero_point=-5)
        build.operator("ADD", [first, x], [y], fused_activation_function="NONE")
        x = y
    return build.model([first], [x])


def in_bands(monkeypatch: pytest.MonkeyPatch, model: Model, room: int) -> Program:
    """The program of a model in less memory; its outputs and operators equal the evaluator's."""
    monkeypatch.setattr("cfukit_tools.firmware.program._room", lambda system: Room(room))
    system = System(load_target(firmware()[0].project.root, assignments=(RESIDUAL,)))
    program = build_program(system, model, "project", on_host=True)
    assert program.plan.near_bytes <= room
    arrays = tuple(x[None] for x in random_inputs(model, np.random.default_rng(0)))
    inputs = InputSet(arrays, np.ones(1, bool), None, "")
    [served] = engine_named("host").serve(
        system, [Job(program, inputs, range(1), layers=True)], 1, lambda job: None
    )
    expected = evaluate(model, inputs, lambda number: True)[0]
    assert first_difference(expected.layers, served.samples[0].layers) is None
    np.testing.assert_array_equal(served.samples[0].outputs[0], expected.outputs[0])
    return program


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "channels", "room"), [(41, 16, 6000), (23, 5, 2600)])
def test_bands_of_a_model_that_exceeds_the_tcm(
    monkeypatch: pytest.MonkeyPatch, rows: int, channels: int, room: int
) -> None:
    """Input and output in a memory that the engine's port does not reach. Rows of 35 bytes are copied by the CPU."""
    program = in_bands(monkeypatch, tall(rows, channels), room)
    (step,) = program.plan.steps
    assert step.stages == ("engine/conv", "engine/depthwise", "engine/conv")
    assert program.plan.far_bytes
    assert "cfukit_engine_copy" in program.plan.functions


def with_add(kind: str) -> Model:
    """A convolution and an ADD, whose other operand is a computed scalar or a constant, then a mean."""
    build, shape = ModelBuilder(), (1, 32, 8, 16)
    rng = np.random.default_rng(0)
    x = build.tensor("x", shape, scale=0.5)
    weights = build.constant("w", rng.integers(-9, 9, (16, 3, 3, 16)).astype(np.int8), scale=0.01)
    y, z = build.tensor("y", shape, scale=0.5), build.tensor("z", shape, scale=0.4)
    build.operator(
        "CONV_2D", [x, weights], [y], padding="SAME", stride_h=1, stride_w=1,
        dilation_h_factor=1, dilation_w_factor=1, fused_activation_function="NONE",
    )  # fmt: skip
    inputs = [x]
    if kind == "scalar":
        other = build.tensor("s", (1,), scale=0.5)
        inputs.append(other)
    else:
        sizes = {"constant": (1,), "image": shape}[kind]
        other = build.constant("s", rng.integers(-9, 9, sizes).astype(np.int8), scale=0.5)
    build.operator("ADD", [y, other], [z], fused_activation_function="NONE")
    mean = build.tensor("m", (1, 16), scale=0.4)
    axes = build.constant("axes", np.array([1, 2], np.int32))
    build.operator("MEAN", [z, axes], [mean], keep_dims=False)
    return build.model(inputs, [mean])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["scalar", "constant", "image"])
def test_an_add_of_something_else_in_bands(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    program = in_bands(monkeypatch, with_add(kind), 7000)
    stages = [stage for step in program.plan.steps for stage in step.stages]
    assert stages == ["engine/conv", "engine/add"]


@pytest.mark.slow
@pytest.mark.parametrize(("room", "last"), [(5200, "engine/conv_add"), (2600, "portable/add")])
def test_an_inverted_residual_in_bands(monkeypatch: pytest.MonkeyPatch, room: int, last: str) -> None:
    """The ADD is part of the last convolution, unless its other operand lies where the engine's port does not reach."""
    program = in_bands(monkeypatch, tall(24, 8, 1, added=True), room)
    stages = [
        kernel for step in program.plan.steps for kernel in step.stages or (f"{step.registry}/{step.kernel}",)
    ]
    assert stages[:2] == ["engine/conv", "engine/depthwise"] and stages[3:] == [last]
    assert program.plan.steps[0].band_rows < 24


@pytest.mark.long
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("type", TYPES)
def test_random_operators_at_length(maker: str, type: str) -> None:
    """With both makers 1,000 models per kernel, or 50 per seed of CFUKIT_SEEDS."""
    most = max(500, 25 * int(os.environ.get("CFUKIT_SEEDS", "0")))
    assert compare(MAKERS[maker], type, range(1000, 1000 + 40 * most), most) == most


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


@pytest.mark.slow
@pytest.mark.needs("reference")
def test_keyword_spotting_gives_what_tflm_gives(tmp_path: Path) -> None:
    golden, answers = FOLDER / "golden" / "kws_ref.npz", tmp_path / "answers.npz"
    model = str(FOLDER / "models" / "kws_ref.tflite")
    api.infer(
        firmware()[0].project.root,
        model=model,
        inputs=golden,
        outputs=answers,
        unchecked=True,
        engine="host",
        assignments=(LOADED,),
    )
    np.testing.assert_array_equal(arrays(answers)["out0"], arrays(golden)["out0"])


@pytest.mark.long
@pytest.mark.needs("reference")
@pytest.mark.parametrize("name", ["kws_ref", "vww_96"])
def test_accuracy_on_the_evaluation_set(tmp_path: Path, name: str) -> None:
    """The engine answers each of 1,000 samples as the evaluator does, so it is as often right."""
    model, inputs = str(FOLDER / "models" / f"{name}.tflite"), FOLDER / "eval" / f"{name}_eval.npz"
    project = api.init(str(tmp_path / "mlperf_arty"), "mlperf_arty")["folder"]
    found = {}
    for engine in ("host", "evaluator"):
        answers = tmp_path / f"{engine}.npz"
        document = api.infer(
            project, model=model, inputs=inputs, outputs=answers, unchecked=True, engine=engine
        )
        assert document["samples"] == 1000
        found[engine] = arrays(answers)["out0"], document["accuracy"]
    np.testing.assert_array_equal(found["host"][0], found["evaluator"][0])
    assert found["host"][1] == found["evaluator"][1] > 0.8
