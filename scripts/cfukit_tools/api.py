"""The Python API: one function per verb of the command line; each returns the document that `--json` prints.

Errors are `cfukit_base.errors.CfukitError`. Nothing is printed; progress goes to `cfukit_base.progress`.
"""

from __future__ import annotations

from cfukit_tools.verbs.area import area
from cfukit_tools.verbs.bitstream import bitstream
from cfukit_tools.verbs.diff import diff
from cfukit_tools.verbs.exec import exec_
from cfukit_tools.verbs.infer import infer
from cfukit_tools.verbs.info import info
from cfukit_tools.verbs.init import doctor, fetch, init, list_
from cfukit_tools.verbs.load import load
from cfukit_tools.verbs.run import profile, run
from cfukit_tools.verbs.term import term
from cfukit_tools.verbs.test import test

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
