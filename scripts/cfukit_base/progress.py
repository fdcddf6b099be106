"""Progress of long work, from where it happens to whoever shows it.

Libraries call `stage("compiling the simulator")` and `advance(done, total)`; the command line installs one sink that draws
them on stderr. Without a sink nothing is shown, so libraries never print.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Sink(Protocol):
    """What shows progress: a stage starts, moves on, ends."""

    def start(self, text: str) -> None: ...
    def advance(self, done: float, total: float, note: str) -> None: ...
    def end(self, text: str, seconds: float, ok: bool) -> None: ...
    def note(self, text: str) -> None: ...


_sink: Sink | None = None


def show_with(sink: Sink | None) -> None:
    """Show all further progress with `sink`; None shows nothing."""
    global _sink
    _sink = sink


@contextmanager
def stage(text: str) -> Iterator[None]:
    """A named piece of work, long enough that a person wants to know."""
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
    """`done` of `total` of the current stage (any unit; total 0: unknown)."""
    if _sink is not None:
        _sink.advance(done, total, note)


def note(text: str) -> None:
    """One line that a person should see, such as a warning; it stays on the screen."""
    if _sink is not None:
        _sink.note(text)
