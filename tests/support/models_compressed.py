"""Compressed constants as TFLM_DECODE takes them, and random models with them. See support.models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import flatbuffers
import numpy as np

from cfukit_sw.evaluator.compression import DECODE, HUFFMAN, LUT, ONE_TABLE, PRUNING
from cfukit_sw.model import Model
from cfukit_sw.tflite_writer import model_bytes
from support.models import Case, builds


def header(kind: int, *fields: int) -> np.ndarray:
    return np.array([kind, 1, 0, 0, 1, *fields, *[0] * (11 - len(fields))], np.uint8)


def packed(values: Any, width: int) -> np.ndarray:
    """Fields of `width` bits, the highest bit first; a word more, because TFLM reads words."""
    bits = [value >> bit & 1 for value in np.ravel(values).tolist() for bit in reversed(range(width))]
    return np.append(np.packbits(np.array(bits, np.uint8)), np.zeros(8, np.uint8))


def by_table(values: np.ndarray, axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    """(encoded, ancillary)."""
    slices = [values] if axis is None else list(np.moveaxis(values, axis, 0))
    tables = [np.unique(part) for part in slices]
    stride = max(table.size for table in tables)
    indices = np.stack([np.searchsorted(table, part) for table, part in zip(tables, slices, strict=True)])
    indices = indices[0] if axis is None else np.moveaxis(indices, 0, axis)
    width = max(1, int(indices.max()).bit_length())
    padded = np.concatenate([np.resize(table, stride) for table in tables])
    head = header(LUT, (ONE_TABLE if axis is None else axis) << 4 | width, stride)
    return packed(indices, width), np.append(head, padded.view(np.uint8))


def pruned(values: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """points: zero points that broadcast to `values`."""
    present = values != points
    kept = np.ascontiguousarray(values[present])
    return packed(present, 1), np.append(header(PRUNING), kept.view(np.uint8))


def by_huffman(values: np.ndarray, wide: bool, first: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The code 1, 01, 001, ... in the order of frequency, read by tables that have 2 ** first and then 2 entries."""
    symbols, counts = np.unique(values, return_counts=True)
    symbols = symbols[np.argsort(-counts)]
    shift, code = (27, np.uint32) if wide else (11, np.uint16)
    flag, low = 16 << shift, (1 << shift) - 1
    size = 1 << first
    table = [0] * size
    for number, symbol in enumerate(symbols[:first].tolist()):
        for entry in range(size >> (number + 1), size >> number):
            table[entry] = flag | (number + 1) << shift | symbol & low
    at = 0  # the entry that leads on
    for symbol in symbols[first:].tolist():
        table[at] = len(table) - at
        at = len(table)
        table += [0, flag | 1 << shift | symbol & low]
    bits = "".join(
        "0" * int(np.flatnonzero(symbols == value)[0]) + "1" for value in values.reshape(-1).tolist()
    )
    encoded = packed([int(bit) for bit in bits], 1)
    words = np.resize(np.append(encoded, np.zeros(-encoded.size % 4, np.uint8)), -(-encoded.size // 4) * 4)
    head = header(HUFFMAN, (first - 1) << 4 | wide)
    return words, np.append(head, np.array(table, code).view(np.uint8))


def few(rng: np.random.Generator, kind: str, shape: tuple[int, ...], count: int) -> np.ndarray:
    """Values of few kinds."""
    if kind == "float32":
        return rng.choice(rng.normal(size=count).astype(np.float32), shape)
    if kind == "bool":
        return rng.random(shape) < 0.5
    limits = np.iinfo(kind)
    return rng.choice(rng.integers(limits.min, limits.max, count, kind, endpoint=True), shape)


def table_of(values: np.ndarray, axis: int | None) -> tuple[np.ndarray, np.ndarray, int]:
    """(indices, tables, bits of an index), as `by_table` without its header."""
    encoded, ancillary = by_table(values, axis)
    return encoded, ancillary[16:], int(ancillary[5]) & 7


def by_metadata(model: Model, chosen: list[int]) -> bytes:
    """The file of `model`, with the constants `chosen` of its main graph compressed and listed in its metadata.

    They must have few values. The writer numbers buffers: first the tensors', then the metadata's.
    """
    tensors, tables, entries = list(model.tensors), {}, []
    buffers = 1 + sum(t.data is not None and t.data.nbytes > 0 for t in tensors)
    for number, index in enumerate(chosen):
        tensor = tensors[index]
        assert tensor.data is not None
        axis = tensor.quantized_dimension if tensor.scales.size > 1 else None
        encoded, table, width = table_of(tensor.data, axis)
        tensors[index] = replace(tensor, data=encoded)
        tables[f"table {number}"] = table.tobytes()
        entries.append((index, buffers + number, width))
    metadata = {**tables, "COMPRESSION_METADATA": compression_metadata(entries)}
    return model_bytes(replace(model, tensors=tuple(tensors), metadata=metadata))


def compression_metadata(entries: list[tuple[int, int, int]], version: int = 1) -> bytes:
    """(tensor, buffer of the tables, bits of an index) of each compressed tensor."""
    build = flatbuffers.Builder(256)

    def vector(places: list[int]) -> int:
        build.StartVector(4, len(places), 4)
        for place in reversed(places):
            build.PrependUOffsetTRelative(place)
        return int(build.EndVector())

    def entry(tensor: int, buffer: int, width: int) -> int:
        build.StartObject(3)
        build.PrependInt32Slot(0, tensor, 0)
        build.PrependUint32Slot(1, buffer, 0)
        build.PrependUint8Slot(2, width, 0)
        return int(build.EndObject())

    found = vector([entry(*each) for each in entries])
    build.StartObject(1)
    build.PrependUOffsetTRelativeSlot(0, found, 0)
    graphs = vector([int(build.EndObject())])
    build.StartObject(2)
    build.PrependUint32Slot(0, version, 1)
    build.PrependUOffsetTRelativeSlot(1, graphs, 0)
    build.Finish(build.EndObject())
    return bytes(build.Output())


def with_few_values(model: Model, rng: np.random.Generator, chosen: list[int]) -> Model:
    """The constants `chosen` get at most 128 values, or one each along their axis."""
    tensors = list(model.tensors)
    for index in chosen:
        data = tensors[index].data
        assert data is not None
        if data.size > 100:
            tensors[index] = replace(tensors[index], data=rng.choice(data.reshape(-1)[:100], data.shape))
    return replace(model, tensors=tuple(tensors))


@builds(DECODE)
def _decode(case: Case) -> Model:
    """FULLY_CONNECTED with compressed weights, or an input behind a compressed tensor."""
    rng, way = case.rng, case.pick(["table", "table", "pruned", "huffman"])
    kind = (
        "int8"
        if way == "huffman"
        else case.pick(["int8", "int8", "int8", "int16", "int32", "int64", "float32"])
    )
    rows, terms = case.whole(1, 7), case.whole(1, 30)
    values = few(rng, kind, (rows, terms), case.whole(1, 20))
    scales = None if kind not in ("int8", "int16") else case.scale(1e-3, 0.05)
    if way == "table":
        by_row = kind == "int8" and rows > 1 and case.chance(0.4)
        scales = [case.scale(1e-3, 0.05) for _ in range(rows)] if by_row else scales
        encoded, ancillary = by_table(values, 0 if by_row else None)
    elif way == "pruned":
        values = np.where(rng.random(values.shape) < 0.5, 0, values).astype(kind)
        encoded, ancillary = pruned(values, np.zeros(1, kind))
    else:
        encoded, ancillary = by_huffman(values, case.chance(0.5), case.whole(1, 4))
    build = case.build
    quantised: dict[str, Any] = {} if scales is None else {"scale": scales}
    decoded = build.tensor("d", values.shape, kind, **quantised)
    build.operator(DECODE, [build.constant("e", encoded), build.constant("a", ancillary)], [decoded])
    if kind == "int8":
        x = case.image((1, terms))
        y = case.out((1, rows), case.sum_scale(x, decoded, terms))
        build.operator("FULLY_CONNECTED", [x, decoded], [y])
        return build.model([x], [y])
    x = build.tensor("x", values.shape, kind, **quantised)
    y = build.tensor("y", (2 * rows, terms), kind, **quantised)
    build.operator("CONCATENATION", [x, decoded], [y], axis=0)
    return build.model([x], [y])
