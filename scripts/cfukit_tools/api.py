"""The Python API: one function per verb of the command line; each returns the document that `--json` prints.

The arguments are those of the function of the same name in `cfukit_tools.verbs`. Errors are `cfukit_base.errors.CfukitError`.
Nothing is printed; progress goes to `cfukit_base.progress`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

from cfukit_base.artefacts import Artefact, Json
from cfukit_base.cache import in_use
from cfukit_tools.verbs.area import area as _area
from cfukit_tools.verbs.bitstream import bitstream as _bitstream
from cfukit_tools.verbs.clean import clean as _clean
from cfukit_tools.verbs.diff import diff as _diff
from cfukit_tools.verbs.doctor import doctor as _doctor
from cfukit_tools.verbs.exec import exec_ as _exec
from cfukit_tools.verbs.fetch import fetch as _fetch
from cfukit_tools.verbs.infer import infer as _infer
from cfukit_tools.verbs.info import info as _info
from cfukit_tools.verbs.init import init as _init
from cfukit_tools.verbs.list import list_ as _list
from cfukit_tools.verbs.load import load as _load
from cfukit_tools.verbs.profile import profile as _profile
from cfukit_tools.verbs.report import report as _report
from cfukit_tools.verbs.run import run as _run
from cfukit_tools.verbs.suggest import suggest as _suggest
from cfukit_tools.verbs.term import term as _term
from cfukit_tools.verbs.test import test as _test

Arguments = ParamSpec("Arguments")


def _as_json(verb: Callable[Arguments, Artefact]) -> Callable[Arguments, Json]:
    @functools.wraps(verb)
    def call(*arguments: Arguments.args, **options: Arguments.kwargs) -> Json:
        with in_use.command():  # so that `clean` may remove what a call before it used
            return verb(*arguments, **options).to_json()

    return call


area = _as_json(_area)
bitstream = _as_json(_bitstream)
clean = _as_json(_clean)
diff = _as_json(_diff)
doctor = _as_json(_doctor)
exec_ = _as_json(_exec)
fetch = _as_json(_fetch)
infer = _as_json(_infer)
info = _as_json(_info)
init = _as_json(_init)
list_ = _as_json(_list)
load = _as_json(_load)
profile = _as_json(_profile)
report = _as_json(_report)
run = _as_json(_run)
suggest = _as_json(_suggest)
term = _as_json(_term)
test = _as_json(_test)
