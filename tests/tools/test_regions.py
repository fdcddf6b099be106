"""The causes of CFUKIT_REGIONs: by the marks of segments, and in programs on the RTL."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.artefacts.causes import CAUSE_NAMES, Busy, Causes, Segment
from cfukit_base.errors import ResultError
from cfukit_base.protocol import wire
from cfukit_base.symbols import symbol
from cfukit_tools import api
from cfukit_tools.inference.regions import regions_in, told_regions
from support.bare import compile_c

PLACES = {0x4000_1000: "a", 0x4000_1100: "b", 0x4000_1200: "a"}  # two places of one name
# What a program does, each step after some cycles: enter a region, leave the innermost one, or read the counter.
Events = list[tuple[int | str, int, str]]
EVENTS = st.lists(
    st.tuples(
        st.sampled_from([*PLACES, "leave", "read"]), st.integers(1, 1000), st.sampled_from(CAUSE_NAMES)
    ),
    max_size=40,
)


@dataclass
class Program:
    """The runtime's regions, and the cycles of each, added up while they pass."""

    segments: list[Segment]
    nested: list[int]
    entered: dict[int, int]
    spent: dict[int, dict[str, int]]

    def pass_cycles(self, cycles: int, cause: str, mark: int | None) -> None:
        """mark: of the read of the counter after these cycles; None without a read."""
        for place in set(self.nested):
            self.spent[place][cause] = self.spent[place].get(cause, 0) + cycles
        last = self.segments[-1]
        causes = last.causes + Causes.of({cause: cycles})
        self.segments[-1] = replace(last, end=last.end + cycles, causes=causes, mark=mark or 0)
        if mark is not None:
            self.segments.append(empty(self.segments[-1].end))

    def enter(self, place: int, cycles: int, cause: str, reads: int) -> None:
        """reads: how often the low word is read, which is twice where it overflows."""
        outermost = place not in self.nested
        self.pass_cycles(cycles, cause, place if outermost else None)
        for _ in range(reads - 1 if outermost else 0):
            self.pass_cycles(7, "uncached", place)
        self.spent.setdefault(place, {})
        self.entered[place] = self.entered.get(place, 0) + 1
        self.nested.append(place)

    def leave(self, cycles: int, cause: str, reads: int) -> None:
        for _ in range(reads - 1):
            self.pass_cycles(7, "uncached", self.nested[-1] + 1)
        self.pass_cycles(cycles, cause, self.nested[-1] + 1)
        self.nested.pop()

    def end(self) -> list[wire.Region]:
        """The program ends where it is: it reads the counter once for each region that is open."""
        records = []
        for place in self.spent:
            if place in self.nested:
                self.pass_cycles(11, "hazard", 0)
                self.nested = [each for each in self.nested if each != place]
            records.append(wire.Region(PLACES[place], self.entered[place], sum(self.spent[place].values())))
        self.pass_cycles(100, "executing", None)
        return records


def empty(end: int) -> Segment:
    return Segment(end, Causes.of({}), Busy(cfu=0, memory_port=0, dma_bytes=0), {})


def run(events: Events, reads: int) -> tuple[Program, list[wire.Region]]:
    program = Program([empty(0)], [], {}, {})
    for what, cycles, cause in events:
        if isinstance(what, int):
            program.enter(what, cycles, cause, reads)
        elif what == "leave" and program.nested:
            program.leave(cycles, cause, reads)
        else:
            program.pass_cycles(cycles, cause, 0)
    return program, program.end()


@given(EVENTS, st.sampled_from([1, 2]))
def test_regions_get_the_causes_of_their_cycles(events: Events, reads: int) -> None:
    program, records = run(events, reads)
    expected: dict[str, Causes] = {}
    for place, spent in program.spent.items():
        expected[PLACES[place]] = expected.get(PLACES[place], Causes.of({})) + Causes.of(spent)
    found = told_regions(records, program.segments, "here")
    assert {one.name: one.causes for one in found} == expected
    assert all(one.causes is not None and one.cycles == one.causes.cycles for one in found)
    counts: dict[str, int] = {}
    for record in records:
        counts[record.name] = counts.get(record.name, 0) + record.count
    assert {one.name: one.count for one in found} == counts


@given(EVENTS.filter(lambda events: any(isinstance(what, int) for what, *_ in events)))
def test_cycles_that_no_read_ends_are_refused(events: Events) -> None:
    program, records = run(events, 1)
    wrong = [replace(records[0], cycles=records[0].cycles + 1_000_000), *records[1:]]
    with pytest.raises(ResultError, match=r"region .: no read of the counter after"):
        told_regions(wrong, program.segments, "here")


def test_without_marks_there_are_no_causes() -> None:
    records = [wire.Region("a", 1, 10), wire.Region("b", 2, 5), wire.Region("a", 3, 7)]
    found = told_regions(records, [empty(5)], "here")
    assert [(one.name, one.count, one.cycles) for one in found] == [("a", 4, 17), ("b", 2, 5)]
    assert all(one.causes is None for one in found)


