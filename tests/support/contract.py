"""The fields of JSON documents that others read, copied by hand: a document that lacks one of them is not the one that was promised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cfukit_base.artefacts import Json
from support.documents import rule_of

ERROR = "kind where given allowed hint"
MODEL = "name sha256 macs"
SIZES = "code_bytes const_bytes arena_bytes state_bytes scratch_bytes stack_bytes"
CAUSES = "executing icache dcache store uncached branch hazard muldiv csr cfu_issue cfu_wait tcm trap"
OPERATOR = "index fused type kernel macs cycles causes"
VARIANT = "name cycles overhead_cycles instructions sizes causes ops functions lines cfu"
FUNCTION = "name file line cycles instructions causes"
LINE = "file line cycles instructions"
CFU = "instruction mode calls issue_cycles wait_cycles"
MISMATCH = "sample op tensor index expected got"
LIMIT = "name asked reached offender"
REGION = "name count cycles causes"
FAULT = "kind pc function file line registers"
RUN = "ok project model board cpu engine cfu_engine clock_hz toolchain seed digests samples variants mismatch accuracy host"
EXEC = "engine exit_code cycles instructions causes output regions fault"
BUILD = "ok board cpu fits timing_met target_mhz fmax_mhz seeds used available parts worst_path files tools"

# (document, where in it): what stands there. A list's items stand where the list does.
CONTRACT: dict[tuple[str, str], str] = {
    ("cfukit.error/1", ""): ERROR,
    ("cfukit.run/1", ""): RUN,
    ("cfukit.run/1", "model"): MODEL,
    ("cfukit.run/1", "variants"): VARIANT,
    ("cfukit.run/1", "variants.sizes"): SIZES,
    ("cfukit.run/1", "variants.causes"): CAUSES,
    ("cfukit.run/1", "variants.ops"): OPERATOR,
    ("cfukit.run/1", "variants.ops.causes"): CAUSES,
    ("cfukit.run/1", "variants.functions"): FUNCTION,
    ("cfukit.run/1", "variants.functions.causes"): CAUSES,
    ("cfukit.run/1", "variants.lines"): LINE,
    ("cfukit.run/1", "variants.cfu"): CFU,
    ("cfukit.run/1", "mismatch"): MISMATCH,
    ("cfukit.run/1", "limits"): LIMIT,
    ("cfukit.exec/1", ""): EXEC,
    ("cfukit.exec/1", "causes"): CAUSES,
    ("cfukit.exec/1", "regions"): REGION,
    ("cfukit.exec/1", "fault"): FAULT,
    ("cfukit.infer/1", ""): "ok samples cycles",
    ("cfukit.build/1", ""): BUILD,
    ("cfukit.build/1", "seeds"): "seed fmax_mhz",
    ("cfukit.build/1", "parts"): "cpu cfu soc",
    ("cfukit.build/1", "limits"): LIMIT,
    ("cfukit.diff/1", "limits"): LIMIT,
    ("cfukit.suggest/1", ""): "ok project model board cpu engine cycles advice",
    ("cfukit.suggest/1", "advice"): "kind advice evidence cycles gain_cycles gain how command",
}
VERBS = "init doctor list fetch info run suggest report test infer exec build diff load term clean"


def promised_by(name: str) -> Iterator[tuple[list[str], set[str]]]:
    """(where, fields) of a document."""
    for (document, where), names in CONTRACT.items():
        if document == name:
            yield where.split("."), set(names.split())


def fields_of_schema(schema: Json, where: list[str]) -> set[str]:
    """The fields that every document with this schema has at `where`."""
    found: set[str] = set()
    for place in _places(schema, schema, [part for part in where if part]):
        assert set(place["required"]) == set(place["properties"])
        found |= set(place["properties"])
    return found


def _places(rule: Json, schema: Json, where: list[str]) -> Iterator[Json]:
    rule = rule_of(rule, schema)
    for choice in rule.get("anyOf", ()):
        yield from _places(choice, schema, where)
    if "items" in rule:
        yield from _places(rule["items"], schema, where)
    elif "properties" in rule and not where:
        yield rule
    elif "properties" in rule and where[0] in rule["properties"]:
        yield from _places(rule["properties"][where[0]], schema, where[1:])


def values_in(value: Any, where: list[str]) -> Iterator[Json]:
    """The objects at `where` of a document; none where it says null."""
    if isinstance(value, list):
        for item in value:
            yield from values_in(item, where)
    elif value is not None and where and where[0]:
        yield from values_in(value[where[0]], where[1:])
    elif value is not None:
        yield value
