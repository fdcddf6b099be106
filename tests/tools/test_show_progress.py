"""What a terminal and a log file show of stages, including those of several threads at once and stopped ones."""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base import interrupts
from cfukit_tools.cli import progress as shown
from cfukit_tools.cli.progress import StderrSink, _Stage


class Clock:
    """time.monotonic, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now = 100.0
        monkeypatch.setattr(shown.time, "monotonic", lambda: self.now)


class Terminal(io.TextIOWrapper):
    """A terminal that both stdout and stderr write to."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), write_through=True)

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError

    @property
    def screen(self) -> list[str]:
        """The lines that a person sees."""
        assert isinstance(self.buffer, io.BytesIO)
        lines = self.buffer.getvalue().decode().split("\n")
        return [re.split("\r\x1b\\[K", line)[-1] for line in lines]


def terminal_here(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """stdout and stderr as a terminal, for the rest of the test: between its phases pytest would replace them."""
    made = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setattr(sys, "stdout", made)
    return made


def test_stages_of_two_threads_each_have_their_line(capsys: pytest.CaptureFixture[str]) -> None:
    sink, go = StderrSink(verbose=False), threading.Barrier(8)

    def work(number: int) -> None:
        sink.start(f"stage {number}")
        go.wait()
        sink.advance(1, 2, "")
        sink.doing("something")
        sink.end(f"stage {number}", 1.25, True)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(capsys.readouterr().err.splitlines()) == [f"stage {number}: 1.2 s" for number in range(8)]


def test_short_stages_are_quiet_and_others_say_how_they_ended(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = StderrSink(verbose=False)
    for text, seconds, ok in (("short", 0.1, True), ("long", 2.0, True), ("broken", 2.0, False)):
        sink.start(text)
        sink.end(text, seconds, ok)
    monkeypatch.setattr(interrupts, "stopped_by", lambda: signal.SIGINT)
    sink.start("placing")
    sink.end("placing", 3.0, False)
    assert capsys.readouterr().err.splitlines() == ["long: 2.0 s", "broken: failed", "placing: stopped"]


def test_a_log_file_gets_fewer_and_fewer_lines_of_a_long_stage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, sink = Clock(monkeypatch), StderrSink(verbose=False)
    sink.start("running")
    for second in range(300):
        clock.now = 100.0 + second
        sink.doing(f"second {second}")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"running: second {at}" for at in (5, 15, 35, 75, 135, 195, 255)]


def test_a_terminal_shows_what_the_stage_is_at(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, clock, sink = terminal_here(monkeypatch), Clock(monkeypatch), StderrSink(verbose=False)
    sink.start("running")
    assert terminal.screen == ["running ..."]
    for tell, line in (
        (lambda: sink.doing("5 cycles"), "running: 5 cycles"),
        (lambda: sink.advance(1, 4, "reference"), "running: 25 % reference"),
        (lambda: sink.doing("9 cycles"), "running: 25 % reference, 9 cycles"),
        (lambda: sink.advance(700, 0, "s"), "running: 700 s"),
    ):
        clock.now += 1
        tell()
        assert terminal.screen == [line]
    sink.end("running", 0.1, True)
    assert terminal.screen == [""]


def test_the_programs_own_line_is_never_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, clock, sink = terminal_here(monkeypatch), Clock(monkeypatch), StderrSink(verbose=False)
    sink.start("running")
    sink.pass_on(b"one\ntw")
    clock.now += 1
    sink.doing("5 cycles")
    assert terminal.screen == ["one", "tw"]
    sink.pass_on(b"o\n")
    clock.now += 1
    sink.doing("6 cycles")
    assert terminal.screen == ["one", "two", "running: 6 cycles"]
    sink.pass_on(b"name? ")
    assert terminal.screen == ["one", "two", "name? "]
    clock.now += 6
    sink.doing("7 cycles")
    assert terminal.screen == ["one", "two", "name? ", "running: 7 cycles"]
    sink.pass_on(b"open")
    sink.note("by the way")
    assert terminal.screen == ["one", "two", "name? ", "open", "by the way", "running: 7 cycles"]


@given(st.text("ab ", max_size=150), st.text("xyz", max_size=150), st.integers(20, 200))
def test_a_line_fits_and_keeps_its_news_first(text: str, news: str, width: int) -> None:
    line = _Stage(text, doing=news).line(width)
    assert len(line) <= width
    if news and len(news) + 24 <= width:
        assert line.endswith(f": {news}")


def test_the_width_is_the_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wide:
        def fileno(self) -> int:
            return 2

    monkeypatch.setattr(sys, "stderr", Wide())
    for columns, usable in ((132, 131), (0, 79)):
        size = os.terminal_size((columns, 24))
        monkeypatch.setattr(os, "get_terminal_size", lambda handle, size=size: size)
        assert shown._columns() == usable
