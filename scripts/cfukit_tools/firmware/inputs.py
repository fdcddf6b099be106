"""Input sets: what a model is run on. From an .npz, from a shipped model's held-out samples, or random with a seed."""

from __future__ import annotations

import difflib
import hashlib
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cfukit_base.errors import UsageError
from cfukit_tools.project.options import at_least

if TYPE_CHECKING:
    from cfukit_sw.model import Model, Tensor

DEFAULT_SHIPPED_SAMPLES = 20
CHUNK_SAMPLES = 10  # share one simulation; fixed, so that cycles do not depend on the number of cores
_EXTRAS = ("labels", "reset_before")


@dataclass(frozen=True)
class InputSet:
    """n samples for a model.

    arrays: one array [n, ...] per model input, in the model's types; reset_before: [n] bool, variables are reset before
    sample k; labels: [n] class numbers, or None; source: where they come from.
    """

    arrays: tuple[np.ndarray, ...]
    reset_before: np.ndarray
    labels: np.ndarray | None
    source: str

    def __len__(self) -> int:
        return len(self.reset_before)

    def sample(self, number: int) -> list[np.ndarray]:
        return [array[number] for array in self.arrays]

    def part(self, samples: range) -> InputSet:
        """Consecutive samples as a set of their own."""
        labels = self.labels[samples.start : samples.stop] if self.labels is not None else None
        arrays = tuple(array[samples.start : samples.stop] for array in self.arrays)
        return InputSet(arrays, self.reset_before[samples.start : samples.stop], labels, self.source)

    def first(self, count: int) -> InputSet:
        """The first `count` samples (all, if there are fewer)."""
        return self.part(range(min(count, len(self))))

    def chunks(self) -> Iterator[range]:
        """Runs of samples that are simulated together: about CHUNK_SAMPLES, cut only where variables are reset."""
        begin = 0
        for number in range(1, len(self) + 1):
            if number == len(self) or (number - begin >= CHUNK_SAMPLES and self.reset_before[number]):
                yield range(begin, number)
                begin = number

    @property
    def sha256(self) -> str:
        """Of all values and resets."""
        total = hashlib.sha256(self.reset_before.tobytes())
        for array in self.arrays:
            total.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
        return total.hexdigest()


def load_inputs(path: Path, model: Model) -> InputSet:
    """Read `in0..` [n, ...], `reset_before` [n], `labels` [n]; UsageError if shapes or types do not fit the model."""
    content = _read(path)
    names = [f"in{number}" for number in range(len(model.inputs))]
    arrays = []
    for name, index in zip(names, model.inputs, strict=True):
        if name not in content:
            allowed = f"{_span(names)}, each [n, ...]"
            raise UsageError(
                str(path), f"has no '{name}'", allowed=allowed, hint="numpy.savez(FILE, in0=...)"
            )
        arrays.append(_fitted(str(path), name, content[name], model.tensors[index]))
    for name in content:
        if name not in (*names, *_EXTRAS):
            allowed = f"the model's inputs are {_span(names)}; {' and '.join(_EXTRAS)} are optional"
            raise UsageError(str(path), f"has an array '{name}'", allowed=allowed, hint="cfukit info")
    count = len(arrays[0])
    if count == 0 or any(len(array) != count for array in arrays):
        counts = ", ".join(str(len(array)) for array in arrays)
        raise UsageError(str(path), f"numbers of samples are {counts}", allowed="equal and at least one")
    classes = math.prod(model.tensors[model.outputs[0]].shape)
    resets = _whole_numbers(path, "reset_before", content.get("reset_before"), count, 2)
    labels = _whole_numbers(path, "labels", content.get("labels"), count, classes)
    return InputSet(
        tuple(arrays), np.ones(count, bool) if resets is None else resets.astype(bool), labels, str(path)
    )


def random_inputs(model: Model, count: int, seed: int) -> InputSet:
    """`count` samples, uniform over each input's type (floats: normal), the second all at the type's edges."""
    rng = np.random.default_rng(seed)
    arrays = []
    for index in model.inputs:
        tensor = model.tensors[index]
        shape = (count, *tensor.shape)
        if np.issubdtype(tensor.dtype, np.integer):
            limits = np.iinfo(tensor.type)
            values = rng.integers(limits.min, limits.max, shape, tensor.dtype.type, endpoint=True)
            if count > 1:
                values[1] = rng.choice(np.array([limits.min, limits.max], tensor.dtype), tensor.shape)
        else:
            values = rng.normal(size=shape).astype(tensor.dtype)
        arrays.append(values)
    return InputSet(tuple(arrays), np.ones(count, bool), None, f"random, seed {seed}")


