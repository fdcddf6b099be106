"""docs/causes.md shows every cause, in waveforms that the RTL still makes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cfukit_base.artefacts.causes import CAUSE_NAMES, Causes
from cfukit_tools import api
from support.pipeline_diagrams import BEGIN, END, PAGE, SHOWN, diagrams

AGAIN = "write them again: PYTHONPATH=tests python tests/support/pipeline_diagrams.py"


def test_every_cause_is_explained_and_shown() -> None:
    text = PAGE.read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(CAUSE_NAMES)
    assert {*SHOWN, "executing"} == set(CAUSE_NAMES)
    for cause in SHOWN:
        waveform = text.partition(f"\n**{cause}** (")[2].partition("```text\n")[2].partition("```")[0]
        shown = [line.split()[-1] for line in waveform.splitlines()[1:]]
        assert cause in shown and set(shown) <= {*CAUSE_NAMES, "..."}
        for line, name in zip(waveform.splitlines()[1:], shown, strict=True):
            assert (name == "executing") == (" * " in line) or name == "..."
    described = Causes.__doc__ or ""
    assert all(name in described for name in CAUSE_NAMES)


def _page() -> str:
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0]


@pytest.mark.slow
def test_the_waveform_of_one_cause_is_fresh(tmp_path: Path) -> None:
    made = diagrams(tmp_path, ("cfu_issue",))
    assert made.count("```text") == 1
    assert all(part in _page() for part in made.split("\n\n")), AGAIN


@pytest.mark.long
def test_all_waveforms_are_fresh(tmp_path: Path) -> None:
    assert _page() == diagrams(tmp_path), AGAIN


@pytest.mark.long
@pytest.mark.needs("reference")
def test_the_totals_of_the_pages_are_those_of_the_model(reference: Path, tmp_path: Path) -> None:
    """Engine fast takes the cycles of the RTL. Every page that names these totals names the same ones."""
    api.init(str(tmp_path / "mac4"), "mac4")
    model = str(reference / "models" / "kws_ref.tflite")
    run = api.run(tmp_path / "mac4", model=model, engine="fast", skip=["reference"], samples=1)
    portable, project = (f"{variant['cycles'][0]:,}" for variant in run["variants"])
    causes, kernels, advice = (
        PAGE.with_name(f"{name}.md").read_text() for name in ("causes", "kernels", "suggest")
    )
    assert f"| portable | {portable} |" in causes and f"| project mac4 | {project} |" in causes
    [row] = re.findall(r"^\| kws_ref \|.*→ ([\d,]+) \|.*→ ([\d,]+) \|", kernels, re.MULTILINE)
    assert row == (portable, project)
    assert f"| kws_ref: CFU mac4 | {project} | {project} |" in advice
