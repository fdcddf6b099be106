"""The verb diff: how changes are computed, the gate, and files that are not runs."""

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfukit_base.artefacts import Diff
from cfukit_base.artefacts.build import FamilyUse
from cfukit_base.artefacts.limits import Limit
from cfukit_base.artefacts.outcome import Causes
from cfukit_base.artefacts.run import Mismatch, Rung, VariantRun
from cfukit_base.errors import UsageError
from cfukit_tools.cli import commands as cli
from cfukit_tools.verbs.diff import diff
from support.documents import build_document, operator, run_document, variant

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


def test_an_engine_without_cycles_has_no_changes(tmp_path: Path) -> None:
    result = compare(tmp_path, [None, None], [None, None])
    assert result.ok and {row.change for row in result.rows} == {None}


def test_what_differs_between_the_systems_is_said(tmp_path: Path) -> None:
    before = write(tmp_path / "a", variant("project", [1]))
    after = write(tmp_path / "b", variant("project", [1]), clock_hz=1, board="other")
    same = diff(before, after).same
    assert {key for key, value in same.items() if not value} == {"clock_hz", "board"}


SOME = Causes(**{name: number for number, name in enumerate(field.name for field in fields(Causes))})


def spent(changed: dict[str, int]) -> VariantRun:
    """A variant of one operator; each cause of both changes by the same."""
    causes = replace(SOME, **{name: getattr(SOME, name) + more for name, more in changed.items()})
    return variant("project", [5], causes=causes, ops=(replace(operator(0, 5), causes=causes),))


@given(st.dictionaries(st.sampled_from([field.name for field in fields(Causes)]), st.integers(0, 1 << 40)))
@in_a_folder
def test_every_cause_of_operators_and_variants_is_compared(tmp_path: Path, changed: dict[str, int]) -> None:
    result = diff(write(tmp_path / "a", spent({})), write(tmp_path / "b", spent(changed)))
    for op in ("0 CONV_2D", "total"):
        found = {value.name: (value.before, value.after) for value in result.causes if value.op == op}
        for field in fields(Causes):
            before, more = getattr(SOME, field.name), changed.get(field.name, 0)
            expected = (before, before + more) if before + more else None
            assert found.get(field.name) == expected


def test_causes_need_both_runs(tmp_path: Path) -> None:
    without = write(tmp_path / "a", variant("project", [5]))
    assert diff(without, write(tmp_path / "b", spent({"executing": 7}))).causes == ()


def test_sizes_that_both_know_are_compared(tmp_path: Path) -> None:
    one = variant("project", [5])
    other = replace(one, sizes=replace(one.sizes, code_bytes=150, stack_bytes=None, state_bytes=0))
    found = {
        value.name: value for value in diff(write(tmp_path / "a", one), write(tmp_path / "b", other)).sizes
    }
    assert "stack_bytes" not in found
    assert (found["code_bytes"].before, found["code_bytes"].change) == (100, 0.5)
    assert (found["state_bytes"].after, found["state_bytes"].change) == (0, -1.0)


def rung(name: str, lut: int | None, family: str = "xc7") -> Rung:
    return Rung(
        name=name,
        ok=True,
        board="sim",
        cpu="lean",
        clock_hz=1,
        model="digits",
        cycles=3,
        over_reference=None,
        over_first=1.0,
        cycles_per_mac=0.5,
        family=family,
        used=None if lut is None else {"lut": lut},
        error="",
    )


def test_areas_of_two_ladders_are_compared_on_the_same_family(tmp_path: Path) -> None:
    one = variant("project", [5])
    before = write(
        tmp_path / "a", one, ladder=(rung("x", 10), rung("y", 10), rung("z", None), rung("old", 1))
    )
    after = write(
        tmp_path / "b", one, ladder=(rung("x", 15), rung("y", 9, "ice40"), rung("z", 3), rung("new", 1))
    )
    (found,) = diff(before, after).area
    assert (found.variant, found.name, found.before, found.after, found.change) == ("x", "lut", 10, 15, 0.5)


def built(path: Path, **fields: object) -> Path:
    build_document(**fields).write(path)
    return path


