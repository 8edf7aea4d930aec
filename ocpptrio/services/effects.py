"""What shows that a command took effect, beside its answer: a table, pure.

Accepted often means "will try" (OCPP 1.6, 5.11). What follows is a transaction, a boot, a status or
a message of the charge point; `seen` tells whether something that happened is it. Not here: keeping
what is awaited, and time (effect_watch).
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from ocpptrio.clock import to_us
from ocpptrio.events import (
    AnyEvent,
    Booted,
    DiagnosticsStatusChanged,
    FirmwareStatusChanged,
    LogStatusChanged,
    StatusChanged,
    StopOrphaned,
    TransactionStarted,
    TransactionStopped,
)
from ocpptrio.protocol.core import (
    AvailabilityStatus,
    AvailabilityType,
    ChangeAvailability,
    ChangeAvailabilityResponse,
    ChangeConfiguration,
    ChangeConfigurationResponse,
    ChargePointStatus,
    ConfigurationStatus,
    RemoteStartTransaction,
    RemoteStopTransaction,
    Reset,
)
from ocpptrio.protocol.datatypes import Message, Request, id_tag_key
from ocpptrio.protocol.firmware import GetDiagnostics, GetDiagnosticsResponse, UpdateFirmware
from ocpptrio.protocol.remote_trigger import TriggerMessage
from ocpptrio.protocol.security import ExtendedTriggerMessage, GetLog, SignedUpdateFirmware
from ocpptrio.session.state import SessionState
from ocpptrio.store.vocabulary import ACCEPTING, EffectState

MINUTE_S: Final = 60
HOUR_S: Final = 60 * MINUTE_S
DAY_S: Final = 24 * HOUR_S

# s to plug in after a RemoteStart, where the charge point has not told its ConnectionTimeOut; and
# to authorize and start on top of it.
CONNECTION_TIMEOUT_S: Final = 3 * MINUTE_S
START_MARGIN_S: Final = MINUTE_S
STOP_S: Final = 5 * MINUTE_S
BOOT_S: Final = 10 * MINUTE_S  # the computer of a fast charger takes minutes
AVAILABILITY_S: Final = 2 * MINUTE_S
TRIGGER_S: Final = MINUTE_S
UPLOAD_S: Final = 2 * HOUR_S  # with retries
UPDATE_S: Final = DAY_S  # after the retrieveDate
# What waits for a car to leave, or for somebody to reboot the charge point.
SCHEDULED_S: Final = 30 * DAY_S
# A start that is older by the charge point's clock was queued while it was offline; this much may
# its clock be behind.
CLOCK_BEHIND_US: Final = 10 * MINUTE_S * 1_000_000

Occurrence: TypeAlias = AnyEvent | Message
"""An event of the charge point, or a request that it sent."""


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """That an effect is to follow.

    Attributes:
        within_s: after that, it is "not seen in time".
        detail: why it may take long, if it may.
    """

    within_s: float
    detail: str | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What an occurrence means for a command.

    Attributes:
        effect: `AWAITED`: it is under way.
        transaction_id: that it began or ended.
    """

    effect: EffectState = EffectState.SEEN
    detail: str | None = None
    transaction_id: int | None = None


class _Rule(msgspec.Struct, frozen=True):
    # Any: each rule takes its own kind of request.
    within_s: Callable[[Any, SessionState, int], float]
    seen: Callable[[Any, Occurrence, SessionState, int], Seen | None]
    shared: bool = False  # one occurrence may be the effect of several commands


def may_have_effect(request: Request[Message]) -> bool:
    """Whether something beside the answer may follow."""
    return type(request) in RULES


def awaited(
    request: Request[Message], response: Message | None, state: SessionState, now_us: int
) -> Awaited | None:
    """What is to follow an answer; None if the answer says it all, or says no.

    Args:
        response: None: it never came, but the charge point may act all the same.
        now_us: microseconds since 1970 (UTC).
    """
    rule = RULES.get(type(request))
    status = getattr(response, "status", None)
    if rule is None or (status is not None and status not in ACCEPTING):
        return None
    match response:
        case ChangeAvailabilityResponse(status=AvailabilityStatus.SCHEDULED):
            return Awaited(within_s=SCHEDULED_S, detail="scheduled")
        case ChangeConfigurationResponse(status=ConfigurationStatus.REBOOT_REQUIRED):
            return Awaited(within_s=SCHEDULED_S, detail="a reboot is required")
        case ChangeConfigurationResponse():
            return None  # in force
        case GetDiagnosticsResponse(file_name=None):
            return None  # there is nothing to upload
        case None if isinstance(request, ChangeConfiguration):
            return None  # it is not said that it needs a boot
    return Awaited(within_s=rule.within_s(request, state, now_us))


