"""An inference as files for other viewers: speedscope (https://www.speedscope.app), and trace events for Perfetto and Chrome."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from cfukit_base.artefacts import Json
from cfukit_base.artefacts.causes import CAUSE_NAMES, Segment
from cfukit_base.artefacts.plan import Plan
from cfukit_base.dwarf import functions_of
from cfukit_base.symbols import locate
from cfukit_tools.firmware.counted import Counted

SPEEDSCOPE_SCHEMA = "https://www.speedscope.app/file-format-schema.json"
_TRACK = {"pid": 1, "tid": 1}  # of operators in the trace


def speedscope(counted: Counted, plan: Plan, elf: Path, name: str) -> Json:
    """Stacks of operator, function, inlined functions and, where the CPU waited, the cause; their weights are cycles."""
    frames: dict[tuple[str, str, int], int] = {}
    weights: dict[tuple[int, ...], int] = defaultdict(int)
    known = functions_of(elf)

    def frame(label: str, file: str = "", line: int = 0) -> int:
        return frames.setdefault((label, file, line), len(frames))

    for label, segment in _operators(counted, plan):
        for pc, counts in segment.by_pc.items():
            at = locate(elf, pc)
            function = known.own.get(at.function)
            place = (function.file, function.line) if function else ()
            outer = [frame(label), frame(at.function or "unknown", *place)]
            for copy in reversed(known.copies_at(pc)):
                outer.append(frame(copy.function.name, copy.function.file, copy.function.line))
            for cause, cycles in zip(CAUSE_NAMES, counts, strict=True):
                if cycles:
                    waits = [] if cause == "executing" else [frame(f"[{cause}]")]
                    weights[(*outer, *waits)] += cycles
    shared = [
        {"name": label, **({"file": file, "line": line} if file else {})} for label, file, line in frames
    ]
    profile = {
        "type": "sampled",
        "name": name,
        "unit": "none",
        "startValue": 0,
        "endValue": sum(weights.values()),
        "samples": [list(stack) for stack in weights],
        "weights": list(weights.values()),
    }
    return {
        "$schema": SPEEDSCOPE_SCHEMA,
        "shared": {"frames": shared},
        "profiles": [profile],
        "name": name,
        "activeProfileIndex": 0,
        "exporter": "cfukit",
    }


def trace_events(counted: Counted, plan: Plan, clock_hz: int, name: str) -> Json:
    """A track of operators, and counters of how busy the CFU and its memory port are, on simulated time from the inference's start."""
    begin = counted.whole.end - counted.whole.causes.cycles
    us_per_cycle = 1e6 / clock_hz
    events: list[Json] = [_named("process_name", name), _named("thread_name", "operators")]
    counters = ["CFU busy"] + ["CFU memory port"] * bool(counted.whole.busy.memory_port)
    ts = 0.0
    for (label, segment), step in zip(_operators(counted, plan), plan.steps, strict=True):
        cycles = segment.causes.cycles
        ts = (segment.end - cycles - begin) * us_per_cycle
        spent = {cause: count for cause, count in segment.causes.named().items() if count}
        args = {"cycles": cycles, "kernel": f"{step.registry}/{step.kernel}", "macs": step.macs, **spent}
        duration = {"ts": ts, "dur": cycles * us_per_cycle}
        events.append({"name": label, "cat": "operator", "ph": "X", **duration, **_TRACK, "args": args})
        for counter, busy in zip(counters, (segment.busy.cfu, segment.busy.memory_port), strict=False):
            events.append(_counter(counter, ts, round(100 * busy / cycles, 3) if cycles else 0.0))
        ts += cycles * us_per_cycle
    events += [_counter(counter, ts, 0.0) for counter in counters]
    return {"traceEvents": events, "displayTimeUnit": "ns", "otherData": {"clock_hz": clock_hz}}


def _operators(counted: Counted, plan: Plan) -> list[tuple[str, Segment]]:
    return [
        (f"{step.index} {step.type}", segment)
        for step, segment in zip(plan.steps, counted.steps, strict=True)
    ]


def _named(kind: str, name: str) -> Json:
    return {"name": kind, "ph": "M", **_TRACK, "args": {"name": name}}


def _counter(name: str, ts: float, percent: float) -> Json:
    return {"name": name, "ph": "C", "ts": ts, **_TRACK, "args": {"percent": percent}}
