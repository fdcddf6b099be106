"""What the functions of a project's cfu.py are given: the operator, the weights, and the Cfu made with the project's parameters."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cfukit_base.errors import BuildError
from cfukit_sw.lower import lower
from cfukit_sw.model import Model
from cfukit_tools import api
from cfukit_tools.firmware.program import project_kernels
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System
from support.models import random_model

LANES = Path(__file__).with_name("lanes")


def fully_connected() -> Model:
    """A model whose layer has an input that is a multiple of 2 and of 4."""
    for seed in range(1000):
        model = random_model("FULLY_CONNECTED", seed)
        inputs = model.operators[0].inputs
        if model.tensors[model.operators[0].inputs[0]].type != "int8" or len(inputs) < 2:
            continue
        weights = model.tensors[inputs[1]]
        if weights.type == "int8" and weights.shape[1] % 4 == 0 and weights.data is not None:
            return model
    raise AssertionError("no such model")


def project(folder: Path, **replacements: str) -> Path:
    """A copy of the project `lanes`, with the definition of a function replaced."""
    copy = shutil.copytree(LANES, folder / "lanes")
    text = (copy / "cfu.py").read_text()
    for name, head in replacements.items():
        begin = text.index(f"def {name}(")
        text = text[:begin] + f"def {name}{head}:" + text[text.index(":", begin) + 1 :]
    (copy / "cfu.py").write_text(text)
    return copy


@pytest.mark.parametrize(("variant", "lanes"), [("", 4), ("two_lanes", 2)])
def test_each_variant_packs_its_own_weights(tmp_path: Path, variant: str, lanes: int) -> None:
    system = System(load_target(project(tmp_path), variant=variant))
    model = fully_connected()
    (kernel,) = project_kernels(system)
    plan = lower(model, kernels=[kernel])
    step = next(step for step in plan.steps if step.registry == "project")
    weights = model.tensors[model.operators[0].inputs[1]].data
    assert weights is not None
    assert step.scratch_bytes == 4 * weights.shape[1] // lanes
    packed = plan.constants[step.params["weights"].offset :][: 4 * weights.size // lanes]
    words = [packed[i : i + 4] for i in range(0, len(packed), 4)]
    flat = weights.tobytes()
    assert [word[:lanes] for word in words] == [flat[i : i + lanes] for i in range(0, len(flat), lanes)]
    assert {word[lanes:] for word in words} == {bytes(4 - lanes)}


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["", "two_lanes"])
def test_each_variant_is_bit_exact(tmp_path: Path, variant: str) -> None:
    document = api.run(project(tmp_path), engine="host", samples=2, variant=variant)
    assert document["ok"] and document["mismatch"] is None
    assert "project/lanes_fully_connected" in {op["kernel"] for op in document["variants"][-1]["ops"]}


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("supports", "(op, cfu)"),
        ("supports", "(cfu, op)"),
        ("supports", "(anything, cfu, factor=1)"),
        ("pack", "(op, weights, cfu)"),
        ("pack", "(array, cfu)"),
        ("scratch", "(op, cfu, *, factor=1)"),
    ],
)
def test_a_function_takes_what_it_names(tmp_path: Path, name: str, head: str) -> None:
    text = head.replace("anything", "op").replace("array", "weights")
    folder = project(tmp_path, **{name: head})
    body = (folder / "cfu.py").read_text()
    if text != head:
        body = body.replace(
            f"def {name}{head}:",
            f"def {name}{head}:\n    {'op = anything' if name == 'supports' else 'weights = array'}",
        )
        (folder / "cfu.py").write_text(body)
    (kernel,) = project_kernels(System(load_target(folder)))
    plan = lower(fully_connected(), kernels=[kernel])
    assert any(step.registry == "project" for step in plan.steps)


@pytest.mark.parametrize(
    ("name", "head", "right"),
    [
        ("supports", "(op, lanes)", r"supports\(op, cfu\) -> bool"),
        ("supports", "()", r"supports\(op, cfu\) -> bool"),
        ("pack", "(weights, op, cfu, more)", r"pack\(weights, op, cfu\) -> bytes"),
        ("scratch", "(op, weights)", r"scratch\(op, cfu\) -> int"),
    ],
)
def test_a_function_that_asks_for_something_else_is_named(
    tmp_path: Path, name: str, head: str, right: str
) -> None:
    folder = project(tmp_path, **{name: head})
    with pytest.raises(BuildError, match=rf"cannot be the '{name}' of a kernel; {right}") as caught:
        project_kernels(System(load_target(folder)))
    line = 1 + (folder / "cfu.py").read_text().splitlines().index(f"def {name}{head}:")
    assert caught.value.where == f"{folder / 'cfu.py'}:{line}"


def test_cfu_py_is_executed_once(tmp_path: Path) -> None:
    """Kernels, CFU and several systems of one command share the execution, until the file changes."""
    folder = project(tmp_path)
    counted = folder / "cfu.py"
    text = (
        f"with open({str(tmp_path / 'count')!r}, 'a') as file:\n    file.write('x')\n" + counted.read_text()
    )
    counted.write_text(text)
    for variant in ("", "two_lanes"):
        system = System(load_target(folder, variant=variant))
        project_kernels(system)
        assert system.cfu_dir is not None and system.cfu.params["lanes"] == (2 if variant else 4)
    assert (tmp_path / "count").read_text() == "x"
    counted.write_text(text + "\n")
    project_kernels(System(load_target(folder)))
    assert (tmp_path / "count").read_text() == "xx"
