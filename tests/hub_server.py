"""A Hugging Face Hub on loopback: the part of its protocol that huggingface_hub speaks when it lists and downloads.

    with Hub() as hub:
        hub.add("ggml-org/tiny-GGUF", {"a.gguf": b"…", "mmproj-a.gguf": b"…"})
        environment = hub.environment(tmp_path)       # HF_ENDPOINT, HF_HOME

GET  /api/models/REPO[/revision/COMMIT]?blobs=true     names, sizes, SHA-256
HEAD /REPO/resolve/COMMIT/FILE                         X-Repo-Commit, X-Linked-Etag, X-Linked-Size, 302 to …
GET  /cdn/SHA256                                       the bytes, whole or from a Range
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass
class Repo:
    """Its files, and how it misbehaves."""

    files: dict[str, bytes]
    token: str = ""  # who does not send it is answered 401
    sizes: dict[str, int] = field(default_factory=dict)  # what it says of a file's size instead of the truth
    hidden: tuple[str, ...] = ()  # listed, but 404
    commit: str = ""

    def __post_init__(self) -> None:
        whole = hashlib.sha1(b"".join(name.encode() + data for name, data in sorted(self.files.items())))
        self.commit = self.commit or whole.hexdigest()


class Hub:
    """The server. `requests` holds "METHOD path" of everything asked, `ranges` the Range headers seen."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.moved: dict[str, str] = {}  # old name → new name: 307, as after a rename
        self.cut_after: list[int] = []  # bytes after which the next downloads break off
        self.wrong_bytes = False
        self.requests: list[str] = []
        self.ranges: list[str] = []
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self.handler = Handler
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.cdn = f"http://localhost:{self._server.server_address[1]}/cdn"  # another host, as with the real one
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Hub:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, name: str, files: dict[str, bytes], **how) -> Repo:
        self.repos[name] = Repo(files, **how)
        return self.repos[name]

    def environment(self, folder: Path) -> dict[str, str]:
        """What a process needs to talk to this Hub, with a cache of its own."""
        return {"HF_ENDPOINT": self.url, "HF_HOME": str(folder / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1"}

    def blob(self, digest: str) -> bytes | None:
        return next(
            (data for repo in self.repos.values() for data in repo.files.values() if sha256(data) == digest), None
        )


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._route()

    def do_GET(self) -> None:
        self._route()

    def _route(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        for old, new in self.hub.moved.items():
            if f"/{old}/" in f"{path}/":
                self._answer(307, {"Location": path.replace(old, new)})
                return
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path):
            self._listing(match[1])
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(match[1], match[3])
        elif match := re.fullmatch(r"/cdn/([0-9a-f]{64})", path):
            self._bytes(match[1])
        else:
            self._answer(404, {})

    def _repo(self, name: str) -> Repo | None:
        """The repository, unless it is not there or not shown: then it has been answered."""
        repo = self.hub.repos.get(name)
        allowed = repo is not None and (not repo.token or self.headers.get("authorization") == f"Bearer {repo.token}")
        if repo is None or not allowed:
            error = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
            self._answer(404 if repo is None else 401, error)
            return None
        return repo

    def _listing(self, name: str) -> None:
        repo = self._repo(name)
        if repo is None:
            return
        siblings = [
            {
                "rfilename": file,
                "size": repo.sizes.get(file, len(data)),
                "lfs": {"sha256": sha256(data), "size": len(data), "pointerSize": 134},
            }
            for file, data in repo.files.items()
        ]
        body = {"_id": "1", "id": name, "modelId": name, "sha": repo.commit, "siblings": siblings, "tags": []}
        self._answer(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def _resolve(self, name: str, file: str) -> None:
        repo = self._repo(name)
        if repo is None:
            return
        if file not in repo.files or file in repo.hidden:
            self._answer(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": repo.commit})
            return
        digest = sha256(repo.files[file])
        headers = {
            "X-Repo-Commit": repo.commit,
            "X-Linked-Etag": f'"{digest}"',
            "X-Linked-Size": str(len(repo.files[file])),
            "Location": f"{self.hub.cdn}/{digest}",
        }
        self._answer(302, headers)

    def _bytes(self, digest: str) -> None:
        data = self.hub.blob(digest)
        if data is None:
            self._answer(404, {})
            return
        if self.hub.wrong_bytes:
            data = bytes([data[0] ^ 1]) + data[1:-1] + bytes([data[-1] ^ 1])
        first, status = 0, 200
        if wanted := self.headers.get("Range"):
            self.hub.ranges.append(wanted)
            first, status = int(re.match(r"bytes=(\d+)-", wanted)[1]), 206
        headers = {"Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"} if status == 206 else {}
        cut = self.hub.cut_after.pop(0) if self.hub.cut_after else None
        self._answer(status, headers, data[first:], cut)

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"", cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True
