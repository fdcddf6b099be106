"""Damaged models. Each must be refused with a ModelError or run correctly: `python -m support.fuzz COUNT [FIRST]` in tests/.

Each passes through `info`, lowering, the evaluator and the C kernels of both registries, within 10 s and 2 GiB.
The seeds are our own models of every operator, so that damage reaches every reader, check and kernel.
"""

from __future__ import annotations

import faulthandler
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.lower import lower
from cfukit_sw.model import Model, Operator, Tensor
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes
from cfukit_tools.verbs import info as informing
from support.kernels import HostModel, library
from support.models import all_types, random_inputs, random_model
from support.models_compressed import by_metadata, with_few_values
from support.models_control import counted_by_variable, nested, with_signals
from support.models_operands import computed_models

ABSURD = (
    0,
    1,
    2,
    7,
    0x7F,
    0xFF,
    0x100,
    0x7FFF,
    0xFFFF,
    0x10000,
    1 << 20,
    1 << 24,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
)
SECONDS_ALLOWED = 10.0
MEMORY_ALLOWED = 2 << 30


OTHER_TYPES = ("UNIDIRECTIONAL_SEQUENCE_LSTM", "SVDF", "TRANSPOSE_CONV", "RSQRT", "CUSTOM:TFLM_DECODE")


def seed_models() -> list[bytes]:
    """One file per operator, some in other types, networks of several operators, and state and loops in nested subgraphs."""
    models = [random_model(type, 1) for type in all_types()]
    models += [random_model(type, seed) for type in OTHER_TYPES for seed in (3, 5, 9)]
    models += [counted_by_variable("IF", 3, 2), counted_by_variable("WHILE", 2, 2)]
    models += [
        *(with_signals(kind) for kind in ("IF", "WHILE", "both")),
        nested(3, 4),
        nested(2, 3, in_branch=True),
    ]
    models += computed_models()
    dense = with_few_values(random_model("FULLY_CONNECTED", 1), np.random.default_rng(1), [1])
    return [*(model_bytes(model) for model in models), by_metadata(dense, [1])]


