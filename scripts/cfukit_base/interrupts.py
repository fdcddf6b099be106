"""Signals that end a command: SIGINT, SIGTERM and SIGHUP stop everything once, everywhere, and leave nothing behind.

A signal reaches only the main thread, where the first one raises KeyboardInterrupt; for all other threads there is the state that
`check` asks: from the signal on no program is started any more (see cfukit_base.process) and what runs is killed.
Without `install` (cfukit used as a library) Python's own rules hold and nothing here ever happens.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AGAIN_SECONDS = (
    1.0  # `timeout` and make send theirs twice; a person who presses Ctrl-C later again wants out at once
)

_WAKE_SECONDS = 0.02
_CLEAN_UP_SECONDS = 10.0


class _State:
    stopped_by: int | None = None
    at = 0.0
    depth = 0  # of `deferred` in the main thread
    pending = False  # a signal came inside `deferred`
    finished = False


_state = _State()
_callbacks: list[Callable[[], None]] = []


_wakeup: list[int] = []  # read end, write end


def install() -> None:
    """Take the signals over, except those that whoever started us wants ignored (nohup). Main thread only."""
    if not _wakeup:
        _wakeup.extend(os.pipe())
        os.set_blocking(_wakeup[1], False)
        signal.set_wakeup_fd(_wakeup[1], warn_on_full_buffer=False)
        threading.Thread(target=_wake_main, args=(_wakeup[0], _state), name="signals", daemon=True).start()
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _on_signal)
    sys.unraisablehook = _unraisable


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """Ours may get lost in a destructor: `check` raises it again, and nobody needs its traceback."""
    if _state.stopped_by is None or not isinstance(lost.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(lost)


def uninstall() -> None:
    """Python's own handlers, and no signal seen: for tests."""
    global _state
    _state = _State()
    if _wakeup:
        signal.set_wakeup_fd(-1)
        os.close(_wakeup[1])
        _wakeup.clear()
    sys.unraisablehook = sys.__unraisablehook__
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _wake_main(pipe: int, state: _State) -> None:
    """Python runs handlers in the main thread only, when that next executes an instruction. Where the system gives a signal
    to another thread, or just before the main one begins to wait for a lock, that is never: so send it there again.
    """
    first = True
    while byte := os.read(pipe, 1):
        number = byte[0]
        if number not in SIGNALS:
            continue
        if not first and state.at and time.monotonic() - state.at > _AGAIN_SECONDS:
            _leave(number)
        first = False
        while not state.at:
            time.sleep(_WAKE_SECONDS)
            if not state.at:
                signal.pthread_kill(threading.main_thread().ident or 0, number)
    os.close(pipe)


def on_stop(callback: Callable[[], None]) -> None:
    """Call `callback` in the main thread when the first signal comes: it ends what other threads wait for."""
    _callbacks.append(callback)


def stopped_by() -> int | None:
    """The signal that stops this command; None as long as none has come."""
    return _state.stopped_by


def check() -> None:
    """KeyboardInterrupt, in any thread, once a signal has come."""
    if _state.stopped_by is not None:
        raise KeyboardInterrupt


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """What must not be torn apart: a signal that comes in this block raises at its end. No effect in other threads."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state.depth += 1
    try:
        yield
    finally:
        _state.depth -= 1
        if _state.pending and not _state.depth:
            _state.pending = False
            _stop()


def finish() -> None:
    """The result is being told: from here on a signal changes nothing (a second one, later, still ends the process)."""
    _state.finished = True


def leave(code: int) -> NoReturn:
    """End a stopped process with `code` when its threads have cleaned up.

    Not by sys.exit: after a KeyboardInterrupt inside exec() of a string (every dataclass), even one that was caught, Python
    kills itself by SIGINT in the end.
    """
    end = time.monotonic() + _CLEAN_UP_SECONDS
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, end - time.monotonic()))
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    now = time.monotonic()
    if _state.at and now - _state.at > _AGAIN_SECONDS:
        _leave(number)
    if _state.at:
        return
    _state.at = now
    if _state.finished:
        return
    _state.stopped_by = number
    if _state.depth:
        _state.pending = True
    else:
        _stop()


def _leave(number: int) -> NoReturn:
    os._exit(128 + number)  # what watches over our programs ends them (see cfukit_base.process)


def _stop() -> None:
    _call_back()
    raise KeyboardInterrupt


def _call_back() -> None:
    for callback in _callbacks:
        callback()
