"""Inside a Cfu: any mix of units, in any order of funct3, elaborates without a combinational loop and answers on time."""

from __future__ import annotations

import gc
import itertools
import re
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfukit import BaseCfu, Cfu, Fixed, HandshakeInstruction, Instruction, Signal, load_cfu
from cfukit import units as units_module
from cfukit.testing import CfuMismatch, check_gateware, check_verilog
from cfukit_base.errors import BuildError
from support.latency_cfu import Count, OwnPiped, Passing, Piped, Slow
from support.odd_units import Buffered, Countdown, Lazy

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cfu.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
LOG2 = next(text for text in EXAMPLES if "class Log2" in text)

# One instruction of each kind, by name.
KINDS = {
    "pipe0": lambda name, state: Piped(0, state),
    "pipe1": lambda name, state: Piped(1, state),
    "pipe3": lambda name, state: Piped(3, state),
    "own1": lambda name, state: OwnPiped(1, state),
    "own3": lambda name, state: OwnPiped(3, state),
    "fixed": lambda name, state: Countdown(4, name=name, state=state),
    "variable": lambda name, state: Lazy(name=name, state=state),
    "zero": lambda name, state: Slow(name=name, state=state),
    "passing": lambda name, state: Passing(name=name, state=state),
    "buffered": lambda name, state: Buffered(name=name, state=state),
}


def mixed(kinds: list[str] | tuple[str, ...], start: int = 0) -> Cfu:
    """Instructions of these kinds on funct3 `start`, `start` + 1, ...; they share a counter of commands."""
    state = Count()
    made = {start + n: KINDS[kind](f"{kind}_{n}", state) for n, kind in enumerate(kinds)}
    for item in made.values():
        if isinstance(item, Slow):
            item.operands = lambda rng: (rng.randrange(12), rng.getrandbits(32), rng.getrandbits(32))
    return Cfu(made, name="mixed")


def copies(folder: Path) -> BaseCfu:
    (folder / "cfu.py").write_text(
        LOG2.replace("Cfu({0: Log2()}", 'Cfu({0: Log2(), 1: Log2(name="other"), 7: Log2(name="third")}')
    )
    return load_cfu(folder / "cfu.py")


def test_two_copies_of_the_pages_example(tmp_path: Path) -> None:
    cfu = copies(tmp_path)
    cfu.verilog()  # no loop
    check_gateware(cfu, 1, 200)


@pytest.mark.slow
def test_two_copies_in_verilog(tmp_path: Path) -> None:
    check_verilog(copies(tmp_path), 1, 5000)


ORDERS = list(itertools.permutations(("fixed", "variable", "buffered")))


@pytest.mark.parametrize("kinds", ORDERS, ids="-".join)
def test_every_order_of_funct3(kinds: tuple[str, ...]) -> None:
    cfu = mixed(kinds)
    cfu.verilog()  # no loop
    check_gateware(cfu, 1, 100)


@pytest.mark.slow
@settings(max_examples=8)
@given(
    kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=8).filter(
        lambda kinds: all(kinds.count(kind) == 1 for kind in kinds if kind.startswith(("pipe", "own")))
    ),
    seed=st.integers(0, 1000),
)
def test_any_set_of_units(kinds: list[str], seed: int) -> None:
    cfu = mixed(kinds, start=seed % (9 - len(kinds)))
    cfu.verilog()
    check_gateware(cfu, seed, 250)


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [sorted(KINDS)[:8], sorted(KINDS)[-8:]], ids=["first", "last"])
def test_eight_kinds_at_once_in_verilog(kinds: list[str]) -> None:
    check_verilog(mixed(kinds), 1, 5000)


@pytest.mark.parametrize(
    "kinds", [("own1",), ("own1", "pipe1"), ("pipe3", "own3", "fixed", "own1")], ids="-".join
)
def test_instructions_with_registers_of_their_own(kinds: tuple[str, ...]) -> None:
    check_gateware(mixed(kinds, start=1), 1, 300)


def test_a_sequential_instruction_hands_over_in_the_next_cycle() -> None:
    """The command after an answer is accepted in the very next cycle, whatever its unit: neither lost nor later."""
    cfu = mixed(["pipe1", "fixed"])
    accepted, answered = timeline(cfu, [1, 0, 0, 1, 0])
    # pipe1 after fixed: 5 = 0 + latency 4 + 1. Two commands of pipe1 go through at full rate.
    assert accepted[:3] == [0, 5, 6] and answered[0] == 4
    # fixed follows pipe1, whose answer is taken in this very cycle, so no cycle is lost.
    assert accepted[3] == answered[2] and accepted[4] == answered[3] + 1


