"""Consecutive operators in bands of rows: each computes a few rows at a time, so the tensors between them need not exist as a whole.

A tensor between two operators has a buffer of some rows in scratch. Rows that the next band needs too are moved to its beginning,
so no row is computed twice. The first input and the last output can lie in a memory that the kernels do not reach: then their rows are
copied from there and to there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cfukit_sw.calls import Call
from cfukit_sw.kernels import Kernel, choose
from cfukit_sw.lowering.lowered import (
    STRUCTS_WITH_SCRATCH_BYTES,
    CallOf,
    Calls,
    Lowered,
    Op,
    Param,
    ScratchAt,
    TensorAt,
)
from cfukit_sw.lowering.rows import Range, Rows, rows_of

ALIGNMENT = 16  # of buffers in scratch
_WORD = 4


@dataclass
class _Buffer:
    """Rows of a tensor: [first, end) of them lie in it, the first one at its beginning. capacity: rows that it needs room for."""

    row_bytes: int
    offset: int = 0
    capacity: int = 0
    first: int = 0
    end: int = 0


@dataclass(frozen=True)
class Chain:
    """Calls, each of which reads what the one before it writes. copies_input, copies_output: through a buffer."""

    calls: tuple[Call, ...]
    stages: tuple[Rows, ...]
    copies_input: bool
    copies_output: bool

    @property
    def output_rows(self) -> int:
        return self.stages[-1].output_rows

    def needs(self, band_rows: int) -> Iterator[list[tuple[Range, Range]]]:
        """For each band and each tensor, from the first input on: rows that the next operator needs, and those that are new."""
        done = [0] * (len(self.stages) + 1)
        for begin in range(0, self.output_rows, band_rows):
            wanted = begin, min(begin + band_rows, self.output_rows)
            band = []
            for number in range(len(self.stages), -1, -1):
                new = max(done[number], wanted[0]), max(done[number], wanted[1])
                band.append((wanted, new))
                done[number] = new[1]
                if number:
                    nothing = done[number - 1], done[number - 1]
                    wanted = self.stages[number - 1].needs(new) if new[0] < new[1] else nothing
            yield band[::-1]

    def _is_buffered(self, number: int) -> bool:
        ends = {0: self.copies_input, len(self.stages): self.copies_output}
        return ends.get(number, True)

    def buffers(self, band_rows: int) -> tuple[list[_Buffer | None], int]:
        """A buffer for each tensor that needs one, and the scratch of all, with that of the kernels behind them."""
        sizes = [self.stages[0].input_bytes, *(stage.output_bytes for stage in self.stages)]
        made = [_Buffer(size) if self._is_buffered(n) else None for n, size in enumerate(sizes)]
        for band in self.needs(band_rows):
            for buffer, ((low, high), _) in zip(made, band, strict=True):
                if buffer is not None:
                    buffer.capacity = max(buffer.capacity, high - low)
        at = 0
        for buffer in made:
            if buffer is not None:
                buffer.offset = at
                at += -(-buffer.capacity * buffer.row_bytes // ALIGNMENT) * ALIGNMENT
        return made, at

    def scratch_bytes(self, band_rows: int) -> int:
        inner = (call.kernel.scratch(op) for call, op in self._operators(band_rows))
        return self.buffers(band_rows)[1] + max(inner, default=0)

    def _operators(self, band_rows: int) -> Iterator[tuple[Call, Op]]:
        """The different operators on bands."""
        seen = set()
        for band in self.needs(band_rows):
            for call, stage, (_, new) in zip(self.calls, self.stages, band[1:], strict=True):
                if new[0] < new[1]:
                    op = stage.op(new)
                    if (call.fused, op) not in seen:
                        seen.add((call.fused, op))
                        yield call, op

    def is_supported(self, band_rows: int) -> bool:
        """Whether the kernels can compute the bands. The library's own want rows of whole words."""
        for call, stage in zip(self.calls, self.stages, strict=True):
            whole = stage.input_bytes % _WORD == stage.output_bytes % _WORD == 0
            if not whole and not call.kernel.near:
                return False
        return all(call.kernel.supports(op) for call, op in self._operators(band_rows))

    def call(self, band_rows: int, kernels: Sequence[Kernel]) -> Call:
        """One call that does all."""
        made = list(self._made(band_rows, kernels))
        return self._as_one(made, band_rows, _kernel(kernels, "BANDS", self.calls[-1].lowered.op))

    def cycles(self, band_rows: int, kernels: Sequence[Kernel]) -> int:
        """About how many it takes: those of all kernels and copies, by their estimates."""
        copy, first = _kernel(kernels, "COPY", self.calls[0].lowered.op), self.calls[0].lowered.op
        total = 0
        for band in self.needs(band_rows):
            for call, stage, (_, new) in zip(self.calls, self.stages, band[1:], strict=True):
                total += call.kernel.cycles(stage.op(new)) if new[0] < new[1] else 0
        for made in self._made(band_rows, kernels):
            count = made.params["bytes"] if made.struct == "cfukit_copy" else 0
            if isinstance(count, int) and count:
                total += copy.cycles(replace(first, output_shape=(count,), macs=0))
        return total

    def _made(self, band_rows: int, kernels: Sequence[Kernel]) -> Iterator[CallOf]:
        """The calls of all bands."""
        buffers, kernel_scratch = self.buffers(band_rows)
        copy = _kernel(kernels, "COPY", self.calls[0].lowered.op)
        for band in self.needs(band_rows):
            for number, (buffer, (wanted, new)) in enumerate(zip(buffers, band, strict=True)):
                if new[0] == new[1]:
                    continue
                if buffer is not None:
                    yield from _moved(buffer, wanted, new, copy)
                if number:
                    yield self._on_rows(number - 1, new, buffers, kernel_scratch)
                elif buffer is not None:
                    begin = TensorAt(self.stages[0].source, new[0] * buffer.row_bytes)
                    yield _copy(copy, begin, _at(buffer, new[0]), buffer.row_bytes * (new[1] - new[0]))
                if number == len(self.stages) and buffer is not None:
                    to = TensorAt(self.stages[-1].target, new[0] * buffer.row_bytes)
                    yield _copy(copy, _at(buffer, new[0]), to, buffer.row_bytes * (new[1] - new[0]))

    def _on_rows(
        self, number: int, rows: Range, buffers: Sequence[_Buffer | None], kernel_scratch: int
    ) -> CallOf:
        call, stage = self.calls[number], self.stages[number]
        source, target = buffers[number], buffers[number + 1]
        low = stage.needs(rows)[0]
        begin = _at(source, low) if source else TensorAt(stage.source, low * stage.input_bytes)
        to = _at(target, rows[0]) if target else TensorAt(stage.target, rows[0] * stage.output_bytes)
        params = stage.params(rows, begin, to) | call.own
        scratch = call.kernel.scratch(stage.op(rows))
        if scratch:
            params["scratch"] = ScratchAt(kernel_scratch)
            if call.lowered.struct in STRUCTS_WITH_SCRATCH_BYTES:
                params["scratch_bytes"] = scratch
        return CallOf(call.kernel.function, call.lowered.struct, params)

    def _as_one(self, calls: Sequence[CallOf], band_rows: int, kernel: Kernel) -> Call:
        last = self.calls[-1].lowered
        lowered = Lowered(
            replace(last.op, macs=sum(call.lowered.op.macs for call in self.calls)),
            "cfukit_bands",
            {"ops": Calls(tuple(calls)), "n_ops": len(calls)},
        )
        between = {stage.target for stage in self.stages[:-1]}
        alignment = max(call.kernel.weights_alignment for call in self.calls)
        return Call(
            lowered,
            replace(kernel, weights_alignment=alignment),
            {},
            self.scratch_bytes(band_rows),
            tuple(sorted({root for call in self.calls for root in call.reads} - between)),
            self.calls[-1].writes,
            tuple(index for call in self.calls for index in call.fused),
            tuple(f"{call.kernel.registry}/{call.kernel.name}" for call in self.calls for _ in call.fused),
            band_rows,
        )


