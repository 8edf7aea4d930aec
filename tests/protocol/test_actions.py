"""The table of Actions, and how a message becomes the JSON of a payload."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ocpptrio.errors import LocalProtocolError
from ocpptrio.protocol.actions import (
    ACTIONS,
    RECEIVED_BY,
    RESPONSES,
    TRANSACTION_RELATED,
    FeatureProfile,
    Role,
    encode,
    spec_of,
)
from ocpptrio.protocol.core import (
    ChangeConfiguration,
    DataTransfer,
    GetConfiguration,
    Heartbeat,
    HeartbeatResponse,
    MeterValue,
    MeterValues,
    RemoteStartTransaction,
    Reset,
    ResetType,
    SampledValue,
    StatusNotificationResponse,
    StopTransaction,
    UnitOfMeasure,
)
from ocpptrio.protocol.datatypes import (
    ChargingProfile,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    ChargingSchedule,
    ChargingSchedulePeriod,
    IdTagInfo,
    Message,
    Request,
)
from ocpptrio.protocol.smart_charging import SetChargingProfile
from ocpptrio.protocol.tolerance import open_member

NOON = datetime(2024, 1, 2, 12, 0, 0, tzinfo=UTC)


def schedule(limit: float, min_charging_rate: float | None = None) -> ChargingSchedule:
    return ChargingSchedule(
        charging_rate_unit=ChargingRateUnitType.A,
        charging_schedule_period=(ChargingSchedulePeriod(start_period=0, limit=limit),),
        min_charging_rate=min_charging_rate,
    )


def profile(charging_schedule: ChargingSchedule) -> SetChargingProfile:
    return SetChargingProfile(
        connector_id=1,
        cs_charging_profiles=ChargingProfile(
            charging_profile_id=1,
            stack_level=0,
            charging_profile_purpose=ChargingProfilePurposeType.TX_PROFILE,
            charging_profile_kind=ChargingProfileKindType.RELATIVE,
            charging_schedule=charging_schedule,
        ),
    )


# The table.


@pytest.mark.parametrize(
    ("feature_profile", "count"),
    [
        (FeatureProfile.CORE, 16),
        (FeatureProfile.FIRMWARE_MANAGEMENT, 4),
        (FeatureProfile.LOCAL_AUTH_LIST_MANAGEMENT, 2),
        (FeatureProfile.RESERVATION, 2),
        (FeatureProfile.SMART_CHARGING, 3),
        (FeatureProfile.REMOTE_TRIGGER, 1),
        (FeatureProfile.SECURITY, 11),
    ],
)
def test_each_feature_profile_has_all_its_actions(
    feature_profile: FeatureProfile, count: int
) -> None:
    assert sum(spec.profile is feature_profile for spec in ACTIONS.values()) == count


def test_every_request_that_exists_is_in_the_table() -> None:
    defined = {kind for kind in Request.__subclasses__() if kind.__module__.startswith("ocpptrio.")}
    assert {spec.request for spec in ACTIONS.values()} == defined


def test_a_request_is_answered_by_the_response_of_its_name() -> None:
    for name, spec in ACTIONS.items():
        assert (spec.name, spec.request.__name__) == (name, name)
        assert spec.response.__name__ == f"{name}Response"
        assert RESPONSES[spec.response] is spec


FROM_CHARGE_POINT = {
    "Authorize",
    "BootNotification",
    "DataTransfer",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "SecurityEventNotification",
    "SignCertificate",
    "SignedFirmwareStatusNotification",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
}


def test_fourteen_requests_come_from_the_charge_point() -> None:
    assert set(RECEIVED_BY[Role.CENTRAL_SYSTEM]) == FROM_CHARGE_POINT
    for name, spec in ACTIONS.items():
        assert (Role.CHARGE_POINT in spec.senders) == (name in FROM_CHARGE_POINT)


def test_all_others_and_data_transfer_come_from_the_central_system() -> None:
    expected = set(ACTIONS) - FROM_CHARGE_POINT | {"DataTransfer"}
    assert set(RECEIVED_BY[Role.CHARGE_POINT]) == expected
    assert ACTIONS["DataTransfer"].senders == {Role.CHARGE_POINT, Role.CENTRAL_SYSTEM}


def test_three_requests_are_transaction_related() -> None:
    names = {kind.__name__ for kind in TRANSACTION_RELATED}
    assert names == {"StartTransaction", "StopTransaction", "MeterValues"}


def test_a_request_finds_its_row() -> None:
    assert spec_of(Heartbeat()) is ACTIONS["Heartbeat"]


class Foo(Request[StatusNotificationResponse], frozen=True):
    """An Action that does not exist."""


def impostor() -> Message:
    class Reset(Request[StatusNotificationResponse], frozen=True):
        """Somebody else's Reset."""

    return Reset()


