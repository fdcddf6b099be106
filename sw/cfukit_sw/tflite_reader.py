"""Read `.tflite` files. Nothing in a file is trusted: `read_model` gives a sound Model or raises a ModelError.

The PyPI package `tflite` (generated from TensorFlow's schema) reads the fields, after `flatbuffer_check` has
found every offset inside the file. Constants are read-only views of the file's bytes. As in TFLM's loader:

* The operator code is the larger of its two fields.
* Versions and the file identifier are ignored.
* Buffer 0 means "no buffer".
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import tflite
from flatbuffers.number_types import Int32Flags

from cfukit_base.errors import ModelError
from cfukit_sw.compressed_metadata import (
    METADATA,
    READERS,
    Compressed,
    compressed_tensors,
    looked_up,
)
from cfukit_sw.custom_options import decode_custom_options
from cfukit_sw.flatbuffer_check import Checker, Unsound
from cfukit_sw.graph import check_graph
from cfukit_sw.model import NUMPY_TYPES, Model, Operator, Option, Tensor
from cfukit_sw.options import (
    BUILTIN_OPERATORS,
    CLASSES,
    CUSTOM_OPTIONS,
    ENUMERATIONS,
    decode_options,
    default_options,
    options_class,
)

MAX_FILE_BYTES = 256 << 20
MAX_DIMENSIONS = 8
MAX_ELEMENTS = 2**31 - 1
MAX_SUBGRAPHS = 256
DECOMPRESSED = ("bool", "int8", "int16", "int32", "int64", "float32")
MAX_TENSORS = MAX_OPERATORS = 65535

_OPTION_CODES = {name: getattr(tflite.BuiltinOptions, name) for name in CLASSES}
_ZERO_POINT_RANGES = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "uint16": (0, 65535),
}


def read_model(path: Path | str) -> Model:
    """The model in a `.tflite` file. ModelError if it is unreadable, corrupt, truncated or absurd."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ModelError(
                str(path), f"{path.stat().st_size} bytes", allowed=f"at most {MAX_FILE_BYTES} bytes"
            )
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(
            str(path), f"cannot be read: {error.strerror}", hint="give the path of a .tflite file"
        ) from error
    return parse_model(data, path.stem, str(path))


def parse_model(data: bytes, name: str = "model", where: str = "") -> Model:
    """The model in the bytes of a `.tflite` file. Messages call it `where` (default: its name)."""
    where = where or name
    try:
        checker = Checker(data)
        checker.check_file()
    except Unsound as error:
        what = "corrupt or truncated"
        if data[4:8] != b"TFL3":
            what = "not a .tflite file (no TFL3 at byte 4), or corrupt"
        raise ModelError(where, f"{what}: {error}", hint="export or download the model again") from error
    model = _Reader(data, name, where, checker).read()
    check_graph(model, where)
    for number, subgraph in enumerate(model.subgraphs, start=1):
        check_graph(subgraph, f"{where}: subgraph {number}", is_subgraph=True)
    return model