def seen(
    request: Request[Message], occurrence: Occurrence, state: SessionState, sent_at_us: int
) -> Seen | None:
    """Whether something that happened is what a command was to bring about.

    Args:
        state: of the charge point, after it.
        sent_at_us: when the command was sent, microseconds since 1970 by our clock.
    """
    rule = RULES.get(type(request))
    return None if rule is None else rule.seen(request, occurrence, state, sent_at_us)


def already(request: Request[Message], state: SessionState) -> Seen | None:
    """Whether all is as the command wants it: then nothing may follow (OCPP 1.6, 5.2)."""
    if isinstance(request, ChangeAvailability) and _is_available_as_asked(request, state):
        return Seen(detail=_availability(request))
    return None


def is_shared(request: Request[Message]) -> bool:
    """Whether what shows the effect of this command may show that of others, too: a boot may."""
    return RULES[type(request)].shared


def replaces(request: Request[Message], other: Request[Message]) -> bool:
    """Whether the other command comes to nothing by this one, its notifications having no id."""
    return type(request) is type(other) and isinstance(request, UpdateFirmware | GetDiagnostics)


def triggered_actions(request: TriggerMessage | ExtendedTriggerMessage) -> frozenset[str]:
    """The Actions of which one answers a trigger (security white paper, 5.6, names others)."""
    asked = str(request.requested_message)
    if isinstance(request, ExtendedTriggerMessage):
        if asked == "SignChargePointCertificate":
            return frozenset({"SignCertificate"})
        if asked == "FirmwareStatusNotification":
            return frozenset({asked, "SignedFirmwareStatusNotification"})
    return frozenset({asked})


def _start_within_s(_request: RemoteStartTransaction, state: SessionState, _now_us: int) -> float:
    told = next(
        (
            value
            for key, value in state.configuration.items()
            if key.casefold() == "connectiontimeout"
        ),
        None,
    )
    seconds = int(told) if told is not None and told.isdecimal() else CONNECTION_TIMEOUT_S
    return min(seconds, HOUR_S) + START_MARGIN_S


def _started(
    request: RemoteStartTransaction, occurrence: Occurrence, _state: SessionState, sent_at_us: int
) -> Seen | None:
    match occurrence:
        case TransactionStarted(transaction_id=transaction_id, connector_id=connector_id) if (
            id_tag_key(occurrence.id_tag) == id_tag_key(request.id_tag)
            and request.connector_id in (None, connector_id)
            and occurrence.started_at_us >= sent_at_us - CLOCK_BEHIND_US
        ):
            return Seen(
                detail=f"transaction {transaction_id} on connector {connector_id}",
                transaction_id=transaction_id,
            )
    return None


def _stopped(
    request: RemoteStopTransaction, occurrence: Occurrence, _state: SessionState, _sent_at_us: int
) -> Seen | None:
    match occurrence:
        case TransactionStopped(transaction_id=request.transaction_id, reason=reason):
            return Seen(
                detail=f"stopped, reason {reason}", transaction_id=occurrence.transaction_id
            )
        case StopOrphaned(transaction_id=request.transaction_id):
            return Seen(detail="a stop came that fits no transaction of ours")
    return None


def _booted(
    _request: Reset | ChangeConfiguration,
    occurrence: Occurrence,
    _state: SessionState,
    _sent_at_us: int,
) -> Seen | None:
    match occurrence:
        case Booted(firmware_version=None):
            return Seen(detail="booted")
        case Booted(firmware_version=version):
            return Seen(detail=f"booted, firmware {version}")
    return None


def _availability_changed(
    request: ChangeAvailability, occurrence: Occurrence, state: SessionState, _sent_at_us: int
) -> Seen | None:
    if isinstance(occurrence, StatusChanged) and _is_available_as_asked(request, state):
        return Seen(detail=_availability(request))
    return None


def _is_available_as_asked(request: ChangeAvailability, state: SessionState) -> bool:
    """By the connectors: some charge points never report connector 0, others 0 alone."""
    asked = [request.connector_id]
    if request.connector_id == 0:
        asked = [number for number in state.connectors if number > 0] or [0]
    known = [state.connectors[number].status for number in asked if number in state.connectors]
    if request.type is AvailabilityType.INOPERATIVE:
        fits = all(status == ChargePointStatus.UNAVAILABLE for status in known)
    else:
        fits = all(status != ChargePointStatus.UNAVAILABLE for status in known)
    return fits and len(known) == len(asked)


def _availability(request: ChangeAvailability) -> str:
    return "unavailable" if request.type is AvailabilityType.INOPERATIVE else "in service"


