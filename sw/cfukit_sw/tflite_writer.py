"""Write `.tflite` files, for the training script and for models that tests build. The reader gives back the same model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tflite

from cfukit_sw.custom_options import encode_custom_options
from cfukit_sw.model import Model, Operator, Option, Tensor
from cfukit_sw.options import BUILTIN_OPERATORS, CLASSES, CUSTOM_OPTIONS, ENUMERATIONS, Field, options_class

SCHEMA_VERSION = 3
_BUFFER_ALIGNMENT = 16  # as TensorFlow's converter: constants can be used in place
_CODES = {name: code for code, name in BUILTIN_OPERATORS.items()}
_OLD_CODES_END = 127  # codes below stand in the old one-byte field too


def write_model(model: Model, path: Path | str) -> None:
    """Write `model` to a `.tflite` file. Equal models give equal bytes."""
    Path(path).write_bytes(model_bytes(model))


def model_bytes(model: Model) -> bytes:
    """The bytes of the `.tflite` file. name and sha256 are the file's, not stored in it."""
    return _Writer().write(model)


class _Writer:
    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(4096)
        self.buffers: list[bytes] = [b""]  # buffer 0 means: no data

    def write(self, model: Model) -> bytes:
        codes: dict[str, int] = {}
        for graph in (model, *model.subgraphs):
            for op in graph.operators:
                codes.setdefault(op.type, len(codes))
        names = ["main", *(f"subgraph_{number}" for number in range(1, len(model.subgraphs) + 1))]
        graphs = self.tables(
            [self.graph(g, name, codes) for g, name in zip((model, *model.subgraphs), names, strict=True)]
        )
        metadata = self.tables([self.metadata(name, data) for name, data in model.metadata.items()])
        code_tables = self.tables([self.code(type) for type in codes])
        buffers = self.tables([self.buffer(data) for data in self.buffers])
        description = self.builder.CreateString("cfukit")
        self.builder.StartObject(7)
        self.builder.PrependUint32Slot(0, SCHEMA_VERSION, 0)
        references = {1: code_tables, 2: graphs, 3: description, 4: buffers, 6: metadata}
        for slot, reference in references.items():
            self.builder.PrependUOffsetTRelativeSlot(slot, reference, 0)
        self.builder.Finish(self.builder.EndObject(), b"TFL3")
        return bytes(self.builder.Output())

    def graph(self, graph: Model, name: str, codes: dict[str, int]) -> int:
        tensors = self.tables([self.tensor(tensor) for tensor in graph.tensors])
        operators = self.tables([self.operator(op, codes[op.type]) for op in graph.operators])
        inputs, outputs = self.ints(graph.inputs), self.ints(graph.outputs)
        text = self.builder.CreateString(name)
        return self.table(5, {0: tensors, 1: inputs, 2: outputs, 3: operators, 4: text})

    def table(self, slots: int, references: dict[int, int]) -> int:
        self.builder.StartObject(slots)
        for slot, reference in references.items():
            self.builder.PrependUOffsetTRelativeSlot(slot, reference, 0)
        return int(self.builder.EndObject())

    def tables(self, references: list[int]) -> int:
        self.builder.StartVector(4, len(references), 4)
        for reference in reversed(references):
            self.builder.PrependUOffsetTRelative(reference)
        return int(self.builder.EndVector())

    def ints(self, values: tuple[int, ...]) -> int:
        return int(self.builder.CreateNumpyVector(np.array(values, np.int32)))

    def buffer(self, data: bytes) -> int:
        if not data:
            return self.table(3, {})
        self.builder.StartVector(1, len(data), _BUFFER_ALIGNMENT)
        self.builder.head = self.builder.Head() - len(data)
        self.builder.Bytes[self.builder.Head() : self.builder.Head() + len(data)] = data
        return self.table(3, {0: int(self.builder.EndVector())})

    def add_buffer(self, data: bytes) -> int:
        if not data:
            return 0
        self.buffers.append(data)
        return len(self.buffers) - 1

    def metadata(self, name: str, data: bytes) -> int:
        text, index = self.builder.CreateString(name), self.add_buffer(data)
        self.builder.StartObject(2)
        self.builder.PrependUOffsetTRelativeSlot(0, text, 0)
        self.builder.PrependUint32Slot(1, index, 0)
        return int(self.builder.EndObject())

    def code(self, type: str) -> int:
        kind, _, custom = type.partition(":")
        text = self.builder.CreateString(custom) if kind == "CUSTOM" else 0
        self.builder.StartObject(4)
        self.builder.PrependInt8Slot(0, min(_CODES[kind], _OLD_CODES_END), 0)
        self.builder.PrependUOffsetTRelativeSlot(1, text, 0)
        self.builder.PrependInt32Slot(2, 1, 0)
        self.builder.PrependInt32Slot(3, _CODES[kind], 0)
        return int(self.builder.EndObject())

    def tensor(self, tensor: Tensor) -> int:
        data = b"" if tensor.data is None else np.ascontiguousarray(tensor.data).tobytes()
        buffer = self.add_buffer(data)
        name, shape = self.builder.CreateString(tensor.name), self.ints(tensor.shape)
        quantization = self.quantization(tensor)
        self.builder.StartObject(10)
        self.builder.PrependUOffsetTRelativeSlot(0, shape, 0)
        self.builder.PrependInt8Slot(1, getattr(tflite.TensorType, tensor.type.upper()), 0)
        self.builder.PrependUint32Slot(2, buffer, 0)
        self.builder.PrependUOffsetTRelativeSlot(3, name, 0)
        self.builder.PrependUOffsetTRelativeSlot(4, quantization, 0)
        self.builder.PrependBoolSlot(5, tensor.is_variable, False)
        self.builder.PrependBoolSlot(8, True, False)  # has_rank: an empty shape is a scalar
        return int(self.builder.EndObject())

    def quantization(self, tensor: Tensor) -> int:
        if not tensor.scales.size and not tensor.zero_points.size and not tensor.quantized_dimension:
            return 0
        scales = self.builder.CreateNumpyVector(tensor.scales) if tensor.scales.size else 0
        points = self.builder.CreateNumpyVector(tensor.zero_points) if tensor.zero_points.size else 0
        self.builder.StartObject(7)
        self.builder.PrependUOffsetTRelativeSlot(2, scales, 0)
        self.builder.PrependUOffsetTRelativeSlot(3, points, 0)
        self.builder.PrependInt32Slot(6, tensor.quantized_dimension, 0)
        return int(self.builder.EndObject())

    def operator(self, op: Operator, code: int) -> int:
        inputs, outputs = self.ints(op.inputs), self.ints(op.outputs)
        class_name = options_class(op.type)
        options = self.options(op, class_name) if class_name else 0
        options_code = getattr(tflite.BuiltinOptions, class_name) if class_name else 0
        custom = self.custom_options(op) if op.type in CUSTOM_OPTIONS else 0
        self.builder.StartObject(9)
        self.builder.PrependUint32Slot(0, code, 0)
        self.builder.PrependUOffsetTRelativeSlot(1, inputs, 0)
        self.builder.PrependUOffsetTRelativeSlot(2, outputs, 0)
        self.builder.PrependUint8Slot(3, options_code, 0)
        self.builder.PrependUOffsetTRelativeSlot(4, options, 0)
        self.builder.PrependUOffsetTRelativeSlot(5, custom, 0)
        return int(self.builder.EndObject())

    def custom_options(self, op: Operator) -> int:
        data = encode_custom_options(op.type, op.options)
        return int(self.builder.CreateByteVector(data)) if data else 0

    def options(self, op: Operator, class_name: str) -> int:
        fields = CLASSES[class_name]
        unknown = set(op.options) - {field.name for field in fields}
        assert not unknown, f"{op}: no such option: {sorted(unknown)}"
        vectors: dict[str, int] = {}
        for field in fields:
            if field.kind == "ints":
                values: Any = op.options.get(field.name, ())
                vectors[field.name] = self.ints(values)
            elif field.kind == "text":
                vectors[field.name] = self.builder.CreateString(str(op.options.get(field.name, "")))
        self.builder.StartObject(len(fields))
        for slot, field in enumerate(fields):
            if field.kind in ("ints", "text"):
                self.builder.PrependUOffsetTRelativeSlot(slot, vectors[field.name], 0)
            elif field.kind != "unused":
                self.scalar(slot, field, op.options.get(field.name, field.default))
        return int(self.builder.EndObject())

    def scalar(self, slot: int, field: Field, value: Option) -> None:
        default: Any = field.default
        if field.kind in ENUMERATIONS:
            codes = {name: code for code, name in ENUMERATIONS[field.kind].items()}
            self.builder.PrependInt8Slot(slot, codes[str(value)], codes[default])
        elif field.kind == "bool":
            self.builder.PrependBoolSlot(slot, bool(value), default)
        elif field.kind == "float32":
            self.builder.PrependFloat32Slot(slot, float(value), default)  # type: ignore[arg-type]
        else:
            self.builder.PrependInt32Slot(slot, int(value), default)  # type: ignore[arg-type]
