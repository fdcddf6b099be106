"""Where tensors and scratch lie in the arena, and how much scratch each kernel gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cfukit_base.artefacts.plan import Dump
from cfukit_sw.calls import Call
from cfukit_sw.model import Model
from cfukit_sw.planner import Buffer, Overlap, plan_arena

FAR_ALIGNMENT = 16  # of the arena's second part and of what lies there: rows of a CFU's DMA port


def offline_plan(model: Model) -> dict[int, int]:
    """Arena offset by tensor, from the file's own plan (metadata OfflineMemoryAllocation).

    A plan that makes no sense is ignored.

    """
    data = model.metadata.get("OfflineMemoryAllocation", b"")
    if len(data) < 12 or len(data) % 4:
        return {}
    _version, _subgraph, count, *offsets = np.frombuffer(data, "<i4").tolist()
    if count != len(offsets) or count != len(model.tensors):
        return {}
    return {tensor: offset for tensor, offset in enumerate(offsets) if offset >= 0}


@dataclass(frozen=True)
class Storage:
    """What the arena depends on apart from the calls.

    * roots: tensor -> the tensor whose storage it shares.
    * far: storage roots that do not lie in the arena's memory.
    """

    model: Model
    roots: Mapping[int, int]
    dumps: Sequence[Dump]
    far: frozenset[int] = field(default=frozenset())

    def root(self, tensor: int) -> int:
        return self.roots.get(tensor, tensor)

    def place(
        self,
        calls: Sequence[Call],
        overlap: bool = True,
        prefer: Callable[[Mapping[int, int]], int] | None = None,
    ) -> tuple[dict[int, int], int]:
        """Offsets of storage roots (key -1 - step: that step's scratch), and the size.

        * overlap: outputs may reach into inputs.
        * prefer: decides among plans of equal size; the lowest value wins.
        """
        tensors, life = self.model.tensors, self.life(calls)
        stored = [t for t in self.stored(calls) if t not in self.far]
        buffers = [Buffer(str(t), tensors[t].bytes, life[t][0], life[t][1]) for t in stored]
        overlaps = []
        for step, call in enumerate(calls):
            if call.scratch_bytes:
                buffers.append(Buffer(str(-1 - step), call.scratch_bytes, step, step))
            lead = call.kernel.lead(call.lowered.op) if overlap else None
            for tensor in call.lowered.in_place if lead is not None else ():
                source = self.root(tensor)
                if source in stored and life[source][1] == step and lead is not None:
                    overlaps.append(Overlap(str(call.writes[0]), str(source), lead))
        given = {str(tensor): offset for tensor, offset in offline_plan(self.model).items()}

        def numbered(offsets: Mapping[str, int]) -> dict[int, int]:
            return {int(key): offset for key, offset in offsets.items()}

        cost = (lambda offsets: prefer(numbered(offsets))) if prefer is not None else None
        offsets, size = plan_arena(buffers, overlaps, given, prefer=cost)
        return numbered(offsets), size

    def stored(self, calls: Sequence[Call]) -> list[int]:
        """Storage roots with room in the arena, apart from variables."""
        tensors = self.model.tensors
        return [t for t in self.life(calls) if not tensors[t].is_constant and not tensors[t].is_variable]

    def place_far(self, calls: Sequence[Call]) -> tuple[dict[int, int], int]:
        """Offsets of the storage roots that are far, among each other, and the bytes that they need."""
        life, far = self.life(calls), [t for t in self.stored(calls) if t in self.far]
        buffers = [Buffer(str(t), self.model.tensors[t].bytes, *life[t]) for t in far]
        offsets, size = plan_arena(buffers, alignment=FAR_ALIGNMENT)
        return {int(key): offset for key, offset in offsets.items()}, size

    def life(self, calls: Sequence[Call]) -> dict[int, list[int]]:
        """First and last step of every storage root, as `PlanTensor` counts them."""
        life: dict[int, list[int]] = {}
        for tensor in self.model.inputs:
            life[self.root(tensor)] = [-1, -1]
        for step, call in enumerate(calls):
            for tensor in (*call.reads, *(self.root(tensor) for tensor in call.writes)):
                life.setdefault(tensor, [step, step])[1] = step
        for dump in self.dumps:  # for example, an alias of a model's input is read before the first step
            life.setdefault(self.root(dump.tensor), [dump.after - 1] * 2)
        for tensor in self.model.outputs:
            life.setdefault(self.root(tensor), [-1, len(calls)])[1] = len(calls)
        return life

    def bytes(self, calls: Sequence[Call], overlap: bool = True) -> int:
        return self.place(calls, overlap)[1]

    def fit_scratch(self, full: list[Call]) -> list[Call]:
        """The calls, with less scratch for kernels that accept less, so that scratch does not make the arena larger.

        The limit is what the tensors need side by side, or what they need with the scratch of the kernels that accept one size only.
        """
        fixed = [replace(call, scratch_bytes=0) if call.can_shrink else call for call in full]
        bare = [replace(call, scratch_bytes=0) for call in full]
        if full == fixed:
            return full
        limit = max(self.bytes(bare, overlap=False), self.bytes(fixed))
        if self.bytes(full) <= limit:
            return full
        fitted = list(fixed)
        for number, call in enumerate(full):
            if call.can_shrink:

                def fits(smaller: Call, number: int = number) -> bool:
                    return self.bytes([*fixed[:number], smaller, *fixed[number + 1 :]]) <= limit

                fitted[number] = next(filter(fits, call.smaller()), list(call.smaller())[-1])
        while self.bytes(fitted) > limit and any(call.can_shrink for call in fitted):
            fitted = [next(call.smaller()) if call.can_shrink else call for call in fitted]
        return fitted
