"""The verb infer: arrays in, arrays out, on any engine."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from cfukit_base.artefacts import Infer
from cfukit_base.artefacts.documents import InferHost
from cfukit_base.cache import write_atomic
from cfukit_base.errors import UsageError
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.firmware.inputs import InputSet, accuracy
from cfukit_tools.firmware.samples import SampleResult, evaluate
from cfukit_tools.inference.measure import Measured, outputs_mismatch
from cfukit_tools.inference.workload import Workload
from cfukit_tools.project.project import Choice, load_target

if TYPE_CHECKING:
    from cfukit_sw.model import Model


def infer(
    target: Path | str = Path(),
    *,
    inputs: Path | str,
    outputs: Path | str | None,
    layers: Path | str | None = None,
    dump: int | None = None,
    unchecked: bool = False,
    engine: str = "",
    port: str = "",
    baud: int = 0,
    jobs: int = 0,
    **choice: Unpack[Choice],
) -> Infer:
    """Run the samples of `inputs` through the model; the document cfukit.infer/1.

    * outputs: an .npz for out0.. [n, ...].
    * layers: an .npz for every operator's outputs, sK_opIII_J_tT.
    * dump: an operator that becomes a kernel test beside `outputs`: NAME_opIII.tflite, it alone, and NAME_opIII.npz, what it
      reads (in0..) and what it must give (out0..) for each sample.
    * unchecked: do not compare the outputs with the evaluator's.
    * choice: as `load_target`.
    """
    source = Path(inputs)
    target_file, layer_file = (Path(path) if path else None for path in (outputs, layers))
    _distinct({"--inputs": source, "--outputs": target_file, "--layers": layer_file})
    workload = Workload(load_target(target, **choice), engine, Line(port, baud), jobs)
    given = workload.inputs(source, 0, 0)
    program = workload.build(workload.variants[-1])
    (served,) = workload.serve([program], given)
    results = served.samples
    mismatch = None
    if not unchecked:
        truth = evaluate(workload.model, given)
        mismatch = outputs_mismatch(workload, Measured(program, served), truth, given)
    if target_file is not None:
        stacked = {f"out{i}": np.stack(each) for i, each in enumerate(_by_output(results))}
        _save(target_file, stacked)
    if layer_file is not None:
        _save(layer_file, _named_layers(workload.layers(program, given).samples))
    folder = (target_file or Path("out")).parent
    dumped = _dump_operator(workload.model, given, dump, folder) if dump is not None else []
    cycles = [result.cycles for result in results if result.cycles is not None]
    return Infer(
        ok=mismatch is None,
        engine=workload.engine.name,
        samples=len(given),
        cycles=tuple(cycles) if len(cycles) == len(results) else None,
        checked=not unchecked,
        mismatch=mismatch,
        accuracy=accuracy([result.outputs[0] for result in results], given.labels),
        host=InferHost(outputs=str(outputs or ""), layers=str(layers or ""), dump=tuple(map(str, dumped))),
    )


def _by_output(results: list[SampleResult]) -> list[list[np.ndarray]]:
    return [list(each) for each in zip(*(result.outputs for result in results), strict=True)]


def _named_layers(results: list[SampleResult]) -> dict[str, np.ndarray]:
    return {
        f"s{number}_op{op:03d}_{output}_t{tensor}": value
        for number, result in enumerate(results)
        for (op, output, tensor), value in sorted(result.layers.items())
    }


def _dump_operator(model: Model, inputs: InputSet, index: int, folder: Path) -> list[Path]:
    """Operator `index` as a model, and its inputs and outputs as the evaluator computes them."""
    from cfukit_sw.evaluator import simplified
    from cfukit_sw.evaluator.calls import CALLS, VARIABLES
    from cfukit_sw.extract import data_inputs, extract_operator
    from cfukit_sw.tflite_writer import model_bytes

    exists = 0 <= index < len(model.operators)  # if not, extract_operator refuses it
    known = dict(enumerate(simplified(model).operators))
    if exists and (
        index not in known or (known[index].type in CALLS and known[index].options.get(VARIABLES))
    ):
        given = f"{model.operators[index]}, which uses variables or comes behind the end of some inferences"
        raise UsageError("--dump", given, allowed="another operator")
    alone = extract_operator(model, index)
    arrays: dict[str, list[np.ndarray]] = {}
    for number, result in enumerate(evaluate(model, inputs, lambda _: True)):
        values = dict(zip(model.inputs, inputs.sample(number), strict=True))
        values |= {tensor: value for (_, _, tensor), value in result.layers.items()}
        if not {*data_inputs(model, index), *model.operators[index].outputs} <= values.keys():
            raise UsageError(
                "--dump", f"{model.operators[index]}, whose tensors live on", allowed="another operator"
            )
        for place, tensor in enumerate(data_inputs(model, index)):
            arrays.setdefault(f"in{place}", []).append(values[tensor])
        for place, tensor in enumerate(model.operators[index].outputs):
            arrays.setdefault(f"out{place}", []).append(values[tensor])
    paths = [folder / f"{alone.name}.tflite", folder / f"{alone.name}.npz"]
    write_atomic(paths[0], model_bytes(alone))
    stacked = {name: np.stack(each) for name, each in arrays.items()}
    _save(paths[1], stacked | {"reset_before": inputs.reset_before})
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
