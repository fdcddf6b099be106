"""The verbs run, profile and infer: programs meet samples on an engine, every result meets the evaluator."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cfukit_base import process, progress
from cfukit_base.cache import write_atomic
from cfukit_tools import catalog
from cfukit_tools.checking import at_least
from cfukit_tools.devices import expected_answers, run_board, run_renode, system_for
from cfukit_tools.engines import RawRun, check_engine, run_host, run_rtl
from cfukit_tools.inference import (
    SampleResult,
    Served,
    decode,
    different_at,
    evaluate,
    first_difference,
    script,
)
from cfukit_tools.inputs import InputSet, accuracy, choose_inputs, load_inputs
from cfukit_tools.programs import Program, build_program, plan_variant, variants_of
from cfukit_tools.project import load_target


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
    session = _Session(target, engine, options, jobs)
    return session.document(session.variants, inputs, samples, seed, jobs)


def profile(target: Path, **arguments: Any) -> dict[str, Any]:
    """As run, for one system alone: the project, or portable kernels on a bare model."""
    engine, options = arguments.pop("engine", ""), arguments
    own = {name: options.pop(name) for name in ("inputs", "samples", "seed", "jobs") if name in options}
    session = _Session(target, engine, options, own.get("jobs", 0))
    return session.document(
        session.variants[-1:],
        own.get("inputs"),
        own.get("samples", 0),
        own.get("seed", 0),
        own.get("jobs", 0),
    )


def infer(
    target: Path,
    *,
    inputs: Path,
    outputs: Path | None,
    layers: Path | None = None,
    dump: int | None = None,
    engine: str = "",
    jobs: int = 0,
    **options: Any,
) -> dict[str, Any]:
    """Arrays in, arrays out: out0.. [n, ...] to `outputs`, every operator's outputs to `layers` (sK_opIII_J_tT).

    dump: an operator, which becomes a kernel test beside `outputs`: NAME_opIII.tflite, it alone, and NAME_opIII.npz, what it reads
    (in0..) and what it must give (out0..) for each sample.
    """
    session = _Session(target, engine, options, jobs)
    given = load_inputs(inputs, session.model)
    cycles = None
    if session.engine == "evaluator":
        results = evaluate(session.model, given, lambda _: layers is not None)
    else:
        program = session.build(session.variants[-1])
        results = session.serve(program, given, jobs, layers=False).samples
        cycles = [result.cycles for result in results]
        if layers is not None:
            for result, full in zip(
                results, session.serve(program, given, jobs, layers=True).samples, strict=True
            ):
                result.layers = full.layers
    if outputs is not None:
        count = len(session.model.outputs)
        _save(outputs, {f"out{i}": np.stack([result.outputs[i] for result in results]) for i in range(count)})
    if layers is not None:
        named = {
            f"s{number}_op{op:03d}_{output}_t{tensor}": value
            for number, result in enumerate(results)
            for (op, output, tensor), value in sorted(result.layers.items())
        }
        _save(layers, named)
    dumped = (
        _dump_operator(session.model, given, dump, (outputs or Path("out")).parent)
        if dump is not None
        else []
    )
    return {
        "schema": "cfukit.infer/1",
        "ok": True,
        "engine": session.engine,
        "samples": len(given),
        "cycles": None if cycles is None or None in cycles else cycles,
        "accuracy": accuracy([result.outputs[0] for result in results], given.labels),
        "host": {"outputs": str(outputs or ""), "layers": str(layers or ""), "dump": list(map(str, dumped))},
    }


def _dump_operator(model: Any, inputs: InputSet, index: int, folder: Path) -> list[Path]:
    """Operator `index` as a model, and its inputs and outputs as the evaluator computes them."""
    from cfukit_sw.extract import data_inputs, extract_operator
    from cfukit_sw.tflite_writer import model_bytes

    alone = extract_operator(model, index)
    arrays: dict[str, list[np.ndarray]] = {}
    for number, result in enumerate(evaluate(model, inputs, lambda _: True)):
        values = dict(zip(model.inputs, inputs.sample(number), strict=True))
        values |= {tensor: value for (_, _, tensor), value in result.layers.items()}
        for place, tensor in enumerate(data_inputs(model, index)):
            arrays.setdefault(f"in{place}", []).append(values[tensor])
        for place, tensor in enumerate(model.operators[index].outputs):
            arrays.setdefault(f"out{place}", []).append(values[tensor])
    paths = [folder / f"{alone.name}.tflite", folder / f"{alone.name}.npz"]
    write_atomic(paths[0], model_bytes(alone))
    _save(
        paths[1],
        {name: np.stack(each) for name, each in arrays.items()} | {"reset_before": inputs.reset_before},
    )
    return paths


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_atomic(path, buffer.getvalue())


_CFU_ENGINES = {"rtl": "verilog", "host": "verilog", "renode": "verilog", "board": "hardware"}


class _Session:
    """One target, its model, its system and an engine."""

    def __init__(self, target: Path, engine: str, options: dict[str, Any], jobs: int = 0):
        from cfukit_sw.tflite_reader import read_model

        self.begin = time.monotonic()
        at_least(0, jobs=jobs)
        self.engine = check_engine(engine)
        self.project = load_target(target, **options)
        self.model_name, path = self.project.model_file()
        self.model = read_model(path)
        listed = catalog.listed_models().get(self.model_name)
        self.heldout = listed.heldout if listed is not None and listed.path == path else None
        self.system = system_for(self.project, self.engine)
        self.variants = variants_of(self.system)

    def build(self, variant: str) -> Program:
        return build_program(self.system, self.model, variant, self.engine)

    def serve(self, program: Program, inputs: InputSet, jobs: int, layers: bool) -> Served:
        """All samples of one program."""
        return self.serve_all([program], inputs, jobs, layers)[program.variant]

    def serve_all(
        self, programs: list[Program], inputs: InputSet, jobs: int, layers: bool
    ) -> dict[str, Served]:
        """All samples of all programs: groups of samples in parallel, at most `jobs` at a time."""
        if self.engine == "rtl":
            self.system.simulator()
        chunks = list(inputs.chunks())
        work = [(program, chunk) for program in programs for chunk in chunks]
        total = sum(_effort(program, len(chunk)) for program, chunk in work)
        done, lock = 0.0, threading.Lock()

        def one(item: tuple[Program, range]) -> Served:
            nonlocal done
            program, chunk = item
            stdin = script(program.plan, self.model, inputs, chunk, layers, program.blob)
            expected: list[bytes] = []
            if self.engine == "renode" and not layers:
                expected = expected_answers(program.plan, self.model, inputs, chunk, stdin)
            raw = self.execute(program, stdin, expected)
            served = decode(
                program.plan,
                self.model,
                inputs,
                chunk,
                layers,
                raw,
                f"{program.variant} firmware",
                program.blob,
            )
            with lock:
                done += _effort(program, len(chunk))
                progress.advance(done, total, program.variant)
            return served

        what = ", ".join(program.variant for program in programs)
        with progress.stage(f"running {len(inputs)} samples with {what} kernels on engine {self.engine}"):
            served = _in_parallel(one, work, 1 if self.engine == "board" else jobs)
        results = {}
        for program in programs:
            parts = [part for (owner, _), part in zip(work, served, strict=True) if owner is program]
            results[program.variant] = Served(
                [sample for part in parts for sample in part.samples],
                max(part.stack_bytes for part in parts),
                "".join(part.text for part in parts),
            )
        return results

    def execute(self, program: Program, stdin: bytes, expected: list[bytes]) -> RawRun:
        if self.engine == "host":
            return run_host(program.file, stdin)
        if self.engine == "board":
            return run_board(self.system, program.file, stdin)
        if self.engine == "renode":
            name, macs = program.variant, program.plan.macs
            return run_renode(self.system, program.file, stdin, name=name, expected=expected, macs=macs)
        return run_rtl(self.system, program.file, stdin)

    def document(
        self, variants: tuple[str, ...], path: Path | None, samples: int, seed: int, jobs: int
    ) -> dict[str, Any]:
        """Run `variants` and say everything about it."""
        inputs = choose_inputs(self.model, path, self.heldout, samples, seed)
        # Before the evaluator: what does not fit or does not compile is known in a second.
        programs = [self.build(variant) for variant in variants] if self.engine != "evaluator" else []
        truth = evaluate(self.model, inputs, lambda number: number == 0)
        if programs:
            served = self.serve_all(programs, inputs, jobs, layers=False)
            entries = [
                self._variant(
                    program.variant,
                    program.plan,
                    program.sizes(served[program.variant].stack_bytes),
                    served[program.variant],
                )
                | {"memory_map": program.memory_map(self.system.soc)}
                for program in programs
            ]
        else:
            served = {variant: Served(truth, 0) for variant in variants}
            plans = [plan_variant(self.system, self.model, variant) for variant in variants]
            entries = [
                self._variant(name, plan, None, served[name])
                for name, plan in zip(variants, plans, strict=True)
            ]
        mismatch, checked = self._check(programs, served, truth, inputs, jobs)
        limits = self._limits(entries[-1])
        outputs = [result.outputs[0] for result in served[variants[-1]].samples]
        document = {
            "schema": "cfukit.run/1",
            "ok": mismatch is None and not limits,
            "project": self.project.name,
            "model": {"name": self.model_name, "sha256": self.model.sha256, "macs": self.model.macs},
            "board": self.system.soc["board"],
            "cpu": self.system.soc["cpu"]["name"],
            "memory": self._memory(),
            "engine": self.engine,
            "cfu_engine": _CFU_ENGINES.get(self.engine, "none") if self.system.cfu_dir else "none",
            "clock_hz": self.system.soc["clock_hz"],
            "toolchain": self._toolchain(),
            "seed": seed,
            "digests": self._digests(programs, inputs),
            "samples": len(inputs),
            "inputs": inputs.source if path is None else path.name,
            "variants": entries,
            "checked_operators": checked,
            "mismatch": mismatch,
            "accuracy": accuracy(outputs, inputs.labels),
            "predictions": [int(np.argmax(output)) for output in outputs],
            "limits": limits,
        }
        return self._written(document)

    def _variant(
        self, name: str, plan: Any, sizes: dict[str, int | None] | None, served: Served
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
        self,
        programs: list[Program],
        served: dict[str, Served],
        truth: list[SampleResult],
        inputs: InputSet,
        jobs: int,
    ) -> tuple[dict[str, Any] | None, int]:
        """(the first mismatch or None, how many operators were compared): outputs of all samples and variants, and every
        operator of sample 0 in the last variant."""
        for program in programs:
            for number, (got, expected) in enumerate(
                zip(served[program.variant].samples, truth, strict=True)
            ):
                pairs = zip(self.model.outputs, expected.outputs, got.outputs, strict=True)
                for tensor, right, left in pairs:
                    place = different_at(right, left)
                    if place is not None:
                        found = self._locate(program, inputs, number, jobs)
                        whole = found or {"op": self._producer(tensor), "tensor": tensor, **place}
                        return {"sample": number, **whole, "variant": program.variant}, 0
        if not programs:
            return None, len(self.model.operators)
        layered = self.serve(programs[-1], inputs.first(1), jobs, layers=True).samples[0]
        difference = first_difference(truth[0].layers, layered.layers)
        if difference is not None:
            return {"sample": 0, **difference, "variant": programs[-1].variant}, 0
        return None, len({op for op, _, _ in layered.layers})

    def _locate(self, program: Program, inputs: InputSet, number: int, jobs: int) -> dict[str, Any] | None:
        """The first operator that goes wrong in sample `number`, replayed from the last reset with pauses."""
        begin = max(k for k in range(number + 1) if k == 0 or inputs.reset_before[k])
        part = InputSet(
            tuple(array[begin : number + 1] for array in inputs.arrays),
            inputs.reset_before[begin : number + 1],
            None,
            inputs.source,
        )
        expected = evaluate(self.model, part, lambda k: k == len(part) - 1)[-1]
        got = self.serve(program, part, jobs, layers=True).samples[-1]
        return first_difference(expected.layers, got.layers)

    def _producer(self, tensor: int) -> int:
        return next((op.index for op in self.model.operators if tensor in op.outputs), -1)

    def _limits(self, entry: dict[str, Any]) -> list[dict[str, Any]]:
        asked = self.project["limits.cycles"]
        if not asked or entry["cycles"] is None or entry["cycles"][0] <= asked:
            return []
        worst = max(entry["ops"], key=lambda op: op["cycles"])
        offender = f"operator {worst['index']} {worst['type']}: {worst['cycles']:,} cycles"
        return [{"name": "cycles", "asked": asked, "reached": entry["cycles"][0], "offender": offender}]

    def _memory(self) -> str:
        """The memory that the program runs from, for people: name, size, cycles per word read."""
        reset = self.system.soc["cpu"]["reset_address"]
        for memory in self.system.soc["memories"]:
            if memory["base"] <= reset < memory["base"] + memory["bytes"]:
                size = memory["bytes"]
                shown = f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"
                return f"{memory['name']} {shown} ({memory['read_cycles']} cycles/word)"
        return "none"

    def _toolchain(self) -> dict[str, Any]:
        from cfukit_base import tools
        from cfukit_sw.firmware import toolchain

        compiler = toolchain(
            self.project["sw.compiler"], self.project["sw.cflags"], self.system.soc["cpu"]["isa"]
        )
        named = f"{compiler['name']} {compiler['version']}"
        return {"compiler": named, "flags": compiler["flags"], "verilator": tools.verilator().version}

    def _digests(self, programs: list[Program], inputs: InputSet) -> dict[str, Any]:
        firmware = {program.variant: program.sha256 for program in programs}
        return {
            "model": self.model.sha256,
            "inputs": inputs.sha256,
            "firmware": firmware,
            **self.system.digests(),
        }

    def _written(self, document: dict[str, Any]) -> dict[str, Any]:
        path = self.project.board_dir / "run.json"
        document["host"] = {
            "path": str(path),
            "seconds": round(time.monotonic() - self.begin, 3),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
        }
        write_atomic(path, json.dumps(document, indent=1) + "\n")
        return document


def _effort(program: Program, samples: int) -> float:
    """Relative length of a run, for progress: reference kernels take about eight times as long."""
    return samples * max(program.plan.macs, 1) * (8 if program.variant == "reference" else 1)


def _in_parallel(function: Callable[[Any], Any], items: list[Any], jobs: int) -> list[Any]:
    """map() on `jobs` threads, 0: one per core; the first failure stops the rest."""
    return process.in_parallel(function, items, jobs or os.cpu_count() or 1)
