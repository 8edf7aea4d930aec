"""Firmware updates as a charge point goes through them (OCPP 1.6, 4.5, 5.19; white paper, L01).

Nothing is downloaded. A location that contains the name of a failure (DownloadFailed,
InvalidSignature, InstallVerificationFailed, InstallationFailed) ends in it, for example
`https://example.com/InstallationFailed.bin`. Not here: uploads (diagnostics).
"""

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from ocpptrio.clock import to_us
from ocpptrio.protocol.core import Reason
from ocpptrio.protocol.firmware import FirmwareStatus, FirmwareStatusNotification
from ocpptrio.protocol.security import FirmwareStatusEnumType, SignedFirmwareStatusNotification
from ocpptrio.simulator.diagnostics import has_known_scheme
from ocpptrio.simulator.timing import SECOND_US

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint

# Simulated seconds that each step takes
DOWNLOAD_S: Final = 30
VERIFY_S: Final = 2
INSTALL_S: Final = 60
GRACE_S: Final = 30  # before the reboot, for the last messages to go out

_Status = FirmwareStatusEnumType

# What the older message calls those that it does not know.
_PLAIN: Final = {
    _Status.DOWNLOAD_SCHEDULED: FirmwareStatus.IDLE,
    _Status.SIGNATURE_VERIFIED: FirmwareStatus.DOWNLOADED,
    _Status.INVALID_SIGNATURE: FirmwareStatus.INSTALLATION_FAILED,
    _Status.INSTALL_SCHEDULED: FirmwareStatus.DOWNLOADED,
    _Status.INSTALL_REBOOTING: FirmwareStatus.INSTALLING,
    _Status.INSTALL_VERIFICATION_FAILED: FirmwareStatus.INSTALLATION_FAILED,
}
# With the older message nobody is told of these without having asked.
_UNTOLD: Final = (_Status.DOWNLOAD_SCHEDULED, _Status.INSTALL_REBOOTING)


class FirmwareUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for; with a `request_id` it came as SignedUpdateFirmware."""

    location: str
    retrieve_date: datetime
    install_date: datetime | None = None
    retries: int = 0
    retry_interval_s: int = 0
    request_id: int | None = None


class _Failed(Exception):
    """Ends an update; its argument is the status to report."""


class Firmware:
    """The version that runs and the update under way, if any; a new one takes its place."""

    def __init__(self, charge_point: "SimulatedChargePoint", version: str) -> None:
        self._charge_point = charge_point
        self._scope: trio.CancelScope | None = None
        self._status = _Status.IDLE
        self._request_id: int | None = None
        self.version = version

    def update(self, update: FirmwareUpdate) -> bool:
        """Begin when it is answered; True if one under way was ended for it."""
        scope, self._scope = self._scope, None
        if scope is not None:
            scope.cancel()
        self._charge_point.link.afterwards(lambda: self._run(update))
        return scope is not None

    def triggered(self) -> FirmwareStatusNotification:
        status = self._status if self._scope is not None else _Status.IDLE
        return FirmwareStatusNotification(status=_plain(status))

    def triggered_signed(self) -> SignedFirmwareStatusNotification:
        if self._scope is None or self._request_id is None:  # none, or none that was signed
            return SignedFirmwareStatusNotification(status=_Status.IDLE)
        return SignedFirmwareStatusNotification(status=self._status, request_id=self._request_id)

    async def _run(self, update: FirmwareUpdate) -> None:
        station = self._charge_point.station
        self._request_id = update.request_id
        with trio.CancelScope() as scope:
            self._scope = scope
            try:
                await self._download(update)
                await self._install(update)
            except _Failed as failed:
                self._report(failed.args[0])
            finally:
                station.in_service = True
                station.update()
        if self._scope is scope:
            self._scope = None

    async def _download(self, update: FirmwareUpdate) -> None:
        timing = self._charge_point.device.timing
        await self._wait_for(update.retrieve_date, _Status.DOWNLOAD_SCHEDULED)
        self._report(_Status.DOWNLOADING)
        protocols = self._charge_point.configuration.text("SupportedFileTransferProtocols")
        fails = _fails(update, _Status.DOWNLOAD_FAILED) or not has_known_scheme(
            update.location, protocols
        )
        for attempt in range(max(update.retries, 0) + 1):
            if attempt:
                await timing.sleep(update.retry_interval_s)
                self._report(_Status.DOWNLOADING)
            await timing.sleep(DOWNLOAD_S)
            if not fails:
                break
        else:
            raise _Failed(_Status.DOWNLOAD_FAILED)
        self._report(_Status.DOWNLOADED)
        if update.request_id is not None:
            await timing.sleep(VERIFY_S)
            if _fails(update, _Status.INVALID_SIGNATURE):
                self._charge_point.security_event("InvalidFirmwareSignature")
                raise _Failed(_Status.INVALID_SIGNATURE)
            self._report(_Status.SIGNATURE_VERIFIED)

    async def _install(self, update: FirmwareUpdate) -> None:
        charge_point = self._charge_point
        station, timing = charge_point.station, charge_point.device.timing
        if update.install_date is not None:
            await self._wait_for(update.install_date, _Status.INSTALL_SCHEDULED)
        station.take_out_of_service()
        while any(connector.transaction is not None for connector in station.connectors):
            await station.wait_change()
        self._report(_Status.INSTALLING)
        await timing.sleep(INSTALL_S)
        if _fails(update, _Status.INSTALL_VERIFICATION_FAILED):
            raise _Failed(_Status.INSTALL_VERIFICATION_FAILED)
        self._report(_Status.INSTALL_REBOOTING)
        with timing.move_on_after(GRACE_S):
            await charge_point.device.outbox.wait_empty()
        fails = _fails(update, _Status.INSTALLATION_FAILED)
        if not fails:
            self.version = _version_in(update.location)
        charge_point.reboot(Reason.REBOOT)
        station.in_service = True
        station.update()
        await charge_point.link.registration.wait_open()
        if fails:
            raise _Failed(_Status.INSTALLATION_FAILED)
        charge_point.security_event("FirmwareUpdated", self.version)
        self._report(_Status.INSTALLED)

    async def _wait_for(self, when: datetime, waiting: _Status) -> None:
        clock, timing = self._charge_point.device.clock, self._charge_point.device.timing
        seconds = (to_us(when) - clock.now_us()) / SECOND_US
        if seconds > 0:
            self._report(waiting)
            await timing.sleep(seconds)

    def _report(self, status: _Status) -> None:
        self._status = status
        outbox = self._charge_point.device.outbox
        if self._request_id is not None:
            outbox.notify(
                SignedFirmwareStatusNotification(status=status, request_id=self._request_id)
            )
        elif status not in _UNTOLD:
            outbox.notify(FirmwareStatusNotification(status=_plain(status)))


def _plain(status: _Status) -> FirmwareStatus:
    return _PLAIN.get(status) or FirmwareStatus(status.value)


def _fails(update: FirmwareUpdate, status: _Status) -> bool:
    return status.value in update.location


def _version_in(location: str) -> str:
    """The file's name: whoever updates sees its own choice come back."""
    return location.rstrip("/").rpartition("/")[2][:50] or location[:50]
