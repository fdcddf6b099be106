"""Documents as the verbs write them, small, for tests of what reads them; and every way to break one by one step."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
SIZES = ("code_bytes", "const_bytes", "arena_bytes", "state_bytes", "scratch_bytes", "stack_bytes")


def operator(index: int, cycles: int | None, type_: str = "CONV_2D", macs: int = 1000) -> Document:
    kernel = f"portable/{type_.lower()}"
    fields = {"index": index, "fused": [index], "type": type_, "kernel": kernel, "macs": macs}
    return {**fields, "cycles": cycles, "causes": None}


def variant(name: str, op_cycles: list[int | None], overhead: int = 10, **fields: Any) -> Document:
    """A variant of one sample; its cycles are the sum of the operators' and `overhead`, None if any is None."""
    known = [cycles for cycles in op_cycles if cycles is not None]
    total = sum(known) + overhead if len(known) == len(op_cycles) else None
    return {
        "name": name,
        "cycles": None if total is None else [total],
        "overhead_cycles": None if total is None else overhead,
        "instructions": total,
        "sizes": dict.fromkeys(SIZES, 100),
        "memory_map": None,
        "causes": None,
        "text": "",
        "ops": [operator(index, cycles) for index, cycles in enumerate(op_cycles)],
        **fields,
    }


def run_document(*variants: Document, **fields: Any) -> Document:
    """cfukit.run/1 of a run on the RTL in which all was right."""
    return {
        "schema": "cfukit.run/1",
        "ok": True,
        "project": "mine",
        "model": {"name": "digits", "sha256": "0" * 64, "macs": 1000 * len(variants[0]["ops"])},
        "board": "sim",
        "cpu": "full+cfu",
        "memory": "main_ram 32 MiB (2 cycles/word)",
        "engine": "rtl",
        "cfu_engine": "verilog",
        "clock_hz": 100_000_000,
        "toolchain": {"compiler": "zig cc 0.17.0", "flags": [], "verilator": "5.48"},
        "seed": 0,
        "digests": {},
        "samples": 1,
        "inputs": "random, seed 0",
        "variants": list(variants),
        "checked_operators": len(variants[0]["ops"]),
        "mismatch": None,
        "accuracy": None,
        "predictions": [0],
        "limits": [],
        "host": {"path": "build/sim/run.json"},
        **fields,
    }


def broken(document: Document, schema: Document) -> Iterator[tuple[str, Document]]:
    """(what, a copy that breaks one rule of `schema`): each required field taken away, or of a wrong type."""
    for path, rule in _rules(document, schema):
        where = ".".join(map(str, path))
        without = copy.deepcopy(document)
        *parents, last = path
        holder: Any = without
        for part in parents:
            holder = holder[part]
        if isinstance(last, str):
            value = holder.pop(last)
            yield f"without {where}", without
            holder[last] = value
        for wrong in _wrong(rule):
            changed = copy.deepcopy(document)
            holder = changed
            for part in parents:
                holder = holder[part]
            holder[last] = wrong
            yield f"{where} = {wrong!r}", changed


def _rules(value: Any, schema: Document, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """(path, rule) of everything in `value` that `schema` says something about."""
    if path:
        yield path, schema
    for choice in schema.get("anyOf", ()):
        if choice != {"type": "null"} and value is not None:
            yield from _rules(value, choice, path) if not path else _inside(value, choice, path)
    yield from _inside(value, schema, path)


def _inside(value: Any, schema: Document, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    for name, rule in schema.get("properties", {}).items():
        yield from _rules(value[name], rule, (*path, name))
    if schema.get("type") == "array" and value:
        yield from _rules(value[0], schema["items"], (*path, 0))


def _wrong(rule: Document) -> list[Any]:
    """Values that `rule` must not take."""
    if "const" in rule or "enum" in rule:
        return ["", "another", None]
    if "anyOf" in rule:
        first = next(choice for choice in rule["anyOf"] if choice != {"type": "null"})
        return [value for value in _wrong(first) if value is not None]
    return {
        "boolean": [1, "true", None],
        "string": [1, None, []],
        "integer": [1.5, "1", None],
        "number": ["1", None, []],
        "array": [{}, "", None],
        "object": [[], "", None],
    }[rule["type"]]
