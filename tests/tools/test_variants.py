"""run --variants: one document for all variants of a project, whose figures are those of each variant's own run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cfukit_soc
from cfukit_base.artefacts import Run
from cfukit_base.artefacts.limits import Limit
from cfukit_base.artefacts.run import Mismatch
from cfukit_base.errors import BuildError, UsageError
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.inference.ladder import Tried, ladder_of, rung_name
from cfukit_tools.project.project import load_target
from cfukit_tools.report import run as report
from cfukit_tools.verbs.run import rungs
from support.documents import build_document, run_document, variant

cycles = st.integers(1, 1 << 40)


def ran(name: str, *sets: tuple[str, int | None], **fields: Any) -> Tried:
    """A variant whose sets of kernels took these cycles."""
    made = [variant(kernels, [spent], overhead=0) for kernels, spent in sets]
    return Tried(name=name, board="sim", model="digits", cpu="full+cfu", run=run_document(*made, **fields))


def failed(name: str) -> Tried:
    return Tried(name=name, board="sim", model="digits", error="it does not build")


@given(st.lists(st.none() | st.tuples(cycles, cycles), min_size=1, max_size=6))
def test_every_gain_follows_from_the_runs(spent: list[tuple[int, int] | None]) -> None:
    tried = [
        failed(f"v{number}")
        if pair is None
        else ran(f"v{number}", ("reference", pair[0]), ("project", pair[1]))
        for number, pair in enumerate(spent)
    ]
    known = [pair for pair in spent if pair is not None]
    if not known:
        return
    document = ladder_of(tried, "v.json")
    assert [rung.name for rung in document.ladder] == [one.name for one in tried]
    assert document.ok == (None not in spent) and document.host.path == "v.json"
    assert [one.name for one in document.variants] == ["reference", *(one.name for one in tried if one.run)]
    for rung, pair in zip(document.ladder, spent, strict=True):
        if pair is None:
            assert (
                not rung.ok and rung.error and rung.cycles is rung.over_first is rung.over_reference is None
            )
            continue
        assert rung.ok and rung.cycles == pair[1] and not rung.error
        assert rung.over_reference == pytest.approx(pair[0] / pair[1], abs=1e-4)
        assert rung.over_first == pytest.approx(known[0][1] / pair[1], abs=1e-4)
        assert rung.cycles_per_mac == pytest.approx(pair[1] / 1000, abs=1e-4)
    assert Run.parse(document.text(), "itself") == document


def test_without_cycles_or_baseline_there_are_no_gains() -> None:
    first, second = ladder_of([ran("a", ("project", None)), ran("b", ("project", 5))], "").ladder
    assert (first.cycles, first.over_first, first.over_reference, first.cycles_per_mac) == (None,) * 4
    assert (second.over_first, second.over_reference) == (1.0, None)


def test_what_is_wrong_with_one_is_wrong_with_all() -> None:
    bad = Mismatch(sample=0, op=1, tensor=2, index=3, expected=4, got=5, variant="project")
    limit = Limit(name="cycles", asked=1, reached=9, offender="operator 0")
    lut = replace(limit, name="lut")
    good = ran("good", ("project", 9))
    document = ladder_of(
        [
            good,
            ran("wrong", ("project", 9), mismatch=bad, ok=False),
            ran("slow", ("project", 9), limits=(limit,), ok=False),
        ],
        "",
    )
    assert document.mismatch == replace(bad, variant="wrong")
    assert [one.name for one in document.limits] == ["slow.cycles"]
    assert [rung.ok for rung in document.ladder] == [True, False, False] and not document.ok
    large = ladder_of(
        [replace(good, area=build_document(ok=False, limits=(lut,), family="xc7", used={"lut": 9}))], ""
    )
    assert [one.name for one in large.limits] == ["good.lut"] and not large.ok
    assert (large.ladder[0].family, large.ladder[0].used) == ("xc7", {"lut": 9})


def test_a_variant_may_be_called_like_a_set_of_kernels() -> None:
    names = [rung_name(name) for name in ("", "project", "reference", "wide")]
    assert names == ["project", "variant.project", "variant.reference", "wide"]


@pytest.mark.parametrize(
    ("only", "skip", "left"),
    [
        ((), (), ["", "one", "two"]),
        (("one",), (), ["one"]),
        (("reference",), (), ["", "one", "two"]),
        ((), ("project", "reference"), ["one", "two"]),
        (("project", "two"), ("two",), [""]),
    ],
)
def test_variants_are_chosen(
    tmp_path: Path, only: tuple[str, ...], skip: tuple[str, ...], left: list[str]
) -> None:
    (tmp_path / "project.toml").write_text("[variant.one]\n[variant.two]\n")
    assert rungs(load_target(tmp_path), only, skip) == left


@pytest.mark.parametrize(
    ("toml", "options", "message"),
    [
        (
            "",
            {"variants": True},
            "--variants: mine has no variants; .variant.NAME. in project.toml makes one",
        ),
        ("[variant.one]\n", {"variants": True, "variant": "one"}, "--variant: 'one', and --variants"),
        (
            "[variant.one]\n",
            {"variants": True, "only": ["on"]},
            "--only: 'on'; no such variant, did you mean 'one'",
        ),
        (
            "[variant.one]\n",
            {"variants": True, "skip": ["one", "project"]},
            "--skip: no variant is left; project, one",
        ),
        ("[variant.one]\n", {"area": True}, "--area: without --variants"),
    ],
)
def test_wrong_usage(tmp_path: Path, toml: str, options: dict[str, Any], message: str) -> None:
    (tmp_path / "project.toml").write_text('name = "mine"\n' + toml)
    with pytest.raises(UsageError, match=message):
        api.run(tmp_path, **options)


def test_a_ladder_on_which_nothing_runs_is_the_first_error(tmp_path: Path) -> None:
    (tmp_path / "project.toml").write_text('model = "gone.tflite"\n[cfu]\nfile = ""\n[variant.one]\n')
    with pytest.raises(UsageError, match=r"gone\.tflite"):
        api.run(tmp_path, variants=True, engine="evaluator")


VARIANTS = """
[variant.small]
sw.cflags = ["-Os"]
limits.cycles = 1000

