"""The second reading: what is repaired, how that is noted, and what is refused, and how."""

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpptrio.errors import ErrorCode, RemoteProtocolError
from ocpptrio.protocol.core import (
    Authorize,
    BootNotification,
    BootNotificationResponse,
    ChangeAvailability,
    ChargePointErrorCode,
    DataTransfer,
    DataTransferResponse,
    GetConfiguration,
    GetConfigurationResponse,
    Heartbeat,
    KeyValue,
    Measurand,
    MeterValues,
    RemoteStartTransactionResponse,
    RemoteStopTransaction,
    StartTransaction,
    StartTransactionResponse,
    StatusNotification,
    StopTransaction,
    UnitOfMeasure,
)
from ocpptrio.protocol.datatypes import TEXT_KEPT, Deviation, DeviationKind, Message
from ocpptrio.protocol.firmware import GetDiagnostics
from ocpptrio.protocol.reservation import ReserveNow
from ocpptrio.protocol.security import (
    CertificateSigned,
    LogStatusNotification,
    SecurityEventNotification,
    SignCertificate,
    UploadLogStatusEnumType,
)
from ocpptrio.protocol.smart_charging import (
    GetCompositeSchedule,
    GetCompositeScheduleResponse,
    SetChargingProfile,
)
from ocpptrio.protocol.tolerance import (
    DEVIATIONS_KEPT,
    INT64_MAX,
    UNREADABLE_TIME,
    open_member,
    read,
    read_number,
    read_time,
)

Json = Any  # JSON of any shape

T = "2024-01-02T03:04:05Z"
TIME = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)

# The smallest sound payloads, to be spoilt in one place.
SOUND: dict[type[Message], dict[str, Json]] = {
    Authorize: {"idTag": "A"},
    BootNotification: {"chargePointVendor": "V", "chargePointModel": "M"},
    BootNotificationResponse: {"status": "Accepted", "currentTime": T, "interval": 300},
    ChangeAvailability: {"connectorId": 0, "type": "Operative"},
    CertificateSigned: {"certificateChain": "-----BEGIN"},
    DataTransfer: {"vendorId": "com.example"},
    DataTransferResponse: {"status": "Accepted"},
    GetCompositeSchedule: {"connectorId": 1, "duration": 60},
    GetCompositeScheduleResponse: {
        "status": "Accepted",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
        },
    },
    GetConfiguration: {"key": ["A"]},
    GetConfigurationResponse: {"configurationKey": [{"key": "A", "readonly": True, "value": "1"}]},
    GetDiagnostics: {"location": "ftp://example.com/"},
    Heartbeat: {},
    LogStatusNotification: {"status": "Uploaded", "requestId": 1},
    MeterValues: {
        "connectorId": 1,
        "meterValue": [{"timestamp": T, "sampledValue": [{"value": "1"}, {"value": "2"}]}],
    },
    RemoteStartTransactionResponse: {"status": "Accepted"},
    RemoteStopTransaction: {"transactionId": 1},
    ReserveNow: {"connectorId": 0, "expiryDate": T, "idTag": "A", "reservationId": 1},
    SecurityEventNotification: {"type": "FirmwareUpdated", "timestamp": T},
    SetChargingProfile: {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
            },
        },
    },
    SignCertificate: {"csr": "-----BEGIN"},
    StartTransaction: {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": T},
    StartTransactionResponse: {"idTagInfo": {"status": "Accepted"}, "transactionId": 1},
    StatusNotification: {"connectorId": 1, "errorCode": "NoError", "status": "Available"},
    StopTransaction: {"transactionId": 1, "meterStop": 9, "timestamp": T},
}

ABSENT = object()


def spoilt(kind: type[Message], path: str, value: Json) -> dict[str, Json]:
    """The sound payload with another value (or none) at a path such as `meterValue.0.timestamp`."""
    payload = copy.deepcopy(SOUND[kind])
    at: Json = payload
    *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in way:
        at = at[step]
    if value is ABSENT:
        del at[last]
    else:
        at[last] = value
    return payload


def found(message: Json, path: str) -> Json:
    """What the struct holds there."""
    for step in path.split("."):
        names = {name.replace("_", ""): name for name in getattr(message, "__struct_fields__", ())}
        message = message[int(step)] if step.isdigit() else getattr(message, names[step.lower()])
    return message


