"""Progress and notes on stderr.

On a terminal the current stage is a moving line. In a log file each stage that took long enough to matter is one line.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from cfukit_base import interrupts, progress

_QUIET_SECONDS = 0.5  # a shorter stage is not worth a line
_REDRAW_SECONDS = 0.1


class StderrSink:
    """Shows the innermost stage; ended stages stay as lines if they took over half a second."""

    def __init__(self, verbose: bool):
        self._verbose = verbose
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"  # it cannot erase a line
        self._stages: list[str] = []
        self._drawn = 0.0
        self._lock = threading.RLock()  # stages of several threads

    def start(self, text: str) -> None:
        with self._lock:
            self._stages.append(text)
            self._draw(f"{text} ...")

    def advance(self, done: float, total: float, note: str) -> None:
        with self._lock:
            now = time.monotonic()
            if self._terminal and now - self._drawn > _REDRAW_SECONDS and self._stages:
                share = f"{100 * done / total:3.0f} %" if total else f"{done:,.0f}"
                self._draw(f"{self._stages[-1]}: {share} {note}")

    def end(self, text: str, seconds: float, ok: bool) -> None:
        with self._lock:
            self._stages.remove(text)
            self._draw("")
            if seconds > _QUIET_SECONDS or self._verbose:
                failed = "failed" if interrupts.stopped_by() is None else "stopped"
                print(f"{text}: {f'{seconds:.1f} s' if ok else failed}", file=sys.stderr, flush=True)
            if self._stages:
                self._draw(f"{self._stages[-1]} ...")

    def note(self, text: str) -> None:
        with self._lock:
            self._draw("")
            print(text, file=sys.stderr, flush=True)
            if self._stages:
                self._draw(f"{self._stages[-1]} ...")

    def _draw(self, text: str) -> None:
        if self._terminal:
            print(f"\r\x1b[K{text[:100]}", end="", file=sys.stderr, flush=True)
            self._drawn = time.monotonic()


def install(verbose: bool = False) -> None:
    """Show all further progress on stderr."""
    progress.show_with(StderrSink(verbose))
