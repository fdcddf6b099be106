"""Documents as the verbs return them, small, for tests of what reads them; and every way to break one by one step."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from cfukit_base.artefacts import Build, Diff, Exec, Infer, Json, Run
from cfukit_base.artefacts.build import Parts
from cfukit_base.artefacts.documents import DiffRow, ExecHost, InferHost
from cfukit_base.artefacts.roofline import Moved
from cfukit_base.artefacts.run import Digests, ModelId, OpRun, RunHost, Sizes, Toolchain, VariantRun


def operator(index: int, cycles: int | None, type_: str = "CONV_2D", macs: int = 1000) -> OpRun:
    kernel = f"portable/{type_.lower()}"
    return OpRun(
        index=index,
        fused=(index,),
        type=type_,
        kernel=kernel,
        macs=macs,
        moved=Moved(weight_bytes=9, input_bytes=16, output_bytes=16),
        cycles=cycles,
        causes=None,
        functions=None,
        work=None,
        roof=None,
    )


def variant(name: str, op_cycles: list[int | None], overhead: int = 10, **fields: Any) -> VariantRun:
    """A variant of one sample; its cycles are the sum of the operators' and `overhead`, None if any is None."""
    known = [cycles for cycles in op_cycles if cycles is not None]
    total = sum(known) + overhead if len(known) == len(op_cycles) else None
    defaults = {
        "name": name,
        "cycles": None if total is None else (total,),
        "overhead_cycles": None if total is None else overhead,
        "instructions": total,
        "sizes": Sizes(
            code_bytes=100,
            const_bytes=100,
            arena_bytes=100,
            state_bytes=100,
            scratch_bytes=100,
            stack_bytes=100,
        ),
        "memory_map": None,
        "arena": (),
        "causes": None,
        "text": "",
        "ops": tuple(operator(index, cycles) for index, cycles in enumerate(op_cycles)),
        "functions": None,
        "lines": None,
        "code": None,
        "regions": None,
        "cfu": None,
        "busy": None,
    }
    return VariantRun(**(defaults | fields))


def run_document(*variants: VariantRun, **fields: Any) -> Run:
    """A run on the RTL in which all was right."""
    count = len(variants[0].ops)
    defaults = {
        "ok": True,
        "project": "mine",
        "model": ModelId(name="digits", sha256="0" * 64, macs=1000 * count),
        "board": "sim",
        "cpu": "full+cfu",
        "memory": "main_ram 32 MiB (2 cycles/word)",
        "engine": "rtl",
        "cfu_engine": "verilog",
        "clock_hz": 100_000_000,
        "toolchain": Toolchain(compiler="zig cc 0.17.0", flags={"kernels": ("-O3",)}, verilator="5.48"),
        "seed": 0,
        "digests": Digests(
            model="m", inputs="i", firmware={one.name: "f" for one in variants}, cfu="", soc="s"
        ),
        "samples": 1,
        "inputs": "random, seed 0",
        "variants": variants,
        "ladder": (),
        "checked_operators": count,
        "mismatch": None,
        "accuracy": None,
        "predictions": (0,),
        "limits": (),
        "host": RunHost(path="build/sim/run.json", seconds=1.5, cores=2, load=0.5),
    }
    return Run(**(defaults | fields))


def exec_document(**fields: Any) -> Exec:
    """A program that ended by itself, on the RTL."""
    defaults = {
        "ok": True,
        "engine": "rtl",
        "exit_code": 0,
        "cycles": 1234,
        "instructions": 1000,
        "causes": None,
        "functions": None,
        "lines": None,
        "code": None,
        "cfu": None,
        "busy": None,
        "output": "",
        "regions": (),
        "fault": None,
        "lint": None,
        "host": ExecHost(files=()),
    }
    return Exec(**(defaults | fields))


def infer_document(**fields: Any) -> Infer:
    """Two right samples on the RTL."""
    defaults = {
        "ok": True,
        "engine": "rtl",
        "samples": 2,
        "cycles": (600, 700),
        "checked": True,
        "mismatch": None,
        "accuracy": 0.5,
        "host": InferHost(outputs="o.npz", layers="", dump=()),
    }
    return Infer(**(defaults | fields))