def refusal(kind: type[Message], payload: Json) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        read(kind, json.dumps(payload).encode())
    return caught.value


@pytest.mark.parametrize("kind", SOUND, ids=lambda kind: kind.__name__)
def test_a_sound_payload_is_read_as_the_strict_decoder_reads_it(kind: type[Message]) -> None:
    payload = json.dumps(SOUND[kind]).encode()
    assert read(kind, payload) == (msgspec.json.decode(payload, type=kind), ())


# What is repaired. The rows are what charge points were seen to send.

K = DeviationKind

REPAIRED: list[tuple[type[Message], str, Json, Json, DeviationKind]] = [
    # Absent.
    (StatusNotification, "info", None, None, K.NULL),
    (MeterValues, "transactionId", None, None, K.NULL),
    (Authorize, "vendorThing", {"a": 1}, ABSENT, K.UNKNOWN_FIELD),
    (BootNotification, "vendorThing", 1, ABSENT, K.UNKNOWN_FIELD),
    (MeterValues, "meterValue.0.sampledValue.0.vendorThing", 1, ABSENT, K.UNKNOWN_FIELD),
    (GetConfigurationResponse, "unknownKey", None, None, K.NULL),
    # Text.
    (BootNotification, "chargePointSerialNumber", "S" * 34, "S" * 34, K.TOO_LONG),
    (BootNotification, "chargePointVendor", "V" * 300, "V" * 255, K.TOO_LONG),
    (BootNotification, "chargePointModel", 7, "7", K.WRONG_TYPE),
    (BootNotification, "iccid", 8931, "8931", K.WRONG_TYPE),
    (BootNotification, "iccid", {"a": 1}, None, K.DROPPED),
    (BootNotification, "chargePointVendor", None, "", K.NULL),
    (BootNotification, "chargePointVendor", ABSENT, "", K.MISSING),
    (BootNotification, "chargePointModel", ["M"], "", K.DROPPED),
    (StatusNotification, "info", "i" * 51, "i" * 51, K.TOO_LONG),
    (StartTransaction, "idTag", "T" * 21, "T" * 21, K.TOO_LONG),
    (Authorize, "idTag", "T" * 21, "T" * 21, K.TOO_LONG),
    (Authorize, "idTag", "T" * 300, "T" * 255, K.TOO_LONG),
    (StartTransaction, "idTag", 12, "12", K.WRONG_TYPE),
    (StopTransaction, "idTag", ["A"], None, K.DROPPED),
    (SecurityEventNotification, "type", "T" * 51, "T" * 51, K.TOO_LONG),
    (DataTransfer, "data", {"a": [1, None]}, '{"a":[1,null]}', K.WRONG_TYPE),
    (DataTransfer, "data", 1.5, "1.5", K.WRONG_TYPE),
    (DataTransfer, "data", False, "false", K.WRONG_TYPE),
    (DataTransferResponse, "data", ["ä"], '["ä"]', K.WRONG_TYPE),
    (MeterValues, "meterValue.0.sampledValue.0.value", 230.1, "230.1", K.WRONG_TYPE),
    (MeterValues, "meterValue.0.sampledValue.0.value", -5, "-5", K.WRONG_TYPE),
    (GetConfigurationResponse, "configurationKey.0.value", 300, "300", K.WRONG_TYPE),
    (GetConfigurationResponse, "configurationKey.0.value", True, "true", K.WRONG_TYPE),
    (GetConfigurationResponse, "configurationKey.0.value", "v" * 600, "v" * 500, K.TOO_LONG),
    # Integers.
    (StartTransaction, "connectorId", "1", 1, K.WRONG_TYPE),
    (StartTransaction, "connectorId", 1.0, 1, K.WRONG_TYPE),
    (StartTransaction, "connectorId", 0, 0, K.OUT_OF_RANGE),
    (StartTransaction, "meterStart", "1234.5", 1234, K.WRONG_TYPE),
    (StartTransaction, "meterStart", " +1234,50 ", 1234, K.WRONG_TYPE),
    (StartTransaction, "meterStart", "?", -1, K.DROPPED),
    (StopTransaction, "meterStop", 1234.6, 1235, K.WRONG_TYPE),
    (StopTransaction, "meterStop", "1.2e3", 1200, K.WRONG_TYPE),
    (StopTransaction, "meterStop", 2**31, 2**31, K.OUT_OF_RANGE),
    (StopTransaction, "meterStop", 2**64, -1, K.OUT_OF_RANGE),
    (StopTransaction, "meterStop", 2**70, -1, K.DROPPED),
    (StopTransaction, "meterStop", "12345 Wh", -1, K.DROPPED),
    (StopTransaction, "meterStop", "12,345", -1, K.DROPPED),
    (StopTransaction, "meterStop", "", -1, K.DROPPED),
    (StopTransaction, "meterStop", None, -1, K.NULL),
    (StopTransaction, "meterStop", ABSENT, -1, K.MISSING),
    (StopTransaction, "transactionId", INT64_MAX, INT64_MAX, K.OUT_OF_RANGE),
    (StopTransaction, "transactionId", str(INT64_MAX), INT64_MAX, K.OUT_OF_RANGE),
    (StopTransaction, "transactionId", 2**64 - 1, -1, K.OUT_OF_RANGE),
    (StopTransaction, "transactionId", None, -1, K.NULL),
    (StopTransaction, "transactionId", ABSENT, -1, K.MISSING),
    (StopTransaction, "transactionId", {}, -1, K.DROPPED),
    (StopTransaction, "transactionId", True, -1, K.DROPPED),
    (StatusNotification, "connectorId", -1, -1, K.OUT_OF_RANGE),
    (MeterValues, "transactionId", "7", 7, K.WRONG_TYPE),
    (MeterValues, "transactionId", "seven", None, K.DROPPED),
    (RemoteStopTransaction, "transactionId", 2**40, 2**40, K.OUT_OF_RANGE),
    (StartTransactionResponse, "transactionId", 2**40, 2**40, K.OUT_OF_RANGE),
    (ChangeAvailability, "connectorId", 2.0, 2, K.WRONG_TYPE),
    (BootNotificationResponse, "interval", 300.0, 300, K.WRONG_TYPE),
    # Other numbers and booleans.
    (
        GetCompositeScheduleResponse,
        "chargingSchedule.chargingSchedulePeriod.0.limit",
        "8,5",
        8.5,
        K.WRONG_TYPE,
    ),
    (GetConfigurationResponse, "configurationKey.0.readonly", "True", True, K.WRONG_TYPE),
    (GetConfigurationResponse, "configurationKey.0.readonly", 0, False, K.WRONG_TYPE),
    # Enumerations.
    (StatusNotification, "errorCode", "Error", ChargePointErrorCode.OTHER_ERROR, K.UNKNOWN_VALUE),
    (StatusNotification, "errorCode", "noerror", ChargePointErrorCode.NO_ERROR, K.UNKNOWN_VALUE),
    (StatusNotification, "errorCode", 7, ChargePointErrorCode.OTHER_ERROR, K.UNKNOWN_VALUE),
    (StatusNotification, "errorCode", None, ChargePointErrorCode.NO_ERROR, K.NULL),
    (StatusNotification, "errorCode", ABSENT, ChargePointErrorCode.NO_ERROR, K.MISSING),
    (StopTransaction, "reason", "Because", "Because", K.UNKNOWN_VALUE),
    (StopTransaction, "reason", 5, "5", K.UNKNOWN_VALUE),
    (StopTransaction, "reason", "local", "Local", K.UNKNOWN_VALUE),
    (
        LogStatusNotification,
        "status",
        "UploadFailed",
        UploadLogStatusEnumType.UPLOAD_FAILURE,
        K.UNKNOWN_VALUE,
    ),
    *(
        (MeterValues, f"meterValue.0.sampledValue.0.{name}", sent, meant, K.UNKNOWN_VALUE)
        for name, sent, meant in (
            ("unit", "Hz", "Hz"),
            ("unit", "Hertz", "Hertz"),
            ("unit", " WH ", UnitOfMeasure.WH),
            ("unit", "celsius", UnitOfMeasure.CELSIUS),
            ("unit", "u" * 300, "u" * 255),
            ("measurand", "Request.Energy", "Request.Energy"),
            ("measurand", "SOC", Measurand.SOC),
            ("context", "Odd.Context", "Odd.Context"),
            ("format", "Hex", "Hex"),
            ("phase", "L4", "L4"),
            ("location", "Roof", "Roof"),
        )
    ),
    # Lists.
    (MeterValues, "meterValue", [], (), K.EMPTY_LIST),
    (MeterValues, "meterValue", ABSENT, (), K.MISSING),
    (MeterValues, "meterValue", "none", (), K.DROPPED),
    (MeterValues, "meterValue.0.sampledValue", [], (), K.EMPTY_LIST),
    (MeterValues, "meterValue.0.sampledValue", ABSENT, (), K.MISSING),
    (StopTransaction, "transactionData", "none", None, K.DROPPED),
    (
        SetChargingProfile,
        "csChargingProfiles.chargingSchedule.chargingSchedulePeriod",
        [],
        (),
        K.EMPTY_LIST,
    ),
    # Times.
    (StatusNotification, "timestamp", "", None, K.TIME_FORMAT),
    (StatusNotification, "timestamp", "garbage", None, K.TIME_FORMAT),
    (StatusNotification, "timestamp", None, None, K.NULL),
    (GetDiagnostics, "startTime", "", None, K.TIME_FORMAT),
    (StopTransaction, "timestamp", "garbage", UNREADABLE_TIME, K.TIME_FORMAT),
    (StopTransaction, "timestamp", "", UNREADABLE_TIME, K.TIME_FORMAT),
    (StopTransaction, "timestamp", None, UNREADABLE_TIME, K.NULL),
    (StopTransaction, "timestamp", ABSENT, UNREADABLE_TIME, K.MISSING),
    (StopTransaction, "timestamp", [], UNREADABLE_TIME, K.TIME_FORMAT),
    (StopTransaction, "timestamp", 1704164645, TIME, K.TIME_FORMAT),
    (StopTransaction, "timestamp", 1704164645000, TIME, K.TIME_FORMAT),
    (StopTransaction, "timestamp", 10**19, UNREADABLE_TIME, K.TIME_FORMAT),
    (StopTransaction, "timestamp", 10**400, UNREADABLE_TIME, K.TIME_FORMAT),
    (StopTransaction, "timestamp", True, UNREADABLE_TIME, K.TIME_FORMAT),
    (StartTransaction, "timestamp", ABSENT, UNREADABLE_TIME, K.MISSING),
    (MeterValues, "meterValue.0.timestamp", ABSENT, UNREADABLE_TIME, K.MISSING),
    (MeterValues, "meterValue.0.timestamp", "garbage", UNREADABLE_TIME, K.TIME_FORMAT),
]


