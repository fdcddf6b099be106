"""The verb clean: free what builds and caches take."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from cfukit_base.artefacts import Clean
from cfukit_base.cache import clean as clean_folder
from cfukit_base.cache import user_cache
from cfukit_tools.project.project import Choice, load_target


def clean(target: Path | str = Path(), *, cache: bool = False, **choice: Unpack[Choice]) -> Clean:
    """Remove the project's build folder, or with `cache` what the user's cache holds; the document cfukit.clean/1.

    What another command is using stays.
    """
    folder = user_cache() if cache else load_target(target, **choice).build_dir
    done = clean_folder(folder)
    return Clean(ok=True, folder=str(folder), entries=done.entries, bytes=done.bytes, in_use=len(done.kept))
