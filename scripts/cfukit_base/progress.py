"""Progress of long work.

Libraries call `stage("compiling the simulator")`, `advance(done, total)`, `doing("...")` and `note("...")`. The command line installs
a sink that shows these on stderr. Without a sink nothing is shown, so libraries never print.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Sink(Protocol):
    """Shows progress: a stage starts, advances, does something and ends; a note stays."""

    def start(self, text: str) -> None: ...
    def advance(self, done: float, total: float, note: str) -> None: ...
    def doing(self, text: str) -> None: ...
    def end(self, text: str, seconds: float, ok: bool) -> None: ...
    def note(self, text: str) -> None: ...


_sink: Sink | None = None


def show_with(sink: Sink | None) -> None:
    """Show progress with `sink` from now on. None shows nothing."""
    global _sink
    _sink = sink


@contextmanager
def stage(text: str) -> Iterator[None]:
    """A named piece of work that takes long enough for a person to wonder."""
    begin = time.monotonic()
    if _sink is not None:
        _sink.start(text)
    ok = False
    try:
        yield
        ok = True
    finally:
        if _sink is not None:
            _sink.end(text, time.monotonic() - begin, ok)


def advance(done: float, total: float, note: str = "") -> None:
    """The current stage has done `done` of `total`, in any unit. total 0: not known."""
    if _sink is not None:
        _sink.advance(done, total, note)


def doing(text: str) -> None:
    """What the current stage is at, where nobody knows how much is left."""
    if _sink is not None:
        _sink.doing(text)


def note(text: str) -> None:
    """Show one line that a person should see, such as a warning. It stays on the screen."""
    if _sink is not None:
        _sink.note(text)
