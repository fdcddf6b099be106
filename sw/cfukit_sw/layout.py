"""Where the data of a model lies, so that what one operator reads clashes as little as possible in the data cache.

* The arena: of plans of one size, the one with the fewest estimated misses.
* The constants: equal ones once. Those of an operator stay together. Operators for which the place matters choose first, and the
  others fill the gaps.
* The parameter structs, which the firmware has right behind the constants: bytes of padding move them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cfukit_sw.arena import Storage
from cfukit_sw.cache_lines import LINE_BYTES, Cache, Clashes, Lines, clash, misses
from cfukit_sw.calls import Call
from cfukit_sw.lowering import Bytes, Pieces, TensorAt
from cfukit_sw.lowering.lowered import BytesAt, Calls, Param
from cfukit_sw.model import Tensor
from cfukit_sw.planner import ALIGNMENT
from cfukit_sw.space import BYTES_PER_MISS, Costs, Unit, place_units
from cfukit_sw.structs import layout
from cfukit_sw.walks import clashes_of, role_of

_PARAMS_ALIGNMENT, _CALL_BYTES = 16, 8  # of the structs; of struct cfukit_op, whose array lies before them


class Layout:
    """The layout of one plan's data."""

    def __init__(self, storage: Storage, calls: Sequence[Call], cache: Cache):
        self.storage, self.calls, self.cache = storage, calls, cache
        self.clashes = [clashes_of(call.lowered, call.scratch_bytes) for call in calls]
        self.params = [call.lowered.params | call.own for call in calls]

    def arena(self) -> tuple[dict[int, int], int]:
        """Offsets of storage roots (key -1 - step: that step's scratch), and the size."""
        return self.storage.place(self.calls, prefer=self._arena_misses if self.cache.size else None)

    def constants(self, offsets: Mapping[int, int]) -> tuple[dict[bytes, int], int]:
        """The offset of each constant, and bytes in all, with the arena's `offsets` given."""
        others = (
            [self._in_arena(number, offsets) for number in range(len(self.calls))] if self.cache.size else []
        )
        units = list(self._units(others))
        places = place_units(units, self.cache.bytes)
        end = max((offset + len(data) for data, offset in places.items()), default=0)
        return places, end + self._padding(places, end, others)

    def constant(self, param: Param) -> bytes | None:
        """The data that a parameter points to, if that is a constant."""
        if isinstance(param, Bytes | BytesAt):
            return param.data
        if not isinstance(param, TensorAt):
            return None
        data = self.storage.model.tensors[self.storage.root(param.tensor)].data
        return None if data is None else np.ascontiguousarray(data).tobytes()

    def _units(self, others: Sequence[list[tuple[str, Lines]]]) -> Iterator[Unit]:
        """The constants that each call adds, with the misses that each place of them costs."""
        seen: set[bytes] = set()
        for number, params in enumerate(self.params):
            found = (self.constant(param) for param in _leaves(params.values()))
            new = tuple(dict.fromkeys(data for data in found if data is not None and data not in seen))
            seen.update(new)
            alignment = max(ALIGNMENT, self.calls[number].kernel.weights_alignment)
            unit = Unit(new, np.zeros(max(1, self.cache.size), np.int64), alignment)
            if self.cache.size:
                for member, param in params.items():
                    data = self.constant(param)
                    if data in new:
                        own = self.cache.lines("weights", unit.offset(data), len(data))
                        unit.costs[:] += self._costs(
                            own, role_of(member), others[number], self.clashes[number]
                        )
            yield unit
        initial = (initial_value(tensor)[1] for tensor in self.storage.model.variables())
        values = tuple(dict.fromkeys(data for data in initial if data and data not in seen))
        yield Unit(values, np.zeros(max(1, self.cache.size), np.int64))

    def _costs(self, own: Lines, role: str, others: Iterable[tuple[str, Lines]], clashes: Clashes) -> Costs:
        """Estimated misses of data with `own` lines if it begins 0, 1, 2, ... lines later."""
        weighted = np.zeros(self.cache.size, np.int64)
        for other, lines in others:
            weighted += clash(clashes, role, other) * lines
        if not weighted.any():
            return weighted
        return sliding_window_view(np.concatenate((weighted, weighted[:-1])), self.cache.size) @ own

    def struct_offsets(self, end: int) -> list[int]:
        """Where the parameter struct of each call begins, counted from the constants' begin, if the constants end at `end`."""
        at = _aligned(end) + _CALL_BYTES * len(self.calls)
        offsets = []
        for call, params in zip(self.calls, self.params, strict=True):
            offsets.append(_aligned(at))
            at = offsets[-1] + layout(call.lowered.struct)[1]
            for param in params.values():  # arrays of structs follow the struct that points to them
                if isinstance(param, Pieces):
                    at = _aligned(at) + layout(param.name)[1] * len(param.items)
        return offsets

    def _padding(
        self, places: Mapping[bytes, int], end: int, others: Sequence[list[tuple[str, Lines]]]
    ) -> int:
        """Bytes behind the constants that let the parameter structs clash the least."""
        if not self.cache.size:
            return 0
        total = np.zeros(self.cache.size, np.int64)
        for number, at in enumerate(self.struct_offsets(end)):
            mine = [*others[number]]
            for member, param in self.params[number].items():
                data = self.constant(param)
                if data is not None:
                    mine.append((role_of(member), self.cache.lines("weights", places[data], len(data))))
            own = self.cache.lines("weights", at, layout(self.calls[number].lowered.struct)[1])
            total += self._costs(own, "params", mine, self.clashes[number])
        return LINE_BYTES * int((total + np.arange(self.cache.size) * LINE_BYTES // BYTES_PER_MISS).argmin())

    def _arena_misses(self, offsets: Mapping[int, int]) -> int:
        return sum(
            misses(self._in_arena(number, offsets), self.clashes[number]) + self._lockstep(number, offsets)
            for number in range(len(self.calls))
        )

    def _in_arena(self, number: int, offsets: Mapping[int, int]) -> list[tuple[str, Lines]]:
        """Role and lines of what call `number` reads apart from constants and parameters."""
        parts = [("stack", self.cache.stack())]
        for member, param in self.params[number].items():
            if isinstance(param, TensorAt) and role_of(member):
                root = self.storage.root(param.tensor)
                if root in offsets:
                    count = self.storage.model.tensors[param.tensor].bytes - param.offset
                    parts.append(
                        (role_of(member), self.cache.lines("arena", offsets[root] + param.offset, count))
                    )
        if self.calls[number].scratch_bytes:
            lines = self.cache.lines("arena", offsets[-1 - number], self.calls[number].scratch_bytes)
            parts.append(("scratch", lines))
        return parts

    def _lockstep(self, number: int, offsets: Mapping[int, int]) -> int:
        """Misses of an operator that reads two inputs element by element, if both fall on the same lines."""
        params = self.params[number]
        if self.calls[number].lowered.struct != "cfukit_binary":
            return 0
        first, second = (
            self.storage.root(param.tensor) if isinstance(param, TensorAt) else -1
            for param in (params["input1"], params["input2"])
        )
        if first == second or first not in offsets or second not in offsets:
            return 0
        apart = (offsets[first] - offsets[second]) % self.cache.bytes
        same = min(apart, self.cache.bytes - apart) < LINE_BYTES
        return 2 * self.storage.model.tensors[second].bytes if same else 0


def initial_value(tensor: Tensor) -> tuple[int, bytes]:
    """(byte, data) of a variable after a reset: data, or the byte repeated where data is empty."""
    if tensor.initial is None:
        return (tensor.zero_point & 0xFF if tensor.type == "int8" else 0), b""
    data = np.ascontiguousarray(tensor.initial).tobytes()
    return (data[0], b"") if len(set(data)) == 1 else (0, data)


def _aligned(at: int) -> int:
    return -(-at // _PARAMS_ALIGNMENT) * _PARAMS_ALIGNMENT


def _leaves(params: Iterable[Param]) -> Iterator[Param]:
    """The parameters, and the members of the structs that they point to."""
    for param in params:
        if isinstance(param, Pieces):
            for item in param.items:
                yield from _leaves(item.values())
        elif isinstance(param, Calls):
            for call in param.items:
                yield from _leaves(call.params.values())
        else:
            yield param