def diff_document(**fields: Any) -> Diff:
    """Two runs of one system that took the same cycles."""
    defaults = {
        "ok": True,
        "project": "mine",
        "model": "digits",
        "board": "sim",
        "cpu": "full+cfu",
        "engine": "rtl",
        "same": {"board": True, "cpu": True},
        "rows": (DiffRow(variant="project", op="total", before=5, after=5, change=0.0),),
        "causes": (),
        "sizes": (),
        "area": (),
        "limits": (),
    }
    return Diff(**(defaults | fields))


def build_document(**fields: Any) -> Build:
    """A bitstream for Fomu that is in time."""
    defaults = {
        "ok": True,
        "project": "mine",
        "board": "fomu",
        "cpu": "fomu",
        "family": "ice40",
        "fits": True,
        "timing_met": True,
        "target_mhz": 12.0,
        "fmax_mhz": 13.25,
        "fmax_median_mhz": 13.0,
        "seeds": (),
        "used": {"lc": 3000, "lut": 2900, "ff": 1600, "bram": 8, "dsp": 4, "spram": 4},
        "available": {"lc": 5280, "ff": 5280, "bram": 30, "dsp": 8, "spram": 4},
        "percent": {"lc": 56.8},
        "parts": Parts(cpu={"lut": 2000}, cfu={"lut": 300}, soc={"lut": 600}),
        "families": (),
        "limits": (),
        "worst_path": None,
        "netlist": None,
        "files": (),
        "notes": (),
        "tools": {"yosys": "0.50"},
    }
    return Build(**(defaults | fields))


Path = tuple[str | int, ...]


def rule_of(rule: Json, schema: Json) -> Json:
    """A rule of `schema`, with what its $ref stands for."""
    return rule_of(schema["$defs"][rule["$ref"].rpartition("/")[2]], schema) if "$ref" in rule else rule


def broken(document: Json, schema: Json) -> Iterator[tuple[str, Json]]:
    """(what, a copy that breaks one rule of `schema`): each field taken away, or of a wrong type."""
    for path, rule in _rules(document, schema, schema):
        where = ".".join(map(str, path))
        *parents, last = path
        if isinstance(last, str) and last in rule.get("required", ()):
            without, holder = _copy(document, parents)
            del holder[last]
            yield f"without {where}", without
        for wrong in _wrong(rule["properties"][last] if "properties" in rule else rule["items"], schema):
            changed, holder = _copy(document, parents)
            holder[last] = wrong
            yield f"{where} = {wrong!r}", changed


def _copy(document: Json, parents: list[str | int]) -> tuple[Json, Any]:
    """A copy, and what in it stands at `parents`."""
    holder: Any = copy.deepcopy(document)
    whole = holder
    for part in parents:
        holder = holder[part]
    return whole, holder


def _rules(value: Any, rule: Json, schema: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """(path, rule of the object or list that holds it) of everything in `value` that `schema` says something about."""
    rule = rule_of(rule, schema)
    for choice in rule.get("anyOf", ()):
        if value is not None:
            yield from _rules(value, choice, schema, path)
    if isinstance(value, dict):
        for name, inner in rule.get("properties", {}).items():
            yield (*path, name), rule
            yield from _rules(value[name], inner, schema, (*path, name))
    if isinstance(value, list) and value and "items" in rule:
        yield (*path, 0), rule
        yield from _rules(value[0], rule["items"], schema, (*path, 0))


def _wrong(rule: Json, schema: Json) -> list[Any]:
    """Values that `rule` must not take."""
    rule = rule_of(rule, schema)
    if "enum" in rule:
        return ["", "another", None]
    if "anyOf" in rule:
        kinds = {rule_of(choice, schema)["type"] for choice in rule["anyOf"]}
        kinds |= {"integer"} if "number" in kinds else set()
        return [value for kind, value in _EXAMPLES.items() if kind not in kinds]
    return _WRONG[rule["type"]]


_EXAMPLES: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "integer": 1,
    "number": 1.5,
    "string": "text",
    "array": [],
    "object": {},
}
_WRONG: dict[str, list[Any]] = {
    "boolean": [1, "true", None],
    "string": [1, None, []],
    "integer": [1.5, "1", None],
    "number": ["1", None, []],
    "array": [{}, "", None],
    "object": [[], "", None],
}
