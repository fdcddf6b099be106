"""Project mlperf_arty on networks that it was not made for: faster than portable kernels on the same system, with the same outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfukit_sw.tflite_writer import write_model
from cfukit_tools import api
from support.models_whole import WHOLE, whole_model

# How many times as fast at least: some way below what was measured. Of "recurrent", the LSTM runs on the CPU.
GAINS = {"resnet": 200, "mobilenet": 150, "detector": 200, "recurrent": 1.5, "waveform": 80}


def gain(name: str, folder: Path, engine: str) -> float:
    """Over portable kernels. The run compares every operator with the evaluator's."""
    api.init(str(folder / "copy"), "mlperf_arty")
    model = folder / f"{name}.tflite"
    write_model(whole_model(name), model)
    document = api.run(folder / "copy", model=str(model), samples=2, skip=("reference",), engine=engine)
    assert document["ok"], document["mismatch"]
    assert document["checked_operators"] == len(whole_model(name).operators)
    cycles = {one["name"]: one["cycles"] for one in document["variants"]}
    return float(cycles["portable"][0] / cycles["project"][0]) if engine == "fast" else 0.0


@pytest.mark.long
@pytest.mark.parametrize("name", WHOLE)
def test_outputs_on_the_host(name: str, tmp_path: Path) -> None:
    gain(name, tmp_path, "host")


@pytest.mark.long
@pytest.mark.parametrize("name", WHOLE)
def test_it_is_faster_than_portable_kernels(name: str, tmp_path: Path) -> None:
    assert gain(name, tmp_path, "fast") > GAINS[name]
