"""Lowering: make a plan from a model and the available kernels.

`lower` goes through the operators once. It drops those that nothing needs, makes a PAD part of the convolution after it, lets outputs
that equal their input share its storage, and chooses a kernel for each of the others. If the arena then exceeds its memory, `Fitting`
computes operators in bands of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cfukit_base.artefacts.plan import Dump, Plan
from cfukit_base.errors import ModelError
from cfukit_sw.arena import Storage, offline_plan
from cfukit_sw.cache_lines import DCACHE_BYTES, Cache
from cfukit_sw.calls import Call, kernel_constants, tensors_in, with_bias
from cfukit_sw.evaluator import check_supported, simplified
from cfukit_sw.evaluator.calls import CALLS
from cfukit_sw.fitting import Fitting
from cfukit_sw.kernels import Kernel, choose, library
from cfukit_sw.lowering import LOWERINGS, Alias, Lowered
from cfukit_sw.lowering.control import control
from cfukit_sw.lowering.elementwise import keeps_bytes
from cfukit_sw.lowering.folding import foldable_pads, folded
from cfukit_sw.lowering.movement import copied
from cfukit_sw.lowering.residual import summed_convolutions, with_sum
from cfukit_sw.model import Model, Operator
from cfukit_sw.plan_builder import PlanBuilder
from cfukit_sw.site import Site


@dataclass(frozen=True)
class Room:
    """The memory in which the arena lies.

    * bytes: its size; 0 if it does not matter.
    * others_bytes: what the program's stack and variables need there if the arena fills it.
    """

    bytes: int = 0
    others_bytes: int = 0


UNLIMITED = Room()


def lower(
    model: Model,
    kernels: Sequence[Kernel] = (),
    *,
    registry: str = "portable",
    dcache_bytes: int = DCACHE_BYTES,
    room: Room = UNLIMITED,
) -> Plan:
    """The plan for `model`, or a ModelError that names the operator that is not supported.

    * kernels: a project's, tried first.
    * registry: "portable", or "reference" for TFLM's loops only.
    * dcache_bytes: size of the CPU's data cache, for which the data is laid out; 0 for none.
    * room: of the arena's memory.
    """
    check_supported(model)
    model = simplified(model)
    for index in model.outputs:
        if model.tensors[index].is_constant:
            raise ModelError(
                model.name, f"the output {model.tensors[index]} is a constant", allowed="computed outputs"
            )
    listed = [*kernels, *library(registry)]
    cache = Cache(dcache_bytes)
    lowering = _Lowering(model, listed, registry, cache, room)
    try:
        plan = lowering.run()
    except ModelError:  # a sum may need more memory at once
        if not lowering.sums:
            raise
        plan = _Lowering(model, listed, registry, cache, room, summing=False).run()
    given = offline_plan(model)
    limit = max((offset + model.tensors[tensor].bytes for tensor, offset in given.items()), default=0)
    # A model can bring an offline plan for its arena. It assumes unmodified operators, so retry without aliasing and PAD folding.
    for folding in (True, False):
        if given and plan.activation_bytes > limit:
            other = _Lowering(
                model, listed, registry, cache, room, folding=folding, summing=False, copies=True
            ).run()
            plan = min(plan, other, key=lambda each: each.activation_bytes)
    return plan


@dataclass(frozen=True)
class _Fused:
    """Operators that are one call."""

    operators: tuple[int, ...]
    lowered: Lowered


@dataclass
class _Lowering:
    model: Model
    kernels: list[Kernel]
    registry: str
    cache: Cache
    room: Room
    folding: bool = True  # PAD becomes part of a convolution
    summing: bool = True  # ADD becomes part of a convolution
    copies: bool = False  # operators that compute nothing copy their input
    roots: dict[int, int] = field(default_factory=dict)  # tensor -> the tensor whose storage it shares
    calls: list[Call] = field(default_factory=list)
    sums: dict[int, _Fused] = field(default_factory=dict)  # ADD -> the convolution with it
    dumps: list[Dump] = field(default_factory=list)

    def run(self) -> Plan:
        removed = []
        needed = self._needed()
        folds = self._folds(needed)
        self.sums = self._sums(needed, folds)
        fused = [*folds.values(), *self.sums.values()]
        inner = {index for each in fused for index in each.operators[:-1]}  # their outputs are stored nowhere
        for op in self.model.operators:
            if op.index not in needed:
                removed.append(op.index)
            elif op.index not in inner:
                self._add_operator(op, self.sums.get(op.index) or folds.get(op.index))
                for number, tensor in enumerate(op.outputs):
                    self.dumps.append(Dump(op=op.index, output=number, tensor=tensor, after=len(self.calls)))
        storage = Storage(self.model, self.roots, self.dumps)
        plan = self._plan(storage, self.calls, removed)
        if not self.room.bytes or plan.arena_bytes <= self.room.bytes:
            return plan
        limit = self.room.bytes - self.room.others_bytes - plan.state_bytes
        calls, storage = Fitting(storage, self.calls, self.kernels, self._again, limit).run()
        return self._plan(storage, calls, removed)

    def _plan(self, storage: Storage, calls: Sequence[Call], removed: Sequence[int]) -> Plan:
        fitted = storage.fit_scratch(list(calls))
        return PlanBuilder(storage, self.registry).plan(fitted, tuple(removed), self.cache)

    def root(self, tensor: int) -> int:
        return self.roots.get(tensor, tensor)

    def _needed(self) -> set[int]:
        """Operators that an output of the model or a variable depends on."""
        constants = {tensor.index for tensor in self.model.tensors if tensor.is_constant}
        wanted = set(self.model.outputs)
        needed = set()
        variables = {tensor.index for tensor in self.model.variables()}
        for op in reversed(self.model.operators):
            if wanted & set(op.outputs) or variables & set(op.inputs):
                needed.add(op.index)
                wanted |= {tensor for tensor in op.inputs if tensor >= 0} - constants
        return needed

    def _lower_operator(self, op: Operator) -> Lowered | Alias:
        if op.type in CALLS:
            return control(Site(self.model, op), self._subgraph)
        lowered = LOWERINGS[op.type](Site(self.model, op))
        if isinstance(lowered, Lowered) and lowered.bias is not None:
            kernel = choose(library("reference"), lowered.kernels_for, lowered.op)
            assert kernel is not None
            return with_bias(lowered, kernel)
        return lowered

    def _subgraph(self, graph: Model) -> Plan:
        """The plan of a subgraph, with the same kernels."""
        return _Lowering(graph, self.kernels, self.registry, Cache(0), UNLIMITED).run()

    def _folds(self, needed: set[int]) -> dict[int, _Fused]:
        """Convolution -> the PAD that becomes part of it and it. A PAD stays if the convolution would lose a better kernel."""
        folds = {}
        for index, pad in foldable_pads(self.model, needed).items() if self.folding else ():
            alone = self._lower_operator(self.model.operator(index))
            assert isinstance(alone, Lowered)
            both = folded(self.model, pad, alone)
            kernels = [self._kernel(lowered) for lowered in (both, alone) if lowered is not None]
            if both is not None and None not in kernels:
                first, second = (self.kernels.index(kernel) for kernel in kernels if kernel is not None)
                if first <= second:
                    folds[index] = _Fused((pad.index, index), both)
        return folds

    def _sums(self, needed: set[int], folds: Mapping[int, _Fused]) -> dict[int, _Fused]:
        """ADD -> the convolution that it becomes part of, and it, if a kernel computes both in fewer cycles. Of two convolutions, the
        one that saves more; of equals, the later one."""
        best: dict[int, tuple[int, int]] = {}  # cycles that are saved, and the convolution
        sums = {}
        for op, add in summed_convolutions(self.model, needed) if self.summing else ():
            pad = folds.get(op.index)
            conv, alone = pad.lowered if pad else self._lower_operator(op), self._lower_operator(add)
            if not isinstance(conv, Lowered) or not isinstance(alone, Lowered):
                continue
            both = with_sum(conv, alone, op.outputs[0])
            cycles = [self._cycles(each) for each in (conv, alone, both) if each is not None]
            if both is None or None in cycles:
                continue
            *apart, together = (count for count in cycles if count is not None)
            saved = sum(apart) - together, op.index
            if saved > best.get(add.index, (0, op.index)):
                best[add.index] = saved
                sums[add.index] = _Fused((*(pad.operators if pad else (op.index,)), add.index), both)
        return sums

    def _kernel(self, lowered: Lowered) -> Kernel | None:
        return choose(self.kernels, lowered.kernels_for, lowered.op)

    def _cycles(self, lowered: Lowered) -> int | None:
        """By the estimate of its kernel; None if there is none."""
        kernel = self._kernel(lowered)
        return kernel.cycles(lowered.op) if kernel is not None else None

    def _add_operator(self, op: Operator, fused: _Fused | None) -> None:
        if fused is not None:
            self._add_call(op, fused.lowered, fused.operators)
            return
        lowered = self._lower_operator(op)
        if self.registry != "reference" and keeps_bytes(Site(self.model, op)):
            lowered = Alias(op.inputs[0])
        if isinstance(lowered, Alias):
            self.roots[op.outputs[0]] = self.root(lowered.source)
            if not self.copies and not self._needs_own_storage(op.outputs[0]):
                return
            del self.roots[op.outputs[0]]
            lowered = copied(Site(self.model, op), lowered.source)
        self._add_call(op, lowered, fused=(op.index,))

    def _needs_own_storage(self, tensor: int) -> bool:
        """Whether it is an output of the model that would share the storage of a constant, a variable or an input."""
        root = self.model.tensors[self.root(tensor)]
        shared = root.is_constant or root.is_variable or root.index in self.model.inputs
        return tensor in self.model.outputs and shared

    def _add_call(self, op: Operator, lowered: Lowered, fused: tuple[int, ...]) -> None:
        kernel = self._kernel(lowered)
        if kernel is None:
            Site(self.model, op).refuse("no kernel supports it")
        self.calls.append(self._call(op, lowered, kernel, fused))

    def _again(self, call: Call, kernels: Sequence[Kernel]) -> Call:
        """The same call with another kernel: the first of `kernels` that supports it."""
        op, kernel = (
            self.model.operator(call.fused[-1]),
            choose(kernels, call.lowered.kernels_for, call.lowered.op),
        )
        if kernel is None:
            Site(self.model, op).refuse("no kernel that reaches its tensors supports it")
        return self._call(op, call.lowered, kernel, call.fused)

    def _call(self, op: Operator, lowered: Lowered, kernel: Kernel, fused: tuple[int, ...]) -> Call:
        scratch = kernel.scratch(lowered.op) + lowered.scratch_bytes
        reads = {
            self.root(at.tensor) for at in tensors_in(lowered.params.values()) if at.tensor not in op.outputs
        }
        constants = kernel_constants(lowered, kernel)
        return Call(lowered, kernel, constants, scratch, tuple(sorted(reads)), op.outputs, fused)
