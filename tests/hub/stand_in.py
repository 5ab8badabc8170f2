"""A small stand-in for the Hugging Face hub: repositories in memory, behind its HTTP API.

As much of it as `HfApi` needs to make a repository, write a commit, say what is in it and fetch it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def digits(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


class Hub:
    """What a stand-in holds, and who asked.

    Attributes:
        repositories: the files of each, by `models/OWNER/NAME` or `datasets/OWNER/NAME`.
        asked: method, path and token of each request.
        refuses: whether nobody may make a repository.
        url: where it listens.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.asked: list[tuple[str, str, str | None]] = []
        self.refuses = False
        self.url = ""

    def commit(self, name: str) -> str:
        """Forty digits of what a repository holds."""
        told = sorted((path, digits(data)) for path, data in self.repositories[name].items())
        return digits(json.dumps(told).encode())


class Handler(BaseHTTPRequestHandler):
    """Answers as the hub does."""

    hub: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def _told(self, status: int, value: Any = None, headers: dict[str, str] | None = None) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for key, text in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(key, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _note(self) -> str:
        path = self.path.partition("?")[0]
        self.hub.asked.append((self.command, path, self.headers.get("authorization")))
        return path

    def do_POST(self) -> None:
        path, body = self._note(), self._body()
        if path == "/api/repos/create":
            asked = json.loads(body)
            kind = asked.get("type", "model")
            owner = asked.get("organization") or "me"
            name = f"{kind}s/{owner}/{asked['name']}"
            url = {"url": f"{self.hub.url}/{owner}/{asked['name']}"}
            if self.hub.refuses:
                return self._told(403, {"error": "not yours"})
            if name in self.hub.repositories:
                return self._told(409, {"error": "there is one", **url})
            self.hub.repositories[name] = {}
            self.hub.private[name] = "private" in (
                asked.get("visibility"),
                asked.get("private") and "private",
            )
            return self._told(200, url)
        if path == "/api/validate-yaml":
            return self._told(200, {"errors": [], "warnings": []})
        if found := re.fullmatch(r"/api/(\w+/[^/]+/[^/]+)/preupload/(.+)", path):
            files = json.loads(body)["files"]
            how = {"uploadMode": "regular", "shouldIgnore": False, "oid": None}
            regular = [{"path": file["path"], **how} for file in files]
            return self._told(200, {"files": regular})
        if found := re.fullmatch(r"/api/(\w+/[^/]+/[^/]+)/commit/(.+)", path):
            for line in body.splitlines():
                told = json.loads(line)
                if told["key"] == "file":
                    data = base64.b64decode(told["value"]["content"])
                    self.hub.repositories[found[1]][told["value"]["path"]] = data
            commit = self.hub.commit(found[1])
            url = f"{self.hub.url}/{found[1].removeprefix('models/')}/commit/{commit}"
            return self._told(200, {"commitUrl": url, "commitOid": commit})
        return self._told(404, {"error": path})

    def do_GET(self) -> None:
        path = self._note()
        if path == "/api/whoami-v2":
            return self._told(200, {"name": "me", "type": "user", "orgs": []})
        if found := re.fullmatch(r"/api/(\w+/[^/]+/[^/]+)(?:/revision/(.+))?", path):
            if found[1] not in self.hub.repositories:
                return self._told(404, {"error": "none"}, {"X-Error-Code": "RepoNotFound"})
            files = [{"rfilename": name} for name in sorted(self.hub.repositories[found[1]])]
            name = found[1].partition("/")[2]
            told = {"id": name, "sha": self.hub.commit(found[1]), "siblings": files}
            return self._told(200, told)
        if found := re.fullmatch(r"/api/(\w+/[^/]+/[^/]+)/tree/(.+)", path):
            files = self.hub.repositories[found[1]]
            listed = [
                {"type": "file", "path": name, "size": len(data), "oid": digits(data)}
                for name, data in sorted(files.items())
            ]
            return self._told(200, listed)
        if found := re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            name = f"{found[1] or 'models/'}{found[2]}"
            data = self.hub.repositories.get(name, {}).get(found[4])
            if data is None:
                return self._told(404, {"error": "none"}, {"X-Error-Code": "EntryNotFound"})
            etag = f'"{digits(data)}"'
            return self._told(200, data, {"ETag": etag, "X-Repo-Commit": self.hub.commit(name)})
        return self._told(404, {"error": path})

    do_HEAD = do_GET  # noqa: N815  # as BaseHTTPRequestHandler calls it


@contextmanager
def standing_in() -> Iterator[Hub]:
    """A hub that `huggingface_hub` asks in place of the other, as with HF_ENDPOINT."""
    hub = Hub()
    handler = type("Own", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
