"""What every document has in common: reading, writing, and the JSON Schema that follows from its type.

A document is a frozen dataclass whose first field is its schema's name and version:

    schema: Literal["cfukit.soc/2"] = "cfukit.soc/2"

The version rises when a field goes away or changes its meaning; a new field keeps it. All other fields stand without a
default, so the producer writes each of them and no consumer needs one. msgspec checks what is read and derives the schema.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

from cfukit_base.cache import write_atomic
from cfukit_base.errors import UsageError
from cfukit_base.typed_json import decoded

Json = dict[str, Any]  # a JSON object: where documents leave Python


class OtherVersion(UsageError):
    """A whole document of another version of cfukit."""


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """Base of all documents."""

    @classmethod
    def read(cls, path: Path, *, hint: str = "") -> Self:
        """The document in `path`. UsageError if it cannot be read or is another document; OtherVersion, which is one, if it is older."""
        try:
            data = path.read_bytes()
        except OSError as error:
            given = f"cannot be read: {error.strerror or error}"
            raise UsageError(str(path), given, allowed=f"a file {cls.schema_name()}", hint=hint) from None
        return cls.parse(data, str(path), hint=hint)

    @classmethod
    def parse(cls, data: bytes | str, where: str, *, hint: str = "") -> Self:
        """The document in the text `data`, which stands in `where`. UsageError as for `read`."""
        found = None
        try:
            found = decoded(data, _Header)
            if found.schema != cls.schema_name():
                given = f"schema is {found.schema!r}"
                same = found.schema.partition("/")[0] == cls.schema_name().partition("/")[0]
                kind = OtherVersion if same else UsageError
                raise kind(where, given, allowed=cls.schema_name(), hint=hint)
            return decoded(data, cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            allowed = f"a whole {cls.schema_name()}"
            if found and "missing required field" in str(error):  # a new field keeps the schema's version
                given = f"was written by another version of cfukit: {error}"
                raise OtherVersion(where, given, allowed=allowed, hint=hint or "make it again") from None
            raise UsageError(where, f"is damaged: {error}", allowed=allowed, hint=hint) from None

    def write(self, path: Path) -> None:
        """Write the document to `path`, whole or not at all. ResultError if the disk is full or cannot be written."""
        write_atomic(path, self.text())

    def text(self) -> str:
        """The document as the text of its file."""
        return json.dumps(self.to_json(), indent=1) + "\n"

    def to_json(self) -> Json:
        """The document as plain dicts, lists and numbers, its schema first."""
        return {"schema": self.schema_name(), **msgspec.json.decode(msgspec.json.encode(self))}

    @classmethod
    def schema_name(cls) -> str:
        """Name and version of the document, "cfukit.soc/2"."""
        return str(cls.__dataclass_fields__["schema"].default)

    @classmethod
    def json_schema(cls) -> Json:
        """The JSON Schema (2020-12) of the document."""
        schema = msgspec.json.schema(cls)
        for definition in schema["$defs"].values():
            if "properties" in definition:  # what is always written is always there
                definition["required"] = list(definition["properties"])
                for rule in definition["properties"].values():
                    rule.pop("default", None)
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


@dataclass(frozen=True)
class _Header:
    schema: str


def schema_in(path: Path) -> str:
    """The schema that a document says it has; "" if there is none to be read."""
    try:
        return decoded(path.read_bytes(), _Header).schema
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return ""
