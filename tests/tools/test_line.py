"""Requests over a noisy line, and the diagnosis of a port where nobody answers. Nothing is simulated."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cfukit_base.errors import ResultError, UsageError
from cfukit_base.protocol import wire
from cfukit_tools.engines import catalogue
from cfukit_tools.engines.board import diagnosis, loader
from cfukit_tools.engines.board import port as serial_port
from cfukit_tools.engines.board.image import BoardImage
from cfukit_tools.engines.board.line import Line, RefusedError, SilentError
from cfukit_tools.engines.board.loader import Board, Expected
from support.boot_model import BootModel
from support.pty_board import Noise
from support.socs import memory, soc_of

SYSTEM = Expected("sim", bytes(16), soc_of(memory()))


@given(
    data=st.binary(max_size=1500),
    seed=st.integers(0, 1 << 32),
    lost=st.sampled_from([0, 0.002, 0.01, 0.03]),
    doubled=st.sampled_from([0, 0.002, 0.01]),
    changed=st.sampled_from([0, 0.002, 0.01, 0.03]),
)
@example(b"\xc0\xdb" * 300, 1, 0.01, 0.01, 0.01)
@settings(max_examples=60)
def test_nothing_is_lost_and_nothing_wrong_is_accepted(
    data: bytes, seed: int, lost: float, doubled: float, changed: float
) -> None:
    model = BootModel(Noise(lost, doubled, changed, seed))
    board = Board(model, SYSTEM)
    image = BoardImage(((100, data),), 100, 0, (0, 0))
    board.loader()
    board.upload(image, fresh=bool(seed & 1))
    assert model.memory == bytes(100) + data + bytes(len(model.memory) - 100 - len(data))
    assert board.line.fetch(wire.Type.PEEK, 90, len(data) + 20) == model.memory[90 : 110 + len(data)]
    number = board.start(image)
    while (ended := board.ended(number, image)) is None:
        pass
    assert model.starts == [number] and (ended.code, ended.cycles) == (7, 1234)


def test_what_is_there_is_not_sent_again() -> None:
    model = BootModel()
    board = Board(model, SYSTEM)
    image = BoardImage(((0, bytes(range(256)) * 12),), 0, 0, (0, 0))
    assert board.upload(image, fresh=True) == 3072
    assert board.upload(image, fresh=False) == 0
    model.memory[5] ^= 1
    assert board.upload(image, fresh=False) == 3072  # one block


def test_memory_that_does_not_keep_what_is_written_is_told() -> None:
    model = BootModel()
    model.wrong = lambda frame: wire.encode(wire.Type.OK, frame.seq) if frame.type == wire.Type.POKE else None
    with pytest.raises(ResultError, match="memory at 0x00000010: does not keep what is written"):
        Board(model, SYSTEM).upload(BoardImage(((16, b"x"),), 0, 0, (0, 0)), fresh=True)


def test_an_answer_to_another_request_is_not_taken() -> None:
    model = BootModel()
    model.wrong = lambda frame: (
        wire.encode(wire.Type.DATA, frame.seq - 1, b"\0\0\0\0no")
        + wire.encode(wire.Type.OK, frame.seq)
        + wire.encode(wire.Type.DATA, frame.seq, b"\0\0\0\0ok")
    )
    assert Line(model).fetch(wire.Type.PEEK, 0, 2) == b"ok"
    model.wrong = lambda frame: wire.encode(wire.Type.DATA, frame.seq, b"\1\0\0\0no")
    with pytest.raises(wire.WireError, match="another place"):
        Line(model).fetch(wire.Type.PEEK, 0, 2)


def test_a_refusal_is_an_error_with_its_name() -> None:
    model = BootModel()
    refusal = bytes((wire.ErrorCode.OUT_OF_ARENA,))
    model.wrong = lambda frame: wire.encode(wire.Type.ERROR, frame.seq, refusal)
    with pytest.raises(RefusedError, match="POKE was refused: OUT_OF_ARENA"):
        Line(model).send(wire.Type.POKE, 0, b"x")


def test_another_bitstream_is_told_by_its_digest() -> None:
    with pytest.raises(ResultError) as caught:
        Board(BootModel(digest=b"\xab" * 16), SYSTEM).loader()
    text = caught.value.message
    assert "another bitstream: board 'sim', built from abab" in text and "cfukit load" in text


class Fake:
    """A port that sends text and answers a HELLO at one rate only.

    talks: "once", "at each request" or "all the time".
    """

    def __init__(self, by_itself: bytes = b"", answers_at: int = 0, talks: str = "once"):
        self.name, self.baud, self.silent_since = "fake", 115_200, time.monotonic()
        self._by_itself, self._waiting, self._answers_at = by_itself, by_itself, answers_at
        self._talks = talks

    def write(self, data: bytes) -> None:
        _, frames, _ = wire.split(data)
        if self._talks == "at each request":
            self._waiting += self._by_itself
        if frames and self.baud == self._answers_at:
            self._waiting += wire.encode(wire.Type.HELLO_IS, frames[0].seq, bytes(32))

    def read(self, seconds: float) -> bytes:
        if self._talks == "all the time":
            self._waiting += self._by_itself
        if self._waiting:
            self.silent_since = time.monotonic()
        time.sleep(min(seconds, 0.001))
        data, self._waiting = self._waiting, b""
        return data


@pytest.mark.parametrize("talks", ["once", "at each request", "all the time"])
@pytest.mark.parametrize(
    ("by_itself", "answers_at", "said", "advice"),
    [
        (b"", 0, "not a byte comes at 115200 baud, nor at any other rate", "reset button"),
        (b"\r\ncfukit boot: board sim, system 00\r\n", 0, "does not hear us", "TX to the board's RX"),
        (b"BIOS built on Jan 1\nlitex> ", 0, "LiteX's own BIOS", "cfukit bitstream"),
        (b"\xff\x00\xfe\x81\x03" * 9, 9_600, "it answers at 9600 baud, not at 115200", "--baud 9600"),
        (b"\x7f\x00\x1e\x01\x03" * 9, 0, " bytes come that are neither text nor a record", "--baud"),
        (b"\r\n", 0, "another program talks: ''", "reset"),
        (b"temperature 21.5\n" * 3, 0, "another program talks: 'temperature 21.5'", "reset"),
        (wire.encode(wire.Type.EXITED, 0, bytes(4)), 0, "does not go back to the boot loader", "reset"),
    ],
)
def test_a_port_where_nobody_answers_is_diagnosed(
    by_itself: bytes, answers_at: int, said: str, advice: str, talks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = Fake(by_itself, answers_at, talks)
    monkeypatch.setattr(diagnosis, "_LISTEN_SECONDS", 0.1)
    monkeypatch.setattr(diagnosis, "_BAUD_SECONDS", 0.0)
    monkeypatch.setattr(diagnosis, "BAUDS", (9_600, 115_200))
    monkeypatch.setattr(loader, "HELLO_SECONDS", 0.0 if talks == "once" else 3.0)
    monkeypatch.setattr(loader, "BABBLE_SECONDS", 0.1)
    with pytest.raises(SilentError) as caught:
        Board(port, SYSTEM).loader()
    assert said in caught.value.message and advice in caught.value.hint
    assert port.baud == 115_200


def test_ports_that_cannot_be_opened_say_why(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no such port"):
        serial_port.SerialPort(str(tmp_path / "ttyUSB9"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be opened"):
        serial_port.SerialPort(str(tmp_path / "file"))
    monkeypatch.delenv("CFUKIT_PORT", raising=False)
    monkeypatch.setattr("serial.tools.list_ports.comports", list)
    with pytest.raises(UsageError, match="--port: not given, .*; this machine shows no serial port"):
        serial_port.find_port(catalogue.Line())


def test_a_port_is_named_by_the_line_then_the_environment_then_the_only_adapter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CFUKIT_PORT", "/dev/one")
    assert serial_port.find_port(catalogue.Line()) == ("/dev/one", 115_200)
    assert serial_port.find_port(catalogue.Line("/dev/two", 9_600)) == ("/dev/two", 9_600)
    assert serial_port.find_port(catalogue.Line()) == ("/dev/one", 115_200), "nothing is remembered"
    for baud in (-1, 12_000_001):
        with pytest.raises(UsageError, match=f"--baud: {baud}; bits per second"):
            serial_port.find_port(catalogue.Line(baud=baud))
    monkeypatch.delenv("CFUKIT_PORT")
    adapters = [SimpleNamespace(device=f"/dev/ttyUSB{n}", vid=1) for n in range(2)]
    built_in = SimpleNamespace(device="/dev/ttyS0", vid=None)
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [built_in, adapters[0]])
    assert serial_port.find_port(catalogue.Line()) == ("/dev/ttyUSB0", 115_200)
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [built_in, *adapters])
    with pytest.raises(UsageError, match="there are /dev/ttyUSB0, /dev/ttyUSB1, /dev/ttyS0"):
        serial_port.find_port(catalogue.Line())
