"""Uploads of diagnostics and logs (OCPP 1.6, 4.4, 5.9; security white paper, N01).

Nothing is uploaded. A location that contains the name of a failure (UploadFailed, UploadFailure,
PermissionDenied, BadMessage, NotSupportedOperation) ends in it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import trio

from ocpptrio.protocol.firmware import (
    DiagnosticsStatus,
    DiagnosticsStatusNotification,
    GetDiagnostics,
)
from ocpptrio.protocol.security import GetLog, LogStatusNotification, UploadLogStatusEnumType

if TYPE_CHECKING:
    from ocpptrio.simulator.charge_point import SimulatedChargePoint

UPLOAD_S: Final = 20  # simulated

_Status = UploadLogStatusEnumType
_FAILURES: Final = (
    _Status.UPLOAD_FAILURE,
    _Status.PERMISSION_DENIED,
    _Status.BAD_MESSAGE,
    _Status.NOT_SUPPORTED_OPERATION,
)


def has_known_scheme(location: str, protocols: str) -> bool:
    """Whether the charge point can speak to this URL; `protocols` as in its configuration."""
    try:
        return urlsplit(location).scheme.upper() in protocols.split(",")
    except ValueError:  # no URL at all: `ftp://[`
        return False


class Upload:
    """One kind of upload: the one under way, if any; a new one takes its place."""

    def __init__(
        self, charge_point: "SimulatedChargePoint", report: Callable[[_Status], None]
    ) -> None:
        self._charge_point = charge_point
        self._report = report
        self._scope: trio.CancelScope | None = None

    @property
    def under_way(self) -> bool:
        return self._scope is not None

    def cancel(self) -> bool:
        """End the one under way; False if there is none."""
        scope, self._scope = self._scope, None
        if scope is not None:
            scope.cancel()
        return scope is not None

    async def run(self, location: str, retries: int, retry_interval_s: int) -> None:
        timing = self._charge_point.device.timing
        with trio.CancelScope() as scope:
            self._scope = scope
            for attempt in range(max(retries, 0) + 1):  # the first is no retry (errata 3.50)
                if attempt:
                    await timing.sleep(retry_interval_s)
                self._report(_Status.UPLOADING)
                await timing.sleep(UPLOAD_S)
                result = self._result(location)
                if result is _Status.UPLOADED:
                    break
            self._scope = None
            self._report(result)

    def _result(self, location: str) -> _Status:
        for failure in _FAILURES:
            if failure.value in location:
                return failure
        protocols = self._charge_point.configuration.text("SupportedFileTransferProtocols")
        if DiagnosticsStatus.UPLOAD_FAILED.value in location or not has_known_scheme(
            location, protocols
        ):
            return _Status.UPLOAD_FAILURE
        return _Status.UPLOADED


class Diagnostics:
    """Both kinds: GetDiagnostics, and GetLog of the security extension."""

    def __init__(self, charge_point: "SimulatedChargePoint") -> None:
        self._charge_point = charge_point
        self.diagnostics = Upload(charge_point, self._report_diagnostics)
        self.log = Upload(charge_point, self._report_log)
        self._request_id: int | None = None

    def get_diagnostics(self, request: GetDiagnostics) -> str:
        """Begin when it is answered; returns the name of the file."""
        self.diagnostics.cancel()
        self._charge_point.link.afterwards(
            lambda: self.diagnostics.run(
                request.location, request.retries or 0, request.retry_interval or 0
            )
        )
        return self._file_name("diagnostics")

    def get_log(self, request: GetLog) -> tuple[str, bool]:
        """Begin when it is answered; returns the name of the file, and whether one was ended."""
        ended = self.log.cancel()

        async def upload() -> None:
            self._request_id = request.request_id
            await self.log.run(
                request.log.remote_location, request.retries or 0, request.retry_interval or 0
            )

        self._charge_point.link.afterwards(upload)
        return self._file_name(request.log_type.value), ended

    def _file_name(self, kind: str) -> str:
        now = self._charge_point.device.now()
        return f"{self._charge_point.identity}-{kind}-{now:%Y%m%dT%H%M%SZ}.log"[-255:]

    def triggered_diagnostics(self) -> DiagnosticsStatusNotification:
        busy = self.diagnostics.under_way
        return DiagnosticsStatusNotification(
            status=DiagnosticsStatus.UPLOADING if busy else DiagnosticsStatus.IDLE
        )

    def triggered_log(self) -> LogStatusNotification:
        if self.log.under_way:
            return LogStatusNotification(status=_Status.UPLOADING, request_id=self._request_id)
        return LogStatusNotification(status=_Status.IDLE)

    def _report_diagnostics(self, status: _Status) -> None:
        try:
            known = DiagnosticsStatus(status.value)
        except ValueError:  # the older message knows one kind of failure
            known = DiagnosticsStatus.UPLOAD_FAILED
        self._charge_point.device.outbox.notify(DiagnosticsStatusNotification(status=known))

    def _report_log(self, status: _Status) -> None:
        self._charge_point.device.outbox.notify(
            LogStatusNotification(status=status, request_id=self._request_id)
        )
