"""What Renode leaves while it runs, and what is made of it: its files, its log, the faults. No process is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cfukit_base.artefacts.outcome import CfuCommand
from cfukit_soc.renode.faults import cfu_fault
from cfukit_soc.renode.output import FLOOD_BYTES, Log, UartFile
from cfukit_soc.renode.state import State, read_state


def test_a_file_that_is_deleted_and_created_anew_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "uart.log"
    with closing(UartFile(path)) as file:
        assert file.read() == b""
        path.touch()  # Renode tries whether it can
        assert file.read() == b""
        path.unlink()
        assert file.read() == b""
        path.write_bytes(b"hel")
        assert file.read() == b"hel"
        with path.open("ab") as more:
            more.write(b"lo")
        assert file.read() == b"lo"
        path.unlink()
        path.write_bytes(b" world")
        assert file.read() == b" world"


def test_nothing_that_was_written_before_the_file_went_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "uart.log"
    path.write_bytes(b"a")
    with closing(UartFile(path)) as file:
        assert file.read() == b"a"
        with path.open("ab") as more:
            more.write(b"b")
        path.rename(tmp_path / "uart.log.1")
        path.write_bytes(b"c")
        assert file.read() == b"bc"


class Pipe:
    """A log and the end of its pipe where Renode writes."""

    def __init__(self, folder: Path):
        reading, self.writing = os.pipe()
        os.set_blocking(self.writing, False)
        self.file = os.fdopen(reading, "rb")
        self.log = Log(self.file, folder / "renode.log")

    def say(self, text: str) -> None:
        os.write(self.writing, text.encode())
        self.log.read(ended=False)

    def close(self) -> None:
        self.log.close()
        self.file.close()
        os.close(self.writing)


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    with closing(Pipe(tmp_path)) as pipe:
        yield pipe


def test_the_log_finds_what_ends_a_run(pipe: Pipe) -> None:
    pipe.say(
        "12:00:00 [INFO] Including script: /a/run.resc\n12:00:01 [WARNING] sysbus: [cpu0: 0x40000014 (main)] Wri"
    )
    assert pipe.log.nowhere is None
    pipe.say("teDoubleWord to non existing peripheral at 0x90000008, value 0x4.\n")
    pipe.say("12:00:02 [WARNING] sysbus: [cpu0: 0x50] ReadByte from non existing peripheral at 0x50.\n")
    assert pipe.log.nowhere == (0x40000014, "Write", 0x90000008)
    assert pipe.log.abort is None and pipe.log.script_error == ""
    pipe.say("12:00:03 [ERROR] cpu0: CPU abort [PC=0x0]: Trying to execute code outside RAM or ROM at 0x0.\n")
    assert pipe.log.abort == 0
    pipe.say("Error E01: Could not resolve type: 'X'\nNo such command or device: y")
    pipe.log.read(ended=True)
    assert pipe.log.script_error == "Error E01: Could not resolve type: 'X'"
    assert pipe.log.last[-1] == "No such command or device: y"
    assert pipe.log.path.read_text().startswith("12:00:00 [INFO]")


def test_a_log_without_end_fills_no_disk(pipe: Pipe) -> None:
    line = "[WARNING] sysbus: [cpu0: 0x40000014] ReadByte from non existing peripheral at 0x0.\n"
    written = 0
    for _ in range(2000):
        try:
            written += os.write(pipe.writing, line.encode() * 100)
        except BlockingIOError:
            break
        pipe.log.read(ended=False)
    else:
        pytest.fail("the pipe never filled")
    assert pipe.log.flooded
    assert FLOOD_BYTES < pipe.log.path.stat().st_size < FLOOD_BYTES + 100_000
    pipe.log.drain()
    assert os.write(pipe.writing, line.encode()) == len(line)


def test_the_state_of_the_processor(tmp_path: Path) -> None:
    file = tmp_path / "state.txt"
    assert read_state(file) is None
    numbers = [0x40000010, *range(32), 0x40000101, 2, 0x40000020, 5, 0]
    file.write_text(" ".join(map(str, numbers)))
    assert read_state(file) is None  # not whole
    file.write_text(file.read_text() + "\n")
    state = read_state(file)
    assert state is not None and (state.pc, state.registers["x31"]) == (0x40000010, 31)
    assert (state.mtvec, state.mcause, state.mepc, state.mtval) == (0x40000100, 2, 0x40000020, 5)
    assert not state.guard_is_whole
    file.write_text("-1 " * 38 + "\n")
    assert read_state(file) == State()


def test_a_complaint_of_the_library_has_a_command_and_no_place() -> None:
    line = '{"kind": "time_out", "funct3": 3, "funct7": 5, "a": 7, "b": 8, "accepted": false}'
    fault = cfu_fault(line)
    assert (fault.kind, fault.pc, fault.function) == ("cfu_hang", None, "")
    assert fault.cfu == CfuCommand(funct3=3, funct7=5, a=7, b=8, accepted=False)
    assert fault.message.startswith(
        "the CFU never accepted the instruction funct3=3 funct7=5 with operands 0x00000007"
    )
    assert cfu_fault(line.replace("time_out", "protocol")).kind == "cfu_protocol"
    stopped = cfu_fault(line.replace("time_out", "stopped"))
    assert (stopped.kind, stopped.cfu) == ("cfu_stopped", None)
