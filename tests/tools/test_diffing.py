"""The verb diff: how changes are computed, the gate, and files that are not runs."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfukit_base.artefacts import Diff
from cfukit_base.artefacts.limits import Limit
from cfukit_base.artefacts.run import VariantRun
from cfukit_base.errors import UsageError
from cfukit_tools.verbs.diff import diff
from support.documents import run_document, variant

cycles = st.integers(0, 1 << 40)
in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)


def write(path: Path, *variants: VariantRun, **fields: object) -> Path:
    run_document(*variants, **fields).write(path)
    return path


def compare(folder: Path, before: list, after: list, gate: str = "") -> Diff:
    return diff(
        write(folder / "a", variant("project", before)), write(folder / "b", variant("project", after)), gate
    )


@given(st.lists(st.tuples(cycles, cycles), min_size=1, max_size=5))
@in_a_folder
def test_rows_are_the_operators_and_their_sum(tmp_path: Path, pairs: list[tuple[int, int]]) -> None:
    before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    *ops, total = compare(tmp_path, before, after).rows
    assert [(row.op, row.before, row.after) for row in ops] == [
        (f"{index} CONV_2D", old, new) for index, (old, new) in enumerate(pairs)
    ]
    assert (total.op, total.before, total.after) == ("total", sum(before) + 10, sum(after) + 10)
    for row in [*ops, total]:
        if row.before:
            assert row.change is not None
            assert math.isclose(row.before * (1 + row.change), row.after, abs_tol=1e-3)
        else:
            assert row.change is None


@given(st.lists(st.tuples(cycles, cycles), min_size=1, max_size=5), st.integers(0, 300))
@in_a_folder
def test_the_gate_closes_exactly_when_the_total_grows_by_more(
    tmp_path: Path, pairs: list[tuple[int, int]], percent: int
) -> None:
    before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    result = compare(tmp_path, before, after, f"{percent}%")
    old, new = sum(before) + 10, sum(after) + 10
    if abs((new - old) * 100 - percent * old) > 1e-6 * old:  # away from the edge, where floats decide
        assert result.ok == ((new - old) * 100 <= percent * old) == (not result.limits)
    assert compare(tmp_path, before, before, f"{percent}%").ok


def test_the_gate_names_the_operator_that_grew_most(tmp_path: Path) -> None:
    result = compare(tmp_path, [1000, 100, 1000], [1300, 390, 900], "5%")
    (limit,) = result.limits
    assert limit.reached == pytest.approx(490 / 2110)
    assert limit == Limit(name="project.cycles", asked=0.05, reached=limit.reached, offender="0 CONV_2D")


def test_a_growth_outside_all_operators_is_the_totals(tmp_path: Path) -> None:
    before = write(tmp_path / "a", variant("project", [100, 0], overhead=100))
    after = write(tmp_path / "b", variant("project", [90, 0], overhead=300))
    assert diff(before, after, "1%").limits[0].offender == "total"


def test_only_what_both_runs_have_is_compared(tmp_path: Path) -> None:
    before = write(tmp_path / "a", variant("reference", [1]), variant("project", [2, 3]))
    after = write(tmp_path / "b", variant("portable", [1]), variant("project", [2, 3, 4]))
    rows = diff(before, after).rows
    assert {row.variant for row in rows} == {"project"}
    assert [row.op for row in rows] == ["0 CONV_2D", "1 CONV_2D", "total"]
    other = write(tmp_path / "c", variant("reference", [1]))
    with pytest.raises(UsageError, match="no variant in common"):
        diff(after, other)


def test_an_engine_without_cycles_has_no_changes_and_opens_every_gate(tmp_path: Path) -> None:
    result = compare(tmp_path, [None, None], [None, None], "0%")
    assert result.ok and {row.change for row in result.rows} == {None}


def test_what_differs_between_the_systems_is_said(tmp_path: Path) -> None:
    before = write(tmp_path / "a", variant("project", [1]))
    after = write(tmp_path / "b", variant("project", [1]), clock_hz=1, board="other")
    same = diff(before, after).same
    assert {key for key, value in same.items() if not value} == {"clock_hz", "board"}


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), ("0.01", 0.01), ("50%", 0.5), ("2", 2)])
def test_percentages_and_shares(tmp_path: Path, text: str, share: float) -> None:
    assert compare(tmp_path, [10_000], [100_000], text).limits[0].asked == share


@pytest.mark.parametrize("text", ["much", "%", "1%%", "nan", "nan%", "inf", "-inf%", "-5%"])
def test_a_gate_that_is_no_percentage_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="--max-regression: .*; a percentage such as 1%"):
        compare(tmp_path, [1], [1], text)


def test_a_folder_stands_for_its_run(tmp_path: Path) -> None:
    write(tmp_path / "run.json", variant("project", [5]))
    assert diff(tmp_path, tmp_path / "run.json").ok


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is damaged: .*; a whole cfukit.run/1"),
        (b"\xff", "is damaged: .*; a whole cfukit.run/1"),
        (b"[]", "is damaged: .*; a whole cfukit.run/1"),
        (b"{}", "is damaged: .* `schema`; a whole cfukit.run/1"),
        (b'{"schema": "cfukit.exec/1"}', "schema is 'cfukit.exec/1'; cfukit.run/1"),
        (b'{"schema": "cfukit.run/2"}', "schema is 'cfukit.run/2'; cfukit.run/1"),
        (b'{"schema": "cfukit.run/1"}', "is damaged: .* missing required field"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    good, bad = write(tmp_path / "good", variant("project", [1])), tmp_path / "bad"
    bad.write_bytes(content)
    for pair in ((good, bad), (bad, good)):
        with pytest.raises(UsageError, match=message) as caught:
            diff(*pair)
        assert str(bad) in caught.value.message
        assert "cfukit run writes a run.json" in caught.value.hint
    no_ops = run_document(variant("project", [1])).to_json()
    del no_ops["variants"][0]["ops"][0]["index"]
    bad.write_text(json.dumps(no_ops))
    with pytest.raises(UsageError, match="missing required field `index`"):
        diff(good, bad)
    with pytest.raises(UsageError, match="gone: cannot be read: No such file"):
        diff(good, tmp_path / "gone")
