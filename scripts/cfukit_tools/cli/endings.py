"""How a command ends: whatever is raised becomes one message (or one JSON document) and an exit code."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import click

from cfukit_base import interrupts
from cfukit_base.artefacts import ErrorDocument
from cfukit_base.cache import user_cache
from cfukit_base.errors import CfukitError, ResultError, UsageError
from cfukit_base.whereabouts import Stopped


def run_action(action: Callable[[], int], as_json: bool = False) -> int:
    """Run `action`; whatever it raises becomes a message (or a document) and an exit code.

    as_json: stdout is for `tell` alone; what anything else prints, a user's cfu.py say, goes to stderr.
    """
    _stream.append(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
            code = _run_and_tell(action, as_json)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has gone (`cfukit ... | head`): that is its business, not an error.
        _give_up_stdout()
        code = 0
    except OSError as error:  # whatever else fails names a file: see _run_and_tell
        _give_up_stdout()
        code = _fail(ResultError("standard output", f"cannot write here: {error.strerror}"), as_json=False)
    finally:
        _stream.pop()
    return code


_stream: list[TextIO] = []  # stdout as it was when the command began


def tell(document: Mapping[str, Any]) -> None:
    """The one document of a command with --json."""
    print(json.dumps(document, indent=1), file=_stream[-1] if _stream else sys.stdout)


def _give_up_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run_and_tell(action: Callable[[], int], as_json: bool) -> int:
    try:
        return action()
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.UsageError as error:
        context = error.ctx.command_path if error.ctx else "cfukit"
        return _fail(UsageError(context, error.format_message(), hint=f"{context} --help"), as_json)
    except (click.Abort, KeyboardInterrupt) as ending:
        cause = ending.__cause__ if isinstance(ending, click.Abort) else ending
        return _fail(_Interrupted(cause if isinstance(cause, Stopped) else Stopped()), as_json)
    except CfukitError as error:
        return _fail(error, as_json)
    except BrokenPipeError:
        raise
    except (Exception, SystemExit) as error:
        if (
            isinstance(error, OSError)
            and error.filename is None
            and error.errno in (errno.ENOSPC, errno.EIO, errno.EBADF)
        ):
            raise  # stdout or stderr
        # What breaks while everything is being stopped (a program killed, a thread gone) is no bug.
        return _fail(_own_bug() if interrupts.stopped_by() is None else _Interrupted(Stopped()), as_json)


class _Interrupted(CfukitError):
    """details: where programs were that ran (`running`), and the text of a bare program (`output`)."""

    kind = "interrupted"

    def __init__(self, stopped: Stopped) -> None:
        number = interrupts.stopped_by() or signal.SIGINT
        self.exit_code = 128 + number
        by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
        super().__init__(
            "",
            f"interrupted{by}",
            hint="call again: finished parts are kept",
            running=stopped.running,
            output=stopped.output,
        )


class _OwnBug(CfukitError):
    kind = "internal"
    exit_code = 4


def _own_bug() -> CfukitError:
    """Keep the traceback in a file and name it: a user can act on neither, a bug report can."""
    folder = user_cache() / "crashes"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{os.getpid()}.txt"
        path.write_text(f"cfukit {' '.join(sys.argv[1:])}\n\n{traceback.format_exc()}")
        place = str(path)
    except OSError:
        place = traceback.format_exc()
    last = traceback.format_exc().strip().splitlines()[-1]
    return _OwnBug("cfukit", f"a bug of cfukit: {last}", hint=f"please report it with {place}")


def _fail(error: CfukitError, as_json: bool) -> int:
    interrupts.finish()
    if as_json:
        tell(ErrorDocument.of(error).to_json())
    else:
        print(f"cfukit: {error.message}", file=sys.stderr)
        for line in _particulars(error)[-30:]:
            print(f"  {line}", file=sys.stderr)
    return error.exit_code


def _particulars(error: CfukitError) -> list[str]:
    """What a compiler or simulator said, and where programs were that have been stopped, where the error carries it."""
    said = (str(error.details[key]) for key in ("diagnostics", "log") if key in error.details)
    running = error.details.get("running", ())
    assert isinstance(running, tuple)
    return [line for text in (*said, *map(str, running)) for line in text.splitlines()]
