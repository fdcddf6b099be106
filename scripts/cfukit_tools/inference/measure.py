"""The document cfukit.run/1: run some variants on some samples, compare every output with the evaluator, write it down."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cfukit_base import tools
from cfukit_base.artefacts import Run
from cfukit_base.artefacts.limits import Limit
from cfukit_base.artefacts.run import Digests, Mismatch, ModelId, OpRun, RunHost, Toolchain, VariantRun
from cfukit_base.symbols import code_words
from cfukit_tools.firmware.inputs import InputSet, accuracy
from cfukit_tools.firmware.program import Program
from cfukit_tools.firmware.samples import (
    Difference,
    SampleResult,
    Served,
    different_at,
    evaluate,
    first_difference,
)
from cfukit_tools.firmware.sources import source_roots
from cfukit_tools.inference.places import places
from cfukit_tools.inference.regions import regions_in
from cfukit_tools.inference.roofline import moved, roof, work
from cfukit_tools.inference.workload import Workload


@dataclass(frozen=True)
class Measured:
    """A variant's program and what came of it."""

    program: Program
    served: Served


def measure(
    workload: Workload,
    variants: Sequence[str],
    path: Path | None,
    samples: int,
    seed: int,
    output: Path,
    observe: Callable[[Measured], object] = lambda measured: None,
) -> Run:
    """Run `variants` and write the document to `output`.

    * path: the inputs, or None for the default ones.
    * observe: called with each variant and what came of it.
    """
    inputs = workload.inputs(path, samples, seed)
    # Before the evaluator: what does not fit or does not compile is known in a second.
    programs = [workload.build(variant) for variant in variants]
    truth = evaluate(workload.model, inputs, lambda number: number == 0)
    results = workload.serve(programs, inputs)
    measured = [Measured(*pair) for pair in zip(programs, results, strict=True)]
    for one in measured:
        observe(one)
    mismatch, checked = check(workload, measured, truth, inputs)
    entries = [_variant(workload, one) for one in measured]
    limits = _limits(workload, entries[-1])
    outputs = [result.outputs[0] for result in measured[-1].served.samples]
    soc, project = workload.system.soc, workload.project
    document = Run(
        ok=mismatch is None and not limits,
        project=project.name,
        model=ModelId(name=workload.model_name, sha256=workload.model.sha256, macs=workload.model.macs),
        board=soc.board,
        cpu=soc.cpu.name,
        memory=_memory(workload),
        engine=workload.engine.name,
        cfu_engine=workload.engine.abilities.cfu if workload.system.cfu_dir else "none",
        clock_hz=soc.clock_hz,
        toolchain=_toolchain(workload),
        seed=seed,
        digests=Digests(
            model=workload.model.sha256,
            inputs=inputs.sha256,
            firmware={program.variant: program.sha256 for program in programs if program.file},
            cfu=workload.system.cfu_digest,
            soc=workload.system.soc_digest,
        ),
        samples=len(inputs),
        inputs=inputs.source if path is None else path.name,
        variants=tuple(entries),
        ladder=(),
        checked_operators=checked,
        mismatch=mismatch,
        accuracy=accuracy(outputs, inputs.labels),
        predictions=tuple(int(np.argmax(output)) for output in outputs),
        limits=tuple(limits),
        host=RunHost(
            path=str(output),
            seconds=round(time.monotonic() - workload.begin, 3),
            cores=os.cpu_count() or 1,
            load=os.getloadavg()[0],
        ),
    )
    document.write(output)
    return document


def _variant(workload: Workload, measured: Measured) -> VariantRun:
    program, served = measured.program, measured.served
    first = served.samples[0]
    per_op, counted = first.op_cycles, first.counted
    found, regions, done, roofs = None, None, [], []
    memories = program.memory_map(workload.system)
    if counted is not None and program.file is not None:
        words, soc = code_words(program.file), workload.system.soc
        lies = {part: soc.memory(memory.name) for memory in memories or () for part in memory.parts}
        done = [work(segment, words) for segment in counted.steps]
        roofs = [
            roof(did, moved(workload.model, step), segment, lies.get("weights"), lies.get("arena"))
            for did, step, segment in zip(done, program.plan.steps, counted.steps, strict=True)
        ]
        offered = workload.system.cfu_json
        names = offered.instruction_names if offered else {}
        generated = [workload.system.cfu_dir] if workload.system.cfu_dir else []
        roots = source_roots(*generated, workload.project.root)
        found = places(program.file, counted.whole, names, roots, counted.steps)
        regions = tuple(regions_in(program.file, counted.parts))
    cycles = [result.cycles for result in served.samples if result.cycles is not None]
    return VariantRun(
        name=program.variant,
        cycles=tuple(cycles) if first.cycles is not None else None,
        overhead_cycles=first.cycles - sum(per_op or ()) if first.cycles is not None else None,
        instructions=first.instructions,
        sizes=program.sizes(served.stack_bytes),
        memory_map=memories,
        arena=program.arena(),
        causes=counted.whole.causes if counted else None,
        text=served.text,
        ops=tuple(
            OpRun(
                index=step.index,
                fused=step.fused,
                type=step.type,
                kernel=f"{step.registry}/{step.kernel}",
                macs=step.macs,
                cycles=per_op[number] if per_op is not None else None,
                causes=counted.steps[number].causes if counted else None,
                functions=found.in_parts[number] if found else None,
                moved=moved(workload.model, step),
                work=done[number] if done else None,
                roof=roofs[number] if roofs else None,
            )
            for number, step in enumerate(program.plan.steps)
        ),
        functions=found.functions if found else None,
        lines=found.lines if found else None,
        code=found.code if found else None,
        regions=regions,
        cfu=found.cfu if found else None,
        busy=counted.whole.busy if counted else None,
    )


