"""The verb doctor: which tools are here, and how to get the others."""

from __future__ import annotations

from dataclasses import asdict
from importlib import metadata

from cfukit_base import tools
from cfukit_base.artefacts import Doctor
from cfukit_base.artefacts.documents import ToolFinding


def doctor() -> Doctor:
    """Every tool that cfukit can use: here or not, what for, how to get it."""
    findings = tuple(ToolFinding(**asdict(finding)) for finding in tools.survey())
    ok = all(finding.found or not finding.required for finding in findings)
    return Doctor(ok=ok, version=metadata.version("cfukit"), tools=findings)
