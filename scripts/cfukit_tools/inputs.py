"""Input sets: what a model is run on. From an .npz, from a shipped model's held-out samples, or random with a seed."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cfukit_base.errors import UsageError

DEFAULT_SHIPPED_SAMPLES = 20
CHUNK_SAMPLES = (
    10  # samples that share one simulation; fixed, so that cycles do not depend on the number of cores
)


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

    def first(self, count: int) -> InputSet:
        """The first `count` samples (all, if there are fewer)."""
        labels = self.labels[:count] if self.labels is not None else None
        return InputSet(tuple(a[:count] for a in self.arrays), self.reset_before[:count], labels, self.source)

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


def load_inputs(path: Path, model: Any) -> InputSet:
    """Read `in0..` [n, ...], `reset_before` [n], `labels` [n]; UsageError if shapes or types do not fit the model."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            content = {name: archive[name] for name in archive.files if _wanted(name)}
    except FileNotFoundError:
        raise UsageError(str(path), "no such file") from None
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise UsageError(str(path), f"is not a readable .npz: {error}") from None
    arrays = []
    for number, index in enumerate(model.inputs):
        name, tensor = f"in{number}", model.tensors[index]
        if name not in content:
            raise UsageError(
                str(path), f"has no '{name}'", allowed=f"in0..in{len(model.inputs) - 1}, each [n, ...]"
            )
        arrays.append(_fitted(str(path), name, content[name], tensor))
    count = len(arrays[0])
    if count == 0 or any(len(array) != count for array in arrays):
        counts = ", ".join(str(len(array)) for array in arrays)
        raise UsageError(str(path), f"numbers of samples are {counts}", allowed="equal and at least one")
    resets = np.asarray(content.get("reset_before", np.ones(count, bool))).astype(bool)
    labels = content.get("labels")
    for name, value in (("reset_before", resets), ("labels", labels)):
        if value is not None and value.shape != (count,):
            raise UsageError(str(path), f"'{name}' has shape {value.shape}", allowed=f"({count},)")
    return InputSet(tuple(arrays), resets, None if labels is None else labels.astype(np.int64), str(path))


def random_inputs(model: Any, count: int, seed: int) -> InputSet:
    """`count` samples, uniform over each input's type (floats: normal), the second all at the type's edges."""
    rng = np.random.default_rng(seed)
    arrays = []
    for index in model.inputs:
        tensor = model.tensors[index]
        shape = (count, *tensor.shape)
        if np.issubdtype(tensor.dtype, np.integer):
            limits = np.iinfo(tensor.dtype)
            values = rng.integers(limits.min, limits.max, shape, tensor.dtype.type, endpoint=True)
            if count > 1:
                values[1] = rng.choice(np.array([limits.min, limits.max], tensor.dtype), tensor.shape)
        else:
            values = rng.normal(size=shape).astype(tensor.dtype)
        arrays.append(values)
    return InputSet(tuple(arrays), np.ones(count, bool), None, f"random, seed {seed}")


def choose_inputs(model: Any, path: Path | None, heldout: Path | None, samples: int, seed: int) -> InputSet:
    """The set a user named; else the model's held-out samples; else random ones. samples: how many, 0 = the default."""
    if path is not None:
        inputs = load_inputs(path, model)
        return inputs.first(samples) if samples else inputs
    if heldout is not None:
        return load_inputs(heldout, model).first(samples or DEFAULT_SHIPPED_SAMPLES)
    return random_inputs(model, samples or 1, seed)


def accuracy(outputs: list[np.ndarray], labels: np.ndarray | None) -> float | None:
    """Share of samples whose largest value of output 0 stands at the label; None without labels."""
    if labels is None:
        return None
    predictions = np.array([int(np.argmax(output)) for output in outputs])
    return float(np.mean(predictions == labels))


def _wanted(name: str) -> bool:
    return name in ("labels", "reset_before") or (name.startswith("in") and name[2:].isdigit())


def _fitted(where: str, name: str, array: np.ndarray, tensor: Any) -> np.ndarray:
    """`array` as [n, *tensor.shape] of the tensor's type; only lossless casts."""
    if array.dtype != tensor.dtype:
        lossless = np.can_cast(array.dtype, tensor.dtype) or (
            np.issubdtype(array.dtype, np.integer) and bool(np.all(array == array.astype(tensor.dtype)))
        )
        if not lossless:
            raise UsageError(where, f"'{name}' is {array.dtype}", allowed=f"{tensor.dtype} values")
        array = array.astype(tensor.dtype)
    wanted = tuple(tensor.shape)
    if array.ndim < 1 or array[:1].size != int(np.prod(wanted)) * len(array[:1]):
        raise UsageError(
            where, f"'{name}' has shape {array.shape}", allowed=f"[n, {', '.join(map(str, wanted))}]"
        )
    return np.ascontiguousarray(array.reshape((len(array), *wanted)))
