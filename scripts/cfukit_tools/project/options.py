"""Checks of what several verbs take."""

from __future__ import annotations

from cfukit_base.errors import UsageError


def at_least(least: int, **numbers: int) -> None:
    """UsageError for the first of `numbers`, named as the command's options are, that is below `least`."""
    for name, value in numbers.items():
        if value < least:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(option, str(value), allowed=f"{least} or more")
