"""Models run bit for bit on simulated boards: Fomu with everything in SPRAM or with weights in flash, and Arty with DDR3."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cfukit_tools import api


def cycles(project: Path, *assignments: str, **options: object) -> int:
    document = api.profile(project, board="fomu", assignments=assignments, samples=1, jobs=1, **options)
    assert document["ok"] and document["mismatch"] is None
    (variant,) = document["variants"]
    return variant["cycles"][0]


@pytest.mark.long
def test_the_shipped_model_runs_from_spram_and_with_its_weights_in_flash(
    mac4: Path, two_samples: Path
) -> None:
    spram = cycles(mac4, inputs=two_samples)
    flash = cycles(mac4, "place.weights=flash", inputs=two_samples)
    assert spram < flash < 10 * spram


@pytest.mark.long
@pytest.mark.needs("reference")
def test_keyword_spotting_runs_from_spram_and_with_its_weights_in_flash(
    mac4: Path, reference: Path, tmp_path: Path
) -> None:
    with np.load(reference / "golden" / "kws_ref.npz") as golden:
        np.savez(tmp_path / "one.npz", in0=golden["in0"][:1])
    options = {"model": str(reference / "models" / "kws_ref.tflite"), "inputs": tmp_path / "one.npz"}
    spram = cycles(mac4, **options)
    assert spram < 5_500_000
    assert spram < cycles(mac4, "place.weights=flash", **options) < 4 * spram


@pytest.mark.long
def test_the_shipped_model_runs_on_an_arty_and_faster_on_chip(mac4: Path, two_samples: Path) -> None:
    document = api.run(mac4, board="arty", inputs=two_samples, samples=1, jobs=1)
    assert document["ok"] and document["mismatch"] is None
    found = {variant["name"]: variant["cycles"][0] for variant in document["variants"]}
    assert 10 * found["project"] < found["reference"]
    places = tuple(f"place.{part}=main_ram" for part in ("code", "weights", "arena"))
    in_dram = api.profile(mac4, board="arty", inputs=two_samples, samples=1, jobs=1, assignments=places)
    assert in_dram["ok"] and in_dram["variants"][0]["cycles"][0] > found["project"]
