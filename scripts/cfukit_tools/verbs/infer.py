"""The verb infer: arrays in, arrays out, on any engine."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cfukit_base.cache import write_atomic
from cfukit_base.errors import UsageError
from cfukit_tools.inference.inputs import InputSet, accuracy, load_inputs
from cfukit_tools.inference.script import evaluate
from cfukit_tools.inference.session import Session


def infer(
    target: Path,
    *,
    inputs: Path,
    outputs: Path | None,
    layers: Path | None = None,
    dump: int | None = None,
    engine: str = "",
    jobs: int = 0,
    **options: Any,
) -> dict[str, Any]:
    """Arrays in, arrays out: out0.. [n, ...] to `outputs`, every operator's outputs to `layers` (sK_opIII_J_tT).

    dump: an operator, which becomes a kernel test beside `outputs`: NAME_opIII.tflite, it alone, and NAME_opIII.npz, what it reads
    (in0..) and what it must give (out0..) for each sample.
    """
    _distinct({"--inputs": inputs, "--outputs": outputs, "--layers": layers})
    session = Session(target, engine, options, jobs)
    given = load_inputs(inputs, session.model)
    cycles = None
    if session.engine == "evaluator":
        results = evaluate(session.model, given, lambda _: layers is not None)
    else:
        program = session.build(session.variants[-1])
        results = session.serve(program, given, jobs, layers=False).samples
        cycles = [result.cycles for result in results]
        if layers is not None:
            for result, full in zip(
                results, session.serve(program, given, jobs, layers=True).samples, strict=True
            ):
                result.layers = full.layers
    if outputs is not None:
        count = len(session.model.outputs)
        _save(outputs, {f"out{i}": np.stack([result.outputs[i] for result in results]) for i in range(count)})
    if layers is not None:
        named = {
            f"s{number}_op{op:03d}_{output}_t{tensor}": value
            for number, result in enumerate(results)
            for (op, output, tensor), value in sorted(result.layers.items())
        }
        _save(layers, named)
    dumped = (
        _dump_operator(session.model, given, dump, (outputs or Path("out")).parent)
        if dump is not None
        else []
    )
    return {
        "schema": "cfukit.infer/1",
        "ok": True,
        "engine": session.engine,
        "samples": len(given),
        "cycles": None if cycles is None or None in cycles else cycles,
        "accuracy": accuracy([result.outputs[0] for result in results], given.labels),
        "host": {"outputs": str(outputs or ""), "layers": str(layers or ""), "dump": list(map(str, dumped))},
    }


def _dump_operator(model: Any, inputs: InputSet, index: int, folder: Path) -> list[Path]:
    """Operator `index` as a model, and its inputs and outputs as the evaluator computes them."""
    from cfukit_sw.extract import data_inputs, extract_operator
    from cfukit_sw.tflite_writer import model_bytes

    alone = extract_operator(model, index)
    arrays: dict[str, list[np.ndarray]] = {}
    for number, result in enumerate(evaluate(model, inputs, lambda _: True)):
        values = dict(zip(model.inputs, inputs.sample(number), strict=True))
        values |= {tensor: value for (_, _, tensor), value in result.layers.items()}
        for place, tensor in enumerate(data_inputs(model, index)):
            arrays.setdefault(f"in{place}", []).append(values[tensor])
        for place, tensor in enumerate(model.operators[index].outputs):
            arrays.setdefault(f"out{place}", []).append(values[tensor])
    paths = [folder / f"{alone.name}.tflite", folder / f"{alone.name}.npz"]
    write_atomic(paths[0], model_bytes(alone))
    _save(
        paths[1],
        {name: np.stack(each) for name, each in arrays.items()} | {"reset_before": inputs.reset_before},
    )
    return paths


def _distinct(files: Mapping[str, Path | None]) -> None:
    seen: dict[Path, str] = {}
    for option, path in files.items():
        if path is None:
            continue
        other = seen.setdefault(path.resolve(), option)
        if other != option:
            raise UsageError(option, f"{path} is the file of {other} too", allowed="files that differ")


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_atomic(path, buffer.getvalue())
