"""Files for other viewers, against their public formats; and what the tables say of causes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.artefacts.causes import CAUSE_NAMES, Busy, Causes, CfuUse, FunctionRun, Segment
from cfukit_base.artefacts.plan import Plan
from cfukit_base.symbols import symbol
from cfukit_tools.firmware.counted import Counted, merged
from cfukit_tools.report import causes as report
from cfukit_tools.report.viewers import speedscope, trace_events
from support.bare import compile_c
from support.documents import operator, variant

# The parts of https://www.speedscope.app/file-format-schema.json that a sampled profile needs.
SPEEDSCOPE: dict[str, Any] = {
    "type": "object",
    "required": ["$schema", "profiles", "shared"],
    "properties": {
        "$schema": {"const": "https://www.speedscope.app/file-format-schema.json"},
        "activeProfileIndex": {"type": "number"},
        "exporter": {"type": "string"},
        "name": {"type": "string"},
        "shared": {
            "type": "object",
            "required": ["frames"],
            "properties": {
                "frames": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string"},
                            "file": {"type": "string"},
                            "line": {"type": "number"},
                            "col": {"type": "number"},
                        },
                    },
                }
            },
        },
        "profiles": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "name", "unit", "startValue", "endValue", "samples", "weights"],
                "properties": {
                    "type": {"const": "sampled"},
                    "name": {"type": "string"},
                    "unit": {
                        "enum": ["bytes", "microseconds", "milliseconds", "nanoseconds", "none", "seconds"]
                    },
                    "startValue": {"type": "number"},
                    "endValue": {"type": "number"},
                    "samples": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
                    "weights": {"type": "array", "items": {"type": "number"}},
                },
            },
        },
    },
}
# "Trace Event Format", the JSON object form: complete events, counters and metadata.
_EVENT = {"type": "object", "required": ["name", "ph", "pid", "tid"]}
TRACE: dict[str, Any] = {
    "type": "object",
    "required": ["traceEvents"],
    "properties": {
        "displayTimeUnit": {"enum": ["ms", "ns"]},
        "traceEvents": {
            "type": "array",
            "items": {
                "oneOf": [
                    _EVENT
                    | {
                        "required": [*_EVENT["required"], "ts", "dur", "cat"],
                        "properties": {
                            "ph": {"const": "X"},
                            "ts": {"type": "number", "minimum": 0},
                            "dur": {"type": "number", "minimum": 0},
                        },
                    },
                    _EVENT
                    | {
                        "required": [*_EVENT["required"], "ts", "args"],
                        "properties": {
                            "ph": {"const": "C"},
                            "ts": {"type": "number", "minimum": 0},
                            "args": {"type": "object", "additionalProperties": {"type": "number"}},
                        },
                    },
                    _EVENT
                    | {
                        "properties": {
                            "ph": {"const": "M"},
                            "name": {"enum": ["process_name", "thread_name"]},
                            "args": {"type": "object", "required": ["name"]},
                        }
                    },
                ]
            },
        },
    },
}
SOURCE = """\
static inline __attribute__((always_inline)) u32 inner(u32 a) { return CFU(1, 2, a, a); }
int main(void) { return (int)inner(3); }
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_c(SOURCE, tmp_path_factory.mktemp("viewers"))