@pytest.mark.parametrize(("kind", "path", "sent", "meant", "deviation_kind"), REPAIRED)
def test_this_is_repaired_and_noted(
    kind: type[Message], path: str, sent: Json, meant: Json, deviation_kind: DeviationKind
) -> None:
    message, deviations = read(kind, json.dumps(spoilt(kind, path, sent)).encode())
    if meant is not ABSENT:
        assert found(message, path) == meant
    assert isinstance(message, kind)
    deviation = deviations[-1]
    assert deviation.kind is deviation_kind
    assert deviation.field == path.replace(".0", "[0]")
    assert len(deviation.original) <= TEXT_KEPT
    if isinstance(sent, str):
        assert deviation.original == sent[:TEXT_KEPT]


def test_a_repair_of_two_things_is_noted_twice() -> None:
    payload = b'{"transactionId":"9223372036854775807","meterStop":1,"timestamp":"2024-01-02"}'
    _, deviations = read(StopTransaction, payload)
    assert deviations == (
        Deviation("transactionId", K.WRONG_TYPE, "9223372036854775807"),
        Deviation("transactionId", K.OUT_OF_RANGE, "9223372036854775807"),
        Deviation("timestamp", K.TIME_WITHOUT_ZONE, "2024-01-02"),
    )


def test_a_null_payload_is_an_empty_one() -> None:
    assert read(Heartbeat, b"null") == (Heartbeat(), ())
    assert refusal(Authorize, None).code is ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION


