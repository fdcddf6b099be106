"""Operators that can compute some rows of their output from some rows of their input: which rows, and the parameters for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cfukit_sw.lowering.lowered import Lowered, Op, Param, TensorAt

Range = tuple[int, int]  # rows from, to

_WINDOWS = ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D")
_WINDOW_STRUCTS = ("cfukit_conv", "cfukit_conv_add", "cfukit_pool")
_ONE_BY_ONE = ("cfukit_binary", "cfukit_table")


@dataclass(frozen=True)
class Rows:
    """Output row y needs the input rows from y * stride - before on, `window` of them, as far as the image has them.

    * source, target: tensors. member: the parameter that points to the source.
    * input_bytes, output_bytes: of a row.
    """

    lowered: Lowered
    source: int
    target: int
    member: str
    input_rows: int
    output_rows: int
    input_bytes: int
    output_bytes: int
    window: int = 1
    stride: int = 1
    before: int = 0

    def needs(self, rows: Range) -> Range:
        """Rows of the input that these rows of the output need."""
        first, last = rows[0] * self.stride - self.before, (rows[1] - 1) * self.stride - self.before
        return max(0, first), min(self.input_rows, last + self.window)

    def op(self, rows: Range) -> Op:
        """The operator that computes these rows of the output, from the rows that they need."""
        op, (low, high) = self.lowered.op, self.needs(rows)
        count = rows[1] - rows[0]
        _, _, left, right = op.padding
        top = low - (rows[0] * self.stride - self.before)
        bottom = (rows[1] - 1) * self.stride - self.before + self.window - high
        return replace(
            op,
            input_shape=_with_rows(op.input_shape, self.input_rows, high - low),
            output_shape=_with_rows(op.output_shape, self.output_rows, count),
            second_shape=_with_rows(op.second_shape, self.output_rows, count),
            operands=tuple(_with_rows(shape, self.output_rows, count) for shape in op.operands),
            padding=(top, max(0, bottom), left, right),
            macs=op.macs * count // self.output_rows,
        )

    def params(self, rows: Range, source: Param, target: Param) -> dict[str, Param]:
        """Parameters for these rows of the output. source: where the first row that they need lies."""
        params, op, count = self.lowered.params, self.op(rows), rows[1] - rows[0]
        changed: dict[str, Param] = {self.member: source, "output": target}
        if self.lowered.struct in _WINDOW_STRUCTS:
            changed |= {
                "input_height": op.input_shape[1],
                "output_height": count,
                "padding_top": op.padding[0],
            }
            addend = params.get("addend")
            if isinstance(addend, TensorAt):
                changed["addend"] = TensorAt(addend.tensor, addend.offset + rows[0] * self.output_bytes)
        elif self.lowered.struct == "cfukit_table":
            changed["count"] = _integer(params["count"]) // self.output_rows * count
        else:
            sizes = params["sizes"]
            assert isinstance(sizes, tuple)
            changed["sizes"] = (*sizes[:-1], sizes[-1] // self.output_rows * count)
            other = "input2" if self.member == "input1" else "input1"
            at = params[other]
            if isinstance(at, TensorAt) and _stride(params, other):
                changed[other] = TensorAt(at.tensor, at.offset + rows[0] * self.output_bytes)
        return params | changed


def rows_of(
    lowered: Lowered, source: int, bytes_of: Mapping[int, int], roots: Mapping[int, int]
) -> Rows | None:
    """How the rows of an operator's output depend on those of `source`, one of its inputs. None if it cannot compute rows alone.

    source: a storage root. bytes_of: of every tensor. roots: tensor -> the tensor whose storage it shares.
    """
    op, params = lowered.op, lowered.params
    target, member = params.get("output"), _member(params, source, roots)
    if (
        not isinstance(target, TensorAt)
        or member is None
        or len(op.output_shape) != 4
        or op.output_shape[0] != 1
    ):
        return None
    window = stride = 1
    before = 0
    if lowered.struct in _WINDOW_STRUCTS:
        if op.type not in _WINDOWS or lowered.scratch_bytes:
            return None
        size = _integer(params["filter_height"])
        window, stride, before = (size - 1) * op.dilation[0] + 1, op.strides[0], op.padding[0]
        if max(op.padding[:2]) >= window:
            return None
    elif not _is_one_by_one(lowered, member) or bytes_of[source] != bytes_of[target.tensor]:
        return None
    output_rows = op.output_shape[1]
    input_rows = output_rows if lowered.struct in _ONE_BY_ONE else op.input_shape[1]
    return Rows(
        lowered=lowered,
        source=source,
        target=target.tensor,
        member=member,
        input_rows=input_rows,
        output_rows=output_rows,
        input_bytes=bytes_of[source] // input_rows,
        output_bytes=bytes_of[target.tensor] // output_rows,
        window=window,
        stride=stride,
        before=before,
    )


def _member(params: Mapping[str, Param], source: int, roots: Mapping[int, int]) -> str | None:
    """The only parameter that points to a tensor."""
    tensors = {name: at.tensor for name, at in params.items() if isinstance(at, TensorAt)}
    found = [name for name, tensor in tensors.items() if roots.get(tensor, tensor) == source]
    return found[0] if len(found) == 1 and found[0] in ("input", "input1", "input2") else None


def _is_one_by_one(lowered: Lowered, member: str) -> bool:
    """Whether an operator goes through `member` in one run, and through a second input likewise or not at all."""
    params = lowered.params
    if lowered.struct != "cfukit_binary":
        return lowered.struct in _ONE_BY_ONE
    sizes = params["sizes"]
    assert isinstance(sizes, tuple)
    other = "input2" if member == "input1" else "input1"
    return (
        all(size == 1 for size in sizes[:-1]) and _stride(params, member) == 1 and _stride(params, other) < 2
    )


def _stride(params: Mapping[str, Param], member: str) -> int:
    strides: Any = params["strides1" if member == "input1" else "strides2"]
    return int(strides[-1])


def _with_rows(shape: tuple[int, ...], all_rows: int, rows: int) -> tuple[int, ...]:
    """The shape of some rows of an image; anything else, such as a constant for all elements, stays as it is."""
    return (1, rows, *shape[2:]) if len(shape) == 4 and shape[1] == all_rows else shape


def _integer(value: Param) -> int:
    assert isinstance(value, int)
    return value
