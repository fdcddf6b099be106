#!/usr/bin/env python3
"""Cycles, cycles per multiply-accumulate and code size of the library's kernels on the RTL of board `sim`, as a table.

    python sw/bench_kernels.py [--registry portable,reference] [--cc zig] [--ops] MODEL.tflite ...

Outputs are compared with the evaluator. A development tool: `cfukit run` measures projects.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile

from cfukit_base import wire
from cfukit_base.cache import user_cache
from cfukit_base.errors import CfukitError, ResultError
from cfukit_soc import build_simulator, generate_soc, simulate
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.firmware import build_firmware
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_c import write_model
from cfukit_sw.tflite_reader import read_model


def measure(model: Model, registry: str, compiler: str, show_operators: bool) -> None:
    """One line: model, registry, cycles, ..."""
    build_dir = user_cache() / "bench"
    soc = generate_soc("sim", build_dir / "soc")
    simulator = build_simulator(soc, None, build_dir=build_dir)
    plan = lower(model, registry=registry)
    sources = write_model(plan, build_dir / "models" / f"{model.name}-{registry}")
    elf = build_firmware(sources, soc, build_dir=build_dir, kind="server", compiler=compiler)
    inputs = _inputs(model)
    script = wire.Script()
    for tensor, array in zip(plan.inputs, inputs, strict=True):
        script.write(plan.tensors[tensor].offset, array.tobytes())
    script.run(reset=True)
    for tensor in plan.outputs:
        script.read(plan.tensors[tensor].offset, plan.tensors[tensor].bytes)
    script.exit()
    result = simulate(simulator, soc, elf, stdin=bytes(script))
    answers = [wire.parse(frame) for frame in wire.split(result.output)[1]]
    done = next(answer for answer in answers if isinstance(answer, wire.Done))
    got = b"".join(answer.data for answer in answers if isinstance(answer, wire.Data))
    if got != b"".join(array.tobytes() for array in Evaluator(model).run(inputs).outputs):
        raise ResultError(f"{model.name}, {registry}", "the outputs differ from the evaluator's")
    per_mac = done.cycles / model.macs if model.macs else float("nan")
    code = _section_bytes(elf, ".text")
    print(
        f"{model.name:20} {registry:10} {done.cycles:13,} {per_mac:7.2f} {done.instructions:13,} {code:7,} {plan.arena_bytes:8,}"
    )
    if show_operators:
        for step, cycles in zip(plan.steps, done.op_cycles, strict=True):
            ratio = f"{cycles / step.macs:7.2f}" if step.macs else ""
            print(f"  {step.index:3} {step.type:26} {step.kernel:24} {cycles:13,} {ratio}")


def _inputs(model: Model) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    arrays = []
    for index in model.inputs:
        tensor = model.tensors[index]
        if tensor.type == "float32":
            arrays.append(rng.normal(size=tensor.shape).astype(np.float32))
        else:
            arrays.append(rng.integers(-128, 128, tensor.shape).astype(tensor.dtype))
    return arrays


def _section_bytes(elf: Path, name: str) -> int:
    with elf.open("rb") as file:
        section = ELFFile(file).get_section_by_name(name)
        return int(section["sh_size"]) if section else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="cycles of the library's kernels")
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--registry", default="portable,reference")
    parser.add_argument("--cc", default="zig", choices=["zig", "gcc"])
    parser.add_argument("--ops", action="store_true", help="one line per operator too")
    options = parser.parse_args()
    print(
        f"{'model':20} {'kernels':10} {'cycles':>13} {'per MAC':>7} {'instructions':>13} {'code':>7} {'arena':>8}"
    )
    try:
        for path in options.models:
            for registry in options.registry.split(","):
                measure(read_model(path), registry, options.cc, options.ops)
    except CfukitError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
