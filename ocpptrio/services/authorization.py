"""Who may charge: Authorize, and the verdict in the answers to starts and stops.

Loads the facts, and asks others where that is configured. Not here: what follows from the facts
(verdict), who may connect (admission).
"""

import secrets
from collections.abc import Collection, Sequence
from typing import Final, Protocol

from ocpptrio.clock import whole_seconds
from ocpptrio.config import AuthorizationSettings
from ocpptrio.events import AuthorizationRefused, OpenMode, TagLearnt
from ocpptrio.protocol.core import Authorize, AuthorizeResponse, StartTransaction, StopTransaction
from ocpptrio.protocol.datatypes import AuthorizationStatus, IdTagInfo, id_tag_key, id_tag_text
from ocpptrio.services.authorizer import Authorizer, ExternalAuthorizer, Question
from ocpptrio.services.budgets import budgets_of
from ocpptrio.services.incoming import Incoming
from ocpptrio.services.tags import ID_TAG_LENGTH
from ocpptrio.services.verdict import Facts, Holder, Purpose, Verdict, verdict
from ocpptrio.store import authorization, id_tags, transactions
from ocpptrio.store.authorization import Standing
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import (
    ChargePointRecord,
    IdTagRecord,
    Running,
    TagGroupRecord,
    Terms,
    TransactionRecord,
)
from ocpptrio.week_times import WeekTimes, week_times

CLOCKS_DIFFER_US: Final = 60_000_000  # between charge points; more is a wrong clock
GENERATED_BYTES: Final = 7  # as a card has; 16 characters are the most that all firmwares take


def generated_id_tag() -> str:
    """A new idTag that nobody guesses: hexadecimal digits alone, which all charge points take."""
    return secrets.token_hex(GENERATED_BYTES).upper()


class Place(Protocol):
    """A charge point as far as it matters who may charge there: its state, or its record."""

    @property
    def charge_point_id(self) -> str: ...
    @property
    def mode(self) -> OpenMode: ...
    @property
    def fixed_id_tag(self) -> str | None: ...


