"""docs/cli.md and docs/json.md, made from the command line's definition and the JSON schemas.

    python -m cfukit_tools.cli.reference_docs docs

A test fails when the files are stale.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

import click

from cfukit_base.artefacts import DOCUMENTS, Json
from cfukit_tools.cli.commands import cli

_CLI_HEAD = """\
# The command line

`cfukit VERB [TARGET]`. TARGET is a project folder (default: the current one, inside or outside the checkout), a `.tflite`
file or a [listed model](#list). A model alone runs on the stock system without a CFU.

The result goes to stdout, progress and logs go to stderr. With `--json`, stdout is exactly one JSON document ([json.md](json.md)), even
after an error. Each verb is one function of `cfukit_tools.api`.

| exit code | meaning |
|---|---|
| 0 | ok |
| 1 | an output is wrong, the program faults, times out or returns an error, something does not fit, or the disk is full |
| 2 | the usage or configuration is wrong, the model is corrupt or not supported, or the C code or CFU does not build |
| 3 | a tool is missing |
| 4 | a bug of cfukit; the message names the file with the traceback |
| 130, 143, 129 | interrupted by Ctrl-C, SIGTERM, SIGHUP |
"""
_JSON_HEAD = """\
# JSON documents

Every document has a `schema` with a version. Under the same version, fields may be added, but none changes its meaning. The same
inputs and tools give the same bytes, except under `host`. Values that an engine cannot know are null.
"""


def cli_page() -> str:
    """docs/cli.md."""
    context = click.Context(cli, info_name="cfukit", help_option_names=["-h", "--help"])
    parts = [_CLI_HEAD]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(
            command, parent=context, info_name=name, max_content_width=100, terminal_width=100
        )
        text = "\n".join(line.rstrip() for line in command.get_help(inner).splitlines())
        parts.append(f"## {name}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def json_page() -> str:
    """docs/json.md: a section per document, in it a table for each object inside."""
    parts = [_JSON_HEAD]
    for name, document in DOCUMENTS.items():
        definitions: Json = document.json_schema()["$defs"]
        whole = definitions.pop(document.__name__)
        parts.append(f"## {name}\n\n{_table(whole)}")
        parts += [
            f"**{title}**. {_table(inner)}" for title, inner in definitions.items() if "properties" in inner
        ]
    return "\n".join(parts)


def _table(rule: Json) -> str:
    """What an object is, and a row per field."""
    about = inspect.cleandoc(rule.get("description", ""))
    rows = "\n".join(
        f"| `{name}` | {_type(inner)} |" for name, inner in rule["properties"].items() if name != "schema"
    )
    return f"{about}\n\n| field | type |\n|---|---|\n{rows}\n"


def _type(rule: Json) -> str:
    if "$ref" in rule:
        return str(rule["$ref"].rpartition("/")[2])
    if "anyOf" in rule:
        return " or ".join(_type(choice) for choice in rule["anyOf"])
    if "enum" in rule:
        return " or ".join(f"`{json.dumps(value)}`" for value in rule["enum"])
    if rule.get("type") == "array":
        return f"list of {_type(rule['items'])}" if rule.get("items") else "list"
    if rule.get("type") == "object" and rule.get("additionalProperties"):
        return f"object of {_type(rule['additionalProperties'])}"
    return str(rule.get("type", "any value"))


PAGES = {"cli.md": cli_page, "json.md": json_page}


def main(folder: Path) -> None:
    for name, page in PAGES.items():
        (folder / name).write_text(page())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
