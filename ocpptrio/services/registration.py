"""BootNotification and Heartbeat: who is accepted, and when to call again (OCPP 1.6, 4.2, 4.6).

Not here: the handshake before it (admission).
"""

from ocpptrio.clock import Clock, whole_seconds
from ocpptrio.config import OcppSettings
from ocpptrio.events import Booted, Fact
from ocpptrio.protocol.core import (
    BootNotification,
    BootNotificationResponse,
    Heartbeat,
    HeartbeatResponse,
    RegistrationStatus,
)
from ocpptrio.services import suspicion
from ocpptrio.services.incoming import Incoming
from ocpptrio.store import charge_points, register_habits
from ocpptrio.store.driver import Db, Store
from ocpptrio.store.vocabulary import RegisterHabit
from ocpptrio.vendor_profiles import VendorProfiles


class RegistrationService:
    def __init__(
        self, store: Store, settings: OcppSettings, clock: Clock, profiles: VendorProfiles
    ) -> None:
        self._profiles = profiles
        self._store = store
        self._settings = settings
        self._clock = clock

    async def boot(self, incoming: Incoming, request: BootNotification) -> BootNotificationResponse:
        """Running transactions stay open, as suspects: the charge point owes their stops (4.10).

        After a boot that we asked for they run on as before.
        """
        status = incoming.state.registration
        charge_point_id, at_us = incoming.charge_point_id, incoming.received_at_us
        # Asked for, it says nothing about a reboot (Q17); the next one is its own again.
        triggered = "BootNotification" in incoming.session.triggered
        incoming.session.triggered.discard("BootNotification")
        running = bool(incoming.state.transactions)
        profile = self._profiles.choose(
            request.charge_point_vendor, request.charge_point_model, request.firmware_version
        )
        habit = RegisterHabit.SAMPLES_PER_TRANSACTION
        learn = profile.session_register and habit not in incoming.state.register_habits

        def work(db: Db) -> None:
            charge_points.booted(db, charge_point_id, request, None if triggered else at_us)
            if running and not triggered:
                suspicion.suspect_all(db, charge_point_id, at_us)
            if learn:
                # What its transactions show may take it back.
                said = (Fact(what="vendor profile", at_us=at_us, detail=profile.name),)
                register_habits.note(
                    db, charge_point_id, habit, transaction_id=0, at_us=at_us, evidence=said
                )
            db.emit(
                Booted(
                    charge_point_id=charge_point_id,
                    at_us=at_us,
                    status=status,
                    vendor=request.charge_point_vendor,
                    model=request.charge_point_model,
                    serial_number=request.charge_point_serial_number,
                    firmware_version=request.firmware_version,
                    triggered=triggered,
                )
            )

        await self._store.write(work)
        accepted = status is RegistrationStatus.ACCEPTED
        return BootNotificationResponse(
            status=status,
            current_time=whole_seconds(self._clock()),
            interval=(
                self._settings.heartbeat_interval if accepted else self._settings.retry_interval
            ),
        )

    async def heartbeat(self, _incoming: Incoming, _request: Heartbeat) -> HeartbeatResponse:
        return HeartbeatResponse(current_time=whole_seconds(self._clock()))
