"""Every operator that TFLM's resolver offers, in every type, also those that TFLM refuses: what it runs, cfukit runs, but for a list of
exceptions with reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator import SUPPORTED, Evaluator
from cfukit_sw.lower import lower
from cfukit_sw.model import Model, Operator
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.options import BUILTIN_OPERATORS
from cfukit_sw.tflite_reader import parse_model
from cfukit_sw.tflite_writer import model_bytes
from support.models import all_types, random_inputs, random_model
from support.models_float import ULPS
from support.retyped import retyped, with_long_indices, with_one_retyped
from support.tflm import tflm_logs, tflm_names, tflm_outputs

pytestmark = pytest.mark.needs("tflm")

SEEDS = 3

UNCHECKED = "TFLM does not check the type, and takes bytes of one for another"
UNWRITTEN = "TFLM leaves the output as it was"
UNDEFINED = "TFLM pads with whatever an uninitialised member holds"

# What TFLM runs and cfukit refuses: operator -> (changes of type, why).
EXCEPTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "GREATER": (("to int16",), UNWRITTEN),
    "LOGICAL_AND": (("bool to",), UNCHECKED),
    "LOGICAL_OR": (("bool to",), UNCHECKED),
    "CAST": (("to float32",), "from a float below 0 to uint32, which C leaves undefined"),
    "CUSTOM:TFLM_DECODE": ((" to ",), "TFLM reads values behind the tables, which are for another type"),
    "CONV_2D": (("int16 to int8",), UNCHECKED),
    "SPACE_TO_BATCH_ND": (("to int8",), UNDEFINED),
    "TRANSPOSE_CONV": (("int8 to int16", "int16 to int8"), UNCHECKED),
    "DEPTHWISE_CONV_2D": (("int8 to int16", "int16 to int8"), UNCHECKED),
    "FULLY_CONNECTED": (("int16 to int8",), UNCHECKED),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (("to float32",), UNCHECKED),
}


def one_operator(type: str) -> bytes:
    build = ModelBuilder(type)
    x, y = (build.tensor(name, (1,), scale=1.0) for name in "xy")
    build.operators.append(Operator(0, type, (x,), (y,)))
    return model_bytes(build.model([x], [y]))


def test_every_operator_of_tflm_is_known() -> None:
    """Its library names the custom operators; of all words and all builtin operators TFLM says which ones it has."""
    builtin = [name for name in BUILTIN_OPERATORS.values() if name not in ("CUSTOM", "DELEGATE")]
    builtin = [name for name in builtin if not name.startswith("PLACEHOLDER")]
    candidates = [*builtin, *(f"CUSTOM:{word}" for word in tflm_names())]
    logs = tflm_logs([one_operator(type) for type in candidates])
    offered = {t for t, log in zip(candidates, logs, strict=True) if "Failed to get registration" not in log}
    assert offered == set(SUPPORTED)


def excepted(type: str, change: str) -> bool:
    return any(part in change for part in EXCEPTIONS.get(type, ((), ""))[0])


Asked = tuple[str, bytes, list[Any]]  # what it is, the file, inputs


def asked(what: str, model: Model, seed: int) -> Asked | None:
    """None for a type that no input can have."""
    try:
        return what, model_bytes(model), random_inputs(model, np.random.default_rng(seed))
    except (ValueError, KeyError, TypeError):
        return None


def against_tflm(cases: list[Asked], may_refuse: bool) -> tuple[int, list[str]]:
    """How many both ran, and what differs or is refused. The first word of a case is its operator."""
    both, wrong, answers = 0, [], []
    for first in range(0, len(cases), 200):
        answers += tflm_outputs([(data, [(True, inputs)]) for _, data, inputs in cases[first : first + 200]])
    for (what, data, inputs), outputs in zip(cases, answers, strict=True):
        if outputs is None:
            continue
        try:
            model = parse_model(data)
            lower(model)
            results = Evaluator(model).run(inputs).outputs
        except ModelError as error:
            if not may_refuse:
                wrong.append(f"{what}: {error}")
            continue
        both += 1
        for got, want in zip(results, outputs[0], strict=True):
            if not _same(got, want.reshape(got.shape), what.split()[0]):
                wrong.append(f"{what}: {got.reshape(-1)[:4]}, TFLM {want.reshape(-1)[:4]}")
    return both, wrong


@pytest.mark.long
def test_what_tflm_runs_is_not_refused() -> None:
    made = [
        asked(f"{type} seed {seed}, {change}", model, seed)
        for type in all_types()
        for seed in range(SEEDS)
        for change, model in retyped(random_model(type, seed))
        if not excepted(type, change)
    ]
    both, wrong = against_tflm([case for case in made if case is not None], may_refuse=False)
    assert not wrong, "\n".join(wrong)
    assert both > 500


def one_retyped(types: Sequence[str], seeds: range) -> list[Asked]:
    made = [
        asked(f"{type} seed {seed}, {what}", model, seed)
        for type in types
        for seed in seeds
        for what, model in with_one_retyped(random_model(type, seed))
    ]
    return [case for case in made if case is not None]


def test_one_tensor_of_another_type_is_refused_or_tflms() -> None:
    """TFLM does not check every tensor's type. So cfukit may refuse what it runs (docs/models.md), but the results never differ."""
    both, wrong = against_tflm(one_retyped(["ADD", "GATHER", "PRELU", "QUANTIZE"], range(2)), may_refuse=True)
    assert both and not wrong, "\n".join(wrong)


@pytest.mark.long
def test_more_tensors_of_another_type() -> None:
    types = [type for type in all_types() if EXCEPTIONS.get(type, ((), ""))[1] != UNDEFINED]
    both, wrong = against_tflm(one_retyped(types, range(1)), may_refuse=True)
    assert both > 20 and not wrong, "\n".join(wrong)


def test_int16_has_slopes_of_8_bits() -> None:
    """PRELU on int16 has int8 slopes, which may be computed and have a zero point."""
    models = [random_model("PRELU", seed) for seed in range(40)]
    models = [model for model in models if model.tensors[model.inputs[0]].type == "int16"]
    cases = [asked(f"PRELU {number}", model, number) for number, model in enumerate(models)]
    both, wrong = against_tflm([case for case in cases if case is not None], may_refuse=False)
    assert both > 5 and not wrong, "\n".join(wrong)


def long_indices(types: Sequence[str], seeds: range) -> list[Asked]:
    made = [
        asked(f"{type} seed {seed}, {what}", model, seed)
        for type in types
        for seed in seeds
        for what, model in with_long_indices(random_model(type, seed))
    ]
    return [case for case in made if case is not None]


def test_indices_of_64_bits_are_refused_or_tflms() -> None:
    both, wrong = against_tflm(
        long_indices(["DYNAMIC_UPDATE_SLICE", "FILL", "TRANSPOSE"], range(4)), may_refuse=True
    )
    assert both and not wrong, "\n".join(wrong)


@pytest.mark.long
def test_more_indices_of_64_bits() -> None:
    both, wrong = against_tflm(long_indices(all_types(), range(6)), may_refuse=True)
    assert both > 50 and not wrong, "\n".join(wrong)


def _same(got: np.ndarray, want: np.ndarray, type: str) -> bool:
    if got.dtype != np.float32:
        return bool(np.array_equal(got, want))
    with np.errstate(all="ignore"):
        close = np.abs(got - want) <= ULPS.get(type, 0) * np.spacing(np.maximum(np.abs(got), np.abs(want)))
    return bool((close | (got == want) | (np.isnan(got) & np.isnan(want))).all())
