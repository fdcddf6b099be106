"""Compare the models of docs/models.md that come with packages: evaluator, C kernels and TFLM's interpreter on random inputs.

    python scripts/public_models.py [--others] PACKAGE.whl PACKAGE.tgz ...

A package may also be a `.tflite` file. Arenas are compared too. Models that the page does not list are skipped, and counted; --others
compares these instead.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from cfukit_base.errors import ModelError  # noqa: E402
from cfukit_sw.evaluator import Evaluator  # noqa: E402
from cfukit_sw.lower import lower  # noqa: E402
from cfukit_sw.tflite_reader import parse_model  # noqa: E402
from support import tflm  # noqa: E402
from support.kernels import HostModel  # noqa: E402
from support.models import random_inputs  # noqa: E402

PAGE = ROOT / "docs" / "models.md"
MARK = "<!-- table: models of packages -->"
INPUT_SETS = 2
ARENA_BYTES = str(64 << 20)


def listed() -> dict[str, str]:
    """SHA-256 -> model, as the page has them."""
    rows = PAGE.read_text().split(MARK)[1].split("\n## ")[0]
    return {
        sha: name for name, sha in re.findall(r"^\| `([^`]+)` \|.*`([0-9a-f]{64})` \|$", rows, flags=re.M)
    }


def models_in(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """(path, contents) of every `.tflite` in a file; archives in archives are opened too."""
    if data[4:8] == b"TFL3":
        yield name, data
    elif data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from models_in(f"{name}!{member}", archive.read(member))
    elif name.endswith((".tgz", ".tar.gz")):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for entry in tar:
                file = tar.extractfile(entry)
                if file is not None:
                    yield from models_in(f"{name}!{entry.name}", file.read())


def differences(data: bytes, name: str) -> list[str]:
    """What differs from TFLM, by the name of the runner; none if all outputs are equal and no arena is larger."""
    try:
        model = parse_model(data, name)
        plans = {registry: lower(model, registry=registry) for registry in ("portable", "reference")}
    except ModelError as error:
        (log,) = tflm.tflm_logs([data])
        return [str(error), f"TFLM: {log.strip().splitlines()[0]}"]
    rng = np.random.default_rng(1)
    sets = [random_inputs(model, rng) for _ in range(INPUT_SETS)]
    (wanted,) = tflm.tflm_outputs([(data, [(True, inputs) for inputs in sets])])
    if wanted is None:
        return ["TFLM does not run it"]
    runners = {
        "evaluator": Evaluator(model),
        **{registry: HostModel(plan) for registry, plan in plans.items()},
    }
    (sizes,) = tflm.tflm_arenas([data])
    found = []
    if sizes is not None:
        arenas = {registry: (plan.activation_bytes, plan.arena_bytes) for registry, plan in plans.items()}
        found = [
            f"arena of {r}: {a}, TFLM's {sizes}"
            for r, a in arenas.items()
            if a[0] > sizes[0] or a[1] > sizes[1]
        ]
    for who, runner in runners.items():
        for inputs, want in zip(sets, wanted, strict=True):
            runner.reset()
            outputs = runner.run(inputs).outputs if isinstance(runner, Evaluator) else runner.run(inputs)
            if any(not np.array_equal(a, b.reshape(a.shape)) for a, b in zip(outputs, want, strict=True)):
                found.append(who)
    return found


def main(paths: list[str]) -> int:
    os.environ["CFUKIT_TFLM_ARENA_BYTES"] = ARENA_BYTES
    known, failed, skipped, others = listed(), 0, 0, "--others" in paths
    for path in (path for path in paths if path != "--others"):
        for place, data in models_in(path, Path(path).read_bytes()):
            name = known.pop(hashlib.sha256(data).hexdigest(), None)
            if (name is None) != others:
                skipped += 1
                continue
            name = name or Path(place).stem
            found = differences(data, name)
            failed += bool(found)
            print(f"{name}: {', '.join(found) or 'equal'} ({place})", flush=True)
    print(f"{failed} differ, {skipped} skipped, {len(known)} listed but not in these packages")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
