"""Make tests/golden/operators.npz: small models of every operator with what TFLM's own interpreter computes
on them.

    CFUKIT_TFLM_PYTHON=/path/to/python scripts/make_golden.py

That Python has the PyPI package tflite-micro (extra `tflm`); the one that runs this script has cfukit. The
models are random ones of our own (tests/support/models.py), so the file holds no third-party content but the
numbers that TFLM gives.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS))

from cfukit_sw.tflite_writer import model_bytes  # noqa: E402
from support.models import all_types, random_inputs, random_model  # noqa: E402
from support.tflm import tflm_outputs, tflm_python  # noqa: E402

CASES_EACH = 3
SETS_EACH = 3
SEEDS = range(100, 120)


def main() -> None:
    arrays: dict[str, Any] = {}
    candidates = []
    for type in all_types():
        for seed in SEEDS:
            model, rng = random_model(type, seed), np.random.default_rng(seed)
            sets = [(number == 0, random_inputs(model, rng)) for number in range(SETS_EACH)]
            candidates.append((type, seed, model_bytes(model), sets))
    accepted: Counter[str] = Counter()
    answers = tflm_outputs([(data, sets) for _, _, data, sets in candidates])
    for (type, seed, data, sets), outputs in zip(candidates, answers, strict=True):
        if outputs is None or accepted[type] == CASES_EACH:
            continue
        accepted[type] += 1
        name = f"{type.lower()}_{seed}"
        arrays[f"{name}/model"] = np.frombuffer(data, np.uint8)
        for i in range(len(sets[0][1])):
            arrays[f"{name}/in{i}"] = np.stack([inputs[i] for _, inputs in sets])
        for j in range(len(outputs[0])):
            arrays[f"{name}/out{j}"] = np.stack([result[j] for result in outputs])
    for type in all_types():
        print(f"{type}: {accepted[type]} cases")
    arrays["oracle"] = np.array(f"tflite-micro {_version()}")
    path = TESTS / "golden" / "operators.npz"
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **arrays)
    print(f"{path}: {path.stat().st_size} bytes")


def _version() -> str:
    code = "import importlib.metadata as m; print(m.version('tflite-micro'))"
    return subprocess.run(
        [tflm_python(), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
