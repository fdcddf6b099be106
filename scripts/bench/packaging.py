"""How small a linked model is, and what calling kernels costs, linked and loaded, on the RTL of board `sim`.

    PYTHONPATH=scripts python -m bench.packaging [--small hello_world] [--cc zig] [MODEL ...]

Without MODEL: kws_ref and vww_96. Outputs are compared with the evaluator. A development tool, like `bench.kernels`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.kernels import random_inputs
from cfukit_base.artefacts.plan import Plan
from cfukit_base.cache import user_cache
from cfukit_base.errors import CfukitError, ResultError
from cfukit_base.protocol import wire
from cfukit_cpu import write_cpu
from cfukit_soc import build_simulator, generate_soc, simulate
from cfukit_sw.elf import sizes
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.firmware import build_firmware
from cfukit_sw.kernels import library
from cfukit_sw.loaded import Blob, make_blob, write_loader
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_c import write_model
from cfukit_sw.tflite_reader import read_model
from cfukit_tools.firmware import script as inference
from cfukit_tools.project import catalogue as catalog

BLOB_ROOM, ARENA_ROOM = 2 << 20, 1 << 20

# One inference without records; the exit code is the stack that was used, the first output in its low byte.
BARE = """\
#include "cfukit.h"
#include "cfukit_model.h"
static const int8_t input[] = {{{values}}};
int main(void) {{
  cfukit_stack_paint();
  cfukit_reset(&cfukit_model);
  for (unsigned i = 0; i < sizeof input; i++)
    cfukit_model.arena[{input} + i] = (uint8_t)input[i];
  cfukit_invoke(&cfukit_model);
  return (int)(cfukit_stack_high_water() << 8 | cfukit_model.arena[{output}]);
}}
"""


class Bench:
    """Board sim with one compiler."""

    def __init__(self, compiler: str):
        self.compiler, self.folder = compiler, user_cache() / "bench_packaging"
        self.soc = generate_soc("sim", write_cpu("full+cfu", self.folder / "cpu"), self.folder / "soc")
        self.simulator = build_simulator(self.soc, None, build_dir=self.folder)

    def build(self, sources: list[Path], kind: str) -> Path:
        return build_firmware(sources, self.soc, build_dir=self.folder, kind=kind, compiler=self.compiler)

    def small(self, model: Model) -> None:
        """Prints the bytes of `model` (one int8 input), bare and with the server."""
        plan = lower(model)
        folder = self.folder / f"{model.name}-small"
        sources = write_model(plan, folder)
        inputs = random_inputs(model)
        places = (plan.tensors[plan.inputs[0]].offset, plan.tensors[plan.outputs[0]].offset)
        values = ", ".join(map(str, inputs[0].reshape(-1).tolist()))
        main = folder / "main.c"
        main.write_text(BARE.format(values=values, input=places[0], output=places[1]))
        bare, server = self.build([main, *sources], "bare"), self.build(sources, "server")
        result = simulate(self.simulator, self.soc, bare, max_cycles=100_000_000)
        expected = int(Evaluator(model).run(inputs).outputs[0].reshape(-1)[0])
        if result.exit_code is None or result.exit_code & 0xFF != expected & 0xFF:
            raise ResultError(model.name, "the output differs from the evaluator's")
        ram = {**sizes(bare), "stack_bytes": result.exit_code >> 8}
        parts = {name: ram[f"{name}_bytes"] for name in ("data", "bss", "arena", "stack")}
        for name, elf in (("without records", bare), ("with everything", server)):
            found = sizes(elf)
            code, constants = found["code_bytes"], found["const_bytes"]
            print(
                f"{model.name} {name}: {code + constants:,} bytes of code ({code:,}) and constants ({constants:,})"
            )
        shown = ", ".join(f"{name} {count}" for name, count in parts.items())
        print(f"{model.name} without records: {sum(parts.values()):,} bytes of RAM ({shown})")

    def run(self, elf: Path, model: Model, plan: Plan, blob: Blob | None) -> wire.Done:
        """One inference; ResultError if an output differs from the evaluator's."""
        inputs, script = random_inputs(model), wire.Script()
        if blob is not None:
            script.load(blob.header, blob.data)
        inference.start(script, plan, inputs)
        inference.read_outputs(script, plan)
        script.exit()
        result = simulate(self.simulator, self.soc, elf, stdin=bytes(script), hang_cycles=20_000_000)
        answers = [wire.parse(frame) for frame in wire.split(result.output)[1]]
        expected = b"".join(array.tobytes() for array in Evaluator(model).run(inputs).outputs)
        if inference.output_bytes(answers) != expected:
            raise ResultError(model.name, "the outputs differ from the evaluator's")
        return next(answer for answer in answers if isinstance(answer, wire.Done))

    def overheads(self, model: Model) -> None:
        """Prints the cycles that are in no operator, and what loading instead of linking costs."""
        plan = lower(model)
        linked = self.run(
            self.build(write_model(plan, self.folder / model.name), "server"), model, plan, None
        )
        loader = write_loader(library(), self.folder / "loader", BLOB_ROOM, ARENA_ROOM)
        loaded = self.run(self.build(loader, "loader"), model, plan, make_blob(plan, library()))
        for name, done in (("linked", linked), ("loaded", loaded)):
            outside = done.cycles - sum(done.op_cycles)
            print(
                f"{model.name} {name}: {done.cycles:,} cycles, {outside:,} of them in no operator"
                f" ({outside / done.cycles:.5%})"
            )
        print(f"{model.name} loaded against linked: {loaded.cycles / linked.cycles - 1:+.4%}")


def main() -> int:
    parser = argparse.ArgumentParser(description="sizes and overheads of the two packagings")
    parser.add_argument("models", nargs="*", default=["kws_ref", "vww_96"], help="files or listed names")
    parser.add_argument("--small", default="hello_world", help="the model whose bytes are counted")
    parser.add_argument("--cc", default="zig", choices=["zig", "gcc"])
    options = parser.parse_args()
    try:
        bench = Bench(options.cc)
        bench.small(read_model(catalog.resolve_model(options.small, Path.cwd())[1]))
        for name in options.models:
            bench.overheads(read_model(catalog.resolve_model(name, Path.cwd())[1]))
    except CfukitError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
