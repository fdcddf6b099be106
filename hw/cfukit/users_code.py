"""Mistakes in the user's own Python (cfu.py, gateware, models) become BuildErrors that name the line."""

from __future__ import annotations

import operator
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import amaranth

from cfukit_base.errors import BuildError, CfukitError
from cfukit_base.reads import USERS_MODULE

BROKEN = (Exception, SystemExit)  # sys.exit() in a user's file must not end the command, least of all with 0
_LIBRARIES = (str(Path(__file__).parent), str(Path(amaranth.__file__).parent))


def failed(error: BaseException, where: str, what: str) -> BuildError:
    """The BuildError about `error`: its place is the innermost line of a user's file, else the innermost one outside cfukit and
    Amaranth, or `where` if there is none.
    """
    return BuildError(_line(error) or where, f"{what}: {type(error).__name__}: {error}")


def integer(function: Callable[..., object], arguments: Sequence[int], where: str, what: str) -> int:
    """Call a function of a user's model. Raises a BuildError with its line if it fails or returns anything but an integer."""
    try:
        answer = function(*arguments)
    except CfukitError:
        raise
    except BROKEN as error:
        raise failed(error, where, f"{what} failed") from error
    try:
        return operator.index(answer)  # type: ignore[arg-type]
    except TypeError:
        code = getattr(function, "__code__", None)
        place = f"{code.co_filename}:{code.co_firstlineno}" if code else where
        raise BuildError(
            place, f"{what} gave {answer!r}, a {type(answer).__name__}", allowed="an integer is needed"
        ) from None


def _line(error: BaseException) -> str:
    """ "cfu.py:12", or "" where only libraries took part."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{error.filename}:{error.lineno}"
    walked = list(traceback.walk_tb(error.__traceback__))
    own = [
        (frame.f_code.co_filename, line)
        for frame, line in walked
        if str(frame.f_globals.get("__name__", "")).startswith(USERS_MODULE)
    ]
    if not own:
        files = [(frame.f_code.co_filename, line) for frame, line in walked]
        own = [(name, line) for name, line in files if not name.startswith((*_LIBRARIES, "<frozen "))]
    return f"{own[-1][0]}:{own[-1][1]}" if own and not own[-1][0].startswith("<") else ""
