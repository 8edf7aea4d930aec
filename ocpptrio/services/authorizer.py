"""Somebody else who has a say in who may charge: asked in time, or done without.

The charge point waits meanwhile, so there is an end to it: a time-out, a stated fallback, and no
more waiting while nobody answers. Not here: HTTP (http_authorizer), our own verdict (verdict).
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeAlias

import msgspec
import structlog
import trio

from ocpptrio.clock import to_us, whole_seconds
from ocpptrio.config import AuthorizationSettings, Fallback
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo
from ocpptrio.services.outbound import Unreachable
from ocpptrio.services.verdict import NOT_REMEMBERED_US, Purpose, Verdict

# Time-outs and failures to connect in a row until it counts as dead.
FAILURES_UNTIL_DEAD: Final = 3
DEAD_FOR_S: Final = 30  # then one question tries again

log = structlog.get_logger("ocpptrio.authorization")


class Question(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """May this idTag charge?

    Attributes:
        id_tag: as presented.
        kind: an Authorize (which may be meant for a stop) or a StartTransaction.
        time: of the event, which for a start that was held back offline is long past.
        local: what is answered if there is no other opinion.
        reason: why, for people.
        connector_id: of a start.
    """

    charge_point_id: str
    id_tag: str
    kind: Purpose
    time: datetime
    local: IdTagInfo
    reason: str | None = None
    connector_id: int | None = None


# None: no opinion, the local verdict stands.
Authorizer: TypeAlias = Callable[[Question], Awaitable[IdTagInfo | None]]


class ExternalAuthorizer:
    """Asks an authorizer, within bounds."""

    def __init__(self, authorizer: Authorizer, settings: AuthorizationSettings) -> None:
        self._authorizer = authorizer
        self._timeout_s = settings.timeout
        self._fallback = settings.fallback
        self._remember_us = settings.remember_us
        self._failures = 0  # in a row
        self._dead_until = 0.0  # Trio's time

    async def ask(self, question: Question, local: Verdict, known_from_us: int) -> Verdict:
        """The verdict: theirs, ours where they have none, or that of the fallback.

        Args:
            known_from_us: when the charge point has the answer; see `verdict.Facts`.
        """
        now = trio.current_time()
        if self._failures >= FAILURES_UNTIL_DEAD:
            if now < self._dead_until:
                return self._without(question, local, "is down", known_from_us)
            # One question is the probe; all others do without until it is answered.
            self._dead_until = now + self._timeout_s + DEAD_FOR_S
        try:
            with trio.fail_after(self._timeout_s):
                info = await self._authorizer(question)
            found = self._theirs(question, info, local, known_from_us)
        except (trio.TooSlowError, Unreachable) as error:
            self._failures += 1
            self._dead_until = trio.current_time() + DEAD_FOR_S
            why = str(error) or f"did not answer within {self._timeout_s:g} s"
            return self._without(question, local, why, known_from_us)
        except Exception as error:  # noqa: BLE001 - code of others: the charge point gets an answer
            # It was answered, however badly: the next question may do better at once.
            self._failures = 0
            return self._without(question, local, f"failed: {error!r}", known_from_us)
        self._failures = 0
        return found

    def _without(self, question: Question, local: Verdict, why: str, known_from_us: int) -> Verdict:
        log.warning(
            "done without the external authorizer",
            charge_point=question.charge_point_id,
            reason=why,
            fallback=self._fallback,
        )
        reason = f"the external authorizer {why}"
        # Not to be remembered: it holds until somebody can be asked again.
        expires_at_us = known_from_us + NOT_REMEMBERED_US
        match self._fallback:
            case Fallback.LOCAL:
                reason = f"{local.reason}; {reason}" if local.reason else reason
                return msgspec.structs.replace(local, reason=reason)
            case Fallback.ACCEPT:
                status = AuthorizationStatus.ACCEPTED
            case Fallback.REJECT:
                status = AuthorizationStatus.BLOCKED
        return Verdict(
            status=status,
            reason=f"{reason}; fallback: {self._fallback}",
            parent_id_tag=local.parent_id_tag,
            expires_at_us=expires_at_us,
        )

    def _theirs(
        self, question: Question, info: IdTagInfo | None, local: Verdict, known_from_us: int
    ) -> Verdict:
        if info is None:
            return local
        # What cannot be sent must fail here: answered with an error, a start would come for ever.
        info = msgspec.convert(msgspec.to_builtins(info), IdTagInfo)
        # ConcurrentTx would be cached (7.2); they are asked again when it starts.
        concurrent = info.status is AuthorizationStatus.CONCURRENT_TX
        if concurrent and question.kind is not Purpose.START:
            return local
        if info.expiry_date is not None:
            expires_at_us: int | None = to_us(info.expiry_date)
            whole_seconds(to_us(info.expiry_date))  # fails if that is no time of UTC: year 10000
        elif concurrent:
            expires_at_us = known_from_us + NOT_REMEMBERED_US
        elif info.status is not AuthorizationStatus.ACCEPTED:
            expires_at_us = None
        elif local.accepted:
            expires_at_us = local.expires_at_us
        elif self._remember_us is not None:
            expires_at_us = known_from_us + self._remember_us
        else:
            expires_at_us = None
        return Verdict(
            status=info.status,
            reason="as the external authorizer says",
            # All members of a group get the same one (3.10).
            parent_id_tag=info.parent_id_tag or local.parent_id_tag,
            expires_at_us=expires_at_us,
        )