def choose_inputs(model: Model, path: Path | None, heldout: Path | None, samples: int, seed: int) -> InputSet:
    """The set a user named; else the model's held-out samples; else random ones. samples: how many, 0 = the default."""
    at_least(0, samples=samples, seed=seed)
    if path is None and heldout is None:
        return random_inputs(model, samples or 1, seed)
    inputs = load_inputs(path or heldout, model)  # type: ignore[arg-type]
    if samples > len(inputs):
        raise UsageError("--samples", str(samples), allowed=f"{inputs.source} has {len(inputs)}")
    return inputs.first(samples or (len(inputs) if path is not None else DEFAULT_SHIPPED_SAMPLES))


def accuracy(outputs: list[np.ndarray], labels: np.ndarray | None) -> float | None:
    """Share of samples whose largest value of output 0 stands at the label; None without labels."""
    if labels is None:
        return None
    predictions = np.array([int(np.argmax(output)) for output in outputs])
    return float(np.mean(predictions == labels))


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays that could be meant for a model: inputs, labels, resets, and what is nearly called so."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files if _wanted(name)}
    except FileNotFoundError:
        raise UsageError(str(path), "no such file", allowed="an .npz", hint="docs/models.md") from None
    except (OSError, ValueError, TypeError, zipfile.BadZipFile, EOFError) as error:
        # numpy gives an array, no archive, for an .npy.
        said = "it holds one array without a name" if path.suffix == ".npy" else str(error)
        hint = "numpy.savez(FILE, in0=..., labels=...) writes one"
        raise UsageError(str(path), f"is not a readable .npz: {said}", allowed="an .npz", hint=hint) from None


def _wanted(name: str) -> bool:
    is_input = name.startswith("in") and name[2:].isdigit()
    return is_input or bool(difflib.get_close_matches(name, _EXTRAS, n=1, cutoff=0.8))


def _span(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _whole_numbers(
    path: Path, name: str, values: np.ndarray | None, count: int, limit: int
) -> np.ndarray | None:
    """`values` as [count] of int64, all from 0 to limit - 1."""
    if values is None:
        return None
    if values.shape != (count,):
        raise UsageError(str(path), f"'{name}' has shape {values.shape}", allowed=f"({count},)")
    numbers = values.astype(np.int64) if values.dtype.kind in "biuf" else None
    if numbers is None or not bool(np.all(numbers == values)):
        raise UsageError(str(path), f"'{name}' is {values.dtype}", allowed=f"whole numbers, 0 to {limit - 1}")
    wrong = np.flatnonzero((numbers < 0) | (numbers >= limit))
    if wrong.size:
        given = f"'{name}' of sample {wrong[0]} is {numbers[wrong[0]]}"
        why = f" (the model's output has {limit} values)" if name == "labels" else ""
        raise UsageError(str(path), given, allowed=f"0 to {limit - 1}{why}")
    return numbers


def _fitted(where: str, name: str, array: np.ndarray, tensor: Tensor) -> np.ndarray:
    """`array` as [n, *tensor.shape] of the tensor's type; only lossless casts."""
    if array.dtype != tensor.dtype:
        lossless = np.can_cast(array.dtype, tensor.dtype) or (
            np.issubdtype(array.dtype, np.integer) and bool(np.all(array == array.astype(tensor.dtype)))
        )
        if not lossless:
            raise UsageError(
                where,
                f"'{name}' is {array.dtype}",
                allowed=f"values of {tensor.dtype}",
                hint="docs/models.md tells how to quantise",
            )
        array = array.astype(tensor.dtype)
    wanted = tuple(tensor.shape)
    if array.ndim < 1 or array[:1].size != int(np.prod(wanted)) * len(array[:1]):
        raise UsageError(
            where, f"'{name}' has shape {array.shape}", allowed=f"[n, {', '.join(map(str, wanted))}]"
        )
    return np.ascontiguousarray(array.reshape((len(array), *wanted)))
