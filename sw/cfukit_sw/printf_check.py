"""Warn of what the runtime's printf does not print: compilers take %f for granted, and the runtime prints it as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TEXT = r'"(?:\\.|[^"\\\n])*"'
_TOKENS = re.compile(rf"({_TEXT}|'(?:\\.|[^'\\\n])+')|/\*.*?\*/|//[^\n]*", re.DOTALL)
# A format may be several literals, with macros such as PRIu32 between them.
_CALL = re.compile(rf"\bprintf\s*\(((?:{_TEXT}|\w|\s)*)")
_CONVERSION = re.compile(r"%(?:%|[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*)?)?[lL]?([fFeEgGaA]))")


def float_warnings(name: str, text: str) -> Iterator[str]:
    """A line, as compilers write them, for each conversion of floating point in a printf of the C source `text`."""
    code = _TOKENS.sub(lambda token: token[1] or re.sub(r"[^\n]", " ", token[0]), text)
    for call in _CALL.finditer(code):
        for literal in re.finditer(_TEXT, call[1]):
            for found in _CONVERSION.finditer(literal[0]):
                if found[1]:
                    line = code.count("\n", 0, call.start(1) + literal.start()) + 1
                    yield f"{name}:{line}: warning: printf has no floating point, '{found[0]}' is printed as it is; print integers"
