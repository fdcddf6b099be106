"""TFLM's own interpreter (package tflite-micro) as an oracle, in a process of its own: it may abort on a model that it does not take.

`tflm_outputs(model, samples)`; run as a program, `python -m cfukit_tools.checks.tflm MODEL INPUTS.npz OUTPUTS.npz`, it is the other end.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cfukit_base import process

SECONDS_ALLOWED = 1800
Arrays = Sequence[npt.NDArray[Any]]


def tflm_installed() -> bool:
    return importlib.util.find_spec("tflite_micro") is not None


def tflm_outputs(model: Path, samples: Sequence[Arrays], outputs: int) -> list[list[Any]] | str:
    """For each sample, in a new interpreter, the values of the `outputs` outputs; or why TFLM does not run this model."""
    with tempfile.TemporaryDirectory(prefix="cfukit-tflm-") as name:
        given, answer = Path(name) / "inputs.npz", Path(name) / "outputs.npz"
        arrays: dict[str, Any] = {
            f"s{s}_in{i}": array for s, sample in enumerate(samples) for i, array in enumerate(sample)
        }
        np.savez(given, shape=[len(samples), len(samples[0]), outputs], **arrays)
        argv: list[str | Path] = [sys.executable, "-m", "cfukit_tools.checks.tflm", model, given, answer]
        done = process.run(argv, timeout=SECONDS_ALLOWED)
        if not done.ok:
            said = [
                line for line in done.stderr.splitlines() if line and not line.startswith((" ", "Traceback"))
            ]
            return said[-1] if said else f"it ended with code {done.code}"
        with np.load(answer) as got:
            return [[got[f"s{s}_out{j}"] for j in range(outputs)] for s in range(len(samples))]


def _serve(model: Path, given: Path, answer: Path) -> None:
    from tflite_micro.python.tflite_micro import runtime

    found: dict[str, Any] = {}
    with np.load(given) as arrays:
        samples, inputs, outputs = arrays["shape"]
        for s in range(samples):
            # Not reset(), which fills resource variables with zeros, whatever CALL_ONCE assigned to them.
            interpreter = runtime.Interpreter.from_bytes(model.read_bytes())
            for i in range(inputs):
                interpreter.set_input(arrays[f"s{s}_in{i}"], i)
            ended = bool(interpreter.invoke())  # before it reached the outputs, which are 0 in cfukit
            for j in range(outputs):
                output = np.array(interpreter.get_output(j))
                found[f"s{s}_out{j}"] = np.zeros_like(output) if ended else output
    np.savez(answer, **found)


if __name__ == "__main__":
    _serve(*map(Path, sys.argv[1:]))
