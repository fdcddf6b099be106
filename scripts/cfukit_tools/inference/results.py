"""Where a run's document goes: each verb, variant, model, engine and set of changed keys has a file of its own.

build/BOARD/run.json                     cfukit run
build/BOARD/variants.json              cfukit run --variants
build/BOARD/profile.two_lanes.json       cfukit profile --variant two_lanes
build/BOARD/run.kws_ref.host.json        cfukit run --model kws_ref --engine host
build/BOARD/run.net-5b6a7c8d.json        cfukit run --model ../elsewhere/net.tflite
build/BOARD/run.set-1f2e3d4c.json        cfukit run --set soc.cpu.icache_bytes=8192
"""

from __future__ import annotations

import re
from pathlib import Path

from cfukit_base.cache import disk_error, prepare_output, replaceable
from cfukit_base.digest import digest_of
from cfukit_tools.engines.catalogue import DEFAULT, ENGINES
from cfukit_tools.project.catalogue import listed_models
from cfukit_tools.project.project import Project


def result_path(project: Project, verb: str, engine: str, output: Path | None = None) -> Path:
    """The file of a document; `output` if the user names one. engine: "" = the default."""
    if output is not None:
        return output
    changes = dict(project.changes)
    model = _model_tag(project) if changes.pop("model", "") else ""
    changes.pop("soc.board", None)  # a folder of its own
    reserved = {*ENGINES, "previous"}
    parts = [verb, _tag(project.variant, reserved), _tag(model, {*reserved, *project.variants})]
    parts += [engine] if engine not in ("", DEFAULT) else []
    parts += [f"set-{digest_of(changes)[:8]}"] if changes else []
    return project.board_dir / f"{'.'.join(filter(None, parts))}.json"


def _model_tag(project: Project) -> str:
    """What tells the chosen model from others: its name, and if it is a file of another folder, a digest of where it is.

    "" where the folder of the builds is the model's own already.
    """
    name, path = project.model_file()
    listed = listed_models().get(name)
    is_listed = listed is not None and listed.path == path
    if is_listed or (path.parent == project.root.resolve() and listed is None):
        return "" if project.bare and name == project.name else name
    return f"{name}-{digest_of(str(path))[:8]}"


def _tag(name: str, reserved: set[str]) -> str:
    """`name` as a part of a file's name. What could be read as something else gets a digest behind it."""
    if re.fullmatch(r"[A-Za-z0-9_-]*", name) and name not in reserved and not name.startswith("set-"):
        return name
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '_', name)}-{digest_of(name)[:8]}"


def set_aside(path: Path) -> None:
    """Rename the result of the command before to NAME.previous.json, so that a command that fails leaves nothing like its own."""
    prepare_output(path)
    try:
        if replaceable(path):
            path.replace(path.with_suffix(".previous.json"))
    except FileNotFoundError:
        pass  # the first one, or another command has just done it
    except OSError as error:
        raise disk_error(path, error) from error
