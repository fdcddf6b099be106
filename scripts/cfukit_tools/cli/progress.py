"""Progress and notes on stderr.

On a terminal the current stage is a moving line. In a log file each stage that took long enough to matter is one line when it
ends, and a few lines before that if it takes long and can tell how far it is.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass, field

from cfukit_base import interrupts, progress

_QUIET_SECONDS = 0.5  # a shorter stage is not worth a line
_REDRAW_SECONDS = 0.1
_FIRST_LINE_SECONDS = 5.0  # of a stage in a log file; then each line waits twice as long as the one before
_LAST_LINE_SECONDS = 60.0  # no line waits longer


@dataclass
class _Stage:
    """share: how far it is; doing: what it is at."""

    text: str
    share: str = ""
    doing: str = ""
    wait_seconds: float = _FIRST_LINE_SECONDS
    next_line: float = field(default_factory=lambda: time.monotonic() + _FIRST_LINE_SECONDS)

    @property
    def news(self) -> str:
        return ", ".join(filter(None, (self.share.strip(), self.doing)))

    def line(self, width: int) -> str:
        """What it says now. If that is too wide, its own name is shortened first."""
        text, rest = self.text, f": {self.news}" if self.news else " ..."
        if len(text) + len(rest) > width:
            text = text[: max(20, width - len(rest) - 2)] + ".."
        return (text + rest)[:width]


class StderrSink:
    """Shows the innermost stage; ended stages stay as lines if they took over half a second."""

    def __init__(self, verbose: bool):
        self._verbose = verbose
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"  # it cannot erase a line
        self._stages: list[_Stage] = []
        self._drawn = 0.0
        self._line_open = False  # the program's own last line on this terminal has no end yet
        self._passed_on = 0.0
        self._lock = threading.RLock()  # stages of several threads

    def start(self, text: str) -> None:
        with self._lock:
            self._stages.append(_Stage(text))
            self._draw_stage()

    def advance(self, done: float, total: float, note: str) -> None:
        with self._lock:
            if self._stages:
                share = f"{100 * done / total:3.0f} %" if total else f"{done:,.0f}"
                self._stages[-1].share = f"{share} {note}"
                self._stages[-1].doing = ""
                self._tell()

    def doing(self, text: str) -> None:
        with self._lock:
            if self._stages:
                self._stages[-1].doing = text
                self._tell()

    def end(self, text: str, seconds: float, ok: bool) -> None:
        with self._lock:
            self._stages.remove(next(stage for stage in reversed(self._stages) if stage.text == text))
            self._draw("")
            if seconds > _QUIET_SECONDS or self._verbose:
                failed = "failed" if interrupts.stopped_by() is None else "stopped"
                self._print(f"{text}: {f'{seconds:.1f} s' if ok else failed}")
            self._draw_stage()

    def note(self, text: str) -> None:
        with self._lock:
            self._draw("")
            self._print(text)
            self._draw_stage()

    def pass_on(self, data: bytes) -> None:
        """Write a program's own output to stdout. On a terminal the moving line makes way until the program's line is complete.

        A line that stays incomplete for long, a prompt say, is left behind.
        """
        with self._lock:
            self._draw("")
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            self._line_open = sys.stdout.isatty() and not data.endswith(b"\n")
            self._passed_on = time.monotonic()

    def _tell(self) -> None:
        """There are news of the innermost stage."""
        stage, now = self._stages[-1], time.monotonic()
        if self._terminal:
            if self._line_open and now - self._passed_on > _FIRST_LINE_SECONDS:
                self._leave_line()
            if now - self._drawn > _REDRAW_SECONDS:
                self._draw_stage()
        elif now >= stage.next_line:
            stage.wait_seconds = min(2 * stage.wait_seconds, _LAST_LINE_SECONDS)
            stage.next_line = now + stage.wait_seconds
            self._print(f"{stage.text}: {stage.news}")

    def _draw_stage(self) -> None:
        if self._stages:
            self._draw(self._stages[-1].line(_columns()))

    def _draw(self, text: str) -> None:
        if self._terminal and not self._line_open:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
            self._drawn = time.monotonic()

    def _print(self, text: str) -> None:
        self._leave_line()
        print(text, file=sys.stderr, flush=True)

    def _leave_line(self) -> None:
        """Begin a new line if the program has not."""
        if self._terminal and self._line_open:
            print(file=sys.stderr, flush=True)
        self._line_open = False


def _columns() -> int:
    """How wide a line may be: one that wraps cannot be erased."""
    try:
        return (os.get_terminal_size(sys.stderr.fileno()).columns or 80) - 1
    except (OSError, ValueError):
        return 79


def install(verbose: bool = False) -> StderrSink:
    """Show all further progress on stderr."""
    sink = StderrSink(verbose)
    progress.show_with(sink)
    return sink
