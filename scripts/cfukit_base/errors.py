"""Errors for people: where, what was given, what is allowed, what to do.

A command turns such an error into one line on stderr (or one JSON document) and an exit code. Only a bug of cfukit has a
traceback. The exit codes:

* 0: ok
* 1: a result is wrong or missing
* 2: the input is wrong
* 3: a tool is missing
* 4: a bug of cfukit
* 128 + n: stopped by signal n (130: Ctrl-C)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CfukitError(Exception):
    """Base of every error that a user can cause or must act on.

    * where: the file, key, operator or address
    * given: what was found there
    * allowed: what would be right
    * hint: the next step, as a command if there is one

    `message` reads "where: given; allowed (hint)".
    """

    kind = "error"
    exit_code = 4

    def __init__(self, where: str, given: str, *, allowed: str = "", hint: str = "", **details: object):
        self.where = str(where)
        self.given = given
        self.allowed = allowed
        self.hint = hint
        self.details = details
        super().__init__(self.message)

    @property
    def message(self) -> str:
        text = f"{self.where}: {self.given}" if self.where else self.given
        if self.allowed:
            text += f"; {self.allowed}"
        if self.hint:
            text += f" ({self.hint})"
        return text


class UsageError(CfukitError):
    """Wrong command line, configuration or project file."""

    kind = "usage"
    exit_code = 2


class ModelError(CfukitError):
    """A model that is corrupt, or needs something that is not supported."""

    kind = "model"
    exit_code = 2


class BuildError(CfukitError):
    """C code, Verilog or a CFU does not build."""

    kind = "build"
    exit_code = 2


class ResultError(CfukitError):
    """The work was done and the result is wrong: mismatch, fault, time-out, does not fit, disk full."""

    kind = "result"
    exit_code = 1


class MissingToolError(CfukitError):
    """A program is not installed. The hint says how to get it."""

    kind = "missing_tool"
    exit_code = 3


def suggest(given: str, allowed: Iterable[str], noun: str) -> str:
    """ "no such board, did you mean 'arty'?" if `given` is 'arty7'; the whole list if no name is similar."""
    names = sorted(allowed)
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    if near:
        return f"no such {noun}, did you mean '{near[0]}'?"
    return f"no such {noun}; there are: {', '.join(names)}"