[variant.broken]
sw.cflags = ["-include", "nothing.h"]
"""


@pytest.fixture(scope="module")
def ladder(built_mac4: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = shutil.copytree(built_mac4, tmp_path_factory.mktemp("ladder") / "mac4")
    with (project / "project.toml").open("a") as toml:
        toml.write(VARIANTS)
    return project


@pytest.mark.slow
def test_the_rungs_are_the_variants_own_runs(
    ladder: Path, two_samples: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["run", str(ladder), "--variants", "--inputs", str(two_samples), "--skip", "reference"]
    assert cli.run([*words, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [rung["name"] for rung in document["ladder"]] == ["project", "small", "broken"]
    assert [rung["ok"] for rung in document["ladder"]] == [True, False, False]
    assert "nothing.h" in document["ladder"][2]["error"]
    assert [limit["name"] for limit in document["limits"]] == ["small.cycles"]
    folder = ladder / "build" / "sim"
    assert json.loads((folder / "variants.json").read_text()) == document
    for rung, name in zip(document["ladder"], ("run.json", "run.small.json"), strict=False):
        own = json.loads((folder / name).read_text())
        assert own["variants"][-1]["cycles"][0] == rung["cycles"]
        (whole,) = (one for one in document["variants"] if one["name"] == rung["name"])
        assert whole["ops"] == own["variants"][-1]["ops"]

    def again(*_: Any, **__: Any) -> None:
        pytest.fail("a finished variant is simulated again")

    monkeypatch.setattr(cfukit_soc, "simulate", again)
    assert cli.run(words) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["variant", "cycles", "over", "reference", "over", "project", "cycles/MAC"]
    assert lines[2].split()[0] == "project" and lines[2].split()[-2:] == ["1.00x", "2.36"]
    assert "outputs: 2/2 samples identical in 2/3 variants" in lines
    assert any(line.startswith("broken has no figures: ") for line in lines)
    result = api.diff(folder / "variants.json", folder / "variants.json")
    assert {row["variant"] for row in result["rows"]} == {"portable", "project", "small"}


def test_the_table_names_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    used = {"lut": 146, "ff": 112, "bram": 0, "dsp": 4}
    first = replace(
        ran("project", ("reference", 100), ("project", 50)), area=build_document(family="xc7", used=used)
    )
    lean = replace(ran("lean", ("project", 100)), cpu="lean")
    report.show(ladder_of([first, lean], "v.json"))
    text = capsys.readouterr().out
    rows = [line.split() for line in text.splitlines()]
    assert rows[2] == ["project", "full+cfu", "50", "2.00x", "1.00x", "0.05", "146", "112", "0", "4"]
    assert rows[3] == ["lean", "lean", "100", "-", "0.50x", "0.10", "-", "-", "-", "-"]
    assert "area: of the CFU alone on xc7" in text and "CPU full+cfu" not in text


@pytest.mark.needs("fpga")
def test_area_needs_yosys_before_anything_runs(ladder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise BuildError("yosys", "is not here")

    monkeypatch.setattr("cfukit_tools.verbs.run.check_tools", missing)
    before = sorted((ladder / "build" / "sim").glob("*.json"))
    with pytest.raises(BuildError, match="is not here"):
        api.run(ladder, variants=True, area=True)
    assert sorted((ladder / "build" / "sim").glob("*.json")) == before


@pytest.mark.needs("fpga")
def test_a_project_without_a_cfu_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "project.toml").write_text('[cfu]\nfile = ""\n[variant.one]\n')
    document = api.run(tmp_path, variants=True, area=True, engine="evaluator", samples=1)
    for rung in document["ladder"]:
        assert (rung["ok"], rung["family"], rung["used"]) == (
            True,
            "xc7",
            {"lut": 0, "ff": 0, "bram": 0, "dsp": 0},
        )
