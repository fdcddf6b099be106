"""The pinned Verilog file of VexRiscv, from which every CPU is made."""

from __future__ import annotations

from pathlib import Path

from cfukit_base.digest import digest_bytes
from cfukit_base.errors import MissingToolError, UsageError

WHEEL = "pythondata-cpu-vexriscv"
WHEEL_VERSION = "1.0.1.post407"
FILE = "VexRiscv_FullCfu.v"
SHA256 = "04dc3c5c9f906c0f78de6955aaea44f9ba06ec8dff6d6314c4fe141c803cf332"


def stock_path() -> Path:
    """Where the wheel keeps the file."""
    try:
        import pythondata_cpu_vexriscv as wheel
    except ImportError:
        raise MissingToolError(
            WHEEL, "this Python package is not installed", hint="pip install cfukit"
        ) from None
    return Path(wheel.data_location) / FILE


def stock_text(path: Path | None = None) -> str:
    """The pinned file's text; another version is refused."""
    path = path or stock_path()
    data = path.read_bytes()
    if digest_bytes(data) != SHA256:
        raise UsageError(
            str(path),
            f"another version of {FILE} (SHA-256 {digest_bytes(data)[:16]}...)",
            allowed=f"the one of {WHEEL} {WHEEL_VERSION} ({SHA256[:16]}...)",
            hint=f"pip install {WHEEL}=={WHEEL_VERSION}",
        )
    return data.decode()
