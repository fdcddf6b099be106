"""Golden outputs of the shipped model from TFLM's own interpreter (extra [tflm]): tests/golden/digits.npz.

    python -m pip install -e .[tflm]
    python scripts/train/golden.py

`samples` [20]: rows of digits_heldout.npz; `out0` [20, 10]; for the first three samples every operator's output
as `sK_opIII_J_tT` (sample K, operator III, its output J, tensor T).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tflite_micro.python.tflite_micro import runtime

from cfukit_sw.tflite_reader import read_model

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "sw" / "cfukit_sw" / "models"
SAMPLES, WITH_LAYERS = 20, 3


def main() -> None:
    model = read_model(MODELS / "digits.tflite")
    inputs = np.load(MODELS / "digits_heldout.npz")["in0"]
    keep = runtime.InterpreterConfig.kPreserveAllTensors
    interpreter = runtime.Interpreter.from_file(str(MODELS / "digits.tflite"), intrepreter_config=keep)
    samples = np.linspace(0, len(inputs) - 1, SAMPLES).astype(np.uint16)
    arrays: dict[str, Any] = {"samples": samples}
    outputs = []
    for k, sample in enumerate(samples):
        interpreter.set_input(inputs[sample : sample + 1], 0)
        interpreter.invoke()
        outputs.append(interpreter.get_output(0)[0])
        for op in model.operators if k < WITH_LAYERS else ():
            for j, tensor in enumerate(op.outputs):
                value = interpreter.GetTensor(tensor, 0)["tensor_data"].copy()
                arrays[f"s{k}_op{op.index:03}_{j}_t{tensor}"] = value
    path = ROOT / "tests" / "golden" / "digits.npz"
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, out0=np.stack(outputs), **arrays)
    print(path)


if __name__ == "__main__":
    main()
