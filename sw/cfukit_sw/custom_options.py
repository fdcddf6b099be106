"""The options of custom operators, as TensorFlow Lite stores them: a FlexBuffers map from names to numbers.

The PyPI package `flatbuffers` reads and writes FlexBuffers. `options.CUSTOM_OPTIONS` lists what each operator has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flatbuffers import flexbuffers

from cfukit_sw.model import Option
from cfukit_sw.options import CUSTOM_OPTIONS, ENUMERATIONS, MAY_BE_ABSENT, Field

MAX_BYTES = 1 << 16  # far above any map of a few numbers


def decode_custom_options(operator_type: str, data: bytes) -> dict[str, Option]:
    """Every option of a custom operator that we know. ValueError if `data` is no such map, or lacks one."""
    fields = CUSTOM_OPTIONS[operator_type]
    if not data and all(field.name in MAY_BE_ABSENT for field in fields):
        return {field.name: field.default for field in fields}
    if len(data) > MAX_BYTES:
        raise ValueError(f"options of {len(data)} bytes, at most {MAX_BYTES} are allowed")
    values = _numbers(data)
    missing = [field.name for field in fields if field.name not in (*values, *MAY_BE_ABSENT)]
    if missing:
        raise ValueError(f"no option {', '.join(missing)}")
    present = [field for field in fields if field.name in values]
    absent = {field.name: field.default for field in fields if field.name not in values}
    return absent | {field.name: _option(field, values[field.name]) for field in present}


def encode_custom_options(operator_type: str, options: Mapping[str, Option]) -> bytes:
    """The map that `decode_custom_options` reads. Nothing for an operator without options."""
    fields = CUSTOM_OPTIONS[operator_type]
    return (
        bytes(flexbuffers.Dumps({field.name: _stored(field, options) for field in fields})) if fields else b""
    )


def _numbers(data: bytes) -> dict[str, int | float]:
    """The entries of the map that are numbers or bool."""
    try:  # the reader trusts its input, so a damaged map may raise anything
        entries = flexbuffers.GetRoot(bytearray(data)).AsMap
        keys = [key.AsKey for key in entries.Keys]
        return {
            str(key): value.AsFloat if value.IsFloat else value.AsInt
            for key, value in zip(keys, entries.Values, strict=True)
            if value.IsNumeric or value.IsBool
        }
    except Exception as error:
        raise ValueError(f"options that are no FlexBuffers map ({type(error).__name__}: {error})") from error


def _option(field: Field, value: int | float) -> Option:
    if field.kind == "float32":
        return float(value)
    if field.kind == "bool":
        return bool(value)
    number = int(value)
    if field.kind in ENUMERATIONS:
        names = ENUMERATIONS[field.kind]
        if number not in names:
            raise ValueError(f"{field.name} is {number}; there are {', '.join(names.values())}")
        return names[number]
    if not -(2**31) <= number < 2**31:
        raise ValueError(f"{field.name} is {number}, which needs more than 32 bits")
    return number


def _stored(field: Field, options: Mapping[str, Option]) -> Any:
    value = options.get(field.name, field.default)
    if field.kind in ENUMERATIONS:
        return next(code for code, name in ENUMERATIONS[field.kind].items() if name == value)
    return value