def inference(program: Path, lengths: list[int], port: int = 0) -> tuple[Counted, Plan]:
    """Steps of so many cycles, all in the second instruction of main, half of them in the last cause."""
    at, end, segments, steps = symbol(program, "main"), 1000, [], []
    for number, cycles in enumerate(lengths):
        end += cycles
        row = [0] * len(CAUSE_NAMES)
        row[0], row[-1] = cycles - cycles // 2, cycles // 2
        causes = Causes(**dict(zip(CAUSE_NAMES, row, strict=True)))
        busy = Busy(cfu=cycles // 3, memory_port=port and cycles // 4, dma_bytes=0)
        segments.append(Segment(end, causes, busy, {at: tuple(row)}))
        steps.append(SimpleNamespace(index=number, type="CONV_2D", registry="portable", kernel="k", macs=7))
    return Counted(tuple(segments), merged(segments)), cast(Plan, SimpleNamespace(steps=steps))


LENGTHS = st.lists(st.integers(1, 10**9), min_size=1, max_size=8)


@given(lengths=LENGTHS)
def test_speedscope(program: Path, lengths: list[int]) -> None:
    counted, plan = inference(program, lengths)
    document = json.loads(json.dumps(speedscope(counted, plan, program, "name")))
    jsonschema.Draft202012Validator(SPEEDSCOPE).validate(document)
    [profile] = document["profiles"]
    frames = document["shared"]["frames"]
    assert len(profile["samples"]) == len(profile["weights"])
    assert sum(profile["weights"]) == profile["endValue"] == sum(lengths)
    spent: dict[str, int] = {}
    for stack, weight in zip(profile["samples"], profile["weights"], strict=True):
        names = [frames[index]["name"] for index in stack]
        assert names[1] == "main" and names[0].endswith(" CONV_2D")
        spent[names[0]] = spent.get(names[0], 0) + weight
        assert names[-1] in ("main", "inner", "[trap]")
    assert spent == {f"{number} CONV_2D": cycles for number, cycles in enumerate(lengths)}


@given(lengths=LENGTHS, clock_hz=st.sampled_from([12_000_000, 100_000_000]), port=st.integers(0, 1))
def test_trace_events(program: Path, lengths: list[int], clock_hz: int, port: int) -> None:
    counted, plan = inference(program, lengths, port)
    document = json.loads(json.dumps(trace_events(counted, plan, clock_hz, "name")))
    jsonschema.Draft202012Validator(TRACE).validate(document)
    operators = [event for event in document["traceEvents"] if event["ph"] == "X"]
    assert [event["args"]["cycles"] for event in operators] == lengths
    begin = 0.0
    for event, cycles in zip(operators, lengths, strict=True):
        assert event["ts"] == pytest.approx(begin) and event["dur"] == pytest.approx(cycles / clock_hz * 1e6)
        begin += event["dur"]
    counters = {event["name"] for event in document["traceEvents"] if event["ph"] == "C"}
    has_port = counted.whole.busy.memory_port > 0
    assert counters == {"CFU busy"} | ({"CFU memory port"} if has_port else set())
    last = [event for event in document["traceEvents"] if event["ph"] == "C"][-1]
    assert last["ts"] == pytest.approx(begin) and last["args"]["percent"] == 0


def test_a_stack_shows_the_largest_waits() -> None:
    causes = Causes.of({"executing": 600, "dcache": 200, "hazard": 100, "branch": 95, "csr": 5})
    assert report.stack(causes) == ("60%", "dcache 20%, hazard 10%, branch 10%")
    assert report.stack(None) == report.stack(Causes.of({})) == ("-", "")
    assert list(causes.largest()) == ["dcache", "hazard", "branch", "csr"]


def test_operators_have_a_column_for_each_cause_that_counts() -> None:
    first, second = (
        Causes.of({"executing": 90, "dcache": 10}),
        Causes.of({"executing": 897, "hazard": 100, "csr": 3}),
    )
    whole = first + second
    ops = tuple(replace(operator(n, one.cycles), causes=one) for n, one in enumerate((first, second)))
    ops += (replace(operator(2, 0), causes=Causes.of({})), operator(3, 5))
    made = report.operators(replace(variant("project", [1]), ops=ops), whole)
    assert [column.header for column in made.columns] == [
        "#",
        "operator",
        "executing",
        "hazard",
        "others",
        "of the limit",
    ]
    cells = [["90%", "90%"], ["0%", "10%"], ["10%", "0%"], ["-", "-"]]
    assert [list(column.cells) for column in made.columns][2:] == cells


def test_lines_of_the_cfu() -> None:
    uses = (
        CfuUse(instruction="mac4", mode=0, calls=1000, issue_cycles=5, wait_cycles=6),
        CfuUse(instruction="mac4", mode=1, calls=2, issue_cycles=1, wait_cycles=1),
        CfuUse(instruction="acc", mode=0, calls=3, issue_cycles=0, wait_cycles=0),
    )
    one = variant(
        "project",
        [1],
        cfu=uses,
        causes=Causes.of({"executing": 8000}),
        busy=Busy(cfu=2000, memory_port=4000, dma_bytes=0),
    )
    assert list(report.cfu_lines(one)) == [
        "CFU mac4: 1,002 calls in 2 modes, waited 6 cycles to issue, 7 for answers",
        "CFU acc: 3 calls, waited 0 cycles to issue, 0 for answers",
        "CFU idle in 75% of 8 k cycles; memory port: 0.50 accesses per cycle",
    ]
    assert list(report.cfu_lines(variant("project", [1]))) == []


def test_the_hottest_functions() -> None:
    causes = Causes.of({"executing": 60, "dcache": 40})
    functions = [
        FunctionRun(
            name=f"f{n}", file="a.c", line=n, inlined=n == 1, cycles=100, instructions=60, causes=causes
        )
        for n in range(report.SHOWN_FUNCTIONS + 3)
    ]
    made = report.hottest(functions, 1000)
    assert made.row_count == report.SHOWN_FUNCTIONS
    cells = [list(column.cells)[1] for column in made.columns]
    assert cells == ["100", "10%", "f1 (inlined)", "60%", "dcache 40%", "a.c:1"]
