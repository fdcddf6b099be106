"""Cycles, cycles per multiply-accumulate and code size of the library's kernels on the RTL of board `sim`, as a table.

    export PYTHONPATH=scripts
    python -m bench.kernels [--registry portable,reference] [--cc zig] [--macs 3000000] [--write sw/README.md] [MODEL ...]
    python -m bench.kernels --operators [--cc zig] [--write sw/README.md] [PART OF A NAME ...]

Outputs are compared with the evaluator. A development tool: `cfukit run` measures projects.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.operator_models import operator_models
from cfukit_base import tools
from cfukit_base.artefacts.plan import Plan
from cfukit_base.cache import user_cache
from cfukit_base.errors import CfukitError, ResultError
from cfukit_base.protocol import wire
from cfukit_cpu import write_cpu
from cfukit_soc import build_simulator, generate_soc, simulate
from cfukit_sw import firmware
from cfukit_sw.elf import sizes
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_c import write_model
from cfukit_sw.tflite_reader import read_model
from cfukit_tools.firmware import script as inference
from cfukit_tools.project import catalogue as catalog

BEGIN, END = "<!-- table: bench.kernels{} -->\n", "<!-- end of table -->\n"
HEAD = """\
| model | MACs | kernels | cycles | per MAC | instructions | code | arena | TFLM's head |
|---|---|---|---|---|---|---|---|---|
"""
OPERATORS_HEAD = """\
| operator | size | kernel of `portable` | cycles each | `reference` | times |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Measured:
    """One inference of one plan."""

    model: Model
    plan: Plan
    done: wire.Done
    code_bytes: int

    def row(self) -> str:
        """Of the table of models."""
        model, cycles = self.model, self.done.cycles
        per_mac = f"{cycles / model.macs:.2f}" if model.macs else ""
        cells = [model.name, f"{model.macs:,}", self.plan.registry, f"{cycles:,}", per_mac]
        cells += [f"{self.done.instructions:,}", f"{self.code_bytes:,}"]
        return f"| {' | '.join(cells)} | {self.plan.activation_bytes:,} | {_head(model)} |\n"

    def operators(self) -> str:
        """One line per kernel call."""
        text = ""
        for step, cycles in zip(self.plan.steps, self.done.op_cycles, strict=True):
            ratio = f"{cycles / step.macs:7.2f}" if step.macs else ""
            text += f"  {step.index:3} {step.type:26} {step.kernel:24} {cycles:13,} {ratio}\n"
        return text


def measure(model: Model, registry: str, compiler: str) -> Measured:
    """Runs `model` once on RTL; ResultError if an output differs from the evaluator's."""
    build_dir = user_cache() / "bench"
    soc = generate_soc("sim", write_cpu("full+cfu", build_dir / "cpu"), build_dir / "soc")
    simulator = build_simulator(soc, None, build_dir=build_dir)
    plan = lower(model, registry=registry)
    sources = write_model(plan, build_dir / "models" / f"{model.name}-{registry}")
    elf = firmware.build_firmware(sources, soc, build_dir=build_dir, kind="server", compiler=compiler)
    inputs = random_inputs(model)
    script = wire.Script()
    inference.start(script, plan, inputs)
    inference.read_outputs(script, plan)
    script.exit()
    result = simulate(simulator, soc, elf, stdin=bytes(script))
    answers = [wire.parse(frame) for frame in wire.split(result.output)[1]]
    done = next(answer for answer in answers if isinstance(answer, wire.Done))
    expected = b"".join(array.tobytes() for array in Evaluator(model).run(inputs).outputs)
    if inference.output_bytes(answers) != expected:
        raise ResultError(f"{model.name}, {registry}", "the outputs differ from the evaluator's")
    return Measured(model, plan, done, sizes(elf)["code_bytes"])


def operator_row(model: Model, compiler: str) -> str:
    """A row of the table of operators: cycles per multiply-accumulate or output element with both registries."""
    count, unit = model.macs, "MAC"
    if not count:
        count, unit = sum(model.tensors[index].elements for index in model.outputs), "element"
    portable, reference = (measure(model, registry, compiler) for registry in ("portable", "reference"))
    ours, theirs = (sum(each.done.op_cycles) for each in (portable, reference))
    kernel = portable.plan.steps[0]
    cells = (model.name, f"{count:,} {unit}s", f"{kernel.registry}/{kernel.kernel}")
    return f"| {' | '.join(cells)} | {ours / count:.2f} | {theirs / count:.2f} | {theirs / ours:.2f} |\n"


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


def random_inputs(model: Model) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    arrays = []
    for index in model.inputs:
        tensor = model.tensors[index]
        if tensor.type == "float32":
            arrays.append(rng.normal(size=tensor.shape).astype(np.float32))
        else:
            arrays.append(rng.integers(-128, 128, tensor.shape).astype(tensor.dtype))
    return arrays


def _rows(options: argparse.Namespace) -> Iterator[str]:
    if options.operators:
        for model in operator_models():
            if not options.models or any(name in model.name for name in options.models):
                yield operator_row(model, options.cc)
        return
    for model in _models(options.models, options.macs):
        for registry in options.registry.split(","):
            measured = measure(model, registry, options.cc)
            if options.ops:
                print(measured.operators(), end="")
            yield measured.row()


def main() -> int:
    parser = argparse.ArgumentParser(description="cycles of the library's kernels")
    parser.add_argument("models", nargs="*", help="files or listed names; none: all but the largest")
    parser.add_argument("--registry", default="portable,reference")
    parser.add_argument("--cc", default="zig", choices=["zig", "gcc"])
    parser.add_argument(
        "--optimisation", default=firmware.KERNEL_OPTIMISATION, help="of the kernels: -O2, -O3"
    )
    parser.add_argument("--ops", action="store_true", help="one line per operator too")
    parser.add_argument(
        "--operators", action="store_true", help="models of one operator each (MODEL: part of a name)"
    )
    parser.add_argument("--macs", type=int, default=0, help="only models of at most so many MACs")
    parser.add_argument("--write", type=Path, help="put the table into this file, between its two marks")
    options = parser.parse_args()
    firmware.KERNEL_OPTIMISATION = options.optimisation
    text = OPERATORS_HEAD if options.operators else HEAD
    try:
        print(text, end="")
        for row in _rows(options):
            text += row
            print(row, end="", flush=True)
    except CfukitError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    versions = f"Measured with {tools.riscv_cc(options.cc).name} {tools.riscv_cc(options.cc).version} {options.optimisation}, "
    versions += f"Verilator {tools.verilator().version}, outputs equal to the evaluator's.\n"
    print(versions)
    if options.write:
        begin = BEGIN.format(" --operators" if options.operators else "")
        before, _, rest = options.write.read_text().partition(begin)
        options.write.write_text(
            before + begin + "\n" + text + "\n" + versions + END + rest.partition(END)[2]
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