def test_q33_a_single_meter_value_may_stand_without_its_list() -> None:
    value = SOUND[MeterValues]["meterValue"][0]
    sample = value["sampledValue"][0]
    payload = spoilt(MeterValues, "meterValue", value | {"sampledValue": sample})
    message, deviations = read(MeterValues, json.dumps(payload).encode())
    assert [len(each.sampled_value) for each in message.meter_value] == [1]
    assert [(each.field, each.kind) for each in deviations] == [
        ("meterValue", K.WRONG_TYPE),
        ("meterValue[0].sampledValue", K.WRONG_TYPE),
    ]


@pytest.mark.parametrize(
    "sample",
    [
        {},
        {"value": None},
        {"value": {"a": 1}},
        {"measurand": "Voltage"},
        "1234",
        None,
        [],
    ],
)
def test_one_bad_sampled_value_does_not_cost_the_others(sample: Json) -> None:
    payload = spoilt(MeterValues, "meterValue.0.sampledValue.0", sample)
    message, deviations = read(MeterValues, json.dumps(payload).encode())
    assert [each.value for each in message.meter_value[0].sampled_value] == ["2"]
    assert (deviations[-1].field, deviations[-1].kind) == (
        "meterValue[0].sampledValue[0]",
        K.DROPPED,
    )