@pytest.mark.parametrize("request_", [Foo(), impostor()])
def test_what_is_not_in_the_table_is_neither_found_nor_encoded(request_: Any) -> None:
    with pytest.raises(LocalProtocolError, match=r"not a request of OCPP 1\.6"):
        spec_of(request_)
    with pytest.raises(LocalProtocolError, match=r"not a message of OCPP 1\.6"):
        encode(request_)


def test_a_part_of_a_message_is_not_a_message() -> None:
    with pytest.raises(LocalProtocolError, match="SampledValue is not a message"):
        encode(SampledValue(value="1"))


# Times on the wire: whole seconds of UTC with a Z.


@pytest.mark.parametrize(
    ("when", "on_wire"),
    [
        (NOON, "2024-01-02T12:00:00Z"),
        (NOON.replace(microsecond=999_999), "2024-01-02T12:00:00Z"),
        (NOON.astimezone(timezone(timedelta(hours=2))), "2024-01-02T12:00:00Z"),
        (NOON.astimezone(ZoneInfo("Asia/Kathmandu")), "2024-01-02T12:00:00Z"),
        (NOON.astimezone(timezone(timedelta(0))), "2024-01-02T12:00:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_q35_times_are_sent_as_whole_seconds_of_utc(when: datetime, on_wire: str) -> None:
    payload = encode(HeartbeatResponse(current_time=when))
    assert payload == b'{"currentTime":"%b"}' % on_wire.encode()


def test_times_deep_inside_are_cut_too() -> None:
    odd = NOON.astimezone(timezone(timedelta(hours=-5))).replace(microsecond=1)
    value = MeterValue(timestamp=odd, sampled_value=(SampledValue(value="1"),))
    payload = encode(
        StopTransaction(meter_stop=1, timestamp=NOON, transaction_id=1, transaction_data=(value,))
    )
    assert b'"transactionData":[{"timestamp":"2024-01-02T12:00:00Z"' in payload


def test_a_message_that_needs_no_change_stays_the_same_object() -> None:
    message = HeartbeatResponse(current_time=NOON)
    encode(message)
    assert message.current_time is NOON


def test_a_list_where_a_tuple_belongs_is_cut_too() -> None:
    loose: Any = [
        MeterValue(timestamp=NOON.replace(microsecond=5), sampled_value=(SampledValue(value="1"),))
    ]
    payload = encode(MeterValues(connector_id=1, meter_value=loose))
    assert b'"timestamp":"2024-01-02T12:00:00Z"' in payload


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        (datetime(2024, 1, 2, 12, 0, 0), "a time needs a zone"),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))), "out of range"),
        ("2024-01-02T12:00:00Z", "tzinfo"),
        (None, "cannot be sent"),
    ],
)
def test_what_is_not_a_time_in_utc_is_not_sent(when: Any, reason: str) -> None:
    with pytest.raises(LocalProtocolError, match=reason):
        encode(HeartbeatResponse(current_time=when))


# Limits on the wire: at most one decimal digit.


