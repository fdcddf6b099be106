"""The reference set in the folder CFUKIT_REFERENCE: real models, TFLM's outputs, every layer's values, and single-operator cases."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cfukit_sw.model import Model
from cfukit_sw.tflite_reader import read_model

FOLDER = Path(os.environ.get("CFUKIT_REFERENCE", "/nonexistent"))
_INDEX = FOLDER / "index.json"
MODELS: list[dict[str, Any]] = json.loads(_INDEX.read_text())["models"] if _INDEX.is_file() else []
MACS: dict[str, int] = {entry["name"]: entry["macs"] for entry in MODELS}


@dataclass(frozen=True)
class Sample:
    """One inference.

    * outputs: those of TFLM, generation B.
    * layers: (operator, output) -> value, if the file has them.
    """

    number: int
    reset: bool
    inputs: list[Any]
    outputs: list[Any]
    layers: dict[tuple[int, int], Any]


def load(path: Path) -> dict[str, Any]:
    with np.load(path) as arrays:
        return {key: arrays[key] for key in arrays}


def model_named(name: str) -> Model:
    return read_model(FOLDER / "models" / f"{name}.tflite")


def golden(name: str, inputs: int, limit: int = 0) -> Iterator[Sample]:
    """The samples of a golden file, at most `limit` (0 = all). inputs: how many inputs the model has."""
    arrays = load(FOLDER / "golden" / f"{name}.npz")
    if name.startswith("hps"):  # other models share its first samples
        shared = load(FOLDER / "golden" / "hps_inputs.npz")["in0"]
        arrays["in0"] = np.concatenate([shared, arrays["in0"]])
    return _samples(arrays, inputs, limit)


def _samples(arrays: dict[str, Any], inputs: int, limit: int) -> Iterator[Sample]:
    names = [
        f"alt_out{j}" if f"alt_out{j}" in arrays else f"out{j}"
        for j in range(sum(f"out{j}" in arrays for j in range(9)))
    ]
    for number, reset in enumerate(arrays["reset_before"][: limit or None]):
        given = [arrays[f"in{i}"][number] for i in range(inputs)]
        yield Sample(number, bool(reset), given, [arrays[key][number] for key in names], {})


def layers(name: str, inputs: int, limit: int = 0) -> Iterator[Sample]:
    """The samples of a layer file. Variables are reset before the first one."""
    arrays = load(FOLDER / "layers" / f"{name}.npz")
    numbers = sorted({int(key.split("_")[0][1:]) for key in arrays if "_op" in key})
    for number in numbers[: limit or None]:
        given = [arrays[f"s{number}_in{i}"] for i in range(inputs)]
        found = {}
        for key in (key for key in arrays if key.startswith(f"s{number}_op")):
            _, op, output, _ = key.split("_")
            found[int(op[2:]), int(output)] = arrays[key]
        yield Sample(number, number == numbers[0], given, [], found)


def kernel_cases() -> Iterator[tuple[str, Model, list[Sample]]]:
    """Name, model and samples of the 297 single-operator cases."""
    for path in sorted((FOLDER / "kernel_cases").glob("*.npz")):
        model = read_model(path.with_suffix(".tflite"))
        yield path.stem, model, list(_samples(load(path), len(model.inputs), 0))


def rejects() -> list[Path]:
    """The models that must be refused."""
    return sorted((FOLDER / "kernel_cases").glob("reject_*.tflite"))
