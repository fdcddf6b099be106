"""Inferences on an engine: samples become a request script, the answers become arrays and cycles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cfukit_base.errors import ResultError
from cfukit_base.protocol import wire
from cfukit_tools.engines.engine import RawRun
from cfukit_tools.inference.inputs import InputSet

Layers = dict[tuple[int, int, int], np.ndarray]  # (operator, its output, tensor) -> values


@dataclass
class SampleResult:
    """One inference. cycles, instructions, op_cycles (one per step of the plan) are None where the engine cannot tell."""

    outputs: list[np.ndarray]
    cycles: int | None = None
    instructions: int | None = None
    op_cycles: tuple[int, ...] | None = None
    layers: Layers = field(default_factory=dict)


@dataclass
class Served:
    """What a firmware answered: one result per sample, and its deepest stack in bytes."""

    samples: list[SampleResult]
    stack_bytes: int
    text: str = ""  # what kernels printed


def script(plan: Any, model: Any, inputs: InputSet, samples: range, layers: bool, blob: Any = None) -> bytes:
    """The requests for `samples`; with `layers` every inference pauses after each step so that all outputs can be read.

    blob: the model, for a firmware that has none (cfukit_sw.loaded.Blob).
    """
    requests = wire.Script()
    requests.hello()
    if blob is not None:
        requests.load(blob.header, blob.data)
    for number in samples:
        start(requests, plan, inputs.sample(number), reset=bool(inputs.reset_before[number]), pause=layers)
        if layers:
            for after in range(len(plan.steps) + 1):
                for dump in _dumps(plan, model, after):
                    _read(requests, plan, dump.tensor)
                if after == len(plan.steps):
                    read_outputs(requests, plan)
                requests.step()
        else:
            read_outputs(requests, plan)
    requests.hello()
    requests.exit(0)
    return bytes(requests)


def start(
    requests: wire.Script, plan: Any, inputs: Sequence[np.ndarray], *, reset: bool = True, pause: bool = False
) -> None:
    """Request one inference of `inputs`, in the order of the model's."""
    for index, array in zip(plan.inputs, inputs, strict=True):
        requests.write(plan.tensors[index].offset, array.tobytes())
    requests.run(reset=reset, pause=pause)


def read_outputs(requests: wire.Script, plan: Any) -> None:
    """Request all outputs, in the order of the model's."""
    for index in plan.outputs:
        _read(requests, plan, index)


def output_bytes(answers: Iterable[wire.Answer]) -> bytes:
    """What was read, one piece after the other."""
    return b"".join(answer.data for answer in answers if isinstance(answer, wire.Data))


def decode(
    plan: Any,
    model: Any,
    inputs: InputSet,
    samples: range,
    layers: bool,
    raw: RawRun,
    where: str,
    blob: Any = None,
) -> Served:
    """The results in the answers to `script`; ResultError if the program faulted or answered something else."""
    text, frames, _ = wire.split(raw.output)
    answers = [wire.parse(frame) for frame in frames]
    for answer in answers:
        if isinstance(answer, wire.Fault):
            raise ResultError(
                where, str(answer), hint="cfukit exec runs a single program", fault=vars(answer)
            )
    if raw.fault is not None:
        raise ResultError(where, f"{raw.fault['kind']}: {raw.fault.get('message', '')}", fault=raw.fault)
    # Regions come at the program's end, whatever the requests: a kernel may hold some.
    answers = [answer for answer in answers if not isinstance(answer, wire.Region)]
    from cfukit_sw.folded import folded_outputs

    reader = _Reader(iter(answers), where, text)
    reader.take(wire.HelloIs)
    for _ in range(_pieces(len(blob.data)) + 1 if blob is not None else 0):
        reader.take(wire.Ok)
    results = []
    for number in samples:
        for index in model.inputs:
            for _ in range(_pieces(plan.tensors[index].bytes)):
                reader.take(wire.Ok)
        result = SampleResult([])
        if layers:
            for after in range(len(plan.steps) + 1):
                reader.take(wire.Paused)
                for dump in _dumps(plan, model, after):
                    value = reader.tensor(plan, model, dump.tensor)
                    result.layers[dump.op, dump.output, dump.tensor] = value
                if after == len(plan.steps):
                    result.outputs = [reader.tensor(plan, model, index) for index in model.outputs]
            values = dict(zip(model.inputs, inputs.sample(number), strict=True))
            values |= {tensor: value for (_, _, tensor), value in result.layers.items()}
            result.layers |= folded_outputs(plan, model, values)
        done = reader.take(wire.Done)
        if raw.cycles is not None:
            result.cycles, result.instructions, result.op_cycles = (
                done.cycles,
                done.instructions if raw.instructions is not None else None,
                done.op_cycles,
            )
        if not layers:
            result.outputs = [reader.tensor(plan, model, index) for index in model.outputs]
        results.append(result)
    stack = reader.take(wire.HelloIs).stack_high_water_bytes
    reader.take(wire.Exited)
    return Served(results, stack, text.decode(errors="replace"))


