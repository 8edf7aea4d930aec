"""An external authorizer behind HTTP: each question is a POST. See docs/authorization.md.

Not here: sending it (outbound), time-out and fallback (authorizer).
"""

from typing import Final

import msgspec

from ocpptrio.config import AuthorizationSettings
from ocpptrio.protocol.datatypes import AuthorizationStatus, DateTime, IdTagInfo, IdToken
from ocpptrio.services.authorizer import Question
from ocpptrio.services.outbound import Outbound

# At a time: with more questions than that, the endpoint is what is slow.
CONNECTIONS: Final = 100


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    """An idTagInfo; fields that are none of it are not looked at."""

    status: AuthorizationStatus
    parent_id_tag: IdToken | None = None
    expiry_date: DateTime | None = None


class HttpAuthorizer:
    """Asks the URL of the settings.

    Raises:
        ConfigError: httpcore2 is not installed.
    """

    def __init__(self, settings: AuthorizationSettings) -> None:
        self._url = settings.url
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if settings.token:
            self._headers["Authorization"] = f"Bearer {settings.token}"
        self._outbound = Outbound("[authorization] url", connections=CONNECTIONS)

    async def __call__(self, question: Question) -> IdTagInfo | None:
        """The answer: 200 with an idTagInfo, or 204 for no opinion.

        Raises:
            Unreachable: nobody is there.
            ValueError: the answer is another one.
        """
        answered = await self._outbound.post(
            self._url, self._headers, msgspec.json.encode(question)
        )
        if answered.status == 204:
            return None
        if answered.status != 200:
            raise ValueError(f"answered {answered.status}")
        try:
            answer = msgspec.json.decode(answered.content, type=_Answer)
        except msgspec.MsgspecError as error:
            raise ValueError(f"answered no idTagInfo: {error}") from error
        return IdTagInfo(
            status=answer.status,
            parent_id_tag=answer.parent_id_tag,
            expiry_date=answer.expiry_date,
        )

    async def aclose(self) -> None:
        await self._outbound.aclose()
