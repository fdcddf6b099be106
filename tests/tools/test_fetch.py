"""`fetch` from a server on this machine: resumed, refused, cut off, unreachable."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cfukit_base.errors import ResultError
from cfukit_tools.cli import commands as cli
from cfukit_tools.project import catalogue as catalog

CONTENT = bytes(range(256)) * 2000  # eight chunks
NAME = "tiny"


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT at any path.

    kind: "ranges", "whole" (ignores Range), "cut" (ends early), "missing", "other" (wrong bytes), "long" (more than expected).

    """

    kind = "ranges"
    asked: list[tuple[str, str | None]]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        given, kind = self.headers["Range"], self.server.kind
        self.server.asked.append((self.path, given))
        if kind == "missing":
            self.send_error(404)
            return
        content = {"other": bytes(len(CONTENT)), "long": CONTENT * 3}.get(kind, CONTENT)
        begin = int(given.removeprefix("bytes=").removesuffix("-")) if given and kind != "whole" else 0
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        body = content[begin:]
        with contextlib.suppress(ConnectionError):  # the client has closed the connection
            self.wfile.write(body[: len(body) // 2] if kind == "cut" else body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    entry = {
        "name": NAME,
        "repository": "https://github.com/some/models",
        "commit": "c0ffee",
        "path": "a/tiny.tflite",
    }
    entry |= {
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "bytes": len(CONTENT),
        "macs": 1,
        "licence": "Apache-2.0",
    }
    monkeypatch.setattr(catalog, "_fetchable", lambda: [entry])
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path))
    monkeypatch.delenv("CFUKIT_REFERENCE", raising=False)
    monkeypatch.delenv("http_proxy", raising=False)
    with Server() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in (folder / "models").glob("*")}


def test_pinned_source_and_a_second_call(server: Server, tmp_path: Path) -> None:
    model = catalog.fetch(NAME, server.url)
    assert model.path is not None and model.path.read_bytes() == CONTENT
    assert server.asked == [("/some/models/c0ffee/a/tiny.tflite", None)]
    assert catalog.fetch(NAME, server.url) == model and len(server.asked) == 1, "it is here already"
    assert files(tmp_path) == {"tiny.tflite": len(CONTENT)}


def test_a_cut_download_leaves_what_the_next_one_goes_on_with(server: Server, tmp_path: Path) -> None:
    server.kind = "cut"
    with pytest.raises(ResultError) as caught:
        catalog.fetch(NAME, server.url)
    assert "ended after 256,000 of 512,000 bytes" in caught.value.message
    assert "what has arrived is kept" in caught.value.message
    assert files(tmp_path) == {"tiny.part": 256_000}
    server.kind = "ranges"
    assert catalog.fetch(NAME, server.url).path is not None
    assert [given for _, given in server.asked] == [None, "bytes=256000-"]
    assert files(tmp_path) == {"tiny.tflite": len(CONTENT)}


@pytest.mark.parametrize("begun", [1000, len(CONTENT), len(CONTENT) + 5])
@pytest.mark.parametrize("kind", ["ranges", "whole"])
def test_what_is_here_already_is_used_where_that_works(
    server: Server, tmp_path: Path, kind: str, begun: int
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.part").write_bytes((CONTENT + b"extra")[:begun])
    server.kind = kind
    assert catalog.fetch(NAME, server.url).path is not None
    expected = {1000: ["bytes=1000-"], len(CONTENT): []}.get(begun, [None])
    assert [given for _, given in server.asked] == expected


@pytest.mark.parametrize("kind", ["other", "long"])
def test_other_bytes_are_refused_and_forgotten(server: Server, tmp_path: Path, kind: str) -> None:
    server.kind = kind
    with pytest.raises(ResultError, match="SHA-256 is .*expected"):
        catalog.fetch(NAME, server.url)
    assert files(tmp_path) == {}


def test_what_the_server_says_and_no_server(server: Server, tmp_path: Path) -> None:
    server.kind = "missing"
    with pytest.raises(ResultError, match="the server answers 404"):
        catalog.fetch(NAME, server.url)
    with pytest.raises(ResultError) as caught:
        catalog.fetch(NAME, "http://127.0.0.1:9")  # the port of "discard", where nobody listens
    assert "cannot be reached" in caught.value.message and "check the network" in caught.value.message


def test_an_interrupt_keeps_what_has_arrived(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, total: int) -> None:
        if done > total // 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(catalog.progress, "advance", stop)
    with pytest.raises(KeyboardInterrupt):
        catalog.fetch(NAME, server.url)
    ((name, size),) = files(tmp_path).items()
    assert name == "tiny.part" and len(CONTENT) // 3 < size < len(CONTENT)
    monkeypatch.undo()


def test_fetches_at_once_wait_for_each_other(server: Server, tmp_path: Path) -> None:
    found: list[catalog.ListedModel] = []
    threads = [
        threading.Thread(target=lambda: found.append(catalog.fetch(NAME, server.url))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 4 and files(tmp_path) == {"tiny.tflite": len(CONTENT)}


def test_the_command(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = catalog.fetch
    monkeypatch.setattr(catalog, "fetch", lambda name: plain(name, server.url))
    assert cli.run(["fetch", NAME, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] and document["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert Path(document["path"]).read_bytes() == CONTENT
    assert cli.run(["fetch", "tinny"]) == 2
    assert "did you mean 'tiny'" in capsys.readouterr().err