def chain_of(
    calls: Sequence[Call],
    sources: Sequence[int],
    bytes_of: Mapping[int, int],
    roots: Mapping[int, int],
    far: frozenset[int],
) -> Chain | None:
    """The chain of these calls, or None if one of them cannot compute rows alone.

    sources: the storage root through which each call depends on the one before. bytes_of, roots: as for `rows_of`.
    far: tensors that only some kernels reach.
    """
    stages = [
        rows_of(call.lowered, source, bytes_of, roots) for call, source in zip(calls, sources, strict=True)
    ]
    known = tuple(stage for stage in stages if stage is not None)
    if len(known) < len(stages):
        return None
    copies_input = sources[0] in far and calls[0].kernel.near
    copies_output = known[-1].target in far and calls[-1].kernel.near
    chain = Chain(tuple(calls), known, copies_input, copies_output)
    return chain if chain.is_supported(1) else None


def _kernel(kernels: Sequence[Kernel], kind: str, op: Op) -> Kernel:
    kernel = choose(kernels, kind, op)
    assert kernel is not None
    return kernel


def _at(buffer: _Buffer, row: int) -> ScratchAt:
    assert buffer.first <= row
    return ScratchAt(buffer.offset + (row - buffer.first) * buffer.row_bytes)


def _moved(buffer: _Buffer, wanted: Range, new: Range, copy: Kernel) -> Iterator[CallOf]:
    """Make room for the new rows: if there is none behind the rows that stay, these move to the beginning."""
    if new[1] - buffer.first > buffer.capacity:
        kept = max(0, buffer.end - wanted[0])
        if kept:
            begin = _at(buffer, wanted[0])
            yield _copy(copy, begin, ScratchAt(buffer.offset), kept * buffer.row_bytes)
        buffer.first = wanted[0] if kept else new[0]
    buffer.end = new[1]


def _copy(kernel: Kernel, source: Param, target: Param, count: int) -> CallOf:
    return CallOf(kernel.function, "cfukit_copy", {"input": source, "output": target, "bytes": count})
