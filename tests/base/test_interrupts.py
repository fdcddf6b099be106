"""The first signal raises once, but not in a deferred block. Later ones do nothing, unless they come much later."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import pytest

from cfukit_base import interrupts


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in interrupts.SIGNALS}
    kept = interrupts._callbacks.copy()
    interrupts._callbacks.clear()  # they would kill pytest's own children
    interrupts.uninstall()
    interrupts.install()
    yield
    interrupts.uninstall()
    interrupts._callbacks[:] = kept
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)
    for _ in range(100):  # Python runs the handler between two instructions
        pass


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_a_signal_raises_calls_back_and_is_remembered(number: int) -> None:
    called = []
    interrupts.on_stop(lambda: called.append(interrupts.stopped_by()))
    interrupts.check()
    with pytest.raises(KeyboardInterrupt):
        send(number)
    assert called == [number] and interrupts.stopped_by() == number
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()


def test_only_the_first_of_several_raises() -> None:
    with pytest.raises(KeyboardInterrupt):
        send()
    send()
    send(signal.SIGTERM)
    assert interrupts.stopped_by() == signal.SIGINT


def test_deferred_blocks_run_to_their_end() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts.deferred():
        with interrupts.deferred():
            send()
            done.append("inner")
        done.append("outer")
    assert done == ["inner", "outer"]


def test_deferred_lets_other_errors_through() -> None:
    with pytest.raises(ValueError), interrupts.deferred():
        raise ValueError
    with pytest.raises(KeyboardInterrupt):
        send()


def test_deferred_has_no_effect_in_another_thread() -> None:
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with interrupts.deferred():
            inside.set()
            leave.wait(20)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(20)
    with pytest.raises(KeyboardInterrupt):
        send()
    leave.set()
    thread.join()


def test_after_finish_a_signal_changes_nothing() -> None:
    interrupts.finish()
    send()
    assert interrupts.stopped_by() is None
    interrupts.check()


def test_signals_that_were_ignored_stay_ignored() -> None:
    """As under nohup, and in background jobs of a shell without job control."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts.install()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_the_exit_code_holds_even_where_python_would_kill_itself() -> None:
    """A signal comes inside exec() of a string, which makes every dataclass. A thread that cleans up is waited for."""
    code = """
        import os, signal, threading, time
        from cfukit_base import interrupts
        interrupts.install()
        try:
            exec("os.kill(os.getpid(), signal.SIGHUP)\\nfor _ in range(1000): pass")
        except KeyboardInterrupt:
            threading.Thread(target=lambda: (time.sleep(0.2), print("clean", end=""))).start()
            interrupts.leave(129)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (129, "clean", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_later_ends_even_a_deaf_program(number: signal.Signals) -> None:
    code = """
        import os, signal, time
        from cfukit_base import interrupts
        interrupts._AGAIN_SECONDS = 0.0
        interrupts.install()
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        except KeyboardInterrupt:
            pass
        time.sleep(0.01)
        print("deaf", flush=True)
        time.sleep(60)
    """
    words = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "deaf\n"
        child.send_signal(number)
        assert child.wait(30) == 128 + number


def test_an_interrupt_that_is_lost_in_a_destructor_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    class Last:
        def __del__(self) -> None:
            send()

    Last()
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()
    assert capfd.readouterr().err == ""


def test_other_errors_in_destructors_are_printed(capfd: pytest.CaptureFixture[str]) -> None:
    class Last:
        def __del__(self) -> None:
            raise ValueError("odd")

    Last()
    assert "ValueError: odd" in capfd.readouterr().err
