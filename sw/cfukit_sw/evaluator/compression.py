"""TFLM_DECODE: constants that the file holds compressed, by tables of values, Huffman codes, or without their zeros.

Both inputs of each output are constants: the encoded values, and ancillary data that begin with a header of 16 bytes. So the outputs are
constants too (`with_constants`), nothing is decoded at run time, and the firmware holds the values as they are.

Header: byte 0 is the kind, byte 1 the header's version, byte 4 the kind's version; bytes 5 and 6 depend on the kind. Bits are read from the
highest of the first byte on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cfukit_sw.compressed_metadata import fields
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.model import Tensor
from cfukit_sw.site import Array, Site

DECODE = "CUSTOM:TFLM_DECODE"
HEADER_BYTES = 16
LUT, HUFFMAN, PRUNING = 0, 1, 2
DECODED = ("bool", "int8", "int16", "int32", "int64", "float32")
ONE_TABLE = 15  # in place of the axis whose slices have tables of their own
MAX_CODEWORDS = 1 << 19  # they are decoded one after the other

Bytes8 = npt.NDArray[np.uint8]


@operator(DECODE)
def decode(at: Site) -> Compute:
    """Pairs of encoded values and ancillary data -> one tensor each."""
    if not at.op.outputs or len(at.op.inputs) != 2 * len(at.op.outputs):
        at.refuse(
            f"{len(at.op.inputs)} inputs and {len(at.op.outputs)} outputs", "two inputs for each output"
        )
    values = [_decoded(at, position) for position in range(len(at.op.outputs))]
    return lambda inputs: values


def _decoded(at: Site, position: int) -> Array:
    encoded, ancillary = (_bytes_of(at, 2 * position + k) for k in range(2))
    output = at.output(*DECODED, position=position)
    if ancillary.size < HEADER_BYTES:
        at.refuse(f"ancillary data of {ancillary.size} bytes", f"at least {HEADER_BYTES}")
    kind, version, own_version = (int(ancillary[place]) for place in (0, 1, 4))
    kinds = {LUT: _by_table, HUFFMAN: _by_huffman, PRUNING: _pruned}
    if kind not in kinds or version != 1 or own_version != 1:
        allowed = "0 (tables), 1 (Huffman) and 2 (pruning) in version 1"
        at.refuse(f"compression of kind {kind}, versions {version} and {own_version}", allowed)
    values = kinds[kind](at, output, encoded, ancillary)
    return np.ascontiguousarray(values, output.dtype).reshape(output.shape)


def _bytes_of(at: Site, position: int) -> Bytes8:
    return at.constant(position, "uint8", "int8").reshape(-1).view(np.uint8)


def _fields(at: Site, encoded: Bytes8, width: int, count: int) -> npt.NDArray[np.int64]:
    """The first `count` fields of `width` bits."""
    try:
        return fields(encoded, width, count)
    except ValueError as error:
        at.refuse(str(error))


def _table(output: Tensor, ancillary: Bytes8) -> Array:
    """What follows the header, as values of the output's type."""
    rest = ancillary[HEADER_BYTES:]
    size = output.dtype.itemsize
    return rest[: rest.size // size * size].view(output.dtype)


def _scales_axis(at: Site, output: Tensor) -> int | None:
    """The axis along which the output has more than one scale. By it TFLM's interpreter chooses tables and zero points."""
    count, axis = output.scales.size, output.quantized_dimension
    if count <= 1:
        return None
    if axis not in (0, len(output.shape) - 1) or count != output.shape[axis]:
        at.refuse(
            f"{output} has {count} scales along axis {axis}", "one, or as many as axis 0 or the last one has"
        )
    return axis


def _by_table(at: Site, output: Tensor, encoded: Bytes8, ancillary: Bytes8) -> Array:
    """Byte 5: the axis (high half) and the bits of an index (low three bits). Byte 6: entries of a table.

    TFLM's compressor writes the axis and its interpreter goes by the scales, so both must say the same.
    """
    field, width, stride = int(ancillary[5]) >> 4, int(ancillary[5]) & 7, int(ancillary[6])
    table, axis = _table(output, ancillary), _scales_axis(at, output)
    if width == 0:
        at.refuse("indices of 0 bits", "1 to 7 bits")
    rank = len(output.shape)
    one = (
        field == ONE_TABLE
        or (field < rank and output.shape[field] == 1)
        or (field == 0 and table.size == stride)
    )
    if (None if one else field) != axis:
        tables = "one table" if one else f"tables along axis {field}"
        scales = "one scale" if axis is None else f"scales along axis {axis}"
        at.refuse(f"{output} has {tables} and {scales}", "tables and scales along the same axis")
    indices = _fields(at, encoded, width, output.elements).reshape(output.shape)
    if int(indices.max()) >= stride:
        at.refuse(f"index {int(indices.max())} of a table", f"below {stride}, its size")
    channels = 1 if axis is None else output.shape[axis]
    if table.size < channels * stride:
        at.refuse(f"{table.size} values in tables", f"{channels * stride}")
    if axis is not None:
        shape = [1] * rank
        shape[axis] = channels
        indices = indices + stride * np.arange(channels).reshape(shape)
    return table[indices]


def _pruned(at: Site, output: Tensor, encoded: Bytes8, ancillary: Bytes8) -> Array:
    """A bit for each value: 1 takes the next one behind the header, 0 stands for the zero point."""
    present = _fields(at, encoded, 1, output.elements).astype(bool)
    points = output.zero_points if output.zero_points.size else np.zeros(1, np.int64)
    if points.any() and output.type != "int8":
        at.refuse(f"{output} has zero points", "0 for types other than int8")
    axis = _scales_axis(at, output)
    shape = [1] * len(output.shape)
    if axis is not None:
        shape[axis] = points.size
    if points.size != max(1, output.scales.size):
        at.refuse(
            f"{output} has {points.size} zero points", f"{max(1, output.scales.size)}, as many as scales"
        )
    values = np.broadcast_to(points.reshape(shape), output.shape).astype(output.dtype).reshape(-1)
    table, count = _table(output, ancillary), int(present.sum())
    if table.size < count:
        at.refuse(f"{table.size} values that are not zero", f"{count}")
    values[present] = table[:count]
    return values


def _by_huffman(at: Site, output: Tensor, encoded: Bytes8, ancillary: Bytes8) -> Array:
    """Byte 5: bit 0 for table entries of 32 instead of 16 bits; high half: the bits that index the first table, less 1.

    An entry's highest bit says that it is a symbol; the four bits below how many bits of the last index belong to it, or less 1 how many
    index the next table, which begins at the entry's place plus its low bits.
    """
    wide = bool(ancillary[5] & 1)
    if output.type not in ("int8", "int16") or (output.type == "int16" and not wide):
        at.refuse(f"Huffman codes of {output}", "int8, or int16 with table entries of 32 bits")
    if output.elements > MAX_CODEWORDS:
        at.refuse(f"{output.elements} Huffman codes", f"at most {MAX_CODEWORDS:,}")
    kind, count_shift = (np.uint32, 27) if wide else (np.uint16, 11)
    rest = ancillary[HEADER_BYTES:]
    table = rest[: rest.size // np.dtype(kind).itemsize * np.dtype(kind).itemsize].view(kind).tolist()
    symbol, low = 16 << count_shift, (1 << count_shift) - 1
    first = (int(ancillary[5]) >> 4) + 1
    data, place, symbols = encoded.tobytes() + bytes(8), 0, []
    for _ in range(output.elements):
        used, entry_at = first, 0
        while True:
            if place > 8 * encoded.size:
                at.refuse(f"{encoded.size} bytes of Huffman codes", f"enough for {output.elements} values")
            word = int.from_bytes(data[place >> 3 : (place >> 3) + 4], "big")
            entry_at += word >> (32 - (place & 7) - used) & ((1 << used) - 1)
            place += used
            if entry_at >= len(table):
                at.refuse(f"entry {entry_at} of a Huffman table", f"below {len(table)}, its size")
            entry = table[entry_at]
            bits = entry >> count_shift & 15
            if entry & symbol:
                break
            used = bits + 1
            entry_at += entry & low
        place -= max(0, used - bits)
        symbols.append(entry & low)
    if place > 8 * encoded.size:
        at.refuse(f"{encoded.size} bytes of Huffman codes", f"enough for {output.elements} values")
    return np.array(symbols, np.int64).astype(np.uint32).astype(output.dtype)
