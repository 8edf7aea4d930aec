"""The table of all 39 Actions: request, response, who may send it, feature profile; and encoding.

Decoders are built once, here. Not here: reading what the strict decoders refuse (tolerance).
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect

from ocpptrio.errors import LocalProtocolError
from ocpptrio.protocol import (
    core,
    firmware,
    local_auth_list,
    remote_trigger,
    reservation,
    security,
    smart_charging,
)
from ocpptrio.protocol.datatypes import Message, Request


class Role(Enum):
    """The two ends of a connection."""

    CHARGE_POINT = "charge point"
    CENTRAL_SYSTEM = "central system"


class FeatureProfile(StrEnum):
    """Feature profiles of OCPP 1.6 (section 3.3 of it), and the security white paper."""

    CORE = "Core"
    FIRMWARE_MANAGEMENT = "FirmwareManagement"
    LOCAL_AUTH_LIST_MANAGEMENT = "LocalAuthListManagement"
    RESERVATION = "Reservation"
    SMART_CHARGING = "SmartCharging"
    REMOTE_TRIGGER = "RemoteTrigger"
    SECURITY = "Security"


class ActionSpec:
    """What the table knows of one Action."""

    __slots__ = (
        "name",
        "profile",
        "read_request",
        "read_response",
        "request",
        "response",
        "senders",
    )

    def __init__(
        self,
        request: type[Request[Message]],
        response: type[Message],
        profile: FeatureProfile,
        senders: frozenset[Role],
    ) -> None:
        self.name: Final = request.__name__
        self.request: Final = request
        self.response: Final = response
        self.profile: Final = profile
        self.senders: Final = senders
        self.read_request: Final = msgspec.json.Decoder(request).decode
        self.read_response: Final = msgspec.json.Decoder(response).decode


# Per feature profile what a charge point sends, and what a central system sends. Each request names
# its response itself: `class Reset(Request[ResetResponse])`.
_TABLE: Final[
    dict[
        FeatureProfile,
        tuple[tuple[type[Request[Message]], ...], tuple[type[Request[Message]], ...]],
    ]
] = {
    FeatureProfile.CORE: (
        (
            core.Authorize,
            core.BootNotification,
            core.DataTransfer,
            core.Heartbeat,
            core.MeterValues,
            core.StartTransaction,
            core.StatusNotification,
            core.StopTransaction,
        ),
        (
            core.ChangeAvailability,
            core.ChangeConfiguration,
            core.ClearCache,
            core.DataTransfer,
            core.GetConfiguration,
            core.RemoteStartTransaction,
            core.RemoteStopTransaction,
            core.Reset,
            core.UnlockConnector,
        ),
    ),
    FeatureProfile.FIRMWARE_MANAGEMENT: (
        (firmware.DiagnosticsStatusNotification, firmware.FirmwareStatusNotification),
        (firmware.GetDiagnostics, firmware.UpdateFirmware),
    ),
    FeatureProfile.LOCAL_AUTH_LIST_MANAGEMENT: (
        (),
        (local_auth_list.GetLocalListVersion, local_auth_list.SendLocalList),
    ),
    FeatureProfile.RESERVATION: (
        (),
        (reservation.CancelReservation, reservation.ReserveNow),
    ),
    FeatureProfile.SMART_CHARGING: (
        (),
        (
            smart_charging.ClearChargingProfile,
            smart_charging.GetCompositeSchedule,
            smart_charging.SetChargingProfile,
        ),
    ),
    FeatureProfile.REMOTE_TRIGGER: (
        (),
        (remote_trigger.TriggerMessage,),
    ),
    FeatureProfile.SECURITY: (
        (
            security.LogStatusNotification,
            security.SecurityEventNotification,
            security.SignCertificate,
            security.SignedFirmwareStatusNotification,
        ),
        (
            security.CertificateSigned,
            security.DeleteCertificate,
            security.ExtendedTriggerMessage,
            security.GetInstalledCertificateIds,
            security.GetLog,
            security.InstallCertificate,
            security.SignedUpdateFirmware,
        ),
    ),
}


def _response_of(request: type[Request[Message]]) -> type[Message]:
    (base,) = request.__orig_bases__  # type: ignore[attr-defined]  # unknown to typeshed on 3.11
    response: type[Message]
    (response,) = get_args(base)
    return response


ACTIONS: Final[dict[str, ActionSpec]] = {
    request.__name__: ActionSpec(
        request,
        _response_of(request),
        profile,
        frozenset(
            role
            for role, requests in (
                (Role.CHARGE_POINT, from_charge_point),
                (Role.CENTRAL_SYSTEM, from_central_system),
            )
            if request in requests
        ),
    )
    for profile, (from_charge_point, from_central_system) in _TABLE.items()
    for request in (*from_charge_point, *from_central_system)
}
"""Every Action by its name on the wire."""

RESPONSES: Final[dict[type[Message], ActionSpec]] = {
    spec.response: spec for spec in ACTIONS.values()
}
"""Every Action by the struct that answers it."""

RECEIVED_BY: Final[dict[Role, dict[str, ActionSpec]]] = {
    role: {name: spec for name, spec in ACTIONS.items() if spec.senders != {role}} for role in Role
}
"""The Actions that a side receives: all but those that it alone sends."""

# "Transaction-related" messages are queued and repeated by a charge point until answered with a
# CALLRESULT, and hold up all that follow (OCPP 1.6, 3.7).
TRANSACTION_RELATED: Final = frozenset(
    {core.StartTransaction, core.StopTransaction, core.MeterValues}
)


def spec_of(request: Request[Message]) -> ActionSpec:
    """The table's row for a request.

    Raises:
        LocalProtocolError: it is not one of the 39 requests.
    """
    spec = ACTIONS.get(type(request).__name__)
    if spec is None or spec.request is not type(request):
        raise LocalProtocolError(f"{type(request).__name__} is not a request of OCPP 1.6")
    return spec


def encode(message: Message) -> bytes:
    """The JSON of a payload, exactly as the specification wants it.

    Times are cut to whole seconds of UTC, because some charge points refuse fractions and offsets;
    limits are rounded to one decimal digit. Then our own strict decoder reads the result, so that
    nothing leaves that we would not accept.

    Raises:
        LocalProtocolError: a value is too long, out of range, or not of its field's type.
    """
    kind = type(message)
    try:
        wire_form, read = _ENCODING[kind]
    except KeyError:
        raise LocalProtocolError(f"{kind.__name__} is not a message of OCPP 1.6") from None
    try:
        if wire_form is not None:
            message = wire_form(message)
        payload = _to_json(message)
        read(payload)
    except (msgspec.MsgspecError, ValueError, OverflowError, TypeError, AttributeError) as error:
        raise LocalProtocolError(f"this {kind.__name__} cannot be sent: {error}") from error
    return payload


_to_json: Final = msgspec.json.Encoder().encode

# Any: a value of the field's type goes in, its wire form comes out.
_WireForm = Callable[[Any], Any]


def _wire_form(kind: inspect.Type) -> _WireForm | None:
    """What turns a value of this type into its wire form; None if it is that already."""
    match kind:
        case inspect.DateTimeType():
            return _time_on_wire
        case inspect.FloatType():
            return _tenths_on_wire
        case inspect.UnionType(types=types):  # of something and None
            (form,) = (_wire_form(each) for each in types if not isinstance(each, inspect.NoneType))
            return form
        case inspect.VarTupleType(item_type=item):
            form = _wire_form(item)
            return form and (lambda values: tuple(map(form, values)))
        case inspect.StructType(fields=fields):
            forms = [(field.name, _wire_form(field.type)) for field in fields]
            return _struct_form(tuple((name, form) for name, form in forms if form is not None))
    return None


def _struct_form(forms: tuple[tuple[str, _WireForm], ...]) -> _WireForm | None:
    def wire_form(message: Message) -> Message:
        changes = {}
        for name, form in forms:
            value = getattr(message, name)
            if value is not None and (wire := form(value)) is not value:
                changes[name] = wire
        return msgspec.structs.replace(message, **changes) if changes else message

    return wire_form if forms else None


def _time_on_wire(when: datetime) -> datetime:
    if when.tzinfo is UTC and not when.microsecond:
        return when
    if when.tzinfo is None:
        raise ValueError(f"a time needs a zone, got {when!r}; use tzinfo=UTC")
    return when.astimezone(UTC).replace(microsecond=0)


def _tenths_on_wire(number: float) -> float:
    if not math.isfinite(number):  # JSON has no such number, and msgspec would write null
        raise ValueError(f"{number} is not a number that can be sent")
    return round(number, 1)


_ENCODING: Final[dict[type[Message], tuple[_WireForm | None, Callable[[bytes], Message]]]] = {
    kind: (_wire_form(inspect.type_info(kind)), read)
    for spec in ACTIONS.values()
    for kind, read in (
        (spec.request, spec.read_request),
        (spec.response, spec.read_response),
    )
}
