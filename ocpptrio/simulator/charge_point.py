"""A simulated charge point that behaves like a good one, quirks aside: the parts put together.

Drivers and scenarios act on it through the methods under "The driver"; `run` keeps it connected.
Not here: what happens at its connectors (station), what a card means (card_reader), the way to the
central system (link), how each command is answered (commands).
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, TypeVar

import msgspec
import trio

from ocpptrio.connection import Transport
from ocpptrio.errors import NotConnected
from ocpptrio.protocol.conversation import CallReceived
from ocpptrio.protocol.core import (
    BootNotification,
    ChargePointErrorCode,
    ChargePointStatus,
    Reason,
)
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.protocol.security import SecurityEventNotification, SignCertificate
from ocpptrio.simulator import commands
from ocpptrio.simulator.authorization import Authorizer
from ocpptrio.simulator.card_reader import CardReader
from ocpptrio.simulator.chance import seeded
from ocpptrio.simulator.configuration import Configuration
from ocpptrio.simulator.connector import Transaction
from ocpptrio.simulator.credentials import Credentials
from ocpptrio.simulator.device import Device
from ocpptrio.simulator.diagnostics import Diagnostics
from ocpptrio.simulator.ev import ElectricVehicle
from ocpptrio.simulator.firmware import Firmware
from ocpptrio.simulator.link import Connect, Link, NotAdmitted
from ocpptrio.simulator.quirks import Quirks
from ocpptrio.simulator.security import Certificates
from ocpptrio.simulator.station import Station
from ocpptrio.simulator.statistics import Statistics
from ocpptrio.simulator.timing import SECOND_US, Timer, Timing

# Simulated seconds
BOOT_S: Final = 20  # from a reset until the charge point connects again
GRACE_S: Final = 30  # that a soft reset waits for the last messages to go out
# A clock that is set by more than this is an event for the security log (SettingSystemTime).
CLOCK_EVENT_US: Final = 60 * SECOND_US

ResponseT = TypeVar("ResponseT", bound=Message)


class SimulatedChargePoint:
    """See the module. To be made inside `trio.run`; does nothing before `run`.

    Args:
        identity: the last part of the URL.
        random: the source of all that is left to chance.
        connectors: how many there are; they count from 1.
        vendor: at most 20 characters, as is `model`.
        password: for HTTP Basic authentication; bytes, since an AuthorizationKey may be any.
        id_tags: cards that scenarios present at this charge point; made up if there are none.
        configuration: values of configuration keys instead of the defaults.
        security_events: send SecurityEventNotification; off for a central system that only knows
            OCPP 1.6 without the security extension.
        quirks: how it misbehaves; fresh ones, since they remember things (`quirks.choose`).
        statistics: where to count; one may serve many charge points.
        tell: takes a line for whoever watches.
    """

    def __init__(
        self,
        identity: str,
        *,
        timing: Timing,
        random: Random,
        connectors: int = 2,
        vendor: str = "ocpptrio",
        model: str = "Simulator",
        firmware_version: str = "1.0.0",
        password: str | bytes | None = None,
        id_tags: Sequence[str] = (),
        configuration: Mapping[str, str] | None = None,
        security_events: bool = True,
        quirks: Quirks | None = None,
        statistics: Statistics | None = None,
        tell: Callable[[str], None] = lambda line: None,  # noqa: ARG005
    ) -> None:
        self.identity: Final = identity
        self.random: Final = random
        self.vendor: Final = vendor
        self.model: Final = model
        self.statistics: Final = statistics or Statistics()
        self.quirks: Final = quirks or Quirks()
        self._security_events = security_events
        self._admission_event: str | None = None
        self._starting_up = Timer(0, lambda: None)
        self.configuration: Final = Configuration(
            {
                "NumberOfConnectors": str(connectors),
                **self.quirks.configuration,
                **(configuration or {}),
            },
            self._may_become,
        )
        self.device: Final = Device(timing, self.configuration, random, tell, self.quirks)
        self.authorizer: Final = Authorizer(self.device, self._local_list_conflict)
        self.station: Final = Station(self.device, connectors, self.authorizer.learn)
        self.id_tags: Final = tuple(id_tags) or tuple(
            f"{random.getrandbits(32):08X}" for _ in range(connectors)
        )
        self.link: Final = Link(
            self.device,
            self.statistics,
            # Message ids must not come again (OCPP-J errata 3.1), also if the seed does.
            seeded(random.getrandbits(64) ^ timing.now_us()),
            answer=self._answer,
            boot=self._boot_notification,
            on_open=self._opened,
            on_clock_set=self._clock_set,
        )
        self.card_reader: Final = CardReader(
            self.station, self.authorizer, self.configuration, self.link.call_if_accepted
        )
        self.firmware: Final = Firmware(self, firmware_version)
        self.diagnostics: Final = Diagnostics(self)
        self.certificates: Final = Certificates(random)
        self.credentials: Final = Credentials(
            self.configuration,
            self.certificates,
            password.encode() if isinstance(password, str) else password,
        )
        self.quirks.install(self)

    @property
    def truth(self) -> list[Transaction]:
        """Every transaction begun here, oldest first: what its meter delivered, what was heard.

        What the central system has in its books can be compared with it, energy only where
        `quirks.lie_about_energy` is False. The last 10000 are kept.
        """
        return list(self.station.transactions)

    async def run(self, connect: Connect) -> None:
        """Be in operation until cancelled: connect, and connect again after each cut."""

        async def connect_once() -> Transport:
            try:
                transport = await connect()
            except (NotConnected, OSError) as error:
                if isinstance(error, NotAdmitted) and error.event != self._admission_event:
                    self._admission_event = error.event  # once, not with each attempt
                    self.security_event(error.event)
                self.credentials.failed()
                raise
            self._admission_event = None
            self.credentials.worked()
            return transport

        if self.quirks:
            self.device.tell(f"misbehaves: {', '.join(self.quirks.names)}")
        self.security_event("StartupOfTheDevice")
        self.station.metering.intervals_changed()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.device.agenda.run)
            await self.link.run(connect_once)

    # The driver, and what may happen to a charge point.

    async def plug_in(self, connector_id: int, ev: ElectricVehicle | None = None) -> None:
        """Connect a car, a common one if none is given.

        Raises:
            ValueError: there is a car already.
        """
        connector = self.station.connector(connector_id)
        if connector.ev is not None:
            raise ValueError(f"a car is plugged in at connector {connector_id} already")
        self.station.plug_in(connector, ElectricVehicle() if ev is None else ev)
        await trio.lowlevel.checkpoint()

    async def unplug(self, connector_id: int) -> None:
        """Take the car away, also in the middle of charging."""
        self.station.unplug(self.station.connector(connector_id))
        await trio.lowlevel.checkpoint()

    async def present(self, id_tag: str, connector_id: int | None = None) -> bool:
        """Hold a card to the reader: start, or stop if it may. False if it was refused.

        Without `connector_id` the charge point picks: the card's own transaction to stop it, else
        a connector where a car waits, else a free one.
        """
        return await self.card_reader.present(id_tag, connector_id)

    async def suspend(self, connector_id: int) -> None:
        """The car stops taking power, for reasons of its own."""
        await self._car_takes_power(connector_id, takes=False)

    async def resume(self, connector_id: int) -> None:
        """The car takes power again."""
        await self._car_takes_power(connector_id, takes=True)

    async def fault(
        self,
        connector_id: int,
        error: ChargePointErrorCode = ChargePointErrorCode.GROUND_FAILURE,
        info: str | None = None,
    ) -> None:
        """Something breaks; a transaction pauses."""
        self.station.fault(self.station.connector(connector_id), error, info)
        await trio.lowlevel.checkpoint()

    async def clear_fault(self, connector_id: int) -> None:
        """It is repaired."""
        await self.fault(connector_id, ChargePointErrorCode.NO_ERROR)

    async def cut(self, seconds: float = 60) -> None:
        """The connection breaks for so long; charging goes on."""
        self.link.cut(seconds)
        await trio.lowlevel.checkpoint()

    async def power_loss(self, seconds: float = 60) -> None:
        """The supply fails: no goodbye, and transactions are reported after the next boot."""
        self._power_down(Reason.POWER_LOSS, seconds + BOOT_S)
        self.link.cut(seconds + BOOT_S)
        await trio.lowlevel.checkpoint()

    def status(self, connector_id: int) -> ChargePointStatus:
        return self.station.connector(connector_id).status

    async def wait_status(self, connector_id: int, *statuses: ChargePointStatus) -> None:
        """Until the connector has one of these."""
        connector = self.station.connector(connector_id)
        await self.wait_until(lambda: connector.status in statuses)

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Until something about the station becomes true."""
        while not condition():
            await self.station.wait_change()

    async def call(self, request: Request[ResponseT]) -> ResponseT:
        """Send any CALL, as a tester would.

        Raises:
            CallFailed: see errors.
        """
        return await self.link.call(request)

    async def _car_takes_power(self, connector_id: int, *, takes: bool) -> None:
        ev = self.station.connector(connector_id).ev
        if ev is None:
            raise ValueError(f"no car is plugged in at connector {connector_id}")
        ev.suspended = not takes
        self.station.update()
        await trio.lowlevel.checkpoint()

    # What commands bring about.

    async def reset_soft(self) -> None:
        """End transactions, tell of it, restart (OCPP 1.6, 5.14)."""
        self.station.stop_all(Reason.SOFT_RESET)
        self.security_event("ResetOrReboot", "soft reset")
        with self.device.timing.move_on_after(GRACE_S):
            await self.device.outbox.wait_empty()
        self.reboot(Reason.SOFT_RESET)

    async def reset_hard(self) -> None:
        """Restart; the transactions it ended are reported after the next accepted boot."""
        self.security_event("ResetOrReboot", "hard reset")
        self.reboot(Reason.HARD_RESET)

    def reboot(self, reason: Reason) -> None:
        """Restart now."""
        self._power_down(reason, BOOT_S)
        self.link.disconnect(BOOT_S, reason.value)

    def _power_down(self, reason: Reason, seconds: float) -> None:
        self.link.registration.forget(seconds)
        self.station.stop_all(reason)
        self.configuration.rebooted()
        self.device.powered = False
        self._starting_up.cancel()  # if it went down again meanwhile
        self._starting_up = self.device.after(seconds, self._started_up)

    def _started_up(self) -> None:
        self.device.powered = True
        self.station.started_up()
        self.security_event("StartupOfTheDevice")

    async def reconnect(self) -> None:
        """Connect again, with the credentials of now."""
        self.link.disconnect(0, "reconnecting")

    async def sign_certificate(self) -> None:
        """Ask for a certificate (security white paper, A02)."""
        csr = self.certificates.signing_request(
            self._serial_number, self.configuration.text("CpoName")
        )
        await self.link.call(SignCertificate(csr=csr))

    def configuration_changed(self, key: str) -> None:
        """Put a changed configuration key into effect."""
        match key.casefold():
            case "heartbeatinterval":
                self.link.registration.heartbeat_interval_changed()
            case "metervaluesampleinterval" | "clockaligneddatainterval":
                self.station.metering.intervals_changed()
            case "authorizationkey":
                self.credentials.set_authorization_key(self.configuration.text(key))
                self.security_event("ReconfigurationOfSecurityParameters", "AuthorizationKey")
                self.link.afterwards(self.reconnect)
            case "securityprofile":
                self.security_event("ReconfigurationOfSecurityParameters", "SecurityProfile")
                self.link.afterwards(self.reconnect)
        self.station.update()

    def _may_become(self, key: str, value: str) -> bool:
        return key != "SecurityProfile" or self.credentials.may_become(int(value))

    def security_event(self, kind: str, tech_info: str | None = None) -> None:
        """Kept until it is delivered (security white paper, A04)."""
        if self._security_events:
            self.device.outbox.queue(
                SecurityEventNotification(
                    type=kind, timestamp=self.device.now(), tech_info=tech_info
                )
            )

    # What the link asks for.

    @property
    def _serial_number(self) -> str:
        return self.identity[-25:]

    def _boot_notification(self) -> BootNotification:
        return BootNotification(
            charge_point_vendor=self.vendor,
            charge_point_model=self.model,
            charge_point_serial_number=self._serial_number,
            firmware_version=self.firmware.version,
            meter_type="ocpptrio",
            meter_serial_number=self._serial_number,
        )

    def _answer(self, event: CallReceived) -> Message:
        return commands.answer(self, event.request)

    def _opened(self, booted: bool) -> None:
        """After a boot all statuses are due (errata 3.22), after a mere cut what has changed."""
        for report in self.station.reports():
            if booted:
                report.send()
            else:
                report.send_missed()

    def _local_list_conflict(self) -> None:
        report = self.station.report.message()
        conflict = ChargePointErrorCode.LOCAL_LIST_CONFLICT
        self.device.outbox.notify(msgspec.structs.replace(report, error_code=conflict))

    def _clock_set(self, by_us: int) -> None:
        self.station.clock_changed()
        if abs(by_us) > CLOCK_EVENT_US:
            self.security_event("SettingSystemTime")
