"""The verb fetch: a listed model comes to this machine."""

from __future__ import annotations

from cfukit_base.artefacts import Fetch
from cfukit_tools.project import catalogue


def fetch(name: str) -> Fetch:
    """Bring a listed model by its pinned source, and check it."""
    model = catalogue.fetch(name)
    return Fetch(ok=True, name=name, path=str(model.path), sha256=model.sha256)
