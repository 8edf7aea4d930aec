"""Who may connect: the policy for unknown charge points, and passwords (security profile 1).

The answers are those of ocpp16 1.2: 404 for an unknown identity, 401 for wrong credentials, 403 for
what no credentials would help. Not here: reading the handshake (handshake), idTags (authorization).
"""

from collections import OrderedDict
from typing import Final

import structlog

from ocpptrio.clock import Clock
from ocpptrio.config import OcppSettings, UnknownChargePoints
from ocpptrio.events import AttemptRefused, OpenMode
from ocpptrio.handshake import Handshake, password_of
from ocpptrio.listener import Admitted, Refused
from ocpptrio.passwords import Passwords
from ocpptrio.rates import PerMinute
from ocpptrio.store import attempts, charge_points
from ocpptrio.store.driver import Db, Reader, Store
from ocpptrio.store.records import ChargePointRecord

# Failed logins within a minute; then it waits, before any hash is computed. Per identity and
# address, for one with a wrong password must not keep its neighbours behind the same router out;
# and per address, for one who tries many identities.
FAILURES_PER_MINUTE: Final = 20
FAILURES_PER_ADDRESS: Final = 200
# Unknown identities within a minute from one address; beyond that nothing is listed or logged.
# Known ones from there still come in.
STRANGERS_PER_MINUTE: Final = 60
ADDRESSES_KEPT: Final = 1000
# A charge point that is turned away comes back every few seconds: one event an hour is enough.
EVENT_EVERY_US: Final = 3_600_000_000

log = structlog.get_logger("ocpptrio.admission")


class AdmissionService:
    def __init__(
        self,
        store: Store,
        settings: OcppSettings,
        clock: Clock,
        passwords: Passwords,
        *,
        hold_new: bool = False,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._passwords = passwords
        self._hold_new = hold_new
        self._failures = PerMinute()
        self._strangers = PerMinute()
        self._told: OrderedDict[str, int] = OrderedDict()

    async def admit(self, handshake: Handshake) -> Admitted | Refused:
        """May this charge point in? Registers unknown ones where the settings say so."""
        at_us = self._clock()
        # In the writer, even for one that is known: when a whole fleet returns at once, all of it
        # is looked up in a few trips there, where each read would be a trip of its own.
        record = await self._store.write(lambda db: self._known(db, handshake, at_us))
        if record is None:
            if self._strangers.count(handshake.address, at_us) > STRANGERS_PER_MINUTE:
                return Refused(429, "too many unknown charge points from this address")
            return self._refused(handshake, 404, "unknown charge point")
        if record.password_hash is None:
            if self._settings.require_password:
                return self._refused(handshake, 403, "no password is set for this charge point")
            return Admitted(record.charge_point_id)
        address, login = handshake.address, f"{record.charge_point_id} {handshake.address}"
        if (
            self._failures.now(login, at_us) >= FAILURES_PER_MINUTE
            or self._failures.now(address, at_us) >= FAILURES_PER_ADDRESS
        ):
            return self._refused(handshake, 429, "too many failed logins from this address")
        password = password_of(
            handshake.basic,
            handshake.charge_point_id,
            any_user_name=self._settings.any_user_name,
        )
        if password is not None and await self._passwords.verify(
            record.charge_point_id, record.password_hash, password
        ):
            return Admitted(record.charge_point_id)
        if handshake.basic is not None:
            for key in (login, address):
                self._failures.count(key, at_us)
        missing = "a password is needed (HTTP Basic, user name = identity)"
        return self._refused(
            handshake, 401, missing if handshake.basic is None else "wrong user name or password"
        )

    @staticmethod
    def _only_local(record: ChargePointRecord) -> bool:
        """One that came in from this machine for a try must not open the door to the network."""
        return record.origin == "loopback" and record.password_hash is None

    def _known(self, db: Db, handshake: Handshake, at_us: int) -> ChargePointRecord | None:
        """The charge point, registered just now if the settings say so; None if it is unknown."""
        record = _find(db, handshake.charge_point_id)
        if record is not None:
            return None if self._only_local(record) and not handshake.local else record
        policy = self._settings.unknown_charge_points
        from_here = policy == UnknownChargePoints.LOOPBACK and handshake.local
        if not (from_here or policy == UnknownChargePoints.ACCEPT):
            return None
        charge_points.add(
            db,
            charge_point_id=handshake.charge_point_id,
            origin="loopback" if from_here else "accepted",
            at_us=at_us,
            hold=self._hold_new,
            mode=OpenMode.EVERYBODY if from_here else OpenMode.CLOSED,
        )
        return charge_points.get(db, handshake.charge_point_id)

    def _refused(self, handshake: Handshake, status: int, reason: str) -> Refused:
        self.note(handshake.charge_point_id, handshake.address, reason)
        return Refused(status, reason)

    def note(self, charge_point_id: str, address: str, reason: str) -> None:
        """List one that was turned away, for an operator to see; "" is one without identity."""
        at_us = self._clock()
        log.warning("turned away", charge_point=charge_point_id, peer=address, reason=reason)
        told_at_us = self._told.get(charge_point_id)
        tell = told_at_us is None or at_us - told_at_us >= EVENT_EVERY_US
        if tell:
            self._told[charge_point_id] = at_us
            if len(self._told) > ADDRESSES_KEPT:
                self._told.popitem(last=False)

        def work(db: Db) -> None:
            attempts.note(
                db, charge_point_id=charge_point_id, peer=address, reason=reason, at_us=at_us
            )
            if tell:
                db.emit(
                    AttemptRefused(
                        charge_point_id=charge_point_id, at_us=at_us, peer=address, reason=reason
                    )
                )

        self._store.post(work)


def _find(reader: Reader, charge_point_id: str) -> ChargePointRecord | None:
    """By exact spelling, else by the only one that differs in letter case alone (Q7)."""
    record = charge_points.get(reader, charge_point_id)
    if record is None:
        folded = charge_points.find_folded(reader, charge_point_id)
        record = folded[0] if len(folded) == 1 else None
    return record