def test_one_bad_meter_value_does_not_cost_the_others() -> None:
    payload = copy.deepcopy(SOUND[MeterValues])
    payload["meterValue"].insert(0, "bad")
    message, (deviation,) = read(MeterValues, json.dumps(payload).encode())
    assert len(message.meter_value) == 1
    assert deviation == Deviation("meterValue[0]", K.DROPPED, "bad")


def test_one_bad_configuration_key_does_not_cost_the_others() -> None:
    payload = copy.deepcopy(SOUND[GetConfigurationResponse])
    payload["configurationKey"].append({"key": "B", "readonly": "perhaps"})
    message, (deviation,) = read(GetConfigurationResponse, json.dumps(payload).encode())
    assert message.configuration_key == (KeyValue(key="A", readonly=True, value="1"),)
    assert (deviation.field, deviation.kind) == ("configurationKey[1]", K.DROPPED)


def test_a_blank_value_is_kept_blank() -> None:
    payload = spoilt(MeterValues, "meterValue.0.sampledValue.0.value", " ") | {"x": 1}
    message, _ = read(MeterValues, json.dumps(payload).encode())
    assert message.meter_value[0].sampled_value[0].value == " "


def test_signed_data_is_kept_to_the_letter() -> None:
    signed = 'OCMF|{"PG":"T1"}|' + "é" * 3000
    payload = spoilt(MeterValues, "meterValue.0.sampledValue.0", {"value": signed, "x": 1})
    message, _ = read(MeterValues, json.dumps(payload).encode())
    assert message.meter_value[0].sampled_value[0].value == signed


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 5000])
def test_a_number_without_end_is_kept_as_text_where_text_belongs(number: str) -> None:
    payload = json.dumps(spoilt(MeterValues, "meterValue.0.sampledValue.0.value", 12345))
    message, (deviation,) = read(MeterValues, payload.replace("12345", number).encode())
    value = message.meter_value[0].sampled_value[0].value
    assert (type(value), value) == (str, number)
    assert deviation.kind is K.WRONG_TYPE


def test_a_number_without_end_is_no_data_of_a_vendor() -> None:
    message, _ = read(DataTransfer, b'{"vendorId":"com.example","data":1e400}')
    assert (type(message.data), message.data) == (str, "1e400")


def test_times_that_are_fine_are_not_noted_because_of_another_field() -> None:
    payload = spoilt(StopTransaction, "timestamp", "2024-01-02t05:04:05.5+02:00") | {"x": 1}
    message, (deviation,) = read(StopTransaction, json.dumps(payload).encode())
    assert message.timestamp == TIME + timedelta(seconds=0.5)
    assert deviation.kind is K.UNKNOWN_FIELD


def test_rubbish_without_end_leaves_a_bounded_trace() -> None:
    rubbish = {f"{number:0300}": "x" * 300 for number in range(1000)}
    message, deviations = read(
        StopTransaction, json.dumps(SOUND[StopTransaction] | rubbish).encode()
    )
    assert message.meter_stop == 9
    assert len(deviations) == DEVIATIONS_KEPT
    assert {(len(each.field), len(each.original)) for each in deviations} == {(255, 255)}


# What is refused, and with which errorCode.

E = ErrorCode

