"""Tables, numbers and lines as people read them on a terminal or in a pipe."""

from __future__ import annotations

import sys

from rich import box
from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 10_000  # a file or pipe has no columns: nothing is cut or wrapped


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Say so like any other stream; rich would end the process, with code 1."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """stdout, or stderr: as wide as the terminal, which wraps; unlimited in a file or pipe."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if terminal else PIPE_WIDTH
    return _Console(stderr=stderr, width=width, highlight=False, markup=False, soft_wrap=not terminal)


def table(*columns: str, title: str | None = None) -> Table:
    """Columns named with a leading > are numbers, to the right."""
    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        right = column.startswith(">")
        made.add_column(
            column.lstrip(">"), justify="right" if right else "left", no_wrap=right, overflow="fold"
        )
    return made


def millions(cycles: float | None) -> str:
    """Cycles as people say them: 12.34 M, 56.7 k, 890."""
    if cycles is None:
        return "-"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if cycles >= size:
            return f"{cycles / size:.4g} {unit}"
    return f"{cycles:.0f}"


def times(gain: float | None) -> str:
    """How many times as fast."""
    return "-" if gain is None else f"{gain:.2f}x"


def ratio(before: float | None, after: float | None) -> str:
    """How many times faster."""
    return times(before / after if before and after else None)


def per_mac(cycles: float | None, macs: int) -> str:
    """Cycles per multiplication."""
    return f"{cycles / macs:.2f}" if cycles and macs else "-"