@pytest.mark.parametrize(
    ("limit", "on_wire"),
    [(8.1, b"8.1"), (16, b"16"), (16.0, b"16.0"), (7.25, b"7.2"), (0.05, b"0.1"), (-0.04, b"-0.0")],
)
def test_limits_are_sent_with_one_decimal_digit(limit: float, on_wire: bytes) -> None:
    assert b'"limit":%b}' % on_wire in encode(profile(schedule(limit)))


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_a_number_is_not_sent_as_null(rate: float) -> None:
    with pytest.raises(LocalProtocolError, match="not a number that can be sent"):
        encode(profile(schedule(6, min_charging_rate=rate)))


# Absent is absent, and nothing leaves that we would not accept.


def test_absent_optional_fields_are_left_out() -> None:
    assert encode(Heartbeat()) == b"{}"
    assert encode(DataTransfer(vendor_id="com.example")) == b'{"vendorId":"com.example"}'


def test_spelling_traps_are_spelt_as_on_the_wire() -> None:
    assert encode(profile(schedule(6))).startswith(b'{"connectorId":1,"csChargingProfiles":{')


wrong: Any = "wrong"

TOO_MUCH: list[tuple[Message, str]] = [
    (ChangeConfiguration(key="k" * 51, value=""), "length <= 50"),
    (ChangeConfiguration(key="k", value="v" * 501), "length <= 500"),
    (GetConfiguration(key=("k" * 51,)), "length <= 50"),
    (RemoteStartTransaction(id_tag="t" * 21), "length <= 20"),
    (RemoteStartTransaction(id_tag="t", connector_id=0), ">= 1"),
    (RemoteStartTransaction(id_tag="t", connector_id=2**31), "<= 2147483647"),
    (MeterValues(connector_id=1, meter_value=()), "length >= 1"),
    (profile(schedule(wrong)), "cannot be sent"),
    (Reset(type=wrong), "Invalid enum value 'wrong'"),
    (DataTransfer(vendor_id="com.example", data="half a pair: \ud83d"), "surrogates not allowed"),
    (DataTransfer(vendor_id="com.example", data=wrong.encode), "unsupported"),
    (
        MeterValues(
            connector_id=1,
            meter_value=(
                MeterValue(
                    timestamp=NOON,
                    sampled_value=(
                        SampledValue(
                            value="50",
                            unit=open_member(UnitOfMeasure, "Hz"),  # type: ignore[arg-type]  # its way in
                        ),
                    ),
                ),
            ),
        ),
        "Invalid enum value 'Hz'",
    ),
]


@pytest.mark.parametrize(("message", "reason"), TOO_MUCH)
def test_what_breaks_a_limit_is_not_sent(message: Message, reason: str) -> None:
    with pytest.raises(
        LocalProtocolError, match=f"this {type(message).__name__} cannot be sent"
    ) as (caught):
        encode(message)
    assert reason in str(caught.value)


def test_a_text_where_an_enumeration_belongs_is_sent_if_it_is_a_member() -> None:
    text: Any = "Hard"
    assert encode(Reset(type=text)) == encode(Reset(type=ResetType.HARD))


def test_a_part_of_the_wrong_kind_is_not_sent() -> None:
    info: Any = IdTagInfo(status=wrong)
    with pytest.raises(LocalProtocolError):
        encode(SetChargingProfile(connector_id=1, cs_charging_profiles=info))
    with pytest.raises(LocalProtocolError):
        encode(SetChargingProfile(connector_id=1, cs_charging_profiles=wrong))


def test_messages_cost_the_garbage_collector_nothing() -> None:
    for spec in ACTIONS.values():
        for kind in (spec.request, spec.response):
            assert kind.__struct_config__.gc is False
            assert kind.__struct_config__.frozen
            assert no_mutable_field(msgspec.inspect.type_info(kind)), kind


def no_mutable_field(kind: msgspec.inspect.Type) -> bool:
    match kind:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            return cls.__struct_config__.frozen and all(no_mutable_field(f.type) for f in fields)
        case msgspec.inspect.UnionType(types=types):
            return all(map(no_mutable_field, types))
        case msgspec.inspect.VarTupleType(item_type=item):
            return no_mutable_field(item)
    return not isinstance(kind, msgspec.inspect.ListType | msgspec.inspect.DictType)
