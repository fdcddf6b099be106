"""The keys of project.toml: defaults, what a value may be, how tables are merged. Every refusal names the key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cfukit_base.errors import UsageError, suggest

FILE_NAME = "project.toml"
# The whole schema: a default fixes the type. "table" is a table of free keys; [[kernel]] and [variant] stand apart.
DEFAULTS: dict[str, Any] = {
    "schema": 1,
    "name": "",
    "about": "",
    "model": "digits",
    "cfu": {"file": "cfu.py", "params": {}},
    "sw": {"sources": ["*.c"], "cflags": [], "compiler": "zig", "packaging": "linked"},
    "soc": {"board": "sim", "cpu": "", "clock_hz": 0, "sram_bytes": 0},
    "place": {"code": "auto", "weights": "auto", "arena": "auto"},
    "limits": {"cycles": 0, "lut": 0, "dsp": 0},
}
KERNEL_DEFAULTS = {"op": "", "function": "", "supports": "", "pack": "", "scratch": ""}
FREE_TABLES = {"cfu.params"}
STRING_OR_TABLE = {"soc.cpu", "model"}
CHAIN_DEFAULTS: dict[str, Any] = {"chain": [""], "hop_samples": 0}  # of [model]
OPTION_KEYS = {"--model": "model", "--board": "soc.board", "--cc": "sw.compiler"}
NAME_RULE = 'a name without / \\ " and control characters'
_NAME = re.compile(r'[^/\\"\x00-\x1f\x7f]+')
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True)
class KernelEntry:
    """One [[kernel]]: a C function that serves an operator type; `supports`, `pack`, `scratch` name functions in cfu.py."""

    op: str
    function: str
    supports: str = ""
    pack: str = ""
    scratch: str = ""


def is_name(text: str) -> bool:
    """Whether a project may be called so; names become folders and stand in messages and TOML."""
    return _NAME.fullmatch(text) is not None and text not in (".", "..") and text.strip() == text


def check_table(
    where: str, table: dict[str, Any], schema: dict[str, Any] = DEFAULTS, prefix: str = ""
) -> None:
    """Every key known, every value of its default's type."""
    for key, value in table.items():
        dotted = prefix + key
        if not prefix and key in ("kernel", "variant"):
            allowed = "[[kernel]] and [variant.NAME] stand in project.toml; --variant NAME chooses one"
            raise UsageError(where, f"'{key}' is a table of its own", allowed=allowed)
        if key not in schema:
            known = [prefix + name for name in schema] + ([] if prefix else ["kernel", "variant"])
            raise UsageError(where, f"unknown key '{dotted}'", allowed=suggest(dotted, known, "key"))
        default = schema[key]
        if dotted in STRING_OR_TABLE and isinstance(value, dict):
            if dotted == "model":
                check_table(where, value, CHAIN_DEFAULTS, "model.")
            continue
        if isinstance(default, dict) and isinstance(value, dict):
            if dotted not in FREE_TABLES:
                check_table(where, value, default, f"{dotted}.")
            continue
        # bool is an int in Python; no key here is a bool, so a bool is always wrong.
        if type(value) is not type(default) or (
            isinstance(value, list) and not all(isinstance(v, str) for v in value)
        ):
            allowed = f"it must be {_type_name(default)}" + (
                " or a table" if dotted in STRING_OR_TABLE else ""
            )
            raise UsageError(where, f"{dotted} is {shown(value)}", allowed=allowed)
        if isinstance(value, int) and value < 0:
            raise UsageError(where, f"{dotted} is {value}", allowed="it must not be negative")


def check_kernels(where: str, entries: Any) -> tuple[KernelEntry, ...]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(
            where, "kernel is not an array of tables", allowed="write [[kernel]] with double brackets"
        )
    kernels = []
    for number, entry in enumerate(entries):
        place = f"{where}: kernel {number}"
        check_table(place, entry, KERNEL_DEFAULTS, "kernel.")
        for key in ("op", "function"):
            if not entry.get(key):
                hint = "cfukit list kernels shows both for those of the library"
                raise UsageError(place, f"no '{key}'", allowed="op and function are needed", hint=hint)
        _check_kernel(place, KernelEntry(**entry))
        kernels.append(KernelEntry(**entry))
    return tuple(kernels)


def _check_kernel(place: str, entry: KernelEntry) -> None:
    """What a [[kernel]] serves exists, and what it names can be a function."""
    from cfukit_sw.kernels import library

    known = {kernel.op for kernel in library()}
    if entry.op not in known:
        allowed = suggest(entry.op, known, "kind of kernel")
        raise UsageError(f"{place}: op", f"'{entry.op}'", allowed=allowed, hint="cfukit list kernels")
    for key in ("function", "supports", "pack", "scratch"):
        name = getattr(entry, key)
        if name and not _IDENTIFIER.fullmatch(name):
            kind = "C" if key == "function" else "Python"
            raise UsageError(f"{place}: {key}", f"'{name}'", allowed=f"the name of a {kind} function")


def dotted_keys(table: dict[str, Any], schema: dict[str, Any] = DEFAULTS, prefix: str = "") -> Iterator[str]:
    """The keys of a nested table, as far as the schema names them."""
    for key, value in table.items():
        inner = schema.get(key)
        if isinstance(value, dict) and isinstance(inner, dict) and inner:
            yield from dotted_keys(value, inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def merge(into: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        elif key == "cpu" and isinstance(value, dict) and isinstance(into.get(key), str) and into[key]:
            into[key] = {"base": into[key], **value}  # soc.cpu: keys over a preset that was named before
        else:
            into[key] = value


def nested(dotted: str, value: Any) -> dict[str, Any]:
    for part in reversed(dotted.split(".")):
        value = {part: value}
    return value


def parse_assignment(text: str) -> tuple[str, dict[str, Any]]:
    """`soc.clock_hz=50_000_000` as key and nested table; what is no TOML value is taken as a string."""
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise UsageError("--set", f"'{text}'", allowed="KEY=VALUE, for example soc.sram_bytes=65536")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    return key.strip(), nested(key.strip(), parsed)


def _type_name(default: Any) -> str:
    names = {str: "a string", int: "an integer", list: "a list of strings", dict: "a table"}
    return names[type(default)]


def shown(value: Any) -> str:
    return (
        f"'{value}'"
        if isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