REFUSED: list[tuple[type[Message], str, Json, ErrorCode]] = [
    # A required field is absent.
    (Authorize, "idTag", ABSENT, E.OCCURENCE_CONSTRAINT_VIOLATION),
    (StartTransaction, "connectorId", ABSENT, E.OCCURENCE_CONSTRAINT_VIOLATION),
    (StartTransaction, "idTag", ABSENT, E.OCCURENCE_CONSTRAINT_VIOLATION),
    (StatusNotification, "status", ABSENT, E.OCCURENCE_CONSTRAINT_VIOLATION),
    (SecurityEventNotification, "timestamp", ABSENT, E.OCCURENCE_CONSTRAINT_VIOLATION),
    (BootNotificationResponse, "currentTime", ABSENT, E.OCCURENCE_CONSTRAINT_VIOLATION),
    # The wrong JSON type.
    (Authorize, "idTag", 12, E.TYPE_CONSTRAINT_VIOLATION),
    (Authorize, "idTag", None, E.TYPE_CONSTRAINT_VIOLATION),
    (Authorize, "idTag", True, E.TYPE_CONSTRAINT_VIOLATION),
    (Authorize, "idTag", {}, E.TYPE_CONSTRAINT_VIOLATION),
    (StartTransaction, "idTag", ["A"], E.TYPE_CONSTRAINT_VIOLATION),
    (StartTransaction, "connectorId", "one", E.TYPE_CONSTRAINT_VIOLATION),
    (StartTransaction, "connectorId", None, E.TYPE_CONSTRAINT_VIOLATION),
    (ChangeAvailability, "connectorId", "1", E.TYPE_CONSTRAINT_VIOLATION),
    (ChangeAvailability, "connectorId", 1.5, E.TYPE_CONSTRAINT_VIOLATION),
    (ChangeAvailability, "type", 1, E.TYPE_CONSTRAINT_VIOLATION),
    (StatusNotification, "status", 1, E.TYPE_CONSTRAINT_VIOLATION),
    (StatusNotification, "status", None, E.TYPE_CONSTRAINT_VIOLATION),
    (DataTransfer, "messageId", 1, E.TYPE_CONSTRAINT_VIOLATION),
    (GetConfiguration, "key", "A", E.TYPE_CONSTRAINT_VIOLATION),
    (GetConfiguration, "key", {"A": 1}, E.TYPE_CONSTRAINT_VIOLATION),
    (GetConfiguration, "key", [None], E.TYPE_CONSTRAINT_VIOLATION),
    (SetChargingProfile, "csChargingProfiles", [], E.TYPE_CONSTRAINT_VIOLATION),
    (
        SetChargingProfile,
        "csChargingProfiles.chargingSchedule.chargingSchedulePeriod.0.limit",
        "16",
        E.TYPE_CONSTRAINT_VIOLATION,
    ),
    (
        SetChargingProfile,
        "csChargingProfiles.chargingSchedule.chargingSchedulePeriod.0.limit",
        True,
        E.TYPE_CONSTRAINT_VIOLATION,
    ),
    (ReserveNow, "expiryDate", 1704164645, E.TYPE_CONSTRAINT_VIOLATION),
    (StartTransactionResponse, "idTagInfo", "Accepted", E.TYPE_CONSTRAINT_VIOLATION),
    (GetCompositeScheduleResponse, "chargingSchedule", "none", E.TYPE_CONSTRAINT_VIOLATION),
    # A member that the enumeration does not have (errata 3.24, 3.38).
    (StatusNotification, "status", "Foo", E.PROPERTY_CONSTRAINT_VIOLATION),
    (StatusNotification, "status", "available", E.PROPERTY_CONSTRAINT_VIOLATION),
    (ChangeAvailability, "type", "Foo", E.PROPERTY_CONSTRAINT_VIOLATION),
    (LogStatusNotification, "status", "Foo", E.PROPERTY_CONSTRAINT_VIOLATION),
    (RemoteStartTransactionResponse, "status", "accepted", E.PROPERTY_CONSTRAINT_VIOLATION),
    # A text that is too long and would be worthless if cut.
    (SignCertificate, "csr", "c" * 5501, E.PROPERTY_CONSTRAINT_VIOLATION),
    (CertificateSigned, "certificateChain", "c" * 10_001, E.PROPERTY_CONSTRAINT_VIOLATION),
    # A number out of range.
    (ChangeAvailability, "connectorId", -1, E.PROPERTY_CONSTRAINT_VIOLATION),
    (GetCompositeSchedule, "duration", 2**31, E.PROPERTY_CONSTRAINT_VIOLATION),
    (GetCompositeSchedule, "duration", -(2**31) - 1, E.PROPERTY_CONSTRAINT_VIOLATION),
    # A time that is none.
    (ReserveNow, "expiryDate", "garbage", E.PROPERTY_CONSTRAINT_VIOLATION),
    (ReserveNow, "expiryDate", "", E.PROPERTY_CONSTRAINT_VIOLATION),
    (SecurityEventNotification, "timestamp", "yesterday", E.PROPERTY_CONSTRAINT_VIOLATION),
    (BootNotificationResponse, "currentTime", "garbage", E.PROPERTY_CONSTRAINT_VIOLATION),
]


