"""What a log file shows of stages, including those of several threads at once and stopped ones."""

from __future__ import annotations

import signal
import threading

import pytest

from cfukit_base import interrupts
from cfukit_tools.cli.progress import StderrSink


def test_stages_of_two_threads_each_have_their_line(capsys: pytest.CaptureFixture[str]) -> None:
    sink, go = StderrSink(verbose=False), threading.Barrier(8)

    def work(number: int) -> None:
        sink.start(f"stage {number}")
        go.wait()
        sink.advance(1, 2, "")
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