def check(
    workload: Workload, measured: Sequence[Measured], truth: list[SampleResult], inputs: InputSet
) -> tuple[Mismatch | None, int]:
    """The first mismatch or None, and how many operators were compared.

    Compared are the outputs of all samples in all variants, and every operator of sample 0 in the last variant.
    """
    for one in measured:
        found = outputs_mismatch(workload, one, truth, inputs)
        if found is not None:
            return found, 0
    program = measured[-1].program
    layered = workload.layers(program, inputs.first(1)).samples[0]
    difference = first_difference(truth[0].layers, layered.layers)
    if difference is not None:
        return _mismatch(0, *difference, program), 0
    return None, len({op for op, _, _ in layered.layers})


def outputs_mismatch(
    workload: Workload, measured: Measured, truth: list[SampleResult], inputs: InputSet
) -> Mismatch | None:
    """The first output that differs from the evaluator's, told by the first operator that went wrong."""
    program, model = measured.program, workload.model
    for number, (got, expected) in enumerate(zip(measured.served.samples, truth, strict=True)):
        for tensor, right, left in zip(model.outputs, expected.outputs, got.outputs, strict=True):
            place = different_at(right, left)
            if place is not None:
                found = _locate(workload, program, inputs, number)
                return _mismatch(number, *(found or (_producer(workload, tensor), tensor, place)), program)
    return None


def _mismatch(sample: int, op: int, tensor: int, place: Difference, program: Program) -> Mismatch:
    return Mismatch(
        sample=sample,
        op=op,
        tensor=tensor,
        index=place.index,
        expected=place.expected,
        got=place.got,
        variant=program.variant,
    )


def _locate(
    workload: Workload, program: Program, inputs: InputSet, number: int
) -> tuple[int, int, Difference] | None:
    """The first operator that goes wrong in sample `number`, replayed from the last reset with pauses."""
    begin = max(k for k in range(number + 1) if k == 0 or inputs.reset_before[k])
    part = inputs.part(range(begin, number + 1))
    expected = evaluate(workload.model, part, lambda k: k == len(part) - 1)[-1]
    got = workload.layers(program, part).samples[-1]
    return first_difference(expected.layers, got.layers)


def _producer(workload: Workload, tensor: int) -> int:
    return next((op.index for op in workload.model.operators if tensor in op.outputs), -1)


def _limits(workload: Workload, entry: VariantRun) -> list[Limit]:
    asked, reached = workload.project["limits.cycles"], entry.first_cycles
    if not asked or reached is None or reached <= asked:
        return []
    worst = max(entry.ops, key=lambda op: op.cycles or 0)
    offender = f"operator {worst.index} {worst.type}: {worst.cycles:,} cycles"
    return [Limit(name="cycles", asked=asked, reached=reached, offender=offender)]


def _memory(workload: Workload) -> str:
    """The memory that the program runs from, for people: name, size, cycles per word read."""
    soc = workload.system.soc
    below = ", DDR3 out of specification" if "ddr3_out_of_specification" in soc.constants else ""
    memory = soc.memory_at(soc.cpu.reset_address)
    if memory is None:
        return "none"
    size = memory.bytes
    shown = f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"
    return f"{memory.name} {shown} ({memory.read_cycles} cycles/word){below}"


def _toolchain(workload: Workload) -> Toolchain:
    from cfukit_sw.firmware import toolchain

    project = workload.project
    compiler = toolchain(project["sw.compiler"], project["sw.cflags"], workload.system.soc.cpu.isa)
    named = f"{compiler.name} {compiler.version}"
    return Toolchain(compiler=named, flags=compiler.flags, verilator=tools.verilator().version)
