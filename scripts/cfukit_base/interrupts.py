"""Signals that end a command: SIGINT, SIGTERM and SIGHUP stop everything once, in every thread, and leave nothing behind.

The first signal raises KeyboardInterrupt in the main thread. Before that it calls what `on_stop` registered, which kills the
running programs (see cfukit_base.process). Other threads call `check`, which raises from then on, so that none of them starts
another program.

Without `install` (cfukit used as a library) Python's own rules apply and nothing in this file has an effect.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# `timeout` and make send their signal twice at once. A person who presses Ctrl-C again later wants out immediately.
_AGAIN_SECONDS = 1.0
_WAKE_SECONDS = 0.02
_CLEAN_UP_SECONDS = 10.0


class _State:
    seen = False  # a signal has come
    stopped_by: int | None = None  # the signal, if it came before `finish`
    finished = False
    depth = 0  # of nested `deferred` blocks in the main thread
    pending = False  # the signal came inside `deferred`


_state = _State()
_callbacks: list[Callable[[], None]] = []
_wakeup: list[int] = []  # read end, write end


def install() -> None:
    """Handle the signals, except those that our caller wants ignored (nohup). Main thread only."""
    if not _wakeup:
        _wakeup.extend(os.pipe())
        os.set_blocking(_wakeup[1], False)
        signal.set_wakeup_fd(_wakeup[1], warn_on_full_buffer=False)
        threading.Thread(target=_watch, args=(_wakeup[0], _state), name="signals", daemon=True).start()
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _on_signal)
    sys.unraisablehook = _unraisable


def uninstall() -> None:
    """Restore Python's own handlers and forget every signal: for tests."""
    global _state
    _state = _State()
    if _wakeup:
        signal.set_wakeup_fd(-1)
        os.close(_wakeup[1])  # ends `_watch`
        _wakeup.clear()
    sys.unraisablehook = sys.__unraisablehook__
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def on_stop(callback: Callable[[], None]) -> None:
    """Call `callback` in the main thread when the first signal comes. It ends what other threads wait for."""
    _callbacks.append(callback)


def stopped_by() -> int | None:
    """The signal that stops this command; None as long as none has come."""
    return _state.stopped_by


def check() -> None:
    """Raise KeyboardInterrupt, in any thread, once a signal has come."""
    if _state.stopped_by is not None:
        raise KeyboardInterrupt


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Hold back a signal that comes in this block until the block ends. No effect in other threads."""
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
    """Ignore signals from here on: the result is being printed. A second one, later, still ends the process."""
    _state.finished = True


def leave(code: int) -> NoReturn:
    """End a stopped process with `code` when its threads have cleaned up.

    sys.exit would not do: after a KeyboardInterrupt inside exec() of a string (every dataclass), even one that was
    caught, Python finally kills itself with SIGINT.
    """
    end = time.monotonic() + _CLEAN_UP_SECONDS
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            with contextlib.suppress(RuntimeError):  # one that has not begun yet has nothing to clean up
                thread.join(max(0.0, end - time.monotonic()))
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    if _state.seen:
        return
    _state.seen = True
    if _state.finished:
        return
    _state.stopped_by = number
    if _state.depth:
        _state.pending = True
    else:
        _stop()


def _stop() -> None:
    for callback in _callbacks:
        callback()
    raise KeyboardInterrupt


def _watch(pipe: int, state: _State) -> None:
    """A thread that reads the number of every signal, whatever the main thread is doing.

    Python runs `_on_signal` only when the main thread next executes an instruction. If the system gives the signal to
    another thread, or just before the main thread begins to wait for a lock, that may be never. So send the first signal
    to the main thread until it has been seen. A second one, later, ends the process here.
    """
    again = math.inf
    while byte := os.read(pipe, 1):
        number = byte[0]
        if number not in SIGNALS:
            continue
        if time.monotonic() > again:
            os._exit(128 + number)  # the guards of our programs end them (see cfukit_base.process)
        again = min(again, time.monotonic() + _AGAIN_SECONDS)
        while not state.seen:
            time.sleep(_WAKE_SECONDS)
            if not state.seen:
                signal.pthread_kill(threading.main_thread().ident or 0, number)
    os.close(pipe)


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """Print no traceback for a KeyboardInterrupt that is lost in a destructor: `check` raises it again."""
    if _state.stopped_by is None or not isinstance(lost.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
