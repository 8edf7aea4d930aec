"""The files of the dashboard, from memory: small, compressed once, under a strict policy.

Every path that is no file and none of the API's is the dashboard itself, which finds its page by
the path. Not here: the files (web/).
"""

import gzip
import hashlib
import mimetypes
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from ocpptrio.api.access import ANYBODY, AS_IT_IS
from ocpptrio.api.given import AnyRequest
from ocpptrio.api.problems import not_found

PAGE: Final = "index.html"
PUBLIC_FILE: Final = ANYBODY | {AS_IT_IS: True}
DOCS: Final = "docs/index.html"
COMPRESSED: Final = ("text/", "application/javascript", "application/json", "image/svg+xml")
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


class StaticFile(msgspec.Struct, frozen=True):
    body: bytes
    zipped: bytes | None  # None: it does not get smaller
    headers: dict[str, str]


class StaticFiles:
    """See the module."""

    def __init__(self, root: Traversable | None = None) -> None:
        root = root or files("ocpptrio") / "web"
        self._files = dict(_read(root)) if root.is_dir() else {}

    def answer(self, request: AnyRequest, path: str) -> Response[bytes]:
        """The file with this path, or 304 if the browser has it."""
        file = self._files.get(path) or (self._files.get(PAGE) if self._is_page(path) else None)
        if file is None:
            raise not_found(f"there is no {request.url.path}")
        if request.headers.get("if-none-match") == file.headers["ETag"]:
            return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=file.headers)
        headers = dict(file.headers)
        body = file.body
        if file.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            body = file.zipped
            headers["Content-Encoding"] = "gzip"
        return Response(body, headers=headers, media_type=headers["Content-Type"])

    def _is_page(self, path: str) -> bool:
        """Whether it is the dashboard's to show, and no file that is missing."""
        first, slash, _rest = path.partition("/")
        if not slash:
            return "." not in path
        return first != "api" and not any(name.startswith(f"{first}/") for name in self._files)


def _read(folder: Traversable, prefix: str = "") -> list[tuple[str, StaticFile]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _read(entry, f"{prefix}{entry.name}/")
        elif not entry.name.startswith("."):
            found.append((prefix + entry.name, _file(entry.name, entry.read_bytes())))
    return found


def _file(name: str, body: bytes) -> StaticFile:
    kind = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0]
    kind = kind or "application/octet-stream"
    text = kind.startswith(COMPRESSED)
    zipped = gzip.compress(body, 9, mtime=0) if text else None
    headers = {
        "Content-Type": f"{kind}; charset=utf-8" if text else kind,
        "ETag": f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"',
        "Cache-Control": "no-cache",  # asks each time whether it is still the same
        "Vary": "Accept-Encoding",
    }
    if name.endswith(".html"):
        headers["Content-Security-Policy"] = _POLICY
    smaller = zipped is not None and len(zipped) < len(body)
    return StaticFile(body, zipped if smaller else None, headers)


@get(["/", "/{path:path}"], opt=PUBLIC_FILE, include_in_schema=False)
async def dashboard(request: AnyRequest, path: FromPath[str] = "") -> Response[bytes]:
    static: StaticFiles = request.app.state.static
    return static.answer(request, path.strip("/") or PAGE)


@get("/api/docs", opt=PUBLIC_FILE, include_in_schema=False)
async def docs(request: AnyRequest) -> Response[bytes]:
    """The API for people to browse; works without the internet."""
    static: StaticFiles = request.app.state.static
    return static.answer(request, DOCS)
