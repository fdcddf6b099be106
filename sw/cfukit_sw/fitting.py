"""Fit a model into the arena's memory: what is too large is computed in bands of rows, or lies in a larger memory.

As long as a step needs more than the memory has, one of the tensors that it needs there has to leave:

* The largest one between two consecutive operators that can compute rows. They become one call, in which only a few rows exist.
* If there is none, the largest tensor moves to the larger memory ("far"). Kernels that do not reach it get copies, band by band. An
  operator that cannot compute rows gets a kernel that reaches it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from cfukit_base.artefacts.plan import Dump
from cfukit_sw.arena import Storage
from cfukit_sw.bands import Chain, chain_of
from cfukit_sw.calls import Call
from cfukit_sw.kernels import Kernel, choose

Again = Callable[[Call, Sequence[Kernel]], Call]
_TRIES = 8
_COMPARED = 4  # heights of bands


@dataclass
class Fitting:
    """calls: each operator alone. again: makes a call anew, with the first of these kernels that supports it.
    limit_bytes: of the arena's memory.

    streamed: tensors that exist only in bands. far: storage roots in the larger memory.
    """

    storage: Storage
    calls: Sequence[Call]
    kernels: Sequence[Kernel]
    again: Again
    limit_bytes: int
    streamed: set[int] = field(default_factory=set)
    far: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.bytes_of = {tensor.index: tensor.bytes for tensor in self.storage.model.tensors}
        self.streamable = self._streamable()

    def run(self) -> tuple[list[Call], Storage]:
        """The calls, and where their tensors lie. If nothing fits, they still need too much."""
        while True:
            parts = self._parts()
            storage = self.storage_of(parts)
            calls = [self._call(part, 1) for part in parts]
            needs = self._needs(calls, storage)
            step = max(needs, key=lambda step: needs[step])
            if needs[step] <= self.limit_bytes or not self._change(parts, calls, storage, step):
                return self._grown(parts, storage)

    def _change(
        self, parts: Sequence[Chain | Call], calls: Sequence[Call], storage: Storage, step: int
    ) -> bool:
        """Let one of the tensors that step `step` needs leave the memory; False if there is none."""
        live = self._live(calls, storage)[step]
        between = [tensor for tensor in live if tensor in self.streamable]
        if between:
            self.streamed.add(max(between, key=self.bytes_of.__getitem__))
        elif live:
            self.far.add(max(live, key=self.bytes_of.__getitem__))
        else:  # scratch alone is too much: a shorter chain
            part = parts[step] if 0 <= step < len(parts) else None
            if not isinstance(part, Chain) or len(part.stages) < 2:
                return False
            tensor = part.stages[len(part.stages) // 2 - 1].target
            self.streamed.remove(tensor)
            self.far.add(tensor)
        return True

    def _streamable(self) -> set[int]:
        """Tensors between two consecutive calls that can compute rows, and that nothing else reads."""
        life, found = self.storage.life(self.calls), set()
        kept = {*self.storage.roots, *self.storage.roots.values(), *self.storage.model.outputs}
        readers = [root for call in self.calls for root in set(call.reads)]
        for step, (first, second) in enumerate(zip(self.calls, self.calls[1:], strict=False)):
            tensor = first.writes[0]
            alone = len(first.writes) == 1 and readers.count(tensor) == 1 and tensor in second.reads
            if not alone or tensor in kept or life[tensor][0] != step:
                continue
            source = next((root for root in first.reads if self._chain([first], [root])), None)
            if source is not None and self._chain([first, second], [source, tensor]):
                found.add(tensor)
        return found

    def _chain(self, calls: Sequence[Call], sources: Sequence[int]) -> Chain | None:
        if choose(self.kernels, "BANDS", calls[0].lowered.op) is None:
            return None
        return chain_of(calls, sources, self.bytes_of, self.storage.roots, frozenset(self.far))

    def _parts(self) -> list[Chain | Call]:
        """Chains, and calls alone."""
        parts: list[Chain | Call] = []
        at = 0
        while at < len(self.calls):
            end = at + 1
            while end < len(self.calls) and self.calls[end - 1].writes[0] in self.streamed:
                end += 1
            part = self._part(self.calls[at:end])
            if part is None:  # another of its tensors has moved, to where its kernels do not reach
                between = {call.writes[0] for call in self.calls[at : end - 1]}
                self.streamed -= between
                self.far |= between
                continue
            parts.append(part)
            at = end
        return parts

    def _part(self, calls: Sequence[Call]) -> Chain | Call | None:
        """The chain of these calls, or the only one as it is; None if they cannot be a chain."""
        first, last = calls[0], calls[-1]
        touches_far = self.far & {*first.reads, *last.writes}
        reaches = not any(call.kernel.near for call in calls)
        if len(calls) == 1 and (not touches_far or reaches):
            return first
        between = [call.writes[0] for call in calls[:-1]]
        # Through the first input that is far, if one is; its others are read where they are.
        for source in sorted(first.reads, key=lambda root: (root not in self.far, root)):
            chain = self._chain(calls, [source, *between])
            others = {root for call in calls for root in call.reads} - {source, *between}
            others |= {
                root for call in calls[1:] for root in call.reads
            }  # through the first call alone, `source` is copied
            if chain is not None and (reaches or not others & self.far):
                return chain
        if len(calls) > 1:
            return None
        return self.again(first, [kernel for kernel in self.kernels if not kernel.near])

    def storage_of(self, parts: Sequence[Chain | Call]) -> Storage:
        """What is stored, with the dumps in the order of the parts."""
        after, number = {0: 0}, 0
        for step, part in enumerate(parts):
            for _ in part.calls if isinstance(part, Chain) else (part,):
                number += 1
                after[number] = step + 1
        dumps = [
            Dump(op=dump.op, output=dump.output, tensor=dump.tensor, after=after[dump.after])
            for dump in self.storage.dumps
            if dump.tensor not in self.streamed
        ]
        return replace(self.storage, dumps=dumps, far=frozenset(self.far))

    def _call(self, part: Chain | Call, band_rows: int) -> Call:
        return part.call(band_rows, self.kernels) if isinstance(part, Chain) else part

    def _live(self, calls: Sequence[Call], storage: Storage) -> dict[int, list[int]]:
        """The tensors in the arena's memory at each step, from -1 (before the first) to the one behind the last."""
        life = storage.life(calls)
        tensors = [tensor for tensor in storage.stored(calls) if tensor not in self.far]
        return {
            step: [tensor for tensor in tensors if life[tensor][0] <= step <= life[tensor][1]]
            for step in range(-1, len(calls) + 1)
        }

    def _needs(self, calls: Sequence[Call], storage: Storage) -> dict[int, int]:
        """Bytes that the arena's memory must have at each step."""
        scratch = [0, *(call.scratch_bytes for call in calls), 0]
        return {
            step: scratch[step + 1] + sum(-(-self.bytes_of[tensor] // 4) * 4 for tensor in live)
            for step, live in self._live(calls, storage).items()
        }

    def _grown(self, parts: Sequence[Chain | Call], storage: Storage) -> tuple[list[Call], Storage]:
        """The calls with the bands that take the fewest cycles, of those that the room allows."""
        least = [self._call(part, 1) for part in parts]
        needs = self._needs(least, storage)
        limit = self.limit_bytes
        calls = least
        for _ in range(_TRIES):
            calls = [
                self._call(part, _band_rows(part, limit - needs[step] + call.scratch_bytes, self.kernels))
                for step, (part, call) in enumerate(zip(parts, least, strict=True))
            ]
            over = storage.bytes(calls) - self.limit_bytes
            if over <= 0:
                break
            limit -= over
        return calls, storage


def _band_rows(part: Chain | Call, room_bytes: int, kernels: Sequence[Kernel]) -> int:
    """Rows of a band in `room_bytes` of scratch that take the fewest cycles. Among equals, the fewest bands.

    Small bands have more calls and copies, so only the largest ones that fit are compared.
    """
    if not isinstance(part, Chain):
        return 0
    height, fitting = part.output_rows, list[int]()
    for rows in sorted({-(-height // bands) for bands in range(1, height + 1)}, reverse=True):
        if part.scratch_bytes(rows) <= room_bytes and part.is_supported(rows):
            fitting.append(rows)
            if len(fitting) == _COMPARED:
                break
    if len(fitting) < 2:
        return fitting[0] if fitting else 1
    return min(fitting, key=lambda rows: part.cycles(rows, kernels))
