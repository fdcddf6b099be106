#!/usr/bin/env python3
"""Cycles, cycles per multiply-accumulate and code size of the library's kernels on the RTL of board `sim`, as a table.

    python sw/bench_kernels.py [--registry portable,reference] [--cc zig] [--macs 3000000] [--write sw/README.md] [MODEL ...]

Outputs are compared with the evaluator. A development tool: `cfukit run` measures projects.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile

from cfukit_base import tools, wire
from cfukit_base.cache import user_cache
from cfukit_base.errors import CfukitError, ResultError
from cfukit_soc import build_simulator, generate_soc, simulate
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.firmware import build_firmware
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_c import write_model
from cfukit_sw.tflite_reader import read_model
from cfukit_tools import catalog

BEGIN, END = "<!-- table: sw/bench_kernels.py -->\n", "<!-- end of table -->\n"
HEAD = """\
| model | MACs | kernels | cycles | per MAC | instructions | code | arena | TFLM's head |
|---|---|---|---|---|---|---|---|---|
"""


def measure(model: Model, registry: str, compiler: str, show_operators: bool) -> str:
    """One row of the table."""
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
    if show_operators:
        for step, cycles in zip(plan.steps, done.op_cycles, strict=True):
            ratio = f"{cycles / step.macs:7.2f}" if step.macs else ""
            print(f"  {step.index:3} {step.type:26} {step.kernel:24} {cycles:13,} {ratio}")
    per_mac = f"{done.cycles / model.macs:.2f}" if model.macs else ""
    cells = (model.name, f"{model.macs:,}", registry, f"{done.cycles:,}", per_mac, f"{done.instructions:,}")
    return f"| {' | '.join(cells)} | {_section_bytes(elf, '.text'):,} | {plan.activation_bytes:,} | {_head(model)} |\n"


def _head(model: Model) -> str:
    """TFLM's activation arena, where the reference set is here."""
    index = Path(os.environ.get("CFUKIT_REFERENCE", "/nonexistent")) / "index.json"
    entries = json.loads(index.read_text())["models"] if index.exists() else []
    heads = [e["arena_tflm_x86_64"]["head"] for e in entries if e["name"] == model.name]
    return f"{heads[0]:,}" if heads else ""


def _models(names: list[str], most_macs: int) -> list[Model]:
    """The files or listed models of these names; of none: all listed ones that are here, but the largest."""
    given = names or list(catalog.listed_models())
    found = []
    for name in given:
        try:
            found.append(read_model(catalog.resolve_model(name, Path.cwd())[1]))
        except CfukitError as error:
            if names:
                raise
            print(f"left out: {error}", file=sys.stderr)
    found.sort(key=lambda model: model.macs)
    chosen = found if names else [m for m in found if m.macs < max(model.macs for model in found)]
    return [model for model in chosen if not most_macs or model.macs <= most_macs]


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
    parser.add_argument("models", nargs="*", help="files or listed names; none: all but the largest")
    parser.add_argument("--registry", default="portable,reference")
    parser.add_argument("--cc", default="zig", choices=["zig", "gcc"])
    parser.add_argument("--ops", action="store_true", help="one line per operator too")
    parser.add_argument("--macs", type=int, default=0, help="only models of at most so many MACs")
    parser.add_argument("--write", type=Path, help="put the table into this file, between its two marks")
    options = parser.parse_args()
    try:
        models = _models(options.models, options.macs)
        text = HEAD
        print(text, end="")
        for model in models:
            for registry in options.registry.split(","):
                text += measure(model, registry, options.cc, options.ops)
                print(text.splitlines()[-1], flush=True)
    except CfukitError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    versions = f"Measured with {tools.riscv_cc(options.cc).name} {tools.riscv_cc(options.cc).version}, "
    versions += f"Verilator {tools.verilator().version}, outputs equal to the evaluator's.\n"
    print(versions)
    if options.write:
        before, _, rest = options.write.read_text().partition(BEGIN)
        options.write.write_text(
            before + BEGIN + "\n" + text + "\n" + versions + END + rest.partition(END)[2]
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
