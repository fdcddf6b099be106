"""The tutorial's tables say what its outputs say. test_docs.py follows the page and holds the outputs to what comes out."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from support.pages import ROOT, Block, blocks, figures, is_output, is_within, missing_lines

PAGE = ROOT / "docs" / "tutorial.md"
TEMPLATE = ROOT / "proj" / "template" / "template.c"
OUTPUTS = [block for block in blocks(PAGE) if block.note.startswith("output within ")]
MEASURED = [block for block in OUTPUTS if "my_cfu is" in block.text]
EDITED = [block.text for block in blocks(PAGE) if block.language in ("c", "sh")]


def rows(heading: str) -> list[list[str]]:
    """The cells of the rows of the table whose heading begins so."""
    table = PAGE.read_text().partition(f"\n{heading}")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def gain(block: Block, against: str) -> str:
    return re.search(rf"^{against} .* is (\S+) as fast$", block.text, re.MULTILINE)[1]


def totals(block: Block) -> tuple[str, ...]:
    return re.search(r"^project +total +(\S+ k) +(\S+ k)", block.text, re.MULTILINE).groups()


def test_every_step_is_measured() -> None:
    """A run of the template, and one with a comparison after each step."""
    assert len(MEASURED) == 4 and all("project   total" in block.text for block in MEASURED[1:])
    assert all(before[1] == after[0] for before, after in pairwise(map(totals, MEASURED[1:])))


def test_the_table_of_steps_is_that_of_the_outputs() -> None:
    portable, *steps = rows("| step |")
    assert [row[3:] for row in steps] == [
        [gain(block, "portable"), gain(block, "reference")] for block in MEASURED
    ]
    [template, *_], ends = totals(MEASURED[1]), [totals(block)[1] for block in MEASURED[1:]]
    assert [row[1] for row in steps] == [template, *ends]
    profiled = re.search(r"^portable +(\S+ k) cycles", OUTPUTS[0].text, re.MULTILINE)[1]
    assert figures(portable[1]) == [pytest.approx(figures(profiled)[0], rel=0.001)]
    cycles = [figures(row[1])[0] for row in (portable, *steps)]
    assert [row[2] for row in steps] == [f"{before / after:.2f}x" for before, after in pairwise(cycles)]
    [reference] = figures(re.search(r"^reference .* cycles", MEASURED[0].text, re.MULTILINE)[0])
    assert figures(portable[4]) == [pytest.approx(reference / cycles[0], abs=0.005)]


def test_what_other_places_say_of_the_tutorial() -> None:
    """The beginning of the page, and the template's README."""
    first, *_, last = (row[1] for row in rows("| step |"))
    rounded = [f"{figures(cycles)[0] / 1000:.0f} k" for cycles in (first, last)]
    assert f"from {rounded[0]} cycles in portable C to {rounded[1]}" in PAGE.read_text()
    readme = " ".join((TEMPLATE.parent / "README.md").read_text().split())
    assert f"{gain(MEASURED[-1], 'portable')} as fast as portable C" in readme.partition("The [tutorial]")[2]


def test_each_step_gains_visibly() -> None:
    """At least a tenth in all against the step before, and no operator that is shown gets slower than it was or than portable."""
    for block in MEASURED[1:]:
        changes = [float(change) for change in re.findall(r"([+-]\d+\.\d+)%", block.text)]
        assert changes[-1] <= -10 and max(changes) < 0
    portable = dict(re.findall(r"^ (\d) .* project/\w+ +(\S+) k", MEASURED[0].text, re.MULTILINE))
    after = dict(re.findall(r"^project +(\d) CONV_2D .* (\S+) k +-", MEASURED[1].text, re.MULTILINE))
    assert set(after) == set(portable) == set("0135")
    assert all(float(after[index]) < float(portable[index]) for index in after)


def loads_per_mac(loop: str) -> float:
    """Of a loop whose multiplications are calls of the CFU on four int8 each."""
    calls = len(re.findall(r"\bcfu_\w+\(\w+, \w+\);", loop))
    return len(re.findall(r"= \*|, \w+ = \*|\bw\d = w\[|= w\[", loop)) / (4 * calls)


def test_loads_per_mac_are_those_of_the_loops() -> None:
    [row] = [row for row in rows("| | portable | template |") if row[0] == "loads per MAC"]
    text = " ".join(PAGE.read_text().split())
    loops = {
        f"| {row[2]} |": TEMPLATE.read_text(),
        "6 loads, 0.19 per MAC": next(text for text in EDITED if "cfu_mac4_add7(" in text),
        "3 loads of words feed 8 MACs, 0.38 per MAC": next(
            text for text in EDITED if "cfu_mac4_lanes4(" in text
        ),
    }
    for told, code in loops.items():
        loop = re.search(r"const uint32_t \w+ = \*.*?\n +}", code, re.DOTALL)[0]
        number = re.search(r"0\.\d\d", told)[0]
        assert told in text and f"{loads_per_mac(loop):.2f}" == number, told


@pytest.mark.parametrize("block", OUTPUTS, ids=lambda block: str(block.line))
def test_a_page_that_drifts_is_found(block: Block) -> None:
    """The outputs as they are pass; with one number 4 % larger they do not."""
    assert not missing_lines(block, block.text)
    numbers = list(re.finditer(r"\d[\d,]*\.\d+(?= ?[kM] |x)", block.text))
    assert len(numbers) >= 3
    for found in numbers:
        larger = f"{1.04 * float(found[0]):.3f}"
        drifted = replace(block, text=block.text[: found.start()] + larger + block.text[found.end() :])
        assert missing_lines(drifted, block.text), found[0]


def test_numbers_within_a_tolerance() -> None:
    told = "project   1 CONV_2D             143.3 k   98.19 k   -31.50%"
    assert is_within(told, told.replace("98.19 k", "0.099 M").replace("-31.50", "-30.00"), 2)
    assert not is_within(told, told.replace("98.19", "95.00"), 2)
    assert not is_within(told, told.replace("-31.50", "-29.00"), 2)
    assert not is_within(told, told.replace("-31.50", "+31.50"), 2)
    assert not is_within("portable  8.61", "portable  9.61", 2)


def test_all_figures_of_the_page_are_held_tightly() -> None:
    loose = [block for block in blocks(PAGE) if is_output(block) and block not in OUTPUTS]
    assert all(not figures(block.text) for block in loose)
