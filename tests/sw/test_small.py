"""The size of the linked packaging, with three dense layers of 321 parameters, as in hello_world."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cfukit_soc import build_simulator, simulate
from cfukit_sw.elf import sizes
from cfukit_sw.evaluator import Evaluator
from cfukit_sw.firmware import build_firmware
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.model_c import write_model
from cfukit_sw.tflite_reader import read_model
from support.socs import make_soc

# One inference of input 5. The exit code holds the output and the stack that was used.
MAIN = """
#include "cfukit.h"
#include "cfukit_model.h"
int main(void) {
  cfukit_stack_paint();
  cfukit_reset(&cfukit_model);
  cfukit_model.arena[INPUT] = 5;
  cfukit_invoke(&cfukit_model);
  return (int)(cfukit_stack_high_water() << 8 | cfukit_model.arena[OUTPUT]);
}
"""


def three_layers() -> Model:
    build, rng = ModelBuilder("small"), np.random.default_rng(0)
    x = build.tensor("x", (1, 1), scale=0.02, zero_point=-128)
    source, inputs = x, 1
    for number, outputs in enumerate((16, 16, 1)):
        w = build.constant(
            f"w{number}", rng.integers(-127, 128, (outputs, inputs), np.int8), scale=0.01, zero_point=0
        )
        b = build.constant(f"b{number}", rng.integers(-500, 500, outputs, np.int32))
        y = build.tensor(f"y{number}", (1, outputs), scale=0.02, zero_point=-128 if number < 2 else 0)
        activation = "RELU" if number < 2 else "NONE"
        build.operator("FULLY_CONNECTED", [source, w, b], [y], fused_activation_function=activation)
        source, inputs = y, outputs
    return build.model([x], [source])


@pytest.fixture(scope="module")
def soc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_soc("sim", tmp_path_factory.mktemp("small") / "soc")


def firmware(model: Model, soc: Path, folder: Path, kind: str, compiler: str = "zig") -> Path:
    plan = lower(model)
    sources = write_model(plan, folder / "model")
    if kind == "bare":
        places = {
            "INPUT": plan.tensors[plan.inputs[0]].offset,
            "OUTPUT": plan.tensors[plan.outputs[0]].offset,
        }
        text = MAIN
        for name, offset in places.items():
            text = text.replace(f"[{name}]", f"[{offset}]")
        (folder / "main.c").write_text(text)
        sources = [folder / "main.c", *sources]
    return build_firmware(sources, soc, build_dir=folder, kind=kind, compiler=compiler)


def code_and_constants(elf: Path) -> int:
    found = sizes(elf)
    return found["code_bytes"] + found["const_bytes"]


compilers = pytest.mark.parametrize(
    "compiler", ["zig", pytest.param("gcc", marks=pytest.mark.needs("gcc-riscv"))]
)


@compilers
def test_code_and_constants(soc: Path, tmp_path: Path, compiler: str) -> None:
    model = three_layers()
    assert code_and_constants(firmware(model, soc, tmp_path, "bare", compiler)) <= 6_000
    assert code_and_constants(firmware(model, soc, tmp_path, "server", compiler)) <= 12_000


@pytest.mark.needs("reference")
def test_code_and_constants_of_hello_world(soc: Path, tmp_path: Path, reference: Path) -> None:
    model = read_model(reference / "models" / "hello_world.tflite")
    assert code_and_constants(firmware(model, soc, tmp_path, "bare")) <= 6_000
    assert code_and_constants(firmware(model, soc, tmp_path, "server")) <= 12_000


@pytest.mark.slow
def test_memory_and_output(soc: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Bytes of data, bss, arena and the deepest stack together."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if base.name.startswith("popen-") else base) / "soc"
    model = three_layers()
    elf = firmware(model, soc, tmp_path, "bare")
    result = simulate(build_simulator(soc, None, build_dir=shared), soc, elf, max_cycles=1_000_000)
    assert result.exit_code is not None
    found, stack = sizes(elf), result.exit_code >> 8
    expected = Evaluator(model).run([np.full((1, 1), 5, np.int8)]).outputs[0]
    assert result.exit_code & 0xFF == int(expected.item()) & 0xFF
    assert 0 < found["data_bytes"] + found["bss_bytes"] + found["arena_bytes"] + stack <= 1024
