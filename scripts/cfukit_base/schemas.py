"""The JSON documents that cfukit writes, as JSON Schema: one place, versioned by the name's last part.

A field may be added under the same version; a field that goes or changes its meaning raises it. `SCHEMAS[name]` is a JSON
Schema (2020-12); docs/json.md is made from the same table.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

BOOL: Schema = {"type": "boolean"}
STR: Schema = {"type": "string"}
INT: Schema = {"type": "integer"}
NUM: Schema = {"type": "number"}
ANY_OBJECT: Schema = {"type": "object"}


def array(items: Schema) -> Schema:
    """A list of `items`."""
    return {"type": "array", "items": items}


def nullable(schema: Schema) -> Schema:
    """`schema` or null: null is said where an engine cannot tell."""
    return {"anyOf": [schema, {"type": "null"}]}


def record(**fields: Schema) -> Schema:
    """An object with at least these fields. A trailing underscore (`cycles_`) keeps Python's words out of the way."""
    properties = {name.rstrip("_"): schema for name, schema in fields.items()}
    return {"type": "object", "properties": properties, "required": list(properties)}


CAUSE_NAMES = (
    "executing",
    "icache",
    "dcache",
    "store",
    "uncached",
    "branch",
    "hazard",
    "muldiv",
    "csr",
    "cfu_issue",
    "cfu_wait",
)
CAUSES = nullable(record(**dict.fromkeys(CAUSE_NAMES, INT)))
CYCLES = nullable(INT)
LIMITS = array(record(name=STR, asked=NUM, reached=NUM, offender=STR))
HOST = ANY_OBJECT

_OP = record(index=INT, fused=array(INT), type=STR, kernel=STR, macs=INT, cycles=CYCLES, causes=CAUSES)
SIZE_NAMES = ("code_bytes", "const_bytes", "arena_bytes", "state_bytes", "scratch_bytes", "stack_bytes")
_VARIANT = record(
    name=STR,
    cycles=nullable(array(INT)),
    overhead_cycles=CYCLES,
    instructions=CYCLES,
    sizes=record(**{name: nullable(INT) for name in SIZE_NAMES}),
    memory_map=nullable(array(record(name=STR, base=INT, bytes=INT, parts=ANY_OBJECT))),
    causes=CAUSES,
    text=STR,
    ops=array(_OP),
)
_MISMATCH = record(sample=INT, op=INT, tensor=INT, index=INT, expected=NUM, got=NUM)
_REGION = record(name=STR, count=INT, cycles=CYCLES, causes=CAUSES)
_FAULT = record(kind=STR, pc=INT, function=STR, file=STR, line=INT, registers=ANY_OBJECT)
_TIME = record(kind={"enum": ["fixed", "variable"]})
_INSTRUCTION = record(
    funct3=INT,
    name=STR,
    version=INT,
    doc=STR,
    params=ANY_OBJECT,
    rs1=STR,
    rs2=STR,
    rd=STR,
    funct7=nullable(array(record(value=INT, name=STR, doc=STR))),
    time=_TIME,
    stateful=BOOL,
)
_MEMORY = record(name=STR, base=INT, bytes=INT, kind=STR)


def _document(name: str, /, **fields: Schema) -> tuple[str, Schema]:
    schema = record(**{"schema": {"const": name}, **fields})
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return name, schema


SCHEMAS: dict[str, Schema] = dict(
    (
        _document("cfukit.error/1", kind=STR, where=STR, given=STR, allowed=STR, hint=STR),
        _document(
            "cfukit.run/1",
            ok=BOOL,
            project=STR,
            model=record(name=STR, sha256=STR, macs=INT),
            board=STR,
            cpu=STR,
            engine=STR,
            cfu_engine=STR,
            clock_hz=INT,
            toolchain=ANY_OBJECT,
            seed=INT,
            digests=ANY_OBJECT,
            samples=INT,
            variants=array(_VARIANT),
            mismatch=nullable(_MISMATCH),
            accuracy=nullable(NUM),
            limits=LIMITS,
            host=HOST,
        ),
        _document(
            "cfukit.exec/1",
            ok=BOOL,
            engine=STR,
            exit_code=nullable(INT),
            cycles=CYCLES,
            instructions=CYCLES,
            causes=CAUSES,
            output=STR,
            regions=array(_REGION),
            fault=nullable(_FAULT),
            host=HOST,
        ),
        _document("cfukit.load/1", ok=BOOL, board=STR, tool=STR, files=array(STR), serial=STR),
        _document("cfukit.term/1", ok=BOOL, port=STR, baud=INT, host=HOST),
        _document("cfukit.infer/1", ok=BOOL, samples=INT, cycles=nullable(array(INT))),
        _document(
            "cfukit.test/1",
            ok=BOOL,
            seed=INT,
            checks=array(record(name=STR, ok=BOOL, detail=STR)),
        ),
        _document(
            "cfukit.build/1",
            ok=BOOL,
            board=STR,
            cpu=STR,
            fits=BOOL,
            timing_met=nullable(BOOL),
            target_mhz=NUM,
            fmax_mhz=nullable(NUM),
            seeds=array(record(seed=INT, fmax_mhz=nullable(NUM))),
            used=ANY_OBJECT,
            available=ANY_OBJECT,
            percent=ANY_OBJECT,
            parts=record(cpu=nullable(ANY_OBJECT), cfu=nullable(ANY_OBJECT), soc=nullable(ANY_OBJECT)),
            limits=LIMITS,
            worst_path=nullable(ANY_OBJECT),
            files=array(STR),
            notes=array(STR),
            tools=ANY_OBJECT,
        ),
        _document("cfukit.diff/1", ok=BOOL, rows=array(ANY_OBJECT), limits=LIMITS),
        _document("cfukit.init/1", ok=BOOL, project=STR, folder=STR, files=array(STR)),
        _document("cfukit.list/1", ok=BOOL, what=STR, items=array(ANY_OBJECT)),
        _document("cfukit.fetch/1", ok=BOOL, name=STR, path=STR, sha256=STR),
        _document(
            "cfukit.doctor/1",
            ok=BOOL,
            version=STR,
            tools=array(
                record(name=STR, found=BOOL, required=BOOL, version=STR, path=STR, needed_for=STR, get_it=STR)
            ),
        ),
        _document(
            "cfukit.info/1",
            ok=BOOL,
            model=record(name=STR, sha256=STR, bytes=INT, macs=INT),
            inputs=array(ANY_OBJECT),
            outputs=array(ANY_OBJECT),
            ops=array(record(index=INT, type=STR, macs=INT, const_bytes=INT, kernel=STR)),
            refused=array(STR),
            memory=nullable(ANY_OBJECT),
        ),
        _document(
            "cfukit.cfu/1",
            name=STR,
            about=STR,
            module={"const": "Cfu"},
            params=ANY_OBJECT,
            autonomous=BOOL,
            memory_port=nullable(ANY_OBJECT),
            front_end=STR,
            instructions=array(_INSTRUCTION),
        ),
        _document(
            "cfukit.soc/1",
            board=STR,
            cpu=record(name=STR, isa=STR, cfu=BOOL, reset_address=INT, verilog=array(STR)),
            clock_hz=INT,
            memories=array(_MEMORY),
            csrs=ANY_OBJECT,
            constants=ANY_OBJECT,
            digest=STR,
        ),
    )
)