def mutate(data: bytes, rng: random.Random) -> bytes:
    """`data` with one to eight pieces of damage."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(damaged))
        word = at & ~3
        kind = rng.randrange(8)
        if kind <= 1:
            damaged[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            damaged[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind <= 4:
            damaged[word : word + 4] = rng.choice(ABSURD).to_bytes(4, "little")
        elif kind == 5:
            other = rng.randrange(len(damaged)) & ~3
            a, b = damaged[word : word + 4], damaged[other : other + 4]
            damaged[word : word + 4], damaged[other : other + 4] = b, a
        elif kind == 6:
            length = rng.randrange(1, 64)
            source = rng.randrange(len(damaged))
            damaged[at : at + length] = damaged[source : source + length]
        elif rng.random() < 0.2:
            del damaged[max(8, at) :]
    return bytes(damaged)


def mutate_model(model: Model, rng: random.Random) -> bytes:
    """A well-formed file of an absurd model, with one to three odd shapes, scales, constants, options, types or indices, in the main graph
    or in a subgraph.
    """
    if model.subgraphs and rng.random() < 0.6:
        graphs = list(model.subgraphs)
        at = rng.randrange(len(graphs))
        graphs[at] = _with_oddities(graphs[at], rng)
        return model_bytes(replace(model, subgraphs=tuple(graphs)))
    return model_bytes(_with_oddities(model, rng))


def _with_oddities(model: Model, rng: random.Random) -> Model:
    tensors, operators = list(model.tensors), list(model.operators)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if operators and rng.random() < 0.35:
            at = rng.randrange(len(operators))
            operators[at] = _odd_operator(operators[at], len(tensors), rng)
        elif tensors:
            at = rng.randrange(len(tensors))
            tensors[at] = _odd_tensor(tensors[at], rng)
    return replace(model, tensors=tuple(tensors), operators=tuple(operators))


def _odd_operator(op: Operator, tensors: int, rng: random.Random) -> Operator:
    kind = rng.randrange(4)
    if kind == 0 and op.inputs:
        return replace(op, inputs=tuple(rng.sample(op.inputs, len(op.inputs) - rng.randrange(2))))
    if kind == 1 and op.inputs:
        return replace(op, inputs=tuple(rng.choice((i, i, -1, rng.randrange(tensors))) for i in op.inputs))
    numbers = [name for name, value in op.options.items() if type(value) in (int, float)]
    if not numbers:
        return replace(op, outputs=(*op.outputs, rng.randrange(tensors)))
    name = rng.choice(numbers)
    odd: Any = rng.choice((-1, 0, 1, 2, 3, 5, 32767, 1 << 20, 2**31 - 1, -(2**31)))
    if isinstance(op.options[name], float):
        odd = rng.choice((0.0, -1.0, 1e-38, 3e38, float("nan"), float("inf")))
    return replace(op, options=op.options | {name: odd})


def _odd_tensor(tensor: Tensor, rng: random.Random) -> Tensor:
    kind = rng.randrange(5)
    if kind == 0 and tensor.shape:
        sizes = list(tensor.shape)
        sizes[rng.randrange(len(sizes))] = rng.choice(
            (0, 1, 2, 3, 17, 1000, 65536, 1 << 22, 1 << 24, 2**31 - 1)
        )
        if tensor.data is None or np.prod(sizes, dtype=float) > 1 << 20:
            return replace(tensor, shape=tuple(sizes))
        return replace(tensor, shape=tuple(sizes), data=np.resize(tensor.data, sizes))
    if kind == 1 and tensor.scales.size:
        scales = tensor.scales.copy()
        scales[rng.randrange(scales.size)] = rng.choice(
            (0, 1e-45, 1e-38, 1e-20, 1, 100, 1e20, 3e38, np.nan, np.inf, -1)
        )
        return replace(tensor, scales=scales)
    if kind == 2 and tensor.zero_points.size:
        return replace(tensor, zero_points=tensor.zero_points + rng.choice((1, -1, 100, 255, 1 << 40)))
    if kind == 3 and tensor.data is not None and tensor.data.dtype == np.int32:
        data = tensor.data.copy().reshape(-1)
        if data.size:
            data[rng.randrange(data.size)] = rng.choice(
                (-(2**31), -9, -1, 0, 1, 2, 7, 1000, 1 << 22, 2**31 - 1)
            )
        return replace(tensor, data=data.reshape(tensor.data.shape))
    if kind == 4:
        return replace(
            tensor, type=rng.choice(("int8", "int16", "int32", "float32", "uint8", "string", "int4", "bool"))
        )
    return replace(tensor, is_variable=not tensor.is_variable)


def outcome(data: bytes, seed: int, file: Path) -> str:
    """ "refused" or "ran": how info, lowering, the evaluator and the C kernels of both registries agree on a model.

    file: where to write it. Any exception but a ModelError passes through.
    """
    file.write_bytes(data)
    try:
        known = informing.info(file)
        model = parse_model(data, "damaged")
        evaluator = Evaluator(model)
        inputs = [random_inputs(model, np.random.default_rng([seed, sample])) for sample in range(2)]
        results = [evaluator.run(arrays, keep_layers=True).outputs for arrays in inputs]
        for registry in ("portable", "reference"):
            host = HostModel(lower(model, registry=registry), seed=seed)
            for arrays, wanted in zip(inputs, results, strict=True):
                for got, want in zip(host.run(arrays), wanted, strict=True):
                    np.testing.assert_array_equal(got, want, registry)
    except ModelError as error:
        assert error.where and error.given
        assert len(error.message) < 2000, "a message for people"
        return "refused"
    assert known.ok, f"info refuses what runs: {known.refused}"
    return "ran"


def damaged_model(case: int, seeds: list[bytes]) -> bytes:
    """Case `case`: damaged bytes (even cases) or a damaged model (odd ones)."""
    rng, data = random.Random(case), seeds[case // 2 % len(seeds)]
    return mutate(data, rng) if case % 2 == 0 else mutate_model(parse_model(data), rng)


def fuzz(first: int, count: int) -> dict[str, int]:
    """Run cases first .. first + count - 1 in this process. Raises with the number of a case that is neither refused nor runs in time.

    CPU time counts, so a busy machine changes nothing. A case that hangs ends the process.
    """
    seeds, counts = seed_models(), {"refused": 0, "ran": 0}
    with tempfile.TemporaryDirectory(prefix="cfukit-fuzz-") as folder:
        for case in range(first, first + count):
            data = damaged_model(case, seeds)
            faulthandler.dump_traceback_later(10 * SECONDS_ALLOWED, exit=True)
            begin = time.process_time()
            try:
                counts[outcome(data, case, Path(folder) / "damaged.tflite")] += 1
            except Exception as error:
                raise AssertionError(f"damaged model {case}: {error!r}") from error
            seconds = time.process_time() - begin
            assert seconds < SECONDS_ALLOWED, f"damaged model {case} took {seconds:.1f} s"
    faulthandler.cancel_dump_traceback_later()
    return counts


def fuzz_in_worker(first: int, count: int) -> dict[str, int]:
    """As fuzz, in a process with an address space of MEMORY_ALLOWED bytes, whose crash is noticed."""
    argv = [sys.executable, "-m", "support.fuzz", str(count), str(first)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        argv, cwd=Path(__file__).parent.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"exit code {done.returncode}; {done.stderr[-3000:]}"
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    first, count = int(sys.argv[2]) if len(sys.argv) > 2 else 0, int(sys.argv[1])
    library()  # compiling needs more memory than the cases are allowed
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_ALLOWED, MEMORY_ALLOWED))
    print(json.dumps(fuzz(first, count)))
