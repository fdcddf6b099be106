"""Check that a `.tflite` file is sound: every table, vector and string that the reader touches lies inside the file.

FlatBuffers' C++ library has a verifier. Its Python package has none, and its accessors trust every offset. This verifier walks the
parts of the schema that we read. Each table and vector is checked once, so the work is bounded
by the file's size.
"""

from __future__ import annotations

import struct

from cfukit_sw.options import CLASSES, ENUMERATIONS


class Unsound(ValueError):
    """The file breaks the FlatBuffers format; the message says what and at which byte."""


# Fields by slot: scalar width in bytes; "table:X"; "bytes" (string or vector of bytes); "vector:N" (N bytes
# each); "tables:X" (vector of tables); "union" (its type is the slot before; looked at by the operator only).
_CORE: dict[str, dict[int, int | str]] = {
    "Model": {0: 4, 1: "tables:OperatorCode", 2: "tables:SubGraph", 4: "tables:Buffer", 6: "tables:Metadata"},
    "OperatorCode": {0: 1, 1: "bytes", 2: 4, 3: 4},
    "SubGraph": {0: "tables:Tensor", 1: "vector:4", 2: "vector:4", 3: "tables:Operator"},
    "Tensor": {
        **{0: "vector:4", 1: 1, 2: 4, 3: "bytes", 4: "table:QuantizationParameters", 5: 1},
        **{6: "table:Empty", 7: "vector:4", 8: 1},
    },
    "QuantizationParameters": {2: "vector:4", 3: "vector:8", 6: 4},
    "Operator": {0: 4, 1: "vector:4", 2: "vector:4", 3: 1, 4: "table:Empty", 5: "bytes"},
    "Buffer": {0: "bytes", 1: 8, 2: 8},
    "Metadata": {0: "bytes", 1: 4},
    "Empty": {},
    "CompressionMetadata": {0: 4, 1: "tables:CompressedSubgraph"},  # in the data of an entry of Metadata
    "CompressedSubgraph": {0: "tables:CompressedTensor"},
    "CompressedTensor": {0: 4, 1: 4, 2: 1},
}
_VECTORS = {"ints": "vector:4", "text": "bytes"}
_WIDTHS = {"int8": 1, "bool": 1, "int32": 4, "float32": 4, **dict.fromkeys(ENUMERATIONS, 1)}


def _option_slots(class_name: str) -> dict[int, int | str]:
    fields = enumerate(CLASSES[class_name])
    return {
        slot: _VECTORS.get(field.kind) or _WIDTHS[field.kind]
        for slot, field in fields
        if field.kind != "unused"
    }


_SLOTS = _CORE | {name: _option_slots(name) for name in CLASSES}


class Checker:
    """Checks tables of one file. Raises Unsound."""

    def __init__(self, data: bytes):
        self.data = data
        self.seen: set[tuple[int, str]] = set()

    def check_file(self) -> None:
        """Everything below the root table, except for the operators' options."""
        self.table(self._unsigned(0), "Model")

    def table(self, root: int, name: str) -> None:
        """The table of schema class `name` at byte `root`, and all below it."""
        pending = [(root, name)]
        while pending:
            at, kind = pending.pop()
            if (at, kind) not in self.seen:
                self.seen.add((at, kind))
                pending += self._one_table(at, kind)

    def _one_table(self, at: int, name: str) -> list[tuple[int, str]]:
        self._inside(at, 4, name)
        vtable = at - struct.unpack_from("<i", self.data, at)[0]
        self._inside(vtable, 4, f"vtable of {name}")
        vtable_bytes, table_bytes = struct.unpack_from("<HH", self.data, vtable)
        if vtable_bytes < 4 or vtable_bytes % 2 or table_bytes < 4:
            raise Unsound(
                f"{name} at byte {at} has a vtable of {vtable_bytes} bytes and {table_bytes} bytes of fields"
            )
        self._inside(vtable, vtable_bytes, f"vtable of {name}")
        self._inside(at, table_bytes, name)
        below: list[tuple[int, str]] = []
        for slot, kind in _SLOTS[name].items():
            if 4 + 2 * slot + 2 > vtable_bytes:
                continue
            offset = struct.unpack_from("<H", self.data, vtable + 4 + 2 * slot)[0]
            if offset == 0:
                continue
            width = kind if isinstance(kind, int) else 4
            if offset < 4 or offset + width > table_bytes:
                raise Unsound(f"field {slot} of {name} at byte {at} lies outside its table")
            if isinstance(kind, str):
                below += self._reference(at + offset, kind, f"field {slot} of {name} at byte {at}")
        return below

    def _reference(self, at: int, kind: str, what: str) -> list[tuple[int, str]]:
        target = at + self._unsigned(at)
        sort, _, argument = kind.partition(":")
        if sort == "table":
            return [(target, argument)]
        if (target, kind) in self.seen:
            return []
        self.seen.add((target, kind))
        length = self._unsigned(target, what)
        width = {"bytes": 1, "vector": int(argument) if sort == "vector" else 0, "tables": 4}[sort]
        self._inside(target + 4, length * width, what)
        if sort != "tables":
            return []
        places = range(target + 4, target + 4 + 4 * length, 4)
        return [(place + self._unsigned(place), argument) for place in places]

    def _unsigned(self, at: int, what: str = "offset") -> int:
        self._inside(at, 4, what)
        value: int = struct.unpack_from("<I", self.data, at)[0]
        return value

    def _inside(self, at: int, count: int, what: str) -> None:
        if at < 0 or at + count > len(self.data):
            raise Unsound(f"{what} needs bytes {at} to {at + count} of a file of {len(self.data)}")