def test_two_builds_are_compared_by_resource_and_speed(tmp_path: Path) -> None:
    used = {"lut": 100, "dsp": 0}
    before = built(tmp_path / "a", used=used, fmax_mhz=20.0)
    after = built(tmp_path / "b", used={"lut": 103, "dsp": 4}, fmax_mhz=18.0, cpu="lean")
    result = diff(before, after, "5%")
    assert [(value.name, value.before, value.after) for value in result.area] == [
        ("lut", 100, 103),
        ("dsp", 0, 4),
        ("fmax_mhz", 20.0, 18.0),
    ]
    assert [(limit.name, round(limit.reached, 9)) for limit in result.limits] == [
        ("dsp", 1.0),
        ("fmax_mhz", 0.1),
    ]
    assert not result.ok and result.same == {"board": True, "cpu": False, "family": True, "tools": True}
    assert diff(before, after).ok and diff(after, before, "0%").limits == ()


def test_every_family_of_area_is_compared_once(tmp_path: Path) -> None:
    def families(lut: int) -> tuple[FamilyUse, ...]:
        return tuple(FamilyUse(name=name, used={"lut": lut}, parts=()) for name in ("ice40", "xc7"))

    before = built(tmp_path / "a", used={"lut": 10}, families=families(10), fmax_mhz=None)
    after = built(tmp_path / "b", used={"lut": 20}, families=families(20), fmax_mhz=None)
    result = diff(before, after, "50%")
    assert [(value.op, value.name) for value in result.area] == [("ice40", "lut"), ("xc7", "lut")]
    assert [limit.name for limit in result.limits] == ["lut", "xc7 lut"]


def test_builds_without_a_common_family_and_documents_of_two_kinds_are_refused(tmp_path: Path) -> None:
    fomu, arty = built(tmp_path / "a"), built(tmp_path / "b", family="xc7")
    with pytest.raises(UsageError, match="the two builds have no FPGA family in common"):
        diff(fomu, arty)
    with pytest.raises(UsageError, match="a run and a build; two documents of one kind"):
        diff(fomu, write(tmp_path / "c", variant("project", [1])))


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), ("0.01", 0.01), ("50%", 0.5), ("2", 2)])
def test_percentages_and_shares(tmp_path: Path, text: str, share: float) -> None:
    assert compare(tmp_path, [10_000], [100_000], text).limits[0].asked == share


@pytest.mark.parametrize("text", ["much", "%", "1%%", "nan", "nan%", "inf", "-inf%", "-5%"])
def test_a_gate_that_is_no_percentage_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="--max-regression: .*; a percentage such as 1%"):
        compare(tmp_path, [1], [1], text)


def test_a_gate_needs_cycles(tmp_path: Path) -> None:
    """Else it would let everything pass."""
    for before, after in (([None], [5]), ([5], [None])):
        assert compare(tmp_path, before, after).ok
        with pytest.raises(UsageError, match="counted no cycles; with --max-regression, runs with cycles"):
            compare(tmp_path, before, after, "1%")


def test_wrong_outputs_are_not_compared(tmp_path: Path) -> None:
    bad = Mismatch(sample=0, op=0, tensor=1, index=2, expected=3, got=4, variant="project")
    right = write(tmp_path / "a", variant("project", [5]))
    wrong = write(tmp_path / "b", variant("project", [4]), ok=False, mismatch=bad)
    for pair in ((right, wrong), (wrong, right)):
        with pytest.raises(UsageError, match="b: outputs of project are wrong; runs with right outputs"):
            diff(*pair)


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
        (
            b'{"schema": "cfukit.run/1"}',
            "was written by another version of cfukit: .* missing required field",
        ),
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


def test_the_command_prints_markdown_and_its_exit_code_is_the_gates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = (
        str(write(tmp_path / name, variant("project", [cycles]))) for name, cycles in (("a", 100), ("b", 200))
    )
    assert cli.run(["diff", before, after, "--md", "--max-regression", "10%"]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("**mine** (digits") and "| **project** | 110 | 210 | +90.91% |" in shown
    assert "regression: project.cycles asked 10.00%, reached 90.91% (0 CONV_2D)" in shown
    assert cli.run(["diff", before, after, "--md"]) == 0
    assert cli.run(["diff", before, after, "--md", "--json"]) == 2
