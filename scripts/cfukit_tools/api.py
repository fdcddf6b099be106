"""The Python API: one function per verb of the command line; each returns the document that `--json` prints.

Errors are `cfukit_base.errors.CfukitError`. Nothing is printed; progress goes to `cfukit_base.progress`.
"""

from __future__ import annotations

from cfukit_tools.area import area
from cfukit_tools.bitstream import bitstream
from cfukit_tools.diffing import diff
from cfukit_tools.executing import exec_
from cfukit_tools.flashing import load
from cfukit_tools.inferring import infer
from cfukit_tools.informing import info
from cfukit_tools.making import doctor, fetch, init, list_
from cfukit_tools.running import profile, run
from cfukit_tools.terminal import term
from cfukit_tools.testing import test

__all__ = [
    "area",
    "bitstream",
    "diff",
    "doctor",
    "exec_",
    "fetch",
    "infer",
    "info",
    "init",
    "list_",
    "load",
    "profile",
    "run",
    "term",
    "test",
]
