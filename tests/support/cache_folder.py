"""What lies in a folder of the cache."""

from pathlib import Path

from cfukit_base.cache import manifest


def listing(folder: Path) -> list[str]:
    """Names of everything in `folder`, half-written things included, but not the manifest of an entry."""
    if not folder.exists():
        return []
    return sorted(path.name for path in folder.iterdir() if path.name != manifest.NAME)