def evaluate(
    model: Any, inputs: InputSet, layers_of: Callable[[int], bool] = lambda _: False
) -> list[SampleResult]:
    """The truth: the integer evaluator on all samples; keeps the layers of those that `layers_of` names."""
    from cfukit_sw.evaluator import Evaluator

    evaluator = Evaluator(model)
    results = []
    for number in range(len(inputs)):
        if inputs.reset_before[number]:
            evaluator.reset()
        keep = layers_of(number)
        result = evaluator.run(inputs.sample(number), keep_layers=keep)
        layers: Layers = {}
        if keep:
            for op, values in zip(model.operators, result.layers, strict=True):
                for output, (tensor, value) in enumerate(zip(op.outputs, values, strict=True)):
                    if value is not None:
                        layers[op.index, output, tensor] = value
        results.append(SampleResult(list(result.outputs), layers=layers))
    return results


def first_difference(expected: Layers, got: Layers) -> dict[str, Any] | None:
    """The first operator, tensor and flat index whose values differ; None if all are equal."""
    for key in sorted(got):
        op, _, tensor = key
        if key in expected:
            place = different_at(expected[key], got[key])
            if place is not None:
                return {"op": op, "tensor": tensor, **place}
    return None


def different_at(expected: np.ndarray, got: np.ndarray) -> dict[str, Any] | None:
    """Flat index, expected and got of the first value that differs."""
    left, right = expected.ravel(), got.ravel()
    differing = np.flatnonzero((left != right) & ~((left != left) & (right != right)))  # NaN equals NaN
    if not differing.size:
        return None
    index = int(differing[0])
    return {"index": index, "expected": left[index].item(), "got": right[index].item()}


def _dumps(plan: Any, model: Any, after: int) -> list[Any]:
    """What can be read after `after` steps; constants and graph inputs have storage too, others not."""
    return [dump for dump in plan.dumps if dump.after == after and dump.tensor in plan.tensors]


def _read(requests: wire.Script, plan: Any, index: int) -> None:
    tensor = plan.tensors[index]
    requests.read(tensor.offset, tensor.bytes)


def _pieces(count: int) -> int:
    return -(-count // wire.DEFAULT_MAX_PAYLOAD)


class _Reader:
    """Takes answers in the order of the requests."""

    def __init__(self, answers: Iterator[wire.Answer], where: str, text: bytes):
        self._answers, self._where, self._text = answers, where, text

    def take(self, kind: type) -> Any:
        answer = next(self._answers, None)
        if not isinstance(answer, kind):
            shown = type(answer).__name__ if answer is not None else "nothing"
            said = self._text.decode(errors="replace").strip()
            raise ResultError(
                self._where,
                f"the firmware answered {shown} {answer if isinstance(answer, wire.Error) else ''}".rstrip(),
                allowed=f"{kind.__name__} was expected",
                hint=f"it printed: {said[-200:]}" if said else "",
            )
        return answer

    def tensor(self, plan: Any, model: Any, index: int) -> np.ndarray:
        """A tensor read in pieces."""
        tensor = plan.tensors[index]
        pieces = [self.take(wire.Data) for _ in range(_pieces(tensor.bytes))]
        _, data = wire.gather(pieces)
        dtype = model.tensors[index].dtype
        return np.frombuffer(data, dtype).reshape(model.tensors[index].shape)
