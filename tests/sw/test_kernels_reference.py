"""The C kernels on this machine against what TFLM computed: golden outputs, every layer, the single-operator cases."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.lower import lower
from cfukit_sw.tflite_reader import read_model
from support.kernels import HostModel

pytestmark = pytest.mark.needs("reference")

FOLDER = Path(os.environ.get("CFUKIT_REFERENCE", "/nonexistent"))
SMALL = ("micro_speech", "kws_ref", "ad01", "str_ww", "hello_world", "ic_resnet8")
LARGE = ("vww_96", "person_detect")
HPS = "hps_presence_20220415"


def golden_outputs(data: Any, sample: int, output: int) -> np.ndarray:
    """Generation B's values where the two differ."""
    name = f"alt_out{output}"
    return np.asarray((data[name] if name in data else data[f"out{output}"])[sample])


def run_golden(name: str, registry: str, samples: int) -> None:
    plan = lower(read_model(FOLDER / "models" / f"{name}.tflite"), registry=registry)
    host, data = HostModel(plan), np.load(FOLDER / "golden" / f"{name}.npz")
    for sample in range(min(samples, len(data["in0"]))):
        if data["reset_before"][sample]:
            host.reset()
        outputs = host.run([data[f"in{number}"][sample] for number in range(len(plan.inputs))])
        for number, value in enumerate(outputs):
            want = golden_outputs(data, sample, number).reshape(value.shape)
            np.testing.assert_array_equal(value, want, err_msg=f"{name} sample {sample}")


@pytest.mark.parametrize("registry", ["portable", "reference"])
@pytest.mark.parametrize("name", SMALL)
def test_golden_outputs(name: str, registry: str) -> None:
    run_golden(name, registry, samples=5)


@pytest.mark.slow
@pytest.mark.parametrize("registry", ["portable", "reference"])
@pytest.mark.parametrize("name", LARGE)
def test_golden_outputs_of_large_models(name: str, registry: str) -> None:
    run_golden(name, registry, samples=2)


@pytest.mark.slow
@pytest.mark.parametrize("registry", ["portable", "reference"])
@pytest.mark.parametrize("name", ["mnv2_160_035", HPS])
def test_layers_of_large_models(name: str, registry: str) -> None:
    compare_layers(name, registry)


@pytest.mark.parametrize("registry", ["portable", "reference"])
@pytest.mark.parametrize("name", SMALL)
def test_layers(name: str, registry: str) -> None:
    compare_layers(name, registry)


def compare_layers(name: str, registry: str) -> None:
    """Every operator's output of sample 0, aliases and folded padding too."""
    model = read_model(FOLDER / "models" / f"{name}.tflite")
    plan = lower(model, registry=registry)
    data = np.load(FOLDER / "layers" / f"{name}.npz")
    inputs = [data[f"s0_in{number}"] for number in range(len(plan.inputs))]
    got = HostModel(plan).layers(
        [a.reshape(plan.tensors[t].shape) for a, t in zip(inputs, plan.inputs, strict=True)], model
    )
    compared = 0
    for key in data.files:
        if not key.startswith("s0_op"):
            continue
        _, op, output, _ = key.split("_")
        value = got[int(op[2:]), int(output)]
        if name != "ad01":  # its stored layers are of generation A
            np.testing.assert_array_equal(value.reshape(-1), data[key].reshape(-1), err_msg=f"{name} {key}")
        compared += 1
    assert compared >= len(plan.steps)


def test_kernel_cases() -> None:
    """All single-operator cases on both registries; what must be refused is refused, and nothing else."""
    folder = FOLDER / "kernel_cases"
    refused = []
    for case in json.loads((folder / "index.json").read_text())["cases"]:
        for registry in ("portable", "reference"):
            try:
                plan = lower(read_model(folder / case["tflite"]), registry=registry)
            except ModelError:
                refused.append(case["name"])
                continue
            host, data = HostModel(plan), np.load(folder / case["npz"])
            for sample in range(len(data["in0"])):
                if "reset_before" not in data or data["reset_before"][sample]:
                    host.reset()
                inputs = [
                    data[f"in{n}"][sample].reshape(plan.tensors[t].shape) for n, t in enumerate(plan.inputs)
                ]
                for number, value in enumerate(host.run(inputs)):
                    want = golden_outputs(data, sample, number).reshape(value.shape)
                    np.testing.assert_array_equal(
                        value, want, err_msg=f"{case['name']} sample {sample} {registry}"
                    )
    assert {name for name in refused if not name.startswith("reject")} == set()
    assert len([name for name in refused if name.startswith("reject")]) == 12