def _trigger_within_s(
    request: TriggerMessage | ExtendedTriggerMessage, _state: SessionState, _now_us: int
) -> float:
    # Some answer a trigger for it by rebooting.
    return BOOT_S if request.requested_message == "BootNotification" else TRIGGER_S


def _came(
    request: TriggerMessage | ExtendedTriggerMessage,
    occurrence: Occurrence,
    _state: SessionState,
    _sent_at_us: int,
) -> Seen | None:
    action = type(occurrence).__name__
    if not isinstance(occurrence, Message) or action not in triggered_actions(request):
        return None
    # Without connectors, the one in the trigger means nothing (5.17).
    connector_id = getattr(occurrence, "connector_id", None)
    if None not in (request.connector_id, connector_id) and request.connector_id != connector_id:
        return None
    status = getattr(occurrence, "status", None)
    return Seen(detail=f"{action} came" + ("" if status is None else f": {status}"))


def _update_within_s(
    request: UpdateFirmware | SignedUpdateFirmware, _state: SessionState, now_us: int
) -> float:
    if isinstance(request, UpdateFirmware):
        begins_at = request.retrieve_date
    else:
        begins_at = request.firmware.install_date_time or request.firmware.retrieve_date_time
    return UPDATE_S + max(0, to_us(begins_at) - now_us) / 1_000_000


_UPDATE_ENDS: Final = {
    "Installed": EffectState.SEEN,
    "DownloadFailed": EffectState.FAILED,
    "InstallationFailed": EffectState.FAILED,
    "InvalidSignature": EffectState.FAILED,
    "InstallVerificationFailed": EffectState.FAILED,
}
_UPLOAD_ENDS: Final = {
    "Uploaded": EffectState.SEEN,
    "UploadFailed": EffectState.FAILED,
    "UploadFailure": EffectState.FAILED,
    "BadMessage": EffectState.FAILED,
    "PermissionDenied": EffectState.FAILED,
    "NotSupportedOperation": EffectState.FAILED,
}


def _update_moved(
    request: UpdateFirmware | SignedUpdateFirmware,
    occurrence: Occurrence,
    _state: SessionState,
    _sent_at_us: int,
) -> Seen | None:
    match occurrence:
        case FirmwareStatusChanged(signed=signed, status=status, request_id=request_id) if (
            # Some report a signed update with the message of the unsigned ones.
            request_id in (None, request.request_id)
            if isinstance(request, SignedUpdateFirmware)
            else not signed
        ):
            return _moved(status, _UPDATE_ENDS)
    return None


def _diagnostics_moved(
    _request: GetDiagnostics, occurrence: Occurrence, _state: SessionState, _sent_at_us: int
) -> Seen | None:
    match occurrence:
        case DiagnosticsStatusChanged(status=status):
            return _moved(status, _UPLOAD_ENDS)
    return None


def _log_moved(
    request: GetLog, occurrence: Occurrence, _state: SessionState, _sent_at_us: int
) -> Seen | None:
    match occurrence:
        case LogStatusChanged(status=status, request_id=request_id) if request_id in (
            None,
            request.request_id,
        ):
            return _moved(status, _UPLOAD_ENDS)
    return None


def _moved(status: str, ends: dict[str, EffectState]) -> Seen | None:
    if status == "Idle":  # comes on a trigger alone, and says nothing of this one
        return None
    return Seen(effect=ends.get(status, EffectState.AWAITED), detail=status)


def _always(seconds: float) -> Callable[[Any, SessionState, int], float]:  # Any: of any request
    return lambda _request, _state, _now_us: seconds


# All that is not here is done, or not, when it is answered: UnlockConnector, ClearCache, charging
# profiles, reservations, the local list, certificates, whatever is asked to be read.
RULES: Final[dict[type[Request[Message]], _Rule]] = {
    ChangeAvailability: _Rule(_always(AVAILABILITY_S), _availability_changed, shared=True),
    ChangeConfiguration: _Rule(_always(SCHEDULED_S), _booted, shared=True),
    ExtendedTriggerMessage: _Rule(_trigger_within_s, _came),
    GetDiagnostics: _Rule(_always(UPLOAD_S), _diagnostics_moved),
    GetLog: _Rule(_always(UPLOAD_S), _log_moved),
    RemoteStartTransaction: _Rule(_start_within_s, _started),
    RemoteStopTransaction: _Rule(_always(STOP_S), _stopped),
    Reset: _Rule(_always(BOOT_S), _booted, shared=True),
    SignedUpdateFirmware: _Rule(_update_within_s, _update_moved),
    TriggerMessage: _Rule(_trigger_within_s, _came),
    UpdateFirmware: _Rule(_update_within_s, _update_moved),
}