@pytest.mark.parametrize(("kind", "path", "sent", "code"), REFUSED)
def test_this_is_refused(kind: type[Message], path: str, sent: Json, code: ErrorCode) -> None:
    error = refusal(kind, spoilt(kind, path, sent))
    assert error.code is code
    assert error.description.startswith(path.replace(".0", "[0]"))


@pytest.mark.parametrize("payload", ["[]", '"text"', "7", "true", "[{}]"])
def test_a_payload_that_is_no_object_is_a_formation_violation(payload: str) -> None:
    with pytest.raises(RemoteProtocolError, match="the payload is not an object") as caught:
        read(StopTransaction, payload.encode())
    assert caught.value.code is ErrorCode.FORMATION_VIOLATION


def test_a_payload_nested_without_end_is_a_formation_violation() -> None:
    deep = b"[" * 5000 + b"]" * 5000
    with pytest.raises(RemoteProtocolError, match="unreadable payload") as caught:
        read(StopTransaction, b'{"transactionId":' + deep + b"}")
    assert caught.value.code is ErrorCode.FORMATION_VIOLATION


@pytest.mark.parametrize(
    "where", ["", "meterValue.0.", "meterValue.0.sampledValue.0."], ids=["top", "inside", "deep"]
)
def test_f18_unknown_fields_are_refused_on_demand_wherever_they_are(where: str) -> None:
    payload = json.dumps(spoilt(MeterValues, f"{where}vendorThing", 1)).encode()
    _, deviations = read(MeterValues, payload)
    assert [each.kind for each in deviations] == [K.UNKNOWN_FIELD]
    with pytest.raises(RemoteProtocolError, match="vendorThing: unknown field") as caught:
        read(MeterValues, payload, reject_unknown_fields=True)
    assert caught.value.code is ErrorCode.FORMATION_VIOLATION


def test_other_repairs_are_made_when_unknown_fields_are_refused() -> None:
    payload = json.dumps(spoilt(StopTransaction, "meterStop", "9")).encode()
    message, _ = read(StopTransaction, payload, reject_unknown_fields=True)
    assert message.meter_stop == 9


SCRAMBLED = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([T, "", "Available", "-1", "1e400"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from([*SOUND[StopTransaction], "idTag", "reason", "transactionData", "other"]),
        SCRAMBLED,
    )
)
def test_a_stop_never_bounces_whatever_its_fields_hold(payload: dict[str, Json]) -> None:
    message, deviations = read(StopTransaction, json.dumps(payload).encode())
    assert isinstance(message, StopTransaction)
    assert msgspec.json.encode(message)
    assert msgspec.json.encode(deviations)


