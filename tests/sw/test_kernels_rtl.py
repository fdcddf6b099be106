"""The C kernels on the simulated RISC-V system: one firmware (zig) holds all of them and receives one model after the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_base.protocol import wire
from cfukit_soc import build_simulator, simulate
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.firmware import build_firmware
from cfukit_sw.kernels import library
from cfukit_sw.loaded import make_blob, write_loader
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_tools.firmware import script as inference
from support import reference
from support.models import all_types, random_inputs, random_model
from support.models_control import nested, with_signals
from support.socs import make_soc

ROOM = 4 << 20
Samples = Sequence[tuple[bool, Sequence[Any]]]  # (reset variables first, one array per input)
registries = pytest.mark.parametrize("registry", ["portable", "reference"])


class System:
    """Board sim with firmware of the loaded packaging."""

    def __init__(self, folder: Path, shared: Path):
        self.soc = make_soc("sim", folder / "soc")
        self.simulator = build_simulator(self.soc, None, build_dir=shared)
        sources = write_loader(library(), folder / "loader", ROOM, ROOM)
        self.elf = build_firmware(sources, self.soc, build_dir=folder, kind="loader")

    def run(self, models: Sequence[tuple[Model, Samples]], registry: str) -> list[list[bytes]]:
        """For each model the outputs of each sample as bytes, one after the other."""
        script, reads = wire.Script(), []
        for model, samples in models:
            plan = lower(model, registry=registry)
            blob = make_blob(plan, library())
            script.load(blob.header, blob.data)
            for reset, inputs in samples:
                inference.start(script, plan, inputs, reset=reset)
                inference.read_outputs(script, plan)
            reads.append([sum(plan.tensors[tensor].bytes for tensor in plan.outputs)] * len(samples))
        script.exit()
        done = simulate(self.simulator, self.soc, self.elf, stdin=bytes(script), hang_cycles=50_000_000)
        answers = [wire.parse(frame) for frame in wire.split(done.output)[1]]
        data = inference.output_bytes(answers)
        ends = np.cumsum([0, *(count for counts in reads for count in counts)])
        assert ends[-1] == len(data)
        pieces = iter(data[first:last] for first, last in pairwise(ends))
        return [[next(pieces) for _ in counts] for counts in reads]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> System:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    return System(tmp_path_factory.mktemp("rtl"), shared / "soc")


def evaluated(model: Model, samples: Samples) -> list[bytes]:
    evaluator, found = Evaluator(model), []
    for reset, inputs in samples:
        if reset:
            evaluator.reset()
        found.append(b"".join(array.tobytes() for array in evaluator.run(inputs).outputs))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("registry", "seed", "step"),
    [
        ("portable", 70, 2),
        *(pytest.param(*case, 1, marks=pytest.mark.long) for case in (("portable", 71), ("reference", 70))),
    ],
)
def test_every_operator_type(system: System, registry: str, seed: int, step: int) -> None:
    """A random model of each operator (step 2: of each second one), with three inferences, the last one after a reset."""
    types, given, names = all_types()[::step], [], []
    for type in types:
        model, rng = random_model(type, seed), np.random.default_rng(seed)
        samples = [(number != 1, random_inputs(model, rng)) for number in range(3)]
        try:
            evaluated(model, samples)
        except ModelError:
            continue
        given.append((model, samples))
        names.append(f"{type} {seed}")
    assert len(given) > 0.9 * len(types)
    for name, (model, samples), got in zip(names, given, system.run(given, registry), strict=True):
        assert got == evaluated(model, samples), name


@pytest.mark.slow
def test_int16_and_state_and_loops_in_subgraphs(system: System) -> None:
    """What the seeds above do not have, four inferences each."""
    models = [with_signals("both"), nested(3, 4), nested(2, 3, in_branch=True)]
    for type in ("UNIDIRECTIONAL_SEQUENCE_LSTM", "RSQRT", "TRANSPOSE_CONV"):
        each = (random_model(type, seed) for seed in range(72, 100))
        models.append(next(model for model in each if model.tensors[model.inputs[0]].type == "int16"))
    rng = np.random.default_rng(1)
    given = [
        (model, [(number in (0, 3), small_inputs(model, rng)) for number in range(4)]) for model in models
    ]
    for (model, samples), got in zip(given, system.run(given, "reference"), strict=True):
        assert got == evaluated(model, samples), model.name


def small_inputs(model: Model, rng: np.random.Generator) -> list[Any]:
    """Random inputs, but 0 where an int32 counts iterations."""
    return [x * 0 if x.dtype == np.int32 else x for x in random_inputs(model, rng)]


@pytest.mark.long
@pytest.mark.needs("reference")
@registries
def test_kernel_cases(system: System, registry: str) -> None:
    """TFLM's outputs in all single-operator cases: the first and last sample, or the first four where variables carry over."""
    count = 0
    for name, model, cases in reference.kernel_cases():
        kept = cases[:4] if any(tensor.is_variable for tensor in model.tensors) else [cases[0], cases[-1]]
        samples = [(case.reset, case.inputs) for case in kept]
        (got,) = system.run([(model, samples)], registry)
        for case, data in zip(kept, got, strict=True):
            assert data == b"".join(array.tobytes() for array in case.outputs), f"{name} sample {case.number}"
        count += 1
    assert count == 297
