"""Checks of a bare model: firmware = evaluator, and = TFLM's interpreter where that is installed."""

from __future__ import annotations

import numpy as np

from cfukit_base.errors import ResultError
from cfukit_tools.checks.check import Request, Todo, outputs
from cfukit_tools.checks.tflm import tflm_installed, tflm_outputs
from cfukit_tools.firmware.inputs import random_inputs
from cfukit_tools.firmware.samples import Difference, different_at, evaluate

FLOAT_TOLERANCE = 1e-6  # relative: the exp of TFLM's C library and ours differ in the last place


def checks(request: Request) -> dict[str, Todo]:
    """The checks that apply to a model."""
    todo: dict[str, Todo] = {"outputs": lambda: outputs(request, request.random_samples)}
    if tflm_installed():
        todo["tflm"] = lambda: _tflm(request)
    return todo


def _tflm(request: Request) -> str:
    """Evaluator against TFLM's own interpreter on the same random inputs."""
    from cfukit_sw.tflite_reader import read_model

    samples = request.random_samples
    _, path = request.project.model_file()
    model = read_model(path)
    inputs = random_inputs(model, samples, request.seed)
    given = [inputs.sample(number) for number in range(samples)]
    answers = tflm_outputs(path, given, len(model.outputs))
    if isinstance(answers, str):
        return f"not compared, TFLM's interpreter does not run this model: {answers}"
    for number, (result, answer) in enumerate(zip(evaluate(model, inputs), answers, strict=True)):
        for index, (got, expected) in enumerate(zip(result.outputs, answer, strict=True)):
            place = different_from_tflm(expected, got)
            if place is not None:
                where = f"sample {number}, output {index}, index {place.index}"
                given_text = f"{where}: expected {place.expected}, got {place.got}"
                raise ResultError("TFLM's interpreter", given_text, sample=number, output=index)
    return f"{samples} samples identical with TFLM's interpreter"


def different_from_tflm(expected: np.ndarray, got: np.ndarray) -> Difference | None:
    """Where two outputs differ first. float32 ones may differ by FLOAT_TOLERANCE."""
    if got.dtype == np.float32 and np.allclose(got, expected, rtol=FLOAT_TOLERANCE, atol=0, equal_nan=True):
        return None
    return different_at(expected, got)
