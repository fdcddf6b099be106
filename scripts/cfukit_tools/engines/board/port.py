"""A serial port of this machine: opened, found, or refused with what to do."""

from __future__ import annotations

import os
import time
from typing import Any

from cfukit_base.errors import MissingToolError, ResultError, UsageError
from cfukit_tools.engines.catalogue import Line

DEFAULT_BAUD = 115_200
BAUDS = (9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600, 1_000_000)


def ports() -> list[str]:
    """The serial ports of this machine, those of USB adapters first."""
    from serial.tools import list_ports

    found = list(list_ports.comports())
    return [port.device for port in sorted(found, key=lambda port: (port.vid is None, port.device))]


def find_port(line: Line) -> tuple[str, int]:
    """Name and baud rate of `line`. UsageError if no port is named and there is not exactly one USB adapter."""
    if not 0 <= line.baud <= 12_000_000:
        raise UsageError("--baud", str(line.baud), allowed="bits per second, usually 115200")
    return line.port or os.environ.get("CFUKIT_PORT", "") or _only_adapter(), line.baud or DEFAULT_BAUD


def _only_adapter() -> str:
    from serial.tools import list_ports

    adapters = [port.device for port in list_ports.comports() if port.vid is not None]
    if len(adapters) == 1:
        return str(adapters[0])
    there = f"there are {', '.join(ports())}" if ports() else "this machine shows no serial port"
    raise UsageError(
        "--port", "not given, and not one USB adapter", allowed=there, hint="--port /dev/ttyUSB0"
    )


class SerialPort:
    """Bytes of a port. `silent_since`: when the last byte came, or the port was opened (time.monotonic())."""

    def __init__(self, name: str, baud: int = 0):
        try:
            import serial
        except ImportError:
            raise MissingToolError(
                "pyserial", "this Python package is not installed", hint="pip install cfukit"
            ) from None
        self.name = name
        self._failure = (serial.SerialException, OSError)
        try:
            self._serial: Any = serial.Serial(name, baud or DEFAULT_BAUD, timeout=0.05, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            raise _cannot_open(name, error) from None
        self.silent_since = time.monotonic()
        self.received = 0

    @property
    def baud(self) -> int:
        return int(self._serial.baudrate)

    @baud.setter
    def baud(self, value: int) -> None:
        self._serial.baudrate = value

    def write(self, data: bytes) -> None:
        """Send; a port that went away is a ResultError."""
        try:
            self._serial.write(data)
            self._serial.flush()
        except self._failure as error:
            raise self._gone(error) from None

    def read(self, seconds: float) -> bytes:
        """What has arrived, or arrives first within `seconds`; b"" if nothing does."""
        try:
            self._serial.timeout = max(0.0, seconds)
            data = bytes(self._serial.read(max(1, self._serial.in_waiting)))
        except self._failure as error:
            raise self._gone(error) from None
        if data:
            self.silent_since = time.monotonic()
            self.received += len(data)
        return data

    def close(self) -> None:
        self._serial.close()

    def _gone(self, error: Exception) -> ResultError:
        return ResultError(
            self.name, f"the port went away: {error}", hint="a loose cable, or the board lost power?"
        )


def _cannot_open(name: str, error: Exception) -> UsageError:
    text = str(error)
    if "ermission" in text:
        return UsageError(
            name, "no permission to open it", hint="sudo usermod -aG dialout $USER, then log in again"
        )
    if "No such file" in text or "FileNotFound" in text:
        known = ports()
        there = f"there are {', '.join(known)}" if known else "this machine shows no serial port"
        return UsageError(name, "no such port", allowed=there, hint="is the board plugged in?")
    if "lock" in text or "busy" in text:
        return UsageError(name, "another program uses it", hint="close the terminal that is open on it")
    return UsageError(name, f"cannot be opened: {text}", hint="cfukit doctor; is it a serial port?")
