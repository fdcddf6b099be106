"""Tensors compressed by tables of values that the model's metadata list: TFLM's way before it had DECODE operators.

A compressed tensor's buffer holds indices, the highest bit of a byte first. Another buffer holds the values: one table, or one for each
slice along the axis of the tensor's scales.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from flatbuffers.number_types import Int32Flags, Uint8Flags, Uint32Flags
from flatbuffers.table import Table

from cfukit_sw.flatbuffer_check import Checker, Unsound

METADATA = "COMPRESSION_METADATA"
SCHEMA_VERSION = 1
MAX_WIDTH = 7
MAX_TABLE = 128  # values in the table of a slice

# The operators that decompress their inputs. All others read the indices as if they were values.
READERS = (
    *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"),
    *("ASSIGN_VARIABLE", "CONCATENATION"),
)


@dataclass(frozen=True)
class Compressed:
    """values: the buffer with the tables. width: bits of an index."""

    values: int
    width: int


def compressed_tensors(data: bytes) -> dict[tuple[int, int], Compressed]:
    """Metadata -> (subgraph, tensor): how it is compressed. ValueError if they are no such metadata."""
    if not data:
        return {}
    try:
        root = _word(data)
        Checker(data).table(root, "CompressionMetadata")
    except Unsound as error:
        raise ValueError(f"corrupt: {error}") from error
    metadata = Table(data, root)
    version = metadata.GetSlot(4, SCHEMA_VERSION, Uint32Flags)
    if version > SCHEMA_VERSION:
        raise ValueError(f"version {version}; up to {SCHEMA_VERSION} is known")
    found = {}
    for number, graph in enumerate(_tables(metadata, 6)):
        for entry in _tables(graph, 4):
            tensor = entry.GetSlot(4, 0, Int32Flags)
            found[number, tensor] = Compressed(
                entry.GetSlot(6, 0, Uint32Flags), entry.GetSlot(8, 0, Uint8Flags)
            )
    return found


def _word(data: bytes) -> int:
    if len(data) < 4:
        raise Unsound(f"{len(data)} bytes")
    word: int = struct.unpack_from("<I", data)[0]
    return word


def _tables(table: Table, slot: int) -> Iterator[Table]:
    offset = table.Offset(slot)
    for number in range(table.VectorLen(offset) if offset else 0):
        yield Table(table.Bytes, table.Indirect(table.Vector(offset) + 4 * number))


def fields(encoded: npt.NDArray[np.uint8], width: int, count: int) -> npt.NDArray[np.int64]:
    """The first `count` fields of `width` bits. ValueError if there are fewer."""
    if encoded.size * 8 < width * count:
        raise ValueError(
            f"{encoded.size} encoded bytes, {-(-width * count // 8)} needed for {count} values of {width} bits"
        )
    bits = np.unpackbits(encoded, count=width * count).reshape(count, width)
    return bits.astype(np.int64) @ (1 << np.arange(width)[::-1])


def looked_up(
    encoded: npt.NDArray[np.uint8],
    table: npt.NDArray[Any],
    width: int,
    shape: tuple[int, ...],
    axis: int | None,
) -> npt.NDArray[Any]:
    """The values of a tensor of `shape`, whose slices along `axis` have tables of their own. ValueError if they are not all there."""
    if not 1 <= width <= MAX_WIDTH:
        raise ValueError(f"indices of {width} bits, 1 to {MAX_WIDTH} are known")
    slices = 1 if axis is None else shape[axis]
    size = table.size // slices
    if size > MAX_TABLE:
        raise ValueError(f"a table of {size} values, at most {MAX_TABLE} are allowed")
    indices = fields(encoded, width, int(np.prod(shape))).reshape(shape)
    if int(indices.max(initial=0)) >= size:
        raise ValueError(f"index {int(indices.max())} of a table with {size} values")
    if axis is not None:
        along = [1] * len(shape)
        along[axis] = slices
        indices = indices + size * np.arange(slices).reshape(along)
    return table[indices]
