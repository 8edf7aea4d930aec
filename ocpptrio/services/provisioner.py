"""One charge point's way to its wanted configuration: read, write what differs, read back.

Whatever a charge point answers, it ends: each value is written `attempts` times at most, on record
before it is sent, so that neither a reboot nor a restart of ours begins anew (Q18). Not here: when
there is something to do (provisioning), what differs (wanted), reading (configuration_reading).
"""

from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

import structlog
from msgspec.structs import replace

from ocpptrio.clock import Clock
from ocpptrio.config import ProvisioningSettings
from ocpptrio.errors import (
    CallFailed,
    CallRefused,
    CallTimedOut,
    InvalidResponse,
    LocalProtocolError,
    NotConnected,
)
from ocpptrio.events import ProvisioningState
from ocpptrio.protocol.core import (
    ChangeConfiguration,
    ConfigurationStatus,
    RegistrationStatus,
    Reset,
    ResetType,
)
from ocpptrio.protocol.remote_trigger import MessageTrigger, TriggerMessage
from ocpptrio.services.configuration_reading import Call, max_keys, read_all, read_some
from ocpptrio.services.wanted import (
    DONE,
    KeyState,
    Verdict,
    retry_after_us,
    settled,
    situation,
    summary,
    verdicts,
)
from ocpptrio.session.registry import Registry, Session
from ocpptrio.store import charge_points, provisioning
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import AttemptedRecord, ProvisioningRecord
from ocpptrio.store.vocabulary import AttemptOutcome
from ocpptrio.vendor_profiles import matches

IDLE_LOOK_S: Final = 60  # s between looks whether the transaction has ended
# Rounds without an end are forgiven after a day: then it was the network.
FORGIVEN_AFTER_US: Final = 24 * 3_600_000_000

log = structlog.get_logger("ocpptrio.provisioning")


class Asked(Protocol):
    """Why a charge point is looked at; with none of it, because something is still open."""

    read: bool  # what it holds may have changed
    rebooted: bool
    refresh: bool  # an operator wants to see it, whether or not anything is wanted
    nudge: bool  # it is accepted now, and does not know


