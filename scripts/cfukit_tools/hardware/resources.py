"""What a build uses of a device: limits that are exceeded, shares, and names for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cfukit_base.artefacts.build import ModuleUse, Resources
from cfukit_base.artefacts.limits import Limit
from cfukit_tools.project.project import Project


def limits_of(project: Project, used: Resources, parts: Sequence[ModuleUse]) -> list[Limit]:
    """[limits] lut and dsp that `used` exceeds, with the largest part."""
    exceeded = []
    for name in ("lut", "dsp"):
        asked = project[f"limits.{name}"]
        if asked and used.get(name, 0) > asked:
            worst = max(parts, key=lambda part: int(part.used[name]), default=None)
            offender = f"{part_name(worst)}: {worst.used[name]}" if worst else ""
            exceeded.append(Limit(name=name, asked=asked, reached=used[name], offender=offender))
    return exceeded


def part_name(part: ModuleUse) -> str:
    """For people: its instructions, else its module."""
    if part.module == "Cfu":
        return "front end and results"
    return ", ".join(part.instructions) or part.module


def percent(used: Resources, available: Resources) -> dict[str, float]:
    """Of what the device has."""
    return {name: round(100 * used[name] / n, 1) for name, n in available.items() if name in used}


def does_not_fit(used: Resources, available: Resources, parts: Mapping[str, Resources]) -> list[Limit]:
    """What exceeds the device, with the part that takes most of it."""
    exceeded = []
    for name, there in available.items():
        if used.get(name, 0) > there:
            worst = max(parts, key=lambda part: parts[part].get(name, 0))
            offender = f"{worst}: {parts[worst][name]}" if len(parts) > 1 else worst
            exceeded.append(Limit(name=f"device {name}", asked=there, reached=used[name], offender=offender))
    return exceeded
