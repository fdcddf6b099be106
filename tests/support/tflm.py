"""TFLM's own interpreter as an oracle. It runs in its own process, because it may abort on a model that it refuses.

`tflm_outputs([(model, sets)])` and `tflm_arenas([model])` need the PyPI package tflite-micro, here or in the Python that
CFUKIT_TFLM_PYTHON names.
Run as a program, this file is that process: it answers every model in a folder.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ARENA_BYTES = int(os.environ.get("CFUKIT_TFLM_ARENA_BYTES", 1 << 20))
SECONDS = 300  # for one model
Sets = Sequence[tuple[bool, Sequence[Any]]]  # (reset variables first, one array per input)


def tflm_python() -> str:
    return os.environ.get("CFUKIT_TFLM_PYTHON", sys.executable)


def tflm_outputs(cases: Sequence[tuple[bytes, Sets]]) -> list[list[list[Any]] | None]:
    """For each (model file, input sets) the outputs of each set; None for a model that TFLM refuses or aborts on.

    Outputs of an inference that ends early are 0 here.
    """
    with tempfile.TemporaryDirectory(prefix="cfukit-tflm-") as name:
        folder = Path(name)
        for number, (data, sets) in enumerate(cases):
            (folder / f"{number}.tflite").write_bytes(data)
            arrays = {f"in{s}_{i}": a for s, (_, inputs) in enumerate(sets) for i, a in enumerate(inputs)}
            np.savez(folder / f"{number}.npz", reset=np.array([reset for reset, _ in sets]), **arrays)
        log = subprocess.run(
            [tflm_python(), __file__, name, str(len(cases))], capture_output=True, timeout=600, check=False
        )
        if log.returncode:
            raise RuntimeError(f"{tflm_python()}: {log.stderr.decode(errors='replace')}")
        return [_answer(folder / f"{number}.done") for number in range(len(cases))]


def tflm_arenas(models: Sequence[bytes]) -> list[tuple[int, int] | None]:
    """(bytes of activations and scratch, bytes in all) of each model's arena; None for a model that TFLM refuses."""
    found: list[tuple[int, int] | None] = []
    for log in tflm_logs(models):
        sizes = {key: int(n) for key, n in re.findall(r"allocation (head|total) (\d+) bytes", log)}
        found.append((sizes["head"], sizes["total"]) if sizes else None)
    return found


def tflm_logs(models: Sequence[bytes]) -> list[str]:
    """What TFLM says about each model: the sizes of its arena, or why it refuses it."""
    with tempfile.TemporaryDirectory(prefix="cfukit-tflm-") as name:
        for number, data in enumerate(models):
            (Path(name) / f"{number}.tflite").write_bytes(data)
        argv = [tflm_python(), __file__, name, str(len(models)), "arenas"]
        done = subprocess.run(argv, capture_output=True, timeout=600, check=False)
        text = done.stderr.decode(errors="replace")
        logs = re.split(r"^model \d+$", text, flags=re.M)[1:]
        assert len(logs) == len(models), text
        return logs


def tflm_names() -> list[str]:
    """All words in TFLM's library, among them the names of its custom operators."""
    code = "from tflite_micro.python.tflite_micro import _runtime; print(_runtime.__file__)"
    library = subprocess.run([tflm_python(), "-c", code], capture_output=True, text=True, check=True)
    words = re.findall(rb"\0([A-Za-z]\w{2,63})(?=\0)", Path(library.stdout.strip()).read_bytes())
    return sorted({word.decode() for word in words})


def _each_in_its_process(folder: Path, count: int, answer: Callable[[Path, int], None]) -> None:
    """A model may abort, or never end."""
    from tflite_micro import runtime  # noqa: F401 (once for all)

    for number in range(count):
        os.write(2, f"\nmodel {number}\n".encode())
        child = os.fork()
        if not child:
            signal.alarm(SECONDS)
            answer(folder, number)
            os._exit(0)
        os.waitpid(child, 0)


def _print_arena(folder: Path, number: int) -> None:
    from tflite_micro import runtime

    try:
        data = (folder / f"{number}.tflite").read_bytes()
        runtime.Interpreter.from_bytes(data, arena_size=ARENA_BYTES).print_allocations()
    except Exception as error:
        os.write(2, f"refused: {error}\n".encode())


def _answer(path: Path) -> list[list[Any]] | None:
    if not path.exists():
        return None
    with np.load(path) as arrays:
        if "refused" in arrays:
            return None
        sets = 1 + max(int(key.split("_")[0][3:]) for key in arrays)
        count = len(arrays.files) // sets
        return [[arrays[f"out{s}_{j}"] for j in range(count)] for s in range(sets)]


def _run(folder: Path, number: int) -> None:
    from tflite_micro import runtime

    answer: dict[str, Any] = {}
    try:
        data = (folder / f"{number}.tflite").read_bytes()
        interpreter = runtime.Interpreter.from_bytes(data, arena_size=ARENA_BYTES)
        given = np.load(folder / f"{number}.npz")
        for s, reset in enumerate(given["reset"]):
            if reset:
                interpreter.reset()
            i = 0
            while f"in{s}_{i}" in given:
                interpreter.set_input(given[f"in{s}_{i}"], i)
                i += 1
            ended = interpreter.invoke() != 0  # before it reached the outputs
            for j in range(len(interpreter_outputs(interpreter))):
                output = np.array(interpreter.get_output(j))
                answer[f"out{s}_{j}"] = np.zeros_like(output) if ended else output
    except Exception as error:
        answer = {"refused": np.array(str(error))}
    with (folder / f"{number}.part").open("wb") as file:
        np.savez(file, **answer)
    (folder / f"{number}.part").rename(folder / f"{number}.done")


def interpreter_outputs(interpreter: Any) -> list[int]:
    """Indices of the outputs. The interpreter does not say how many there are; it fails beyond the last one."""
    found = []
    while True:
        try:
            interpreter.get_output_details(len(found))
        except Exception:
            return found
        found.append(len(found))


if __name__ == "__main__":
    answer = _print_arena if sys.argv[3:] == ["arenas"] else _run
    _each_in_its_process(Path(sys.argv[1]), int(sys.argv[2]), answer)