class Provisioner:
    """See the module.

    Args:
        call: sends a CALL and mirrors its answer; `CommandService.call`.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        settings: ProvisioningSettings,
        clock: Clock,
        call: Call,
    ) -> None:
        self._store = store
        self._registry = registry
        self._settings = settings
        self._clock = clock
        self._call = call

    async def look(self, charge_point_id: str, asked: Asked) -> float | None:
        """Do what can be done now; returns when to look again, in s, None for not by itself."""
        session = self._registry.get(charge_point_id)
        if session is None or session.connection is None:
            return None
        if asked.nudge:
            await self._nudge(session)
        if asked.refresh:
            await self._refresh(session)
        if not self._settings.enabled or session.state.registration is RegistrationStatus.REJECTED:
            return None
        if asked.rebooted:
            await self._store.write(partial(provisioning.rebooted, charge_point_id=charge_point_id))
        judged = await self._judge(session)
        if not judged:
            if session.state.provisioning is not None:
                await self._set_state(session, ProvisioningState.FINISHED, None)
            return None
        record = await self._store.read(lambda reader: provisioning.get(reader, charge_point_id))
        now_us = self._clock()
        due = any(verdict.write is not None and verdict.due_us <= now_us for verdict in judged)
        if asked.read or due or record.unfinished:
            return await self._round(session, record, judged)
        return await self._conclude(session)

    async def _round(
        self, session: Session, record: ProvisioningRecord, judged: Sequence[Verdict]
    ) -> float | None:
        """Read, write, read back, if it may be tried again; then as `look`."""
        charge_point_id, now_us = session.state.charge_point_id, self._clock()
        unfinished = record.unfinished
        if record.round_at_us is None or now_us - record.round_at_us > FORGIVEN_AFTER_US:
            unfinished = 0
        if unfinished >= self._settings.attempts:
            # A device that reboots when its configuration is read would do so for ever (Q18).
            await self._set_state(
                session, ProvisioningState.GIVEN_UP, f"{unfinished} rounds brought no answer"
            )
            return None
        if unfinished and record.round_at_us is not None:
            wait_us = record.round_at_us + retry_after_us(self._settings, unfinished) - now_us
            if wait_us > 0:
                await self._set_state(
                    session, ProvisioningState.RETRYING, "the last round brought no answer"
                )
                return wait_us / 1_000_000
        await self._store.write(
            partial(
                provisioning.round_begins,
                charge_point_id=charge_point_id,
                unfinished=unfinished + 1,
                at_us=now_us,
            )
        )
        await self._set_state(session, ProvisioningState.RUNNING, None)
        try:
            await self._exchange(session, [verdict.key for verdict in judged])
        except NotConnected:
            raise
        except CallFailed as error:
            log.warning("provisioning", charge_point=charge_point_id, reason=str(error))
            return 0 if session.connection is not None else None
        await self._store.write(partial(provisioning.round_ended, charge_point_id=charge_point_id))
        return await self._conclude(session)

    async def _exchange(self, session: Session, keys: Sequence[str]) -> None:
        await read_all(self._call, session, keys)
        while True:  # each pass uses up an attempt of each value that it sends
            now_us = self._clock()
            judged = await self._judge(session, after_read=True)
            keys = [verdict.key for verdict in judged]  # as it spells them itself
            writes = [
                verdict
                for verdict in judged
                if verdict.write is not None
                and verdict.due_us <= now_us
                and not _disturbs(session, verdict)
            ]
            if not writes:
                return
            outcomes = [await self._write(session, verdict) for verdict in writes]
            if AttemptOutcome.ACCEPTED not in outcomes:
                continue  # nothing to see
            # All that are wanted, not only those that were written: one may undo another.
            if max_keys(session) is None:
                await read_all(self._call, session, keys)
            else:
                await read_some(self._call, session, keys)

    async def _write(self, session: Session, verdict: Verdict) -> AttemptOutcome:
        assert verdict.write is not None
        before = verdict.attempt
        attempt = AttemptedRecord(
            charge_point_id=session.state.charge_point_id,
            key_folded=verdict.key.casefold(),
            value=verdict.write,
            firmware_version=session.state.firmware_version or "",
            outcome=AttemptOutcome.SENT,
            attempts=1 + (before.attempts if before is not None else 0),
            last_at_us=self._clock(),
        )
        # Before it is sent: one that reboots at it, or a crash of ours, must not make it anew.
        await self._store.write(partial(provisioning.put_attempt, record=attempt))
        request = ChangeConfiguration(key=verdict.key, value=verdict.write)
        failure: CallFailed | None = None
        detail: str | None = None
        try:
            outcome = _OUTCOMES[(await self._call(session, request, None)).status]
        except (CallRefused, InvalidResponse, LocalProtocolError) as error:
            outcome, detail = AttemptOutcome.SENT, str(error)
            if isinstance(error, LocalProtocolError):
                outcome = AttemptOutcome.REJECTED  # cannot be sent at all
            elif getattr(error, "code", None) in ("NotSupported", "NotImplemented"):
                outcome = AttemptOutcome.NOT_SUPPORTED
        except CallTimedOut as error:
            outcome, detail, failure = AttemptOutcome.SENT, str(error), error
        attempt = replace(attempt, outcome=outcome, detail=detail)
        await self._store.write(partial(provisioning.put_attempt, record=attempt))
        if failure is not None:
            raise failure
        return outcome

    async def _conclude(self, session: Session) -> float | None:
        """Say where it stands, and act on that; then as `look`."""
        judged = await self._judge(session)
        now_us = self._clock()
        open_ = [verdict for verdict in judged if verdict.write is not None]
        later = [verdict.due_us for verdict in open_ if not _disturbs(session, verdict)]
        detail = summary(judged)
        if later:
            await self._set_state(session, ProvisioningState.RETRYING, detail)
            return max(min(later) - now_us, 0) / 1_000_000
        waiting = [v for v in judged if v.state is KeyState.WAITS_FOR_REBOOT]
        if waiting:
            await self._set_state(session, ProvisioningState.WAITS_FOR_REBOOT, detail)
            return await self._reset(session, waiting)
        if open_:
            await self._set_state(session, ProvisioningState.WAITS_FOR_IDLE, detail)
            return IDLE_LOOK_S
        if all(verdict.state in DONE for verdict in judged):
            await self._finish(session)
        else:
            await self._set_state(session, ProvisioningState.GIVEN_UP, detail)
        return None

    async def _finish(self, session: Session) -> None:
        """All is applied: accept it, if that is what it was held for (Q20)."""
        charge_point_id, at_us = session.state.charge_point_id, self._clock()

        def work(db: Db) -> None:
            provisioning.set_state(db, charge_point_id, ProvisioningState.FINISHED, None, at_us)
            record = charge_points.get(db, charge_point_id)
            if (
                record is not None
                and record.registration is RegistrationStatus.PENDING
                and provisioning.get(db, charge_point_id).accept_when_done
            ):
                provisioning.hold(db, charge_point_id, until_done=False)
                charge_points.edit(
                    db, charge_point_id, at_us, registration=RegistrationStatus.ACCEPTED
                )

        await self._store.write(work)

    async def _reset(self, session: Session, waiting: Sequence[Verdict]) -> float | None:
        """Reset it once for what waits, if that is allowed and disturbs nobody."""
        charge_point_id, now_us = session.state.charge_point_id, self._clock()
        record = await self._store.read(lambda reader: provisioning.get(reader, charge_point_id))
        since_us = max(v.attempt.last_at_us for v in waiting if v.attempt is not None)
        if not self._settings.reset_when_idle or (record.reset_at_us or 0) >= since_us:
            return None
        if session.state.transactions:
            return IDLE_LOOK_S
        await self._store.write(
            partial(provisioning.reset_sent, charge_point_id=charge_point_id, at_us=now_us)
        )
        await self._call(session, Reset(type=ResetType.SOFT), None)
        return None  # its boot tells

    async def _nudge(self, session: Session) -> None:
        """It is accepted and believes to be Pending: only now may it be asked to boot (E 3.40)."""
        if (
            session.state.boot_status is not RegistrationStatus.PENDING
            or session.vendor_profile.trigger_boot_reboots
        ):
            return
        try:
            await self._call(
                session,
                TriggerMessage(requested_message=MessageTrigger.BOOT_NOTIFICATION),
                None,
            )
        except CallFailed as error:  # then it boots when its retry interval is over
            log.info(
                "no boot triggered",
                charge_point=session.state.charge_point_id,
                reason=str(error),
            )

    async def _refresh(self, session: Session) -> None:
        try:
            await read_all(self._call, session, ())
        except CallFailed as error:
            log.warning(
                "configuration not read",
                charge_point=session.state.charge_point_id,
                reason=str(error),
            )

    async def _judge(self, session: Session, *, after_read: bool = False) -> list[Verdict]:
        """How each wanted key stands, by what is on record; after a read, record what it proves."""
        state, profile, settings = session.state, session.vendor_profile, self._settings
        now_us = self._clock()

        def judge(reader: Reader) -> list[Verdict]:
            found = situation(reader, state.charge_point_id, state.firmware_version)
            return verdicts(found, settings, profile)

        def settle(db: Db) -> list[Verdict]:
            changed = settled(judge(db), now_us)
            for attempt in changed:
                provisioning.put_attempt(db, attempt)
            return judge(db)

        return await (self._store.write(settle) if after_read else self._store.read(judge))

    async def _set_state(
        self, session: Session, state: ProvisioningState, detail: str | None
    ) -> None:
        now = session.state
        if (now.provisioning, now.provisioning_detail) != (state, detail):
            await self._store.write(
                partial(
                    provisioning.set_state,
                    charge_point_id=now.charge_point_id,
                    state=state,
                    detail=detail,
                    at_us=self._clock(),
                )
            )


_OUTCOMES: Final = {
    ConfigurationStatus.ACCEPTED: AttemptOutcome.ACCEPTED,
    ConfigurationStatus.REBOOT_REQUIRED: AttemptOutcome.REBOOT_REQUIRED,
    ConfigurationStatus.REJECTED: AttemptOutcome.REJECTED,
    ConfigurationStatus.NOT_SUPPORTED: AttemptOutcome.NOT_SUPPORTED,
}


def _disturbs(session: Session, verdict: Verdict) -> bool:
    """Whether writing this key now would disturb somebody who charges."""
    keys = session.vendor_profile.interrupting_keys
    return bool(session.state.transactions) and matches(keys, verdict.key)
