"""Programs and models on a board behind a pseudo-terminal: the RTL of the system with its boot loader, on a noisy line."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from cfukit.testing.verilator_driver import compile_verilog
from cfukit_base.artefacts import Outcome
from cfukit_base.errors import ResultError, UsageError
from cfukit_base.protocol import wire
from cfukit_soc import build_simulator, synthesis
from cfukit_sw.boot import RESERVED_BYTES, boot_memory
from cfukit_sw.firmware import build_firmware
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.engines.board import loader
from cfukit_tools.engines.board import port as serial_port
from cfukit_tools.engines.board.engine import BoardEngine
from cfukit_tools.engines.board.system import BoardSystem
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.project.project import load_target, stock_project
from cfukit_tools.project.system import System
from support import pty_board, tiny_model
from support.pty_board import Noise, PtyBoard
from support.socs import make_soc

SUM = r"""
#include "cfukit.h"
int main(void) {
  int c, sum = 0, count = 0;
  while ((c = getchar()) != EOF) sum += c, count++;
  CFUKIT_REGION("said") { printf("\x80 %d bytes, sum %d\n", count, sum); }
  return 7;
}
"""


@pytest.fixture(autouse=True)
def no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test names its port."""
    monkeypatch.delenv("CFUKIT_PORT", raising=False)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulated board answers as late as a busy machine makes it."""
    monkeypatch.setattr(loader, "HELLO_SECONDS", 120.0)


@pytest.fixture
def stock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BoardSystem:
    """Board sim without a CFU. Programs are built in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    return BoardSystem(stock_project("stock"))


@pytest.fixture
def board(stock: BoardSystem, tmp_path: Path) -> Callable[..., PtyBoard]:
    """A simulated board with that system. The digest that it reports and the line's noise can be given."""

    def make(digest: bytes = b"", noise: Noise | None = None) -> PtyBoard:
        return play(stock, tmp_path / "board", digest, noise)

    return make


def play(system: BoardSystem, folder: Path, digest: bytes = b"", noise: Noise | None = None) -> PtyBoard:
    """The simulated system with all its memories behind a pseudo-terminal."""
    whole = System(system.project)
    return PtyBoard(whole.simulator(), whole.soc_json, folder, digest or whole.identity, noise)


@pytest.fixture
def on(board: Callable[..., PtyBoard]) -> Iterator[PtyBoard]:
    with board() as running:
        yield running


@pytest.mark.long
def test_a_board_that_starts_in_a_rom_on_the_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    system = BoardSystem(stock_project("stock", board="tang20k"))
    soc_json = make_soc("tang20k", tmp_path / "soc", from_rom=True)
    simulator = build_simulator(soc_json, None, build_dir=tmp_path)
    with PtyBoard(simulator, soc_json, tmp_path / "board", system.identity) as running:
        document = api.exec_(program(SUM), engine="board", port=running.port, board="tang20k", stdin=b"abc")
    assert (document["exit_code"], document["fault"]) == (7, None)
    assert document["output"].endswith(" 3 bytes, sum 294\n")


def program(text: str, name: str = "program.c") -> Path:
    Path(name).write_text(text)
    return Path(name)


@pytest.mark.slow
def test_a_program_reads_speaks_and_ends(on: PtyBoard) -> None:
    given = bytes(range(256)) * 5
    first = api.exec_(program(SUM), engine="board", port=on.port, stdin=given)
    assert (
        first["output"]
        .encode("utf-8", "replace")
        .endswith(f" {len(given)} bytes, sum {sum(given)}\n".encode())
    )
    assert (first["exit_code"], first["fault"], first["instructions"]) == (7, None, None)
    assert first["cycles"] > first["regions"][0]["cycles"] > 0
    assert first["regions"][0]["name"] == "said"
    again = api.exec_(program(SUM), engine="board", port=on.port, stdin=b"")
    assert again["output"].endswith(" 0 bytes, sum 0\n")


