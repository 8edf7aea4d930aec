"""HTTP to others: one POST and the beginning of its answer.

By httpcore2, the part of httpx2 that sends and receives: on Trio it needs nothing else, and it
sends to the address that was named, never to a redirect or a proxy from the environment. Not here:
how long it may take (each caller), what is sent (http_authorizer, webhook_delivery,
alert_notices).
"""

import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from ocpptrio.errors import ConfigError

KEPT_OPEN_S: Final = 4  # less than servers do: 5 s are common
LONGEST_URL: Final = 2000


class Unreachable(Exception):
    """Nobody is there: asked again too soon, nobody would be either."""


class Answer(msgspec.Struct, frozen=True):
    """An answer, whatever its status.

    Attributes:
        content: its beginning, as far as it was wanted.
    """

    status: int
    content: bytes


class Outbound:
    """Connections to other servers; one is kept open for a moment after each answer.

    Args:
        connections: at a time; None: any number.
        private_addresses: also to addresses of this machine and of private networks.
        needed_by: the setting that makes httpcore2 necessary.

    Raises:
        ConfigError: httpcore2 is not installed.
    """

    def __init__(
        self, needed_by: str, *, connections: int | None = None, private_addresses: bool = True
    ) -> None:
        try:
            import httpcore2
        except ImportError as error:
            raise ConfigError(
                f"{needed_by} needs httpcore2: pip install 'ocpptrio[server]'"
            ) from error
        self._errors: tuple[type[Exception], ...] = (
            httpcore2.NetworkError,
            httpcore2.ProtocolError,
            httpcore2.TimeoutException,
            OSError,
            UnicodeError,  # of a host name that is none
        )
        self._connections = connections
        self._private_addresses = private_addresses
        self._pools: dict[bool, Any] = {}  # by TLS or not. Any: see ImportError

    async def post(
        self, url: str, headers: Mapping[str, str], content: bytes, *, most_bytes: int = 65_536
    ) -> Answer:
        """POST it, and return the answer with `most_bytes` of its body.

        Raises:
            Unreachable: no answer came, or none that is HTTP; says why.
        """
        try:
            async with self._pool(url).stream(
                "POST", url, headers=dict(headers), content=content
            ) as response:
                kept = b""
                try:
                    async for chunk in response.aiter_stream():
                        kept += chunk
                        if len(kept) >= most_bytes:
                            # Enough. The iterators of httpcore2 are nested: left half way they
                            # would linger, and this ends them all.
                            await response.extensions["network_stream"].aclose()
                except self._errors:
                    if len(kept) < most_bytes:
                        raise
                return Answer(response.status, kept[:most_bytes])
        except self._errors as error:
            raise Unreachable(f"cannot be reached: {reason(error)}") from error

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()

    def _pool(self, url: str) -> Any:  # Any: see ImportError
        is_tls = url.startswith("https:")
        if is_tls not in self._pools:
            import httpcore2

            backend = None
            if not self._private_addresses:
                from ocpptrio.services.public_addresses import PublicAddresses

                backend = PublicAddresses()
            self._pools[is_tls] = httpcore2.AsyncConnectionPool(
                # What this machine trusts, so that an authority of one's own works.
                ssl_context=ssl.create_default_context() if is_tls else None,
                max_connections=self._connections,
                keepalive_expiry=KEPT_OPEN_S,
                network_backend=backend,
            )
        return self._pools[is_tls]


def reason(error: BaseException) -> str:
    """What an error of httpcore2 says, or else what is behind it: of TLS it says nothing itself."""
    behind: BaseException | None = error
    while behind is not None and not str(behind):
        behind = behind.__cause__ or behind.__context__  # its pool hides the cause, not the context
    return str(behind or type(error).__name__)


def check_url(url: str) -> None:
    """Whether a POST can be sent there.

    Raises:
        ValueError: it cannot; says why.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError("expected http:// or https://")
    if not (url.isascii() and url.isprintable()) or " " in url or len(url) > LONGEST_URL:
        raise ValueError(f"expected at most {LONGEST_URL} visible ASCII characters")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is none raises
    except ValueError as error:
        raise ValueError(f"no URL: {error}") from None
    if not host:
        raise ValueError("names no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("name no user and password in it: what is sent is signed instead")
    if parts.fragment:
        raise ValueError("a fragment (#) is never sent; leave it out")
