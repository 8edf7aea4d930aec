"""An external authorizer behind HTTP: each question is a POST. See docs/authorization.md.

By httpcore, the part of httpx that sends and receives: on Trio it needs nothing else, and it sends
a token to the address that was configured, never to a redirect or a proxy from the environment. Not
here: time-out and fallback (authorizer).
"""

import ssl
from typing import Any, Final

import msgspec

from ocpptrio.config import AuthorizationSettings
from ocpptrio.errors import ConfigError
from ocpptrio.protocol.datatypes import AuthorizationStatus, DateTime, IdTagInfo, IdToken
from ocpptrio.services.authorizer import Question, Unreachable

# At a time: with more questions than that, the endpoint is what is slow.
CONNECTIONS: Final = 100
KEPT_OPEN_S: Final = 4  # less than servers do: 5 s are common


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    """An idTagInfo; fields that are none of it are not looked at."""

    status: AuthorizationStatus
    parent_id_tag: IdToken | None = None
    expiry_date: DateTime | None = None


class HttpAuthorizer:
    """Asks the URL of the settings.

    Raises:
        ConfigError: httpcore is not installed.
    """

    def __init__(self, settings: AuthorizationSettings) -> None:
        try:
            import httpcore
        except ImportError as error:
            raise ConfigError(
                "[authorization] url needs httpcore: pip install 'ocpptrio[server]'"
            ) from error
        self._errors: tuple[type[Exception], ...] = (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
            OSError,
        )
        self._url = settings.url
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if settings.token:
            self._headers["Authorization"] = f"Bearer {settings.token}"
        # The certificates that this machine trusts, so that an authority of one's own works.
        context = ssl.create_default_context() if self._url.startswith("https:") else None
        self._pool: Any = httpcore.AsyncConnectionPool(  # Any: see ImportError
            ssl_context=context,
            max_connections=CONNECTIONS,
            keepalive_expiry=KEPT_OPEN_S,
        )

    async def __call__(self, question: Question) -> IdTagInfo | None:
        """The answer: 200 with an idTagInfo, or 204 for no opinion.

        Raises:
            Unreachable: nobody is there.
            ValueError: the answer is another one.
        """
        try:
            response = await self._pool.request(
                "POST", self._url, headers=self._headers, content=msgspec.json.encode(question)
            )
        except self._errors as error:
            raise Unreachable(f"cannot be reached: {error!r}") from error
        if response.status == 204:
            return None
        if response.status != 200:
            raise ValueError(f"answered {response.status}")
        try:
            answer = msgspec.json.decode(response.content, type=_Answer)
        except msgspec.MsgspecError as error:
            raise ValueError(f"answered no idTagInfo: {error}") from error
        return IdTagInfo(
            status=answer.status,
            parent_id_tag=answer.parent_id_tag,
            expiry_date=answer.expiry_date,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()
