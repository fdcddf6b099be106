"""Lowering: a model and the available kernels become a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cfukit_base.errors import ModelError, suggest
from cfukit_sw.evaluator import check_supported
from cfukit_sw.lowering import LOWERINGS, Alias, Bytes, Lowered, Pieces, TensorAt
from cfukit_sw.lowering.folding import foldable_pads, folded
from cfukit_sw.lowering.lowered import Param, refuse
from cfukit_sw.lowering.movement import copied
from cfukit_sw.model import Model, Operator
from cfukit_sw.plan import (
    ALIGNMENT,
    Dump,
    InArena,
    InConstants,
    Plan,
    PlanTensor,
    Step,
    Structs,
    Value,
    Variable,
)
from cfukit_sw.planner import Buffer, Overlap, plan_arena
from cfukit_sw.registry import Kernel, choose, library


def lower(
    model: Model,
    soc: Mapping[str, Any] | None = None,
    kernels: Sequence[Kernel] = (),
    *,
    registry: str = "portable",
) -> Plan:
    """The plan for `model`. kernels: a project's, tried first. registry: "portable", or "reference" for TFLM's loops only.

    ModelError for anything that is not supported, naming operator, index and what is.
    """
    check_supported(model)
    listed = [*kernels, *library(registry)]
    plan = _Lowering(model, listed, registry).run()
    given = offline_plan(model)
    limit = max((offset + model.tensors[tensor].bytes for tensor, offset in given.items()), default=0)
    # An arena planned by others holds for operators as they stand: without aliases and folded padding it is met at the least.
    for folding in (True, False):
        if given and plan.activation_bytes > limit:
            other = _Lowering(model, listed, registry, folding=folding, copies=True).run()
            plan = min(plan, other, key=lambda each: each.activation_bytes)
    return plan


@dataclass(frozen=True)
class _Call:
    """A lowered operator with its kernel and the constants that depend on it."""

    lowered: Lowered
    kernel: Kernel
    own: dict[str, Param]  # weights, channels
    scratch_bytes: int
    reads: tuple[int, ...]  # storage roots
    writes: tuple[int, ...]
    fused: tuple[int, ...]  # operators, the last one is lowered.op

    @property
    def scratch_unit(self) -> int:
        return self.kernel.scratch_unit(self.lowered.op)

    @property
    def can_shrink(self) -> bool:
        return 0 < self.scratch_unit < self.scratch_bytes

    def smaller(self) -> Iterator[_Call]:
        """The same with less and less scratch: even numbers of units, at last one."""
        for units in _FEWER_UNITS:
            if units * self.scratch_unit < self.scratch_bytes:
                yield replace(self, scratch_bytes=units * self.scratch_unit)


_FEWER_UNITS = sorted({1, *(n << k for n in (2, 6) for k in range(12))}, reverse=True)


class _Constants:
    """The blob of constants; equal ones are stored once."""

    def __init__(self) -> None:
        self.blob = bytearray()
        self.places: dict[bytes, int] = {}

    def place(self, data: bytes) -> int:
        if data not in self.places:
            self.blob += bytes(-len(self.blob) % ALIGNMENT)
            self.places[data] = len(self.blob)
            self.blob += data
        return self.places[data]


@dataclass
class _Lowering:
    model: Model
    kernels: list[Kernel]
    registry: str
    folding: bool = True  # PAD becomes part of a convolution
    copies: bool = False  # operators that compute nothing move their input
    roots: dict[int, int] = field(default_factory=dict)  # tensor -> tensor whose storage it is
    calls: list[_Call] = field(default_factory=list)
    dumps: list[Dump] = field(default_factory=list)
    constants: _Constants = field(default_factory=_Constants)

    def run(self) -> Plan:
        removed = []
        needed = self._needed()
        folds = self._folds(needed)
        pads = {pad.index for pad, _ in folds.values()}
        for op in self.model.operators:
            if op.index not in needed:
                removed.append(op.index)
            elif op.index not in pads:
                self._add_operator(op, *folds.get(op.index, (None, None)))
                for number, tensor in enumerate(op.outputs):
                    self.dumps.append(Dump(op.index, number, tensor, len(self.calls)))
        return self._finish(tuple(removed))

    def root(self, tensor: int) -> int:
        return self.roots.get(tensor, tensor)

    def _needed(self) -> set[int]:
        """Operators that an output of the model or a variable depends on."""
        wanted = set(self.model.outputs)
        needed = set()
        variables = {tensor.index for tensor in self.model.variables()}
        for op in reversed(self.model.operators):
            if wanted & set(op.outputs) or variables & set(op.inputs):
                needed.add(op.index)
                wanted |= {tensor for tensor in op.inputs if tensor >= 0}
        return needed

    def _lower_operator(self, op: Operator) -> Lowered | Alias:
        function = LOWERINGS.get(op.type)
        if function is None:
            given = suggest(op.type, LOWERINGS, "supported operator")
            raise refuse(
                self.model, op, f"not supported: {given}", f"supported: {', '.join(sorted(LOWERINGS))}"
            )
        return function(self.model, op)

    def _folds(self, needed: set[int]) -> dict[int, tuple[Operator, Lowered]]:
        """Convolution -> (the PAD that becomes part of it, both as one), where that costs no better kernel."""
        folds = {}
        for index, pad in foldable_pads(self.model, needed).items() if self.folding else ():
            alone = self._lower_operator(self.model.operators[index])
            assert isinstance(alone, Lowered)
            both = folded(self.model, pad, alone)
            kernels = [self._kernel(lowered) for lowered in (both, alone) if lowered is not None]
            if both is not None and None not in kernels:
                first, second = (self.kernels.index(kernel) for kernel in kernels if kernel is not None)
                if first <= second:
                    folds[index] = pad, both
        return folds

    def _kernel(self, lowered: Lowered) -> Kernel | None:
        return choose(self.kernels, lowered.kernels_for, lowered.op)

    def _add_operator(self, op: Operator, pad: Operator | None, both: Lowered | None) -> None:
        if pad is not None and both is not None:
            self._add_call(op, both, fused=(pad.index, op.index))
            return
        lowered = self._lower_operator(op)
        if isinstance(lowered, Alias):
            self.roots[op.outputs[0]] = self.root(lowered.source)
            if not self.copies and not self._needs_own_storage(op.outputs[0]):
                return
            del self.roots[op.outputs[0]]
            lowered = copied(self.model, op, lowered.source)
        self._add_call(op, lowered, fused=(op.index,))

    def _needs_own_storage(self, tensor: int) -> bool:
        """An output of the model must not share the storage of something that outlives or cannot hold it."""
        root = self.model.tensors[self.root(tensor)]
        shared = root.is_constant or root.is_variable or root.index in self.model.inputs
        return tensor in self.model.outputs and shared

    def _add_call(self, op: Operator, lowered: Lowered, fused: tuple[int, ...]) -> None:
        kernel = self._kernel(lowered)
        if kernel is None:
            raise refuse(self.model, op, "no kernel supports it")
        own: dict[str, Param] = {}
        if lowered.weights is not None:
            packed = kernel.pack(lowered.op, lowered.weights) if kernel.pack else lowered.weights.tobytes()
            own["weights"] = Bytes(packed)
            own["channels"] = Bytes(_channels(lowered, kernel))
        scratch = kernel.scratch(lowered.op)
        reads = {
            self.root(at.tensor) for at in _tensors(lowered.params.values()) if at.tensor not in op.outputs
        }
        self.calls.append(_Call(lowered, kernel, own, scratch, tuple(sorted(reads)), op.outputs, fused))

    def _finish(self, removed: tuple[int, ...]) -> Plan:
        self._fit_scratch()
        offsets, activation_bytes = self._arena()
        place = -(-activation_bytes // ALIGNMENT) * ALIGNMENT
        variables = []
        for tensor in self.model.variables():
            fill = tensor.zero_point & 0xFF if tensor.type == "int8" else 0
            variables.append(Variable(tensor.index, place, tensor.bytes, fill))
            offsets[tensor.index] = place
            place += -(-tensor.bytes // ALIGNMENT) * ALIGNMENT
        tensors = {}
        for tensor in self.model.tensors:
            root = self.root(tensor.index)
            if root in offsets:
                tensors[tensor.index] = PlanTensor(
                    tensor.index, tensor.name, tensor.type, tensor.shape, offsets[root], tensor.bytes
                )
        steps = tuple(self._step(number, call, offsets) for number, call in enumerate(self.calls))
        sources = dict.fromkeys(source for call in self.calls for source in call.kernel.sources)
        return Plan(
            model=self.model.name,
            sha256=self.model.sha256,
            registry=self.registry,
            macs=self.model.macs,
            steps=steps,
            tensors=tensors,
            inputs=self.model.inputs,
            outputs=self.model.outputs,
            dumps=tuple(self.dumps),
            variables=tuple(variables),
            constants=bytes(self.constants.blob),
            activation_bytes=activation_bytes,
            arena_bytes=place,
            sources=tuple(sources),
            removed=removed,
        )

    def _fit_scratch(self) -> None:
        """Give each kernel that can do with less scratch as much as leaves the arena as small as it would be without: as what the
        tensors need side by side, or these with the scratch that has one size only.
        """
        full, fixed = self.calls, [replace(c, scratch_bytes=0) if c.can_shrink else c for c in self.calls]
        bare = [replace(call, scratch_bytes=0) for call in self.calls]
        if full == fixed or self._arena_bytes(full) <= (
            limit := max(self._arena_bytes(bare, overlap=False), self._arena_bytes(fixed))
        ):
            return
        fitted = list(fixed)
        for number, call in enumerate(full):
            if call.can_shrink:

                def fits(smaller: _Call, number: int = number) -> bool:
                    return self._arena_bytes([*fixed[:number], smaller, *fixed[number + 1 :]]) <= limit

                fitted[number] = next(filter(fits, call.smaller()), list(call.smaller())[-1])
        while self._arena_bytes(fitted) > limit and any(call.can_shrink for call in fitted):
            fitted = [next(call.smaller()) if call.can_shrink else call for call in fitted]
        self.calls = fitted

    def _arena_bytes(self, calls: list[_Call], overlap: bool = True) -> int:
        return replace(self, calls=calls)._arena(overlap)[1]

    def _arena(self, overlap: bool = True) -> tuple[dict[int, int], int]:
        """Offsets of storage roots (key -1 - step: that step's scratch), and the size."""
        end = len(self.calls)
        life: dict[int, list[int]] = {}
        for tensor in self.model.inputs:
            life[self.root(tensor)] = [-1, -1]
        for step, call in enumerate(self.calls):
            for tensor in (*call.reads, *(self.root(tensor) for tensor in call.writes)):
                life.setdefault(tensor, [step, step])[1] = step
        for dump in self.dumps:  # an alias of a model's input is read before the first step, and so on
            life.setdefault(self.root(dump.tensor), [dump.after - 1] * 2)
        for tensor in self.model.outputs:
            life.setdefault(self.root(tensor), [-1, end])[1] = end
        tensors = self.model.tensors
        stored = [t for t in life if not tensors[t].is_constant and not tensors[t].is_variable]
        buffers = [Buffer(str(t), tensors[t].bytes, life[t][0], life[t][1]) for t in stored]
        overlaps = []
        for step, call in enumerate(self.calls):
            if call.scratch_bytes:
                buffers.append(Buffer(str(-1 - step), call.scratch_bytes, step, step))
            lead = call.kernel.lead(call.lowered.op) if overlap else None
            for tensor in call.lowered.in_place if lead is not None else ():
                source = self.root(tensor)
                if source in stored and life[source][1] == step and lead is not None:
                    overlaps.append(Overlap(str(call.writes[0]), str(source), lead))
        given = {str(tensor): offset for tensor, offset in offline_plan(self.model).items()}
        offsets, size = plan_arena(buffers, overlaps, given)
        return {int(key): offset for key, offset in offsets.items()}, size

    def _step(self, number: int, call: _Call, offsets: Mapping[int, int]) -> Step:
        op = call.lowered.op
        params = {
            name: self._value(value, offsets) for name, value in (call.lowered.params | call.own).items()
        }
        if call.scratch_bytes:
            params["scratch"] = InArena(offsets[-1 - number])
            if call.lowered.struct in STRUCTS_WITH_SCRATCH_BYTES:
                params["scratch_bytes"] = call.scratch_bytes
        return Step(
            index=op.index,
            fused=call.fused,
            type=op.type,
            kernel=call.kernel.name,
            registry=call.kernel.registry,
            function=call.kernel.function,
            struct=call.lowered.struct,
            params=params,
            macs=op.macs,
            scratch_bytes=call.scratch_bytes,
        )

    def _value(self, param: Param, offsets: Mapping[int, int]) -> Value:
        if isinstance(param, TensorAt):
            root = self.root(param.tensor)
            if root in offsets:
                return InArena(offsets[root] + param.offset)
            data = self.model.tensors[root].data
            if data is None:
                raise ModelError(self.model.name, f"{self.model.tensors[root]} is used before it is computed")
            return InConstants(self.constants.place(np.ascontiguousarray(data).tobytes()) + param.offset)
        if isinstance(param, Bytes):
            return InConstants(self.constants.place(param.data))
        if isinstance(param, Pieces):
            items = [
                {name: self._value(value, offsets) for name, value in item.items()} for item in param.items
            ]
            return Structs(param.name, tuple(items))
        return param


def offline_plan(model: Model) -> dict[int, int]:
    """Arena offset by tensor, as planned by whoever made the file (metadata OfflineMemoryAllocation); what makes no sense counts as
    not planned.
    """
    data = model.metadata.get("OfflineMemoryAllocation", b"")
    if len(data) < 12 or len(data) % 4:
        return {}
    _version, _subgraph, count, *offsets = np.frombuffer(data, "<i4").tolist()
    if count != len(offsets) or count != len(model.tensors):
        return {}
    return {tensor: offset for tensor, offset in enumerate(offsets) if offset >= 0}


STRUCTS_WITH_SCRATCH_BYTES = {"cfukit_conv", "cfukit_fully_connected"}


def _channels(lowered: Lowered, kernel: Kernel) -> bytes:
    """struct cfukit_channel[]: bias, multiplier, shift."""
    assert lowered.weights is not None and lowered.channels is not None
    channels = lowered.channels
    bias, multipliers, shifts = channels.bias, channels.multipliers, channels.shifts
    if kernel.small:
        bias, multipliers, shifts = channels.small or (bias, multipliers, shifts)
    if kernel.fold:
        axis = 3 if lowered.op.type == "DEPTHWISE_CONV_2D" else 0
        others = tuple(a for a in range(lowered.weights.ndim) if a != axis)
        bias = bias - lowered.op.input_zero_point * lowered.weights.astype(np.int64).sum(axis=others)
    return np.stack([bias, multipliers, shifts], axis=1).astype("<i4").tobytes()


def _tensors(params: Iterable[Param]) -> Iterable[TensorAt]:
    for param in params:
        if isinstance(param, TensorAt):
            yield param
        elif isinstance(param, Pieces):
            for item in param.items:
                yield from _tensors(item.values())
