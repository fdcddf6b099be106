"""What a model's firmware is asked, and what its answers mean. The format is that of cfukit_base.protocol.wire."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from cfukit_base.artefacts import Outcome, Plan
from cfukit_base.artefacts.plan import Dump
from cfukit_base.errors import ResultError
from cfukit_base.protocol import wire
from cfukit_tools.firmware.counted import counted
from cfukit_tools.firmware.inputs import InputSet
from cfukit_tools.firmware.program import Program
from cfukit_tools.firmware.samples import SampleResult, Served

if TYPE_CHECKING:
    from cfukit_sw.model import Model

Answer = TypeVar("Answer", bound=wire.Answer)


def script(program: Program, inputs: InputSet, samples: range, layers: bool) -> bytes:
    """The requests for `samples`; with `layers` every inference pauses after each step so that all outputs can be read."""
    plan = program.plan
    requests = wire.Script()
    requests.hello()
    if program.blob is not None:
        requests.load(program.blob.header, program.blob.data)
    for number in samples:
        start(requests, plan, inputs.sample(number), reset=bool(inputs.reset_before[number]), pause=layers)
        if layers:
            for after in range(len(plan.steps) + 1):
                for dump in _dumps(plan, after):
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
    requests: wire.Script,
    plan: Plan,
    inputs: Sequence[np.ndarray],
    *,
    reset: bool = True,
    pause: bool = False,
) -> None:
    """Request one inference of `inputs`, in the order of the model's."""
    for index, array in zip(plan.inputs, inputs, strict=True):
        requests.write(plan.tensors[index].offset, array.tobytes())
    requests.run(reset=reset, pause=pause)


def read_outputs(requests: wire.Script, plan: Plan) -> None:
    """Request all outputs, in the order of the model's."""
    for index in plan.outputs:
        _read(requests, plan, index)


def output_bytes(answers: Iterable[wire.Answer]) -> bytes:
    """What was read, one piece after the other."""
    return b"".join(answer.data for answer in answers if isinstance(answer, wire.Data))


def decode(
    program: Program, inputs: InputSet, samples: range, layers: bool, outcome: Outcome, where: str
) -> Served:
    """The results in the answers to `script`; ResultError if the program faulted or answered something else."""
    from cfukit_sw.folded import folded_outputs

    plan, model, blob = program.plan, program.model, program.blob
    text, frames, _ = wire.split(outcome.output)
    answers = [wire.parse(frame) for frame in frames]
    for place, answer in enumerate(answers):
        if isinstance(answer, wire.Fault):
            if answer.mcause == wire.VALUE_REFUSED:
                finished = sum(isinstance(before, wire.Done) for before in answers[:place])
                raise _refused(plan, answer, f"{where}, sample {samples[finished]}")
            raise ResultError(
                where, str(answer), hint="cfukit exec runs a single program", fault=vars(answer)
            )
    if outcome.fault is not None:
        fault = outcome.fault
        raise ResultError(where, f"{fault.kind}: {fault.message}", fault=fault)
    # Regions come at the program's end, whatever the requests: a kernel may hold some.
    answers = [answer for answer in answers if not isinstance(answer, wire.Region)]
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
                for dump in _dumps(plan, after):
                    value = reader.tensor(plan, model, dump.tensor)
                    result.layers[dump.op, dump.output, dump.tensor] = value
                if after == len(plan.steps):
                    result.outputs = [reader.tensor(plan, model, index) for index in model.outputs]
            values = dict(zip(model.inputs, inputs.sample(number), strict=True))
            values |= {tensor: value for (_, _, tensor), value in result.layers.items()}
            result.layers |= folded_outputs(plan, model, values)
        done = reader.take(wire.Done)
        if outcome.cycles is not None:
            result.cycles, result.instructions, result.op_cycles = (
                done.cycles,
                done.instructions if outcome.instructions is not None else None,
                done.op_cycles,
            )
        if not layers:
            result.outputs = [reader.tensor(plan, model, index) for index in model.outputs]
        results.append(result)
    first = results[0]
    if outcome.segments is not None and first.cycles is not None and first.op_cycles is not None:
        first.counted = counted(outcome.segments, first.op_cycles, first.cycles, where)
    stack = reader.take(wire.HelloIs).stack_high_water_bytes
    reader.take(wire.Exited)
    return Served(results, stack, text.decode(errors="replace"))


def _refused(plan: Plan, fault: wire.Fault, where: str) -> ResultError:
    """The error for a kernel whose input holds values that its operator does not allow."""
    from cfukit_sw.values import value_refusal

    if fault.mepc >= len(plan.steps):  # a call inside IF or WHILE
        given, allowed = value_refusal("", fault.mtval)
        return ResultError(f"{where}: an operator of a subgraph", given, allowed=allowed, fault=vars(fault))
    step = plan.steps[fault.mepc]
    given, allowed = value_refusal(step.type, fault.mtval)
    return ResultError(
        f"{where}: operator {step.index} {step.type}", given, allowed=allowed, fault=vars(fault)
    )


def _dumps(plan: Plan, after: int) -> list[Dump]:
    """What can be read after `after` steps; constants and graph inputs have storage too, others not."""
    return [dump for dump in plan.dumps if dump.after == after and dump.tensor in plan.tensors]


def _read(requests: wire.Script, plan: Plan, index: int) -> None:
    tensor = plan.tensors[index]
    requests.read(tensor.offset, tensor.bytes)


def _pieces(count: int) -> int:
    return -(-count // wire.DEFAULT_MAX_PAYLOAD)


class _Reader:
    """Takes answers in the order of the requests."""

    def __init__(self, answers: Iterator[wire.Answer], where: str, text: bytes):
        self._answers, self._where, self._text = answers, where, text

    def take(self, kind: type[Answer]) -> Answer:
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

    def tensor(self, plan: Plan, model: Model, index: int) -> np.ndarray:
        """A tensor read in pieces."""
        tensor = plan.tensors[index]
        pieces = [self.take(wire.Data) for _ in range(_pieces(tensor.bytes))]
        _, data = wire.gather(pieces)
        dtype = model.tensors[index].dtype
        return np.frombuffer(data, dtype).reshape(model.tensors[index].shape)
