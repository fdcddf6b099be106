"""Verilog of designs in Amaranth: the text that Amaranth makes itself, with the same Yosys."""

from __future__ import annotations

import pytest
from amaranth.back import rtlil, verilog
from amaranth.hdl import Array, ClockDomain, Module, Signal
from amaranth.lib.memory import Memory

from cfukit_base import verilog as ours
from cfukit_base.errors import BuildError


def design() -> tuple[Module, list[Signal]]:
    """A memory, a register with a choice and a submodule: what Yosys has to convert."""
    m, ports = Module(), [Signal(8, name=name) for name in ("a", "b", "out")]
    a, b, out = ports
    m.domains.sync = ClockDomain()
    m.submodules.memory = memory = Memory(shape=8, depth=4, init=[1, 2, 3])
    read, write = memory.read_port(), memory.write_port()
    m.d.comb += [read.addr.eq(a), read.en.eq(1), write.addr.eq(b), write.data.eq(a), write.en.eq(b[7])]
    with m.Switch(a):
        with m.Case(1, 3):
            m.d.sync += out.eq(read.data)
        with m.Default():
            m.d.sync += out.eq(Array([a, b, 7])[b[:2]])
    return m, ports


@pytest.mark.long  # Amaranth translates Yosys for a minute
def test_the_text_is_amaranths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")
    made, ports = design()
    text = ours.verilog_of(made, "Cfu", ports)
    made, ports = design()
    assert text == verilog.convert(made, name="Cfu", ports=ports, emit_src=False, strip_internal_attrs=True)
    assert "module Cfu(" in text and "(* src" not in text


def test_what_yosys_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtlil, "convert", lambda *_, **__: "nonsense")
    with pytest.raises(BuildError, match="Cfu: Yosys cannot write its Verilog") as caught:
        ours.verilog_of(Signal(), "Cfu", [])
    assert "Parser error in line 1" in str(caught.value.details)
