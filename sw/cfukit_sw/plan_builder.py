"""Make a plan from calls: every pointer becomes an offset into the arena or the constants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cfukit_base.artefacts.plan import (
    InArena,
    InConstants,
    Invocation,
    Plan,
    PlanTensor,
    Step,
    Steps,
    Structs,
    Value,
    Variable,
)
from cfukit_base.errors import ModelError
from cfukit_sw.arena import FAR_ALIGNMENT, Storage
from cfukit_sw.cache_lines import Cache
from cfukit_sw.calls import Call
from cfukit_sw.layout import Layout, initial_value
from cfukit_sw.lowering import Bytes, Pieces, TensorAt
from cfukit_sw.lowering.lowered import STRUCTS_WITH_SCRATCH_BYTES, BytesAt, CallOf, Calls, Param, ScratchAt
from cfukit_sw.planner import ALIGNMENT


class PlanBuilder:
    """Makes the plan of one lowering."""

    def __init__(self, storage: Storage, registry: str):
        self.storage, self.model, self.registry = storage, storage.model, registry
        self.offsets: dict[int, int] = {}
        self.constants: dict[bytes, int] = {}
        self.scratch = 0  # where that of the step under way begins

    def plan(self, calls: Sequence[Call], removed: tuple[int, ...], cache: Cache) -> Plan:
        """The plan of `calls`. removed: operators that nothing needs. cache: what the data is laid out for."""
        layout = Layout(self.storage, calls, cache)
        self.offsets, activation_bytes = layout.arena()
        self.constants, constant_bytes = layout.constants(self.offsets)
        variables, near_bytes = self._variables(activation_bytes)
        far_offsets, far_bytes = self.storage.place_far(calls)
        if far_bytes:
            near_bytes = -(-near_bytes // FAR_ALIGNMENT) * FAR_ALIGNMENT
            self.offsets |= {root: near_bytes + offset for root, offset in far_offsets.items()}
        tensors, life = {}, self.storage.life(calls)
        for tensor in self.model.tensors:
            root = self.storage.root(tensor.index)
            if root in self.offsets:
                first, last = (-1, len(calls)) if self.model.tensors[root].is_variable else life[root]
                tensors[tensor.index] = PlanTensor(
                    name=tensor.name,
                    type=tensor.type,
                    shape=tensor.shape,
                    offset=self.offsets[root],
                    bytes=tensor.bytes,
                    first=first,
                    last=last,
                )
        steps = tuple(self._step(number, call) for number, call in enumerate(calls))
        return Plan(
            model=self.model.name,
            sha256=self.model.sha256,
            registry=self.registry,
            macs=self.model.macs,
            steps=steps,
            tensors=tensors,
            inputs=self.model.inputs,
            outputs=self.model.outputs,
            dumps=tuple(self.storage.dumps),
            variables=variables,
            constants=self._blob(constant_bytes),
            activation_bytes=activation_bytes + far_bytes,
            arena_bytes=near_bytes + far_bytes,
            near_bytes=near_bytes,
            removed=removed,
        )

    def _blob(self, count: int) -> bytes:
        blob = bytearray(count)
        for data, offset in self.constants.items():
            blob[offset : offset + len(data)] = data
        return bytes(blob)

    def _variables(self, activation_bytes: int) -> tuple[tuple[Variable, ...], int]:
        """Variable tensors behind the activations, and where the arena ends."""
        place = -(-activation_bytes // ALIGNMENT) * ALIGNMENT
        variables = []
        for tensor in self.model.variables():
            fill, initial = initial_value(tensor)
            at = self.constants[initial] if initial else None
            variables.append(
                Variable(tensor=tensor.index, offset=place, bytes=tensor.bytes, fill=fill, initial=at)
            )
            self.offsets[tensor.index] = place
            place += -(-tensor.bytes // ALIGNMENT) * ALIGNMENT
        return tuple(variables), place

    def _step(self, number: int, call: Call) -> Step:
        op = call.lowered.op
        self.scratch = self.offsets.get(-1 - number, 0)
        params = {name: self._value(value) for name, value in (call.lowered.params | call.own).items()}
        if call.scratch_bytes:
            params["scratch"] = InArena(self.scratch)
            if call.lowered.struct in STRUCTS_WITH_SCRATCH_BYTES:
                params["scratch_bytes"] = call.scratch_bytes
        return Step(
            index=op.index,
            fused=call.fused,
            type=self.model.operator(op.index).type,
            kernel=call.kernel.name,
            registry=call.kernel.registry,
            function=call.kernel.function,
            struct=call.lowered.struct,
            params=params,
            macs=op.macs,
            scratch_bytes=call.scratch_bytes,
            stages=call.stages,
            band_rows=call.band_rows,
        )

    def _value(self, param: Param) -> Value:
        if isinstance(param, TensorAt):
            root = self.storage.root(param.tensor)
            if root in self.offsets:
                return InArena(self.offsets[root] + param.offset)
            data = self.model.tensors[root].data
            if data is None:
                given = f"{self.model.tensors[root]} is used before it is computed"
                raise ModelError(self.model.name, given, allowed="operators in the order of their execution")
            return InConstants(self.constants[np.ascontiguousarray(data).tobytes()] + param.offset)
        if isinstance(param, Bytes):
            return InConstants(self.constants[param.data])
        if isinstance(param, Pieces):
            items = [{name: self._value(value) for name, value in item.items()} for item in param.items]
            return Structs(param.name, tuple(items))
        if isinstance(param, BytesAt):
            return InConstants(self.constants[param.data] + param.offset)
        if isinstance(param, ScratchAt):
            return InArena(self.scratch + param.offset)
        if isinstance(param, Calls):
            return Steps(tuple(self._invocation(inner) for inner in param.items))
        return param

    def _invocation(self, call: CallOf) -> Invocation:
        params = {name: self._value(value) for name, value in call.params.items()}
        return Invocation(call.function, call.struct, params)
