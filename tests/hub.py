"""A hub for tests: a real HTTP server on this machine that speaks as much of the hub's protocol as its library asks.

What it does wrong a test sets: it breaks off, gives other bytes, wants its terms accepted, or has nothing of that name.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs

COMMIT = "5ba9a2f3c1" * 4
_RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
_API = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?")


@attrs.define
class Hub:
    """Repositories by name, each a mapping from file names to contents.

    `break_after`: bytes of a file after which the connection ends, once for each of `breaks`; `wrong` files come with
    their first byte changed; `gate` is awaited before the second half of a file; `ranges` keeps what was asked for in
    part, `requests` all paths.
    """

    repos: dict[str, dict[str, bytes]]
    licence: str = "apache-2.0"
    gated: set[str] = attrs.field(factory=set)
    wrong: set[str] = attrs.field(factory=set)
    break_after: int | None = None
    breaks: int = 0
    gate: threading.Event | None = None
    halfway: threading.Event = attrs.field(factory=threading.Event)
    ranges: list[str] = attrs.field(factory=list)
    requests: list[str] = attrs.field(factory=list)
    url: str = ""


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve it until the block ends."""

    class Handler(_Handler):
        served = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        if hub.gate is not None:
            hub.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    served: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Not into the tests' output."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.served.requests.append(f"{self.command} {path}")
        if found := _API.fullmatch(path):
            self._describe(found["repo"], found["revision"])
        elif found := _RESOLVE.fullmatch(path):
            self._file(found["repo"], found["revision"], found["file"], body=body)
        else:
            self._refuse(404, "EntryNotFound")

    def _describe(self, repo: str, revision: str | None) -> None:
        if repo not in self.served.repos:
            return self._refuse(401, "RepoNotFound")
        if revision not in (None, "main", COMMIT):
            return self._refuse(404, "RevisionNotFound")
        files = self.served.repos[repo]
        siblings = [
            {"rfilename": name, "size": len(content), "lfs": _pointer(content)} for name, content in files.items()
        ]
        described = {
            "id": repo,
            "modelId": repo,
            "sha": COMMIT,
            "gated": "auto" if repo in self.served.gated else False,
            "tags": [f"license:{self.served.licence}"],
            "siblings": siblings,
        }
        return self._send(200, json.dumps(described).encode(), {"Content-Type": "application/json"})

    def _file(self, repo: str, revision: str, name: str, *, body: bool) -> None:
        if repo in self.served.gated:
            return self._refuse(403, "GatedRepo")
        content = self.served.repos.get(repo, {}).get(name)
        if content is None or revision != COMMIT:
            return self._refuse(404, "EntryNotFound")
        headers = {"ETag": f'"{_sha(content)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        headers |= {"X-Linked-ETag": f'"{_sha(content)}"', "X-Linked-Size": str(len(content))}
        if name in self.served.wrong:
            content = bytes([content[0] ^ 1]) + content[1:]
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if "Range" in self.headers and body:
            self.served.ranges.append(self.headers["Range"])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self._send(206 if "Content-Range" in headers else 200, content[start:], headers, body=body)

    def _send(self, status: int, content: bytes, headers: dict[str, str], *, body: bool = True) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if not body:
            return
        hub = self.served
        if hub.break_after is not None and hub.breaks and len(content) > hub.break_after:
            hub.breaks -= 1
            self.wfile.write(content[: hub.break_after])
            self.wfile.flush()
            self.close_connection = True
            return
        half = len(content) // 2
        self.wfile.write(content[:half])
        if hub.gate is not None and len(content) > 100_000:
            hub.halfway.set()
            hub.gate.wait(60)
        try:
            self.wfile.write(content[half:])
        except OSError:
            self.close_connection = True

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code})


def _pointer(content: bytes) -> dict[str, Any]:
    return {"sha256": _sha(content), "size": len(content), "pointerSize": 130}


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
