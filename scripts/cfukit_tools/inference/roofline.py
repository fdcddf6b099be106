"""How close an operator is to what its system can do: the work that its kernel did, and the fewest cycles that this work can take.

Each limit is a lower bound, whatever else happens in the same cycles:

* loads and products: the least that remains of a kernel when all overhead is gone. Every load, multiplication and CFU instruction
  takes a cycle.
* weights from MEMORY: each byte of them comes over the bus once, a word in `read_cycles`. A tightly coupled memory has no such limit.
* stores to MEMORY: the data cache writes through, a word in `write_cycles`.
* CFU: the cycles in which a CFU command was under way.
* memory port: one access per cycle.

The limit with the most cycles bounds the operator. The number of instructions stands beside the limits, not among them: it bounds this
very code, and a better kernel has fewer of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from cfukit_base.artefacts.causes import Segment
from cfukit_base.artefacts.cpu import Memory
from cfukit_base.artefacts.plan import Step
from cfukit_base.artefacts.roofline import Bound, Moved, Roof, Work
from cfukit_sw.model import Model

_LOAD, _STORE, _BRANCH, _JAL, _JALR, _OP, _CUSTOM_0 = 0x03, 0x23, 0x63, 0x6F, 0x67, 0x33, 0x0B
_TIGHTLY_COUPLED = ("itcm", "dtcm")


def moved(model: Model, step: Step) -> Moved:
    """The bytes of a step's weights, inputs and outputs, each once. What lies between fused operators does not count."""
    ops = [model.operators[index] for index in step.fused]
    made = {tensor for op in ops for tensor in op.outputs}
    read = {tensor for op in ops for tensor in op.inputs if tensor >= 0} - made
    others = {tensor for op in model.operators if op not in ops for tensor in op.inputs}
    seen = {tensor for tensor in made if tensor in others or tensor in model.outputs}
    seen |= set(model.operators[step.index].outputs)
    size = {tensor: model.tensors[tensor].bytes for tensor in seen | read}
    return Moved(
        weight_bytes=sum(size[tensor] for tensor in read if model.tensors[tensor].is_constant),
        input_bytes=sum(size[tensor] for tensor in read if not model.tensors[tensor].is_constant),
        output_bytes=sum(size[tensor] for tensor in seen),
    )


def work(segment: Segment, words: Mapping[int, int]) -> Work:
    """What the CPU executed in a segment. words: the code by address."""
    counts = dict.fromkeys(("loads", "stores", "products", "cfu_calls", "branches", "others"), 0)
    for pc, (executions, *_) in segment.by_pc.items():
        counts[_kind(words.get(pc, 0))] += executions
    return Work(**counts)


def _kind(word: int) -> str:
    opcode = word & 0x7F
    if (
        opcode == _OP and word >> 25 == 1 and not word >> 14 & 1
    ):  # mul, mulh, mulhsu, mulhu; not the divisions
        return "products"
    kinds = {_LOAD: "loads", _STORE: "stores", _CUSTOM_0: "cfu_calls"}
    return kinds.get(opcode, "branches" if opcode in (_BRANCH, _JAL, _JALR) else "others")


def roof(did: Work, traffic: Moved, segment: Segment, weights: Memory | None, arena: Memory | None) -> Roof:
    """The limits of one step, the tightest first. weights, arena: where they lie."""
    limits = [Bound(name="loads and products", cycles=did.loads + did.products + did.cfu_calls)]
    if weights is not None and weights.kind not in _TIGHTLY_COUPLED:
        words = -(-traffic.weight_bytes // 4)
        limits.append(Bound(name=f"weights from {weights.name}", cycles=words * weights.read_cycles))
    if arena is not None and arena.kind not in _TIGHTLY_COUPLED:
        limits.append(Bound(name=f"stores to {arena.name}", cycles=did.stores * arena.write_cycles))
    if segment.busy.cfu:
        limits.append(Bound(name="CFU", cycles=segment.busy.cfu))
    if segment.busy.memory_port:
        limits.append(Bound(name="memory port", cycles=segment.busy.memory_port))
    limits.sort(key=lambda limit: -limit.cycles)
    cycles = segment.causes.cycles
    return Roof(
        instructions=segment.causes.executing,
        limits=tuple(limits),
        bound=limits[0].name,
        attained=limits[0].cycles / cycles if cycles else 0.0,
    )