def timeline(cfu: Cfu, funct3s: list[int]) -> tuple[list[int], list[int]]:
    """The cycles in which commands are accepted and answered when each is offered as early as possible."""
    from cfukit.testing import amaranth_driver
    from cfukit.testing.stimulus import NO_LIMIT, PATTERN_CYCLES, Op, Segment

    ops = tuple(Op(funct3, 0, 1, 2) for funct3 in funct3s)
    segment = Segment("gaps", ops, (1 << PATTERN_CYCLES) - 1, NO_LIMIT, True)
    (record,) = amaranth_driver.play(cfu, [segment], 100)
    assert not record.rule
    return list(record.accepted), list(record.answered)


class Entangled(HandshakeInstruction):
    """rd = rs1, declared a cycle late, but rsp_valid stands in the Elif of cmd_valid."""

    time = Fixed(1)

    def gateware(self, m, port):
        full = Signal()
        m.d.comb += [port.cmd_ready.eq(~full), port.rd.eq(port.rs1)]
        with m.If(port.cmd_valid & ~full):
            m.d.sync += full.eq(1)
        with m.Elif(full):
            m.d.comb += port.rsp_valid.eq(1)

    def call(self, funct7, rs1, rs2):
        return rs1


def test_a_loop_of_handshakes_is_explained() -> None:
    with pytest.raises(BuildError, match=r"Cfu 'two': a combinational loop through .*rsp_valid.*If/Elif"):
        Cfu({0: Entangled(name="a"), 1: Entangled(name="b")}, name="two").verilog()


# Faults of the dispatcher and of the units, each of which must be found: in which CFU, what to replace, and with what.
FAULTS = {
    "any order": ("none | (current", "1 | (current", ["pipe1", "variable"]),
    "a pipeline that does not stop": ("advance.eq(~held | port.rsp_ready)", "advance.eq(1)", ["pipe3"]),
    "a result that is not held": ("port.cmd_valid & (held | ~port.rsp_ready)", "0", ["pipe0"]),
    "the wrong unit answers": (
        "Mux(none, wanted[index], current[index]))",
        "wanted[index])",
        ["pipe1", "fixed"],
    ),
    "every pipeline fires": (
        "valid & (kind == index) & advance",
        "valid & advance",
        ["pipe1", "pipe0", "fixed"],
    ),
    "fires while it stands": (
        "valid & (kind == index) & advance",
        "valid & (kind == index)",
        ["pipe1", "buffered"],
    ),
    "responses are not counted": ("outstanding + fire - response", "outstanding + fire", ["pipe1", "fixed"]),
    "the last one is not waited for": ("(last & others & outer.rsp_ready)", "last", ["fixed", "pipe1"]),
    "handed over though it is not taken": (
        "(last & others & outer.rsp_ready)",
        "(last & others)",
        ["pipe3", "buffered"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_dispatcher_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new, kinds = FAULTS[fault]
    text = Path(units_module.__file__).read_text()
    assert text.count(old) >= 1
    broken: dict[str, object] = {"__name__": "cfukit.units", "__file__": units_module.__file__}
    exec(compile(text.replace(old, new), units_module.__file__, "exec"), broken)
    for name in ("pipeline_unit", "handshake_unit", "connect"):
        monkeypatch.setattr(units_module, name, broken[name])
    with pytest.raises(CfuMismatch):
        check_gateware(mixed(kinds), 1, 600)


class Broken(Instruction):
    """Adds a submodule, then fails."""

    def gateware(self, m, cmd):
        m.submodules.one = units_module.Module()
        return cmd.rs3

    def call(self, funct7, rs1, rs2):
        return 0


@pytest.mark.parametrize("check", [lambda cfu: cfu.verilog(), lambda cfu: check_gateware(cfu, 1, 10)])
def test_what_does_not_elaborate_says_so_and_nothing_else(check) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(BuildError, match=r"test_units.py:\d+: it does not elaborate: .*rs3"):
            check(Cfu({0: Broken(), 1: Piped(2, Count())}, name="broken"))
        gc.collect()
    assert not [warning for warning in seen if "never used" in str(warning.message)]
