"""Where a run's document goes: each verb, variant, engine and set of changed keys has a file of its own.

build/BOARD/run.json                     cfukit run
build/BOARD/profile.two_lanes.json       cfukit profile --variant two_lanes
build/BOARD/run.kws_ref.host.json        cfukit run --model kws_ref --engine host
build/BOARD/run.set-1f2e3d4c.json        cfukit run --set soc.cpu.icache_bytes=8192
"""

from __future__ import annotations

from pathlib import Path

from cfukit_base.cache import disk_error, prepare_output
from cfukit_base.digest import digest_of
from cfukit_tools.engines.catalogue import DEFAULT
from cfukit_tools.project.project import Project


def result_path(project: Project, verb: str, engine: str, output: Path | None = None) -> Path:
    """The file of a document; `output` if the user names one."""
    if output is not None:
        return output
    changes = dict(project.changes)
    model = changes.pop("model", "")
    changes.pop("soc.board", None)  # a folder of its own
    parts = [verb, project.variant]
    parts += [Path(str(model)).stem] if model and not project.bare else []
    parts += [engine] if engine != DEFAULT else []
    parts += [f"set-{digest_of(changes)[:8]}"] if changes else []
    return project.board_dir / f"{'.'.join(filter(None, parts))}.json"


def set_aside(path: Path) -> None:
    """Rename the result of the command before to NAME.previous.json, so that a command that fails leaves nothing like its own."""
    prepare_output(path)
    try:
        if path.is_file():
            path.replace(path.with_suffix(".previous.json"))
    except OSError as error:
        raise disk_error(path, error) from error