class AuthorizationService:
    """See the module.

    Attributes:
        external: who else is asked, if anybody.
    """

    def __init__(self, store: Store, settings: AuthorizationSettings) -> None:
        self._store = store
        self._settings = settings
        self._zone = settings.zone
        self._remember_us = settings.remember_us
        self.external: ExternalAuthorizer | None = None

    def consult(self, authorizer: Authorizer | None) -> None:
        """Ask this authorizer from now on, or nobody."""
        self.external = (
            None if authorizer is None else ExternalAuthorizer(authorizer, self._settings)
        )

    # Authorize.

    async def authorize(self, incoming: Incoming, request: Authorize) -> AuthorizeResponse:
        """Never ConcurrentTx: that verdict belongs to a start (7.2), and would be cached."""
        # In the writer though it seldom writes: it shares a trip there with all who wait, where a
        # read of its own would cost a thread's.
        found = await self._store.write(lambda db: self._authorize(db, incoming, request.id_tag))
        if self.external is not None:
            found = await self._ask(
                self.external,
                incoming,
                request.id_tag,
                Purpose.AUTHORIZE,
                incoming.received_at_us,
                found,
            )
            if not found.accepted:
                await self._store.write(
                    lambda db: self._tell_refused(db, incoming, request.id_tag, found)
                )
        return AuthorizeResponse(id_tag_info=found.info())

    def _authorize(self, db: Db, incoming: Incoming, id_tag: str) -> Verdict:
        self._learn(db, incoming, id_tag)
        found = self.verdict(db, incoming.state, id_tag, incoming.received_at_us, Purpose.AUTHORIZE)
        if self.external is None and not found.accepted:
            self._tell_refused(db, incoming, id_tag, found)
        return found

    @staticmethod
    def _tell_refused(db: Db, incoming: Incoming, id_tag: str, found: Verdict) -> None:
        db.emit(
            AuthorizationRefused(
                charge_point_id=incoming.charge_point_id,
                at_us=incoming.received_at_us,
                id_tag=id_tag,
                status=found.status,
                reason=found.reason,
            )
        )

    # Transactions; called with the writer's database, but for `ask_for_start`.

    def start_verdict(
        self,
        db: Db,
        incoming: Incoming,
        request: StartTransaction,
        at_us: int,
        besides: Collection[int],
    ) -> Verdict:
        """Ours.

        Args:
            at_us: of the event.
            besides: transactions that the start proves to be over.
        """
        self._learn(db, incoming, request.id_tag)
        return self.verdict(
            db,
            incoming.state,
            request.id_tag,
            at_us,
            Purpose.START,
            besides=besides,
            told_at_us=incoming.received_at_us,
        )

    async def ask_for_start(
        self, incoming: Incoming, request: StartTransaction, at_us: int, local: Verdict
    ) -> Verdict:
        """That of the external authorizer, who must be there."""
        assert self.external is not None
        return await self._ask(
            self.external,
            incoming,
            request.id_tag,
            Purpose.START,
            at_us,
            local,
            request.connector_id,
        )

    def stop_info(
        self, db: Db, incoming: Incoming, request: StopTransaction, at_us: int
    ) -> IdTagInfo | None:
        """What a stop is answered about its idTag; None if it has none, or we cannot know."""
        if request.id_tag is None:
            return None
        found = self.verdict(
            db,
            incoming.state,
            request.id_tag,
            at_us,
            Purpose.STOP,
            told_at_us=incoming.received_at_us,
        )
        if self.external is not None and found.status is AuthorizationStatus.INVALID:
            # Nobody else is asked, as nothing hangs on it; but who they accepted is not Invalid.
            started = transactions.owned(db, incoming.charge_point_id, request.transaction_id)
            if started is not None and started.id_tag_key == id_tag_key(request.id_tag):
                return first_verdict(started).info()
            return None
        return found.info()

    # The facts.

    def verdict(
        self,
        reader: Reader,
        place: Place,
        id_tag: str,
        at_us: int,
        purpose: Purpose,
        *,
        besides: Collection[int] = (),
        told_at_us: int = 0,
    ) -> Verdict:
        """Our own verdict on an idTag.

        Args:
            at_us: the time of the event, which for a replayed start is long past.
            besides: for a start, the transactions that it proves to be over.
            told_at_us: when the charge point is told, if that is later.
        """
        account = account_of(place, id_tag)
        standing = authorization.standing(reader, account, place.charge_point_id)
        running: list[Running] = []
        holders: tuple[Holder, ...] = ()
        group = None
        if standing is not None:
            group = standing.group
            running = self._running(reader, standing, purpose, at_us, besides)
            holders = self._holders(reader, standing, at_us, running)
        return verdict(
            Facts(
                purpose=purpose,
                at_us=at_us,
                zone=self._zone,
                holders=holders,
                parent_id_tag=None if group is None else group.parent_id_tag,
                everybody=place.mode is OpenMode.EVERYBODY,
                runs_here=any(one.charge_point_id == place.charge_point_id for one in running),
                remember_us=self._remember_us,
                told_at_us=told_at_us,
            )
        )

    def foreseen(
        self, reader: Reader, place: ChargePointRecord, id_tag: str, at_us: int
    ) -> Verdict:
        """What a start with an idTag would be answered, as far as we decide it."""
        found = self.verdict(reader, place, id_tag, at_us, Purpose.START)
        learns = place.mode is OpenMode.LEARN and (place.learning_ends_at_us or 0) > at_us
        if learns and found.status is AuthorizationStatus.INVALID and _can_be_learnt(id_tag):
            reason = "unknown, but would be learnt"
            return Verdict(status=AuthorizationStatus.ACCEPTED, reason=reason)
        return found

    def _running(
        self,
        reader: Reader,
        standing: Standing,
        purpose: Purpose,
        at_us: int,
        besides: Collection[int],
    ) -> list[Running]:
        """What runs on account of the tag and its group, as far as it matters.

        By the time of the event: a start that was queued for days is not concurrent with what
        began since (Q46).
        """
        tag, group = standing.tag, standing.group
        if purpose is Purpose.START:  # how many
            matters = bool(self._limit(tag) or _group_limit(group))
            with_group = bool(_group_limit(group))
        else:  # whether there is one to be stopped
            matters = purpose is Purpose.AUTHORIZE and standing.is_limited
            with_group = group is not None
        if not matters:
            return []
        group_key = tag.group_key if with_group else None
        found = transactions.open_of_tag(
            reader, tag.id_tag_key, group_key, begun_by_us=at_us + CLOCKS_DIFFER_US
        )
        return [one for one in found if one.transaction_id not in besides]

    def _holders(
        self, reader: Reader, standing: Standing, at_us: int, running: Sequence[Running]
    ) -> tuple[Holder, ...]:
        tag, group = standing.tag, standing.group
        of_tag = Holder(
            title=f"tag {tag.id_tag}",
            blocked=tag.blocked,
            expires_at_us=tag.expires_at_us,
            here=standing.here,
            times=_times(tag),
            budgets=budgets_of(reader, tag, tag.id_tag_key, None, at_us, self._zone),
            max_concurrent=self._limit(tag),
            running=sum(one.account_key == tag.id_tag_key for one in running),
        )
        if group is None:
            return (of_tag,)
        of_group = Holder(
            title=f"group {group.parent_id_tag}",
            blocked=group.blocked,
            expires_at_us=group.expires_at_us,
            here=standing.group_here,
            times=_times(group),
            budgets=budgets_of(reader, group, tag.id_tag_key, group.group_key, at_us, self._zone),
            max_concurrent=_group_limit(group),
            running=len(running),
        )
        return (of_tag, of_group)

    def _limit(self, tag: IdTagRecord) -> int:
        if tag.max_concurrent is not None:
            return tag.max_concurrent
        return self._settings.max_concurrent_transactions

    def _learn(self, db: Db, incoming: Incoming, id_tag: str) -> None:
        """Make an unknown tag known, while the charge point learns.

        By our clock: one of a charge point that stands still would never end it.
        """
        state, at_us = incoming.state, incoming.received_at_us
        if state.mode is not OpenMode.LEARN:
            return
        id_tag = id_tag_text(id_tag)  # as it can be entered and imported, too
        if (
            state.learning_ends_at_us is None
            or state.learning_ends_at_us <= at_us
            or not _can_be_learnt(id_tag)
            or id_tags.get(db, id_tag) is not None
        ):
            return
        note = f"learnt at {incoming.charge_point_id}"
        id_tags.put(db, IdTagRecord(id_tag=id_tag, note=note, created_at_us=at_us))
        db.emit(TagLearnt(charge_point_id=incoming.charge_point_id, at_us=at_us, id_tag=id_tag))

    @staticmethod
    async def _ask(
        external: ExternalAuthorizer,
        incoming: Incoming,
        id_tag: str,
        kind: Purpose,
        at_us: int,
        local: Verdict,
        connector_id: int | None = None,
    ) -> Verdict:
        question = Question(
            charge_point_id=incoming.charge_point_id,
            connector_id=connector_id,
            id_tag=id_tag,
            kind=kind,
            time=whole_seconds(at_us),
            local=local.info(),
            reason=local.reason,
        )
        return await external.ask(question, local, max(at_us, incoming.received_at_us))


def account_of(place: Place, id_tag: str) -> str:
    """The idTag that answers for the one presented."""
    if place.mode is OpenMode.FIXED_TAG and place.fixed_id_tag is not None:
        return place.fixed_id_tag
    return id_tag


def _can_be_learnt(id_tag: str) -> bool:
    return 0 < len(id_tag_text(id_tag)) <= ID_TAG_LENGTH


def first_verdict(transaction: TransactionRecord) -> Verdict:
    """As its start was answered."""
    return Verdict(
        status=AuthorizationStatus(transaction.authorization_status),
        reason=transaction.authorization_reason,
        parent_id_tag=transaction.parent_id_tag,
        expires_at_us=transaction.authorization_expires_at_us,
    )


def _group_limit(group: TagGroupRecord | None) -> int:
    return 0 if group is None else group.max_concurrent or 0


def _times(terms: Terms) -> WeekTimes | None:
    return None if terms.week_times is None else week_times(terms.week_times)
