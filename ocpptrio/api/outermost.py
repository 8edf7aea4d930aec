"""Round every request: headers that keep browsers strict, and the audit log of what is changed.

A change is in the audit log before its answer leaves. Not here: what may be done (access).
"""

from typing import Any, Final

import structlog
import trio
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

from ocpptrio.api.access import SAFE, address_of
from ocpptrio.api.paths import apart
from ocpptrio.central_system import CentralSystem
from ocpptrio.errors import StoreError
from ocpptrio.redaction import HIDDEN, is_secret, redact_json
from ocpptrio.services.access import Principal
from ocpptrio.store import audit

BODY_KEPT: Final = 4096  # bytes
# Bodies that are nothing but secrets.
UNSEEN: Final = ("/session", "/password")
LOGIN: Final = "/api/v1/session"
NO_ANSWER: Final = 0  # the status of what was cut off: it may have been done
CLEANUP_TIMEOUT_S: Final = 5

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NOT_KEPT: Final = (b"cache-control", b"no-store")

log = structlog.get_logger("ocpptrio.api")


class Outermost:
    """See the module. An ASGI application round another."""

    def __init__(self, app: ASGIApp, central: CentralSystem) -> None:
        self._app = app
        self._central = central

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        scope["path"] = apart(scope["path"], scope.get("raw_path"))
        request = _Request(self._central, scope, receive, send)
        try:
            await self._app(scope, request.receive, request.send)
        finally:
            if not request.answered:
                with trio.move_on_after(CLEANUP_TIMEOUT_S, shield=True):
                    await request.note(NO_ANSWER)


class _Request:
    """One request on its way in, and its answer on its way out."""

    def __init__(
        self, central: CentralSystem, scope: Any, receive: Receive, send: Send
    ) -> None:  # Any: HTTPScope, with what we put into it
        self._central = central
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body = b""
        self._changes = scope["method"] not in SAFE
        self.answered = False

    async def receive(self) -> Any:  # Any: one of ASGI's messages
        message = await self._receive()
        if self._changes and message["type"] == "http.request" and len(self._body) <= BODY_KEPT:
            self._body += message.get("body", b"")[: BODY_KEPT + 1]
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.answered = True
            await self.note(message["status"])
            _add_headers(message)
        await self._send(message)

    async def note(self, status: int) -> None:
        """Enter a change into the audit log; not what nobody did."""
        scope = self._scope
        principal: Principal | None = scope.get("user")
        tries_to_log_in = scope["path"] == LOGIN and status in (201, 401)
        if not self._changes or (principal is None and not tries_to_log_in):
            return
        address = address_of(scope, self._central.settings.api)
        at_us, body = self._central.clock(), self._shown_body()
        try:
            await self._central.store.write(
                lambda db: audit.note(
                    db,
                    at_us=at_us,
                    actor="" if principal is None else principal.name,
                    address=address,
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    body=body,
                )
            )
        except StoreError:  # then the change failed, too
            log.warning("not in the audit log", method=scope["method"], path=scope["path"])

    def _shown_body(self) -> str:
        path = self._scope["path"]
        if not self._body:
            return ""
        if path.endswith(UNSEEN) or is_secret(path.rpartition("/")[2]):
            return HIDDEN
        if len(self._body) > BODY_KEPT:
            return f"(more than {BODY_KEPT} bytes)"  # cut JSON cannot be searched for secrets
        return redact_json(self._body.decode(errors="replace"))


def _add_headers(message: HTTPResponseStartEvent) -> None:
    headers = list(message.get("headers", ()))
    given = {name.lower() for name, _ in headers}
    headers += [header for header in _HEADERS if header[0] not in given]
    if _NOT_KEPT[0] not in given:
        headers.append(_NOT_KEPT)
    message["headers"] = headers