# Times, in each form that was seen.


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2024-01-02T03:04:05Z", TIME),
        ("2024-01-02T03:04:05.678Z", TIME + timedelta(milliseconds=678)),
        ("2024-01-02T03:04:05.1234567Z", TIME + timedelta(microseconds=123_456)),
        ("2024-01-02T03:04:05.123456789123Z", TIME + timedelta(microseconds=123_456)),
        ("2024-01-02T05:04:05+02:00", TIME),
        ("2024-01-02T05:04:05+0200", TIME),
        ("2024-01-02T05:04:05+02", TIME),
        ("2024-01-01T22:34:05-04:30", TIME),
        ("2024-01-02T05:04:05 +02:00", TIME),
        ("2024-01-02t03:04:05z", TIME),
        ("2024-01-02 03:04:05Z", TIME),
        ("2013-01-01T00:00Z", datetime(2013, 1, 1, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2024-01-02T24:00:00Z", datetime(2024, 1, 3, tzinfo=UTC)),
        ("2024-02-28T24:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("2024-01-02T03:04:05,5Z", TIME + timedelta(milliseconds=500)),
        (" 2024-01-02T03:04:05Z ", TIME),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
    ],
)
def test_q34_a_time_in_this_form_is_read(text: str, meant: datetime) -> None:
    assert read_time(text) == meant
    payload = spoilt(StopTransaction, "timestamp", text) | {"x": 1}
    message, deviations = read(StopTransaction, json.dumps(payload).encode())
    assert abs(message.timestamp - meant) < timedelta(microseconds=2)  # msgspec rounds
    assert {each.kind for each in deviations} <= {K.TIME_FORMAT, K.UNKNOWN_FIELD}


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02T03:04:05",
        "2024-01-02 03:04:05",
        "2024-01-02T03:04",
        "2024-01-02",
        " 2024-01-02 ",
    ],
)
def test_q34_a_time_without_zone_is_taken_as_utc_and_noted(text: str) -> None:
    without_zone = read_time(text)
    assert without_zone is not None
    assert without_zone.tzinfo is None
    payload = json.dumps(spoilt(StopTransaction, "timestamp", text)).encode()
    message, deviations = read(StopTransaction, payload)
    assert message.timestamp == without_zone.replace(tzinfo=UTC)
    assert deviations == (Deviation("timestamp", K.TIME_WITHOUT_ZONE, text),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "2024-13-01T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "0000-00-00T00:00:00Z",
        "2024-01-02T25:00:00Z",
        "2024-01-02T03:60:00Z",
        "2024-01-02T03:04:61Z",
        "2024-01-02T03:04:99Z",
        "2024-01-02T03:04:05+24:00",
        "9999-12-31T24:00:00Z",
        "2024-01-02T",
        "2024-01-02T3:04:05Z",
        "2024-01-02T03:04:05Zulu",
        "24-01-02T03:04:05Z",
        "02.01.2024 03:04:05",
        "1704164645",
        "\u0662\u0660\u0662\u0664-01-02",
        "2024-01-02T03:04:05." + "1" * 1_000_000 + "x",
        " " * 1_000_000,
    ],
    ids=lambda text: text[:24],
)
def test_this_is_no_time(text: str) -> None:
    assert read_time(text) is None


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    when=st.datetimes(timezones=st.just(UTC)),
    form=st.sampled_from(["T", " ", "t"]),
    zone=st.sampled_from([timedelta(0), timedelta(hours=2), -timedelta(hours=11, minutes=30)]),
)
def test_every_time_that_python_writes_is_read_back(
    when: datetime, form: str, zone: timedelta
) -> None:
    if not datetime(2, 1, 1, tzinfo=UTC) < when < datetime(9998, 1, 1, tzinfo=UTC):
        when = TIME
    text = when.astimezone(timezone(zone)).isoformat(sep=form)
    assert read_time(text) == when


# Numbers in quotes.


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-1", -1),
        ("+5", 5),
        (" 12 ", 12),
        ("0012", 12),
        ("9223372036854775807", INT64_MAX),
        ("12.5", 12.5),
        ("12.345", 12.345),
        ("12,5", 12.5),
        ("12,50", 12.5),
        ("12,3456", 12.3456),
        ("1e3", 1000.0),
        ("1.5E-2", 0.015),
    ],
)
def test_a_number_in_quotes_is_read(text: str, number: float) -> None:
    read = read_number(text)
    assert (type(read), read) == (type(number), number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        "1.",
        ".5",
        "1 2",
        "12,345",
        "1.234,5",
        "1_000",
        "0x10",
        "nan",
        "Infinity",
        "1e400",
        "12 Wh",
        "\u0663",
        "9" * 20,
        "9" * 1_000_000,
    ],
    ids=lambda text: text[:12],
)
def test_this_is_no_number(text: str) -> None:
    assert read_number(text) is None


# Members that an enumeration does not have.


def test_q32_an_open_member_is_its_text_and_no_real_member() -> None:
    hertz = open_member(UnitOfMeasure, "Hz")
    assert isinstance(hertz, UnitOfMeasure)
    assert (hertz, hertz.value, str(hertz), hertz.name) == ("Hz", "Hz", "Hz", "UNKNOWN")
    assert hertz not in list(UnitOfMeasure)
    assert hertz == open_member(UnitOfMeasure, "Hz") != open_member(UnitOfMeasure, "hz")
    assert hash(hertz) == hash("Hz")
    assert msgspec.json.encode(hertz) == b'"Hz"'
    assert copy.deepcopy(hertz) == pickle.loads(pickle.dumps(hertz)) == hertz
    assert len(UnitOfMeasure) == 17
