"""The C kernels on this machine against TFLM's results: golden outputs, every layer, and the single-operator cases."""

from __future__ import annotations

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.lower import lower
from cfukit_sw.tflite_reader import read_model
from support import reference
from support.kernels import HostModel
from support.reference import MACS

pytestmark = pytest.mark.needs("reference")

SMALL = sorted(name for name, macs in MACS.items() if macs < 3_000_000)
LARGE = sorted(name for name, macs in MACS.items() if 3_000_000 <= macs < 100_000_000)
HUGE = sorted(name for name, macs in MACS.items() if macs >= 100_000_000)
registries = pytest.mark.parametrize("registry", ["portable", "reference"])


def check_golden(name: str, registry: str, limit: int = 0) -> None:
    """The outputs of all samples, or of the first `limit`."""
    plan = lower(reference.model_named(name), registry=registry)
    host = HostModel(plan)
    for sample in reference.golden(name, len(plan.inputs), limit):
        if sample.reset:
            host.reset()
        for got, want in zip(host.run(sample.inputs), sample.outputs, strict=True):
            np.testing.assert_array_equal(got, want.reshape(got.shape), f"{name} sample {sample.number}")


def check_layers(name: str, registry: str) -> None:
    """The output of every operator for every sample, including aliases and folded padding."""
    model = reference.model_named(name)
    plan = lower(model, registry=registry)
    host = HostModel(plan)
    for sample in reference.layers(name, len(plan.inputs)):
        shapes = [plan.tensors[tensor].shape for tensor in plan.inputs]
        inputs = [array.reshape(shape) for array, shape in zip(sample.inputs, shapes, strict=True)]
        got = host.layers(inputs, model)
        for key, want in sample.layers.items():
            where = f"{name} sample {sample.number} operator {key[0]} output {key[1]}"
            np.testing.assert_array_equal(got[key].reshape(-1), want.reshape(-1), where)
        assert len(sample.layers) >= len(plan.steps)


@registries
@pytest.mark.parametrize("name", SMALL)
def test_golden_outputs(name: str, registry: str) -> None:
    check_golden(name, registry, limit=5)


@pytest.mark.slow
@registries
@pytest.mark.parametrize("name", SMALL + LARGE)
def test_all_golden_outputs(name: str, registry: str) -> None:
    check_golden(name, registry)


@pytest.mark.long
@registries
@pytest.mark.parametrize("name", HUGE)
def test_all_golden_outputs_of_the_largest(name: str, registry: str) -> None:
    check_golden(name, registry)


@registries
@pytest.mark.parametrize("name", SMALL)
def test_layers(name: str, registry: str) -> None:
    check_layers(name, registry)


@pytest.mark.slow
@registries
@pytest.mark.parametrize("name", LARGE + HUGE)
def test_layers_of_large_models(name: str, registry: str) -> None:
    check_layers(name, registry)


@pytest.mark.slow
@registries
def test_kernel_cases(registry: str) -> None:
    count = 0
    for name, model, samples in reference.kernel_cases():
        host = HostModel(lower(model, registry=registry))
        for sample in samples:
            if sample.reset:
                host.reset()
            shapes = [host.plan.tensors[tensor].shape for tensor in host.plan.inputs]
            inputs = [array.reshape(shape) for array, shape in zip(sample.inputs, shapes, strict=True)]
            for got, want in zip(host.run(inputs), sample.outputs, strict=True):
                np.testing.assert_array_equal(got, want.reshape(got.shape), f"{name} sample {sample.number}")
        count += 1
    assert count == 297


def test_refusals() -> None:
    for path in reference.rejects():
        with pytest.raises(ModelError):
            lower(read_model(path))
    assert len(reference.rejects()) == 6