class _Reader:
    """Reads one verified file. Counts what it copies, since many tensors may share one long vector."""

    def __init__(self, data: bytes, name: str, where: str, checker: Checker):
        self.data, self.name, self.where, self.checker = data, name, where, checker
        self.budget = 4 * len(data) + 65536
        self.file = tflite.Model.GetRootAs(data)
        self.compressed: dict[tuple[int, int], Compressed] = {}

    def read(self) -> Model:
        if self.file.SubgraphsLength() < 1:
            self.refuse("", "no subgraph", "a model with a subgraph")
        if self.file.SubgraphsLength() > MAX_SUBGRAPHS:
            self.refuse("", f"{self.file.SubgraphsLength()} subgraphs", f"at most {MAX_SUBGRAPHS}")
        metadata = self.metadata()
        try:
            self.compressed = compressed_tensors(metadata.pop(METADATA, b""))
        except ValueError as error:
            self.refuse(f"metadata {METADATA}", str(error), hint="compress the model again")
        others = range(1, self.file.SubgraphsLength())
        subgraphs = tuple(self.graph(f"{self.name}: subgraph {number}", number) for number in others)
        main = self.graph(self.name, 0)
        digest = hashlib.sha256(self.data).hexdigest()
        return replace(main, sha256=digest, metadata=metadata, subgraphs=subgraphs)

    def graph(self, name: str, number: int) -> Model:
        graph = self.file.Subgraphs(number)
        for what, count, most in (
            ("tensors", graph.TensorsLength(), MAX_TENSORS),
            ("operators", graph.OperatorsLength(), MAX_OPERATORS),
        ):
            if count > most:
                self.refuse("", f"{count} {what}", f"at most {most}")
        tensors = tuple(self.tensor(graph.Tensors(i), number, i) for i in range(graph.TensorsLength()))
        count = len(tensors)
        operators = tuple(self.operator(graph.Operators(i), i, count) for i in range(graph.OperatorsLength()))
        self.check_compressed(operators, tensors, number)
        return Model(
            name=name,
            sha256="",
            tensors=tensors,
            operators=operators,
            inputs=self.indices(graph.InputsAsNumpy(), "model inputs", 0, count),
            outputs=self.indices(graph.OutputsAsNumpy(), "model outputs", 0, count),
        )

    def refuse(self, part: str, given: str, allowed: str = "", hint: str = "") -> NoReturn:
        place = f"{self.where}: {part}" if part else self.where
        raise ModelError(place, given, allowed=allowed, hint=hint)

    def spend(self, amount: int, part: str) -> None:
        self.budget -= amount
        if self.budget < 0:
            self.refuse(part, "the file's vectors are shared so often that they exceed four times its size")

    def text(self, value: bytes | None, part: str) -> str:
        self.spend(len(value or b""), part)
        return (value or b"").decode("utf-8", "replace")

    def indices(self, vector: Any, part: str, low: int, count: int) -> tuple[int, ...]:
        """A vector of tensor indices, low..count - 1."""
        values = np.zeros(0, np.int32) if isinstance(vector, int) else vector
        self.spend(len(values), part)
        wrong = values[(values < low) | (values >= count)]
        if len(wrong):
            self.refuse(part, f"tensor index {wrong[0]}", f"{low}..{count - 1}")
        return tuple(values.tolist())

    # --- tensors ------

    def tensor(self, entry: Any, graph: int, index: int) -> Tensor:
        part = f"tensor {index}"
        name = self.text(entry.Name(), part)
        part = f"tensor {index} '{name[:60]}'"
        type_names = ENUMERATIONS["TensorType"]
        if entry.Type() not in type_names:
            self.refuse(part, f"type code {entry.Type()}", f"one of {', '.join(type_names.values())}")
        type = type_names[entry.Type()].lower()
        if entry.ShapeLength() > MAX_DIMENSIONS:
            self.refuse(part, f"{entry.ShapeLength()} dimensions", f"at most {MAX_DIMENSIONS}")
        shape = tuple(int(entry.Shape(i)) for i in range(entry.ShapeLength()))
        if any(size < 0 for size in shape):
            self.refuse(
                part, f"shape {list(shape)}", "fixed sizes of 0 or more", "export with a fixed batch size"
            )
        if prod(shape) > MAX_ELEMENTS:
            self.refuse(part, f"shape {list(shape)}: {prod(shape)} elements", f"at most {MAX_ELEMENTS}")
        if entry.Sparsity() is not None:
            self.refuse(part, "sparse encoding", "dense tensors", "export without sparsity")
        scales, zero_points, dimension = self.quantization(entry, type, part)
        how = self.compressed.get((graph, index))
        if how is None:
            data = self.constant(entry.Buffer(), type, shape, part)
        else:
            axis = int(dimension) if scales.size > 1 else None
            if axis is not None and (axis not in (0, len(shape) - 1) or scales.size != shape[axis]):
                self.refuse(
                    part, f"compressed, with {scales.size} scales", "as many as axis 0 or the last one has"
                )
            data = self.decompressed(entry.Buffer(), how, type, shape, axis, part)
        if data is not None and entry.IsVariable():
            self.refuse(part, "a variable with constant data", "one or the other")
        return Tensor(
            index, name, shape, type, scales, zero_points, dimension, data, bool(entry.IsVariable())
        )

    def quantization(
        self, entry: Any, type: str, part: str
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], int]:
        """(scales, zero points, dimension). As TFLM, this ignores scales without zero points."""
        parameters = entry.Quantization()
        if parameters is None:
            return np.zeros(0, np.float32), np.zeros(0, np.int64), 0
        scales = self.vector(parameters.ScaleAsNumpy(), np.float32, part)
        zero_points = self.vector(parameters.ZeroPointAsNumpy(), np.int64, part)
        if not (np.isfinite(scales) & (scales >= 0)).all():
            wrong = scales[~(np.isfinite(scales) & (scales >= 0))][0]
            self.refuse(part, f"scale {wrong}", "a finite number, not negative")
        if zero_points.size not in (0, 1, scales.size):
            self.refuse(
                part, f"{zero_points.size} zero points for {scales.size} scales", "none, one, or as many"
            )
        low, high = _ZERO_POINT_RANGES.get(type, (-(2**31), 2**31 - 1))
        if zero_points.size and not ((zero_points >= low) & (zero_points <= high)).all():
            wrong_point = zero_points[(zero_points < low) | (zero_points > high)][0]
            self.refuse(part, f"zero point {wrong_point}", f"{low}..{high} for {type}")
        if not zero_points.size:
            scales = scales[:0]
        return scales, zero_points, int(parameters.QuantizedDimension())

    def vector(self, value: Any, dtype: type[np.generic], part: str) -> Any:
        array = np.zeros(0, dtype) if isinstance(value, int) else value.astype(dtype, copy=False)
        self.spend(array.nbytes, part)
        return array

    def buffer_bytes(self, index: int, part: str) -> memoryview:
        count = self.file.BuffersLength()
        if not 0 <= index < max(count, 1):
            self.refuse(part, f"buffer index {index}", f"0..{count - 1}")
        if index == 0:
            return memoryview(b"")
        buffer = self.file.Buffers(index)
        if buffer.Offset() > 1 or buffer.Size() > 1:
            self.refuse(part, "data outside the FlatBuffer", "data inside it", "export a model below 2 GB")
        data = buffer.DataAsNumpy()
        return memoryview(b"") if isinstance(data, int) else memoryview(data)

    def constant(self, index: int, type: str, shape: tuple[int, ...], part: str) -> Any:
        """A read-only view of the file; for a type that numpy lacks, its raw bytes."""
        raw = self.buffer_bytes(index, part)
        if len(raw) == 0:
            return None
        if type not in NUMPY_TYPES:
            return np.frombuffer(raw, np.uint8)
        dtype = np.dtype(NUMPY_TYPES[type])
        if len(raw) != prod(shape) * dtype.itemsize:
            self.refuse(
                part,
                f"{len(raw)} bytes of data",
                f"{prod(shape) * dtype.itemsize} bytes for {type}{list(shape)}",
            )
        array = np.frombuffer(raw, np.uint8 if type == "bool" else dtype).reshape(shape)
        return array != 0 if type == "bool" else array

    def decompressed(
        self, index: int, how: Compressed, type: str, shape: tuple[int, ...], axis: int | None, part: str
    ) -> npt.NDArray[Any]:
        """The values of a tensor that the metadata list as compressed."""
        if type not in DECOMPRESSED:
            self.refuse(part, f"compressed {type}", ", ".join(DECOMPRESSED))
        encoded, table = (
            np.frombuffer(self.buffer_bytes(place, part), np.uint8) for place in (index, how.values)
        )
        dtype = np.dtype(NUMPY_TYPES[type])
        values = table[: table.size // dtype.itemsize * dtype.itemsize].view(dtype)
        values = table != 0 if type == "bool" else values
        if not shape or prod(shape) == 0:
            self.refuse(part, f"compressed, with shape {list(shape)}", "sizes of at least 1")
        try:
            data = looked_up(encoded, values, how.width, shape, axis)
        except ValueError as error:
            self.refuse(part, str(error), hint="compress the model again")
        self.spend(encoded.size, part)
        data.flags.writeable = False
        return data

    def check_compressed(self, operators: Sequence[Operator], tensors: Sequence[Tensor], graph: int) -> None:
        """TFLM decompresses the inputs of a few operators, and none beside weights of 4 bits. Elsewhere it takes indices for values."""
        for op in operators:
            found = next((tensor for tensor in op.inputs if (graph, tensor) in self.compressed), None)
            if found is None:
                continue
            packed = any(tensors[tensor].type == "int4" for tensor in op.inputs if tensor >= 0)
            if op.type not in READERS or packed:
                allowed = f"such inputs of {', '.join(READERS)} only, and none beside int4 weights"
                self.refuse(str(op), f"its input, tensor {found}, is compressed", allowed)

    def metadata(self) -> dict[str, bytes]:
        entries = {}
        for i in range(self.file.MetadataLength()):
            entry = self.file.Metadata(i)
            data = self.buffer_bytes(entry.Buffer(), f"metadata {i}")
            self.spend(len(data), f"metadata {i}")
            entries[self.text(entry.Name(), f"metadata {i}")] = bytes(data)
        return entries

    # --- operators ------

    def operator(self, entry: Any, index: int, tensors: int) -> Operator:
        part = f"operator {index}"
        type = self.operator_type(entry.OpcodeIndex(), part)
        part = f"operator {index} {type}"
        inputs = self.indices(entry.InputsAsNumpy(), f"{part}: inputs", -1, tensors)
        outputs = self.indices(entry.OutputsAsNumpy(), f"{part}: outputs", 0, tensors)
        return Operator(index, type, inputs, outputs, self.options(entry, type, part))

    def operator_type(self, index: int, part: str) -> str:
        if not 0 <= index < self.file.OperatorCodesLength():
            self.refuse(part, f"operator code index {index}", f"0..{self.file.OperatorCodesLength() - 1}")
        entry = self.file.OperatorCodes(index)
        # Not entry.BuiltinCode(): for files without the older field the package drops the newer one.
        code = max(entry._tab.GetSlot(10, 0, Int32Flags), entry.DeprecatedBuiltinCode())
        if code not in BUILTIN_OPERATORS:
            self.refuse(part, f"operator code {code}", f"0..{max(BUILTIN_OPERATORS)}, the schema's operators")
        type = BUILTIN_OPERATORS[code]
        if type == "CUSTOM":
            return "CUSTOM:" + self.text(entry.CustomCode(), part)[:100]
        return type

    def options(self, entry: Any, type: str, part: str) -> dict[str, Option]:
        """All options of an operator that we know, the schema's defaults where the file has none."""
        if type in CUSTOM_OPTIONS:
            return self.custom_options(entry, type, part)
        class_name, table = options_class(type), entry.BuiltinOptions()
        if not class_name or table is None or entry.BuiltinOptionsType() == 0:
            return default_options(type)
        if entry.BuiltinOptionsType() != _OPTION_CODES[class_name]:
            self.refuse(part, f"options of type {entry.BuiltinOptionsType()}", class_name)
        try:
            self.checker.table(table.Pos, class_name)
            options = decode_options(class_name, table)
        except (Unsound, ValueError) as error:
            self.refuse(part, str(error), hint="export or download the model again")
        self.spend(sum(len(value) for value in options.values() if isinstance(value, tuple)), part)
        return options

    def custom_options(self, entry: Any, type: str, part: str) -> dict[str, Option]:
        data = entry.CustomOptionsAsNumpy()
        stored = b"" if isinstance(data, int) else data.tobytes()
        self.spend(len(stored), part)
        try:
            return decode_custom_options(type, stored)
        except ValueError as error:
            self.refuse(part, str(error), hint="export or download the model again")
