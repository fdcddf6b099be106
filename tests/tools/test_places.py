"""Counts by address as functions, lines, instructions and CFU use, for a program whose source fixes them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cfukit_base.artefacts.causes import CAUSE_NAMES, Busy, Causes, Segment
from cfukit_base.dwarf import functions_of
from cfukit_base.errors import UsageError
from cfukit_base.symbols import code_words, functions, locate, symbol
from cfukit_tools.inference.places import HOT_SHARE, Places, places
from cfukit_tools.report.annotate import annotated
from support.bare import compile_c
from support.documents import variant

SOURCE = """\
static inline __attribute__((always_inline)) u32 inner(u32 a) {
  return CFU(1, 2, a, a);
}
static inline __attribute__((always_inline)) u32 outer(u32 a) {
  return inner(a) * 7;
}
__attribute__((noinline)) u32 hot(u32 a) {
  return outer(a) + outer(a + 1);
}
__attribute__((noinline)) u32 cold(u32 a) {
  return CFU(0, 0, a, a);
}
int main(void) {
  return (int)(hot(3) + cold(4));
}
"""
NAMES = {1: "mac4"}
INNER, OUTER = 1, 4  # their lines


@pytest.fixture(scope="module", params=["-gdwarf-4", "-gdwarf-5"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_c(SOURCE, tmp_path_factory.mktemp("places"), request.param)


def counts_of(program: Path, seed: int, share: float = 1.0) -> Segment:
    """Random counts for some of the program's instructions."""
    rng = random.Random(seed)
    by_pc = {
        pc: tuple(rng.choice((0, 0, 1, rng.randrange(10**6))) for _ in CAUSE_NAMES)
        for pc in code_words(program)
        if locate(program, pc).function and rng.random() < share
    }
    sums = [sum(column) for column in zip(*by_pc.values(), strict=True)]
    causes = Causes(**dict(zip(CAUSE_NAMES, sums, strict=True)))
    return Segment(causes.cycles, causes, Busy(cfu=0, memory_port=0, dma_bytes=0), by_pc)


def join(program: Path, whole: Segment) -> Places:
    return places(program, whole, NAMES, [program.parent])


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_lost(program: Path, seed: int) -> None:
    whole = counts_of(program, seed, share=(seed + 1) / 8)
    found = join(program, whole)
    own = [one for one in found.functions if not one.inlined]
    assert sum((one.causes for one in own), Causes.of({})) == whole.causes
    assert all(one.cycles == one.causes.cycles for one in found.functions)
    assert sum(one.cycles for one in found.lines) == whole.causes.cycles
    assert sum(one.instructions for one in found.lines) == whole.causes.executing
    for line in found.lines:
        assert line.cycles == sum(line.causes.values()) and 0 not in line.causes.values()
    assert [one.cycles for one in found.functions] == sorted(
        (one.cycles for one in found.functions), reverse=True
    )
    assert {one.name for one in own} <= {"_start", "exit", "main", "hot", "cold"}


def test_functions_are_the_ranges_of_their_symbols(program: Path) -> None:
    whole = counts_of(program, 1)
    by_name = {one.name: one for one in join(program, whole).functions if not one.inlined}
    for begin, size, name in functions(program):
        inside = [sum(counts) for pc, counts in whole.by_pc.items() if begin <= pc < begin + size]
        assert by_name[name].cycles == sum(inside)
    assert (by_name["hot"].file, by_name["hot"].line) == ("program.c", 7)
    assert by_name["_start"].file == "start.s"


def test_inlined_functions_count_in_both(program: Path) -> None:
    whole = counts_of(program, 2)
    found = join(program, whole)
    inlined = {one.name: one for one in found.functions if one.inlined}
    assert {name: one.line for name, one in inlined.items()} == {"inner": INNER, "outer": OUTER}
    cfu = [pc for pc, word in code_words(program).items() if word & 0x707F == 0x100B]
    assert len(cfu) == 2 and inlined["inner"].cycles == sum(sum(whole.by_pc[pc]) for pc in cfu)
    assert inlined["inner"].cycles <= inlined["outer"].cycles
    hot = next(one for one in found.functions if one.name == "hot")
    assert inlined["outer"].cycles < hot.cycles
    for one in found.code:
        if one.pc in cfu:
            assert (one.function, one.inlined, one.text[:7]) == ("hot", ("inner", "outer"), "mac4[2]")


def test_a_copy_names_its_call(program: Path) -> None:
    [pc, _] = [pc for pc, word in code_words(program).items() if word & 0x707F == 0x100B]
    inner, outer = functions_of(program).copies_at(pc)
    assert (inner.function.name, inner.caller_line) == ("inner", 5)
    assert (outer.function.name, outer.caller_line) == ("outer", 8)
    assert functions_of(program).copies_at(symbol(program, "main")) == []


def test_instructions_of_hot_functions_are_all_there(program: Path) -> None:
    begin, size = next((begin, size) for begin, size, name in functions(program) if name == "hot")
    cold = symbol(program, "cold")
    row = [0] * len(CAUSE_NAMES)
    row[0] = 1000
    few = [round(1000 * HOT_SHARE) - 2, *row[1:]]
    causes = Causes.of({"executing": row[0] + few[0]})
    whole = Segment(
        causes.cycles, causes, Busy(cfu=0, memory_port=0, dma_bytes=0), {begin: tuple(row), cold: tuple(few)}
    )
    code = join(program, whole).code
    assert [one.pc for one in code] == list(range(begin, begin + size, 4))
    assert [one.executions for one in code] == [1000] + [0] * (size // 4 - 1)


def test_use_of_the_cfu(program: Path) -> None:
    whole = counts_of(program, 3)
    uses = {(use.instruction, use.mode): use for use in join(program, whole).cfu}
    words = code_words(program)
    for key, match in ((("cfu0", 0), 0x000B), (("mac4", 2), 0x100B)):
        rows = [whole.by_pc[pc] for pc, word in words.items() if word & 0x707F == match]
        named = [dict(zip(CAUSE_NAMES, row, strict=True)) for row in rows]
        assert uses[key].calls == sum(row["executing"] for row in named)
        assert uses[key].issue_cycles == sum(row["cfu_issue"] for row in named)
        assert uses[key].wait_cycles == sum(row["cfu_wait"] for row in named)
    assert len(uses) == 2


def test_an_annotated_function(program: Path) -> None:
    whole = counts_of(program, 4)
    found = join(program, whole)
    one = variant("project", [1], causes=whole.causes, functions=found.functions, code=found.code)
    lines = list(annotated(one, "outer", [program.parent]))
    outer = next(each for each in found.functions if each.name == "outer")
    assert lines[0].startswith(f"outer: {outer.cycles:,} cycles, ")
    text = "\n".join(lines)
    assert "program.c:2 (in inner in outer)  " in text and "mac4[2]" in text
    rows = [line for line in lines[2:] if not line.startswith("program.c")]
    assert sum(int(line.split()[0].replace(",", "")) for line in rows) == outer.cycles
    with pytest.raises(UsageError, match="'houter'; no such hot function, did you mean 'outer'"):
        list(annotated(one, "houter", []))
    assert any("several lines, or none" in line or "program.c" in line for line in annotated(one, "hot", []))