def test_names_are_read_from_the_program(tmp_path: Path) -> None:
    source = """\
struct region { const char *name; u32 rest[8]; };
struct region *volatile used;
struct region first = {"first", {1}}, second = {"second", {2}};
int main(void) {
  used = &first;
  used = &second;
  return 0;
}
"""
    elf = compile_c(source, tmp_path)
    first, second = symbol(elf, "first"), symbol(elf, "second")
    segments = [
        replace(empty(10 * number), causes=Causes.of({"executing": 10}), mark=mark)
        for number, mark in enumerate([second, first, first + 1, second + 1, first])
    ]
    found = [(one.name, one.count, one.cycles) for one in regions_in(elf, segments)]
    assert found == [("second", 1, 30), ("first", 1, 10)]


TURNS = 1000
# In each turn: four instructions, two cycles until the product is there, and one behind the predicted branch.
PRODUCTS = {"executing": 4, "hazard": 2, "branch": 1}
# The same branch, and the divider's 33 cycles.
DIVISIONS = {"executing": 3, "muldiv": 33, "branch": 1}
# Beside the loops there are calls, reads of the counter and cold caches; in regions that are open at the end, also the records.
FEW, RECORDS = 600, 20_000
HAND_MADE = r"""
#include "cfukit.h"
static __attribute__((noinline)) void products(int n) {
  __asm__ volatile(".balign 32\n1: mul t0, t0, t0\n add t1, t0, t0\n addi %0, %0, -1\n bnez %0, 1b"
                   : "+r"(n) : : "t0", "t1");
}
static __attribute__((noinline)) void divisions(int n) {
  __asm__ volatile(".balign 32\n1: div t0, t1, t2\n addi %0, %0, -1\n bnez %0, 1b" : "+r"(n) : : "t0");
}
static int recursive(int n) {
  CFUKIT_REGION("recursive") {
    products(1000);
    if (n > 1) return recursive(n - 1);
  }
  return n;
}
int main(void) {
  for (int i = 0; i < 3; i++) {
    CFUKIT_REGION("products") products(1000);
    CFUKIT_REGION("both") {
      products(1000);
      CFUKIT_REGION("divisions") divisions(1000);
    }
    CFUKIT_REGION("empty") {}
  }
  CFUKIT_REGION("never left") {
    recursive(4);
    CFUKIT_REGION("open") {
      divisions(1000);
      cfukit_exit(0);
    }
  }
  return 1;
}
"""


@pytest.mark.slow
def test_counts_derived_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "program.c"
    path.write_text(HAND_MADE)
    document = api.exec_(path, stdin=b"", causes=True, engine="rtl")
    assert document["exit_code"] == 0
    regions = {one["name"]: one for one in document["regions"]}
    turns = {
        "products": (3 * TURNS, 0),
        "both": (3 * TURNS, 3 * TURNS),
        "divisions": (0, 3 * TURNS),
        "empty": (0, 0),
        "never left": (4 * TURNS, TURNS),
        "recursive": (4 * TURNS, 0),
        "open": (0, TURNS),
    }
    assert set(regions) == set(turns)
    for name, (products, divisions) in turns.items():
        assert sum(regions[name]["causes"].values()) == regions[name]["cycles"]
        more = RECORDS if name in ("never left", "open") else FEW
        for cause, cycles in regions[name]["causes"].items():
            wanted = products * PRODUCTS.get(cause, 0) + divisions * DIVISIONS.get(cause, 0)
            assert wanted <= cycles <= wanted + more, f"{name} {cause}"
    assert regions["recursive"]["count"] == 4 and regions["both"]["count"] == 3
    without = api.exec_(path, stdin=b"", engine="rtl")["regions"]
    assert [one | {"causes": None} for one in document["regions"]] == without


@pytest.mark.slow
def test_regions_of_a_kernel_are_in_the_profile(built_mac4: Path, two_samples: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(built_mac4, tmp_path / "mac4")
    [kernel] = folder.glob("*.c")
    head = "void mac4_conv(const void *params) {"
    text = kernel.read_text()
    assert text.count(head) == 1
    whole = f'{head}\n  CFUKIT_REGION("conv") inner(params);\n}}\n'
    text = text.replace(
        head, "static void inner(const void *params);\n" + whole + "static void inner(const void *params) {"
    )
    kernel.write_text('#include "cfukit.h"\n' + text)
    [variant] = api.profile(folder, inputs=two_samples, samples=1, engine="rtl")["variants"]
    ops = [op for op in variant["ops"] if op["kernel"].endswith("/mac4_conv")]
    [region] = variant["regions"]
    assert (region["name"], region["count"]) == ("conv", len(ops))
    assert sum(region["causes"].values()) == region["cycles"]
    # An operator also calls the kernel, and its region.
    assert 0 < sum(op["cycles"] for op in ops) - region["cycles"] <= 1000 * len(ops)
    for op in variant["ops"]:
        own = [one for one in op["functions"] if not one["inlined"]]
        assert sum(one["cycles"] for one in own) == op["cycles"]
        assert sum(sum(one["causes"].values()) for one in own) == op["cycles"]