def test_a_board_gets_stdin_as_it_is(stock: BoardSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lies in memory; only what goes through a simulated UART is framed."""
    given = b"\xc0\xdb\x00abc"
    got = []

    def run(elf: Path, stdin: bytes, *, seconds: float) -> Outcome:
        got.append(stdin)
        return Outcome(output=b"", exit_code=0)

    @contextlib.contextmanager
    def connected(self: BoardEngine, system: System) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(run=run)

    monkeypatch.setattr(BoardEngine, "prepare", lambda self, system: None)
    monkeypatch.setattr(BoardEngine, "connected", connected)
    assert api.exec_(program(SUM), engine="board", stdin=given)["ok"]
    assert got == [given]


@pytest.mark.slow
def test_a_fault_is_found_in_the_source(on: PtyBoard) -> None:
    text = 'int main(void) {\n  __asm__ volatile(".word 0");\n  return 0;\n}\n'
    fault = api.exec_(program(text), engine="board", port=on.port, stdin=b"")["fault"]
    assert (fault["kind"], fault["function"], fault["line"]) == ("illegal_instruction", "main", 2)


@pytest.mark.slow
def test_the_wrong_bitstream_is_refused(board: Callable[..., PtyBoard]) -> None:
    with board(digest=b"\x11" * 16) as running:
        with pytest.raises(ResultError, match=r"another bitstream: board 'sim', built from 1111"):
            api.exec_(program(SUM), engine="board", port=running.port, stdin=b"")


@pytest.mark.slow
def test_a_firmware_that_faults_while_it_serves(on: PtyBoard, stock: BoardSystem, tmp_path: Path) -> None:
    source = tiny_model.MODEL_C.replace("state[0]++;", "if (state[0]++ == 0x86) __builtin_trap();")
    (tmp_path / "model.c").write_text(source)
    elf = build_firmware([tmp_path / "model.c"], stock.soc_json, build_dir=tmp_path / "built", kind="server")
    requests = wire.Script()
    requests.hello()
    requests.write(0, bytes(range(16)))
    requests.run()
    requests.read(32, 16)
    requests.run()
    requests.exit()
    with BoardEngine(Line(on.port)).connected(stock) as device:
        raw = device.serve(elf, bytes(requests))
    text, frames, damaged = wire.split(raw.output)
    answers = [wire.parse(frame) for frame in frames]
    kinds = [wire.HelloIs, wire.Ok, wire.Done, wire.Data, wire.Fault]
    assert [type(answer) for answer in answers] == kinds and (text, damaged) == (b"", 0)
    assert answers[3].data == bytes((n + 1 + 0x86) * 3 & 0xFF for n in range(16))  # type: ignore[union-attr]
    assert raw.exit_code == 255


@pytest.mark.slow
def test_noise_costs_time_and_nothing_else(board: Callable[..., PtyBoard], stock: BoardSystem) -> None:
    given = bytes(range(256))
    with board(noise=Noise(lost=0.002, doubled=0.002, changed=0.002, seed=7)) as running:
        document = api.exec_(program(SUM), engine="board", port=running.port, stdin=given)
    assert document["output"].endswith(f" 256 bytes, sum {sum(given)}\n") and document["exit_code"] == 7
    assert running.noise.count["changed"] > 0 and running.noise.count["lost"] > 0
    assert running.end()["end"] == "closed"


def on_board(verb: str, project: Path, inputs: Path, folder: Path) -> dict:
    """The document of a verb on engine board."""
    with play(BoardSystem(load_target(project)), folder) as running:
        words = [verb, str(project), "--engine", "board", "--port", running.port, "--json"]
        assert cli.run([*words, "--inputs", str(inputs)]) == 0
    return json.loads((project / "build" / "sim" / f"{verb}.board.json").read_text())


@pytest.mark.slow
def test_the_line_at_pin_level(stock: BoardSystem, tmp_path: Path) -> None:
    """The bitstreams' UART between the two, with a host that is 2 % slower than the board, and spikes on both wires."""
    source = (Path(synthesis.__file__).parent / "serial.v").read_text()
    divisor = 24
    options = (f"-GDIVISOR={divisor}", "-CFLAGS", "-O1")
    bench = Path(pty_board.__file__).with_name("pin_line.cpp")
    text = bench.read_text().replace("DIVISOR", str(divisor))
    (tmp_path / "pin_line.cpp").write_text(text)
    line = compile_verilog(
        source, "serial.v", tmp_path / "pin_line.cpp", "VSerial", top="Serial", options=options
    )
    whole = System(stock.project)
    pins = [str(line), "1.02", "200", "3"]
    with PtyBoard(
        whole.simulator(), whole.soc_json, tmp_path / "board", stock.identity, pins=pins
    ) as running:
        with BoardEngine(Line(running.port)).connected(stock) as device:
            elf = build_firmware([program(SUM)], stock.soc_json, build_dir=tmp_path / "built")
            raw = device.run(elf, b"abc" * 20, seconds=1200)
            assert device.line.statistics.repeated > 0
    text_said, frames, _ = wire.split(raw.output)
    assert text_said.endswith(b" 60 bytes, sum 5880\n") and raw.exit_code == 7
    assert wire.parse(frames[-1]) == wire.Exited(0, 7)


@pytest.mark.slow
def test_a_model_on_the_board_equals_the_evaluator(mac4: Path, two_samples: Path, tmp_path: Path) -> None:
    document = on_board("profile", mac4, two_samples, tmp_path)
    assert document["ok"] and document["mismatch"] is None and document["checked_operators"] == 11
    assert (document["engine"], document["cfu_engine"], document["accuracy"]) == ("board", "hardware", 1.0)
    [variant] = document["variants"]
    assert variant["instructions"] is None
    on_board_cycles = variant["cycles"][0]
    simulated = api.profile(mac4, inputs=two_samples, samples=1)["variants"][0]["cycles"][0]
    assert abs(on_board_cycles - simulated) < 0.01 * simulated  # the caches start with other contents


@pytest.mark.long
def test_the_baselines_too(mac4: Path, two_samples: Path, tmp_path: Path) -> None:
    document = on_board("run", mac4, two_samples, tmp_path)
    cycles = {variant["name"]: variant["cycles"][0] for variant in document["variants"]}
    assert cycles["reference"] > cycles["portable"] > cycles["project"] > 0 and document["ok"]


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_a_whole_run_with_one_byte_in_a_hundred_wrong(
    mac4: Path, two_samples: Path, tmp_path: Path, seed: int
) -> None:
    system = BoardSystem(load_target(mac4))
    noise = Noise(lost=0.0033, doubled=0.0033, changed=0.0034, seed=seed)
    with play(system, tmp_path / "board", noise=noise) as running:
        document = api.profile(mac4, engine="board", port=running.port, inputs=two_samples, samples=1)
    assert document["ok"] and document["mismatch"] is None and document["checked_operators"] == 11
    wrong = sum(noise.count[kind] for kind in ("lost", "doubled", "changed"))
    assert 0.008 < wrong / noise.count["all"] < 0.012


@pytest.mark.long
@pytest.mark.parametrize("name", ["fomu", "icebreaker"])
def test_boards_with_flash_and_boot_rom(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader is copied from flash into the TCM, and programs are loaded beside it."""
    monkeypatch.chdir(tmp_path)
    system = BoardSystem(stock_project("stock", board=name))
    with play(system, tmp_path / "board") as running:
        document = api.exec_(program(SUM), board=name, engine="board", port=running.port, stdin=b"abc")
    assert document["output"].endswith(" 3 bytes, sum 294\n") and document["exit_code"] == 7


def test_programs_for_a_board_leave_the_loader_its_memory(stock: BoardSystem) -> None:
    whole = System(stock.project).soc
    [memory] = stock.soc.memories
    assert memory.bytes == boot_memory(whole).bytes - RESERVED_BYTES
    assert stock.soc.cpu.reset_address == whole.cpu.reset_address


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"waves": "w.vcd"}, "--waves: engine board shows nothing while it runs: it is hardware"),
        ({"trace": Path("t.txt")}, "--trace: engine board shows nothing"),
        ({"max_cycles": 5}, "--max-cycles: engine board shows nothing"),
        ({"hang_cycles": 5}, "--hang-cycles: engine board shows nothing"),
    ],
)
def test_what_hardware_cannot_do_is_refused(stock: BoardSystem, options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        api.exec_(program(SUM), engine="board", stdin=b"", **options)


@pytest.mark.parametrize("verb", ["run", "profile", "test"])
def test_a_port_that_is_not_there_is_told_before_anything_is_compiled(stock: BoardSystem, verb: str) -> None:
    words = [verb, "digits", "--engine", "board", "--port", "nowhere"]
    assert cli.run(words) == 2
    assert not list(Path("build").glob("**/*.elf"))


@pytest.mark.slow
def test_a_silent_board_is_exit_1(
    stock: BoardSystem, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr(loader, "HELLO_SECONDS", 0.05)
    monkeypatch.setattr("cfukit_tools.engines.board.diagnosis._LISTEN_SECONDS", 0.01)
    monkeypatch.setattr("cfukit_tools.engines.board.diagnosis._BAUD_SECONDS", 0.0)
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        port = os.ttyname(slave)
        words = ["exec", str(program("int main(void) { return 0; }")), "--engine", "board", "--port", port]
        assert cli.run([*words, "--json"]) == 1
    finally:
        os.close(master)
        os.close(slave)
    error = json.loads(capsys.readouterr().out)
    assert error["kind"] == "silent" and "not a byte comes at 115200 baud" in error["given"]


def test_one_program_at_a_time_has_the_port(stock: BoardSystem) -> None:
    master, slave = pty.openpty()
    try:
        first = serial_port.SerialPort(os.ttyname(slave))
        with pytest.raises(UsageError):
            serial_port.SerialPort(os.ttyname(slave))
        first.close()
        serial_port.SerialPort(os.ttyname(slave)).close()
    finally:
        os.close(master)
        os.close(slave)
