"""Commands of Core and Remote Trigger: the answer, and what follows from it."""

import pytest
import trio
from trio.testing import MockClock

from ocpptrio.errors import CallRefused, ErrorCode
from ocpptrio.protocol import core, firmware, remote_trigger, security
from ocpptrio.protocol.actions import ACTIONS, Role
from ocpptrio.protocol.core import (
    AvailabilityStatus,
    AvailabilityType,
    ChargePointErrorCode,
    ChargePointStatus,
    ReadingContext,
    Reason,
    RemoteStartStopStatus,
    UnlockStatus,
)
from ocpptrio.protocol.datatypes import (
    AuthorizationStatus,
    ChargingProfile,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    ChargingSchedule,
    ChargingSchedulePeriod,
    IdTagInfo,
)
from ocpptrio.protocol.remote_trigger import MessageTrigger, TriggerMessageStatus
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.commands import COMMANDS
from tests.simulator.fake_central import FakeCentral, start

Sides = tuple[FakeCentral, SimulatedChargePoint]


async def start_charging(charge_point: SimulatedChargePoint, connector_id: int = 1) -> None:
    await charge_point.plug_in(connector_id)
    assert await charge_point.present(f"TAG{connector_id}", connector_id)
    await trio.sleep(1)


async def change(
    central: FakeCentral, connector_id: int, kind: AvailabilityType
) -> AvailabilityStatus:
    answer = await central.call(core.ChangeAvailability(connector_id=connector_id, type=kind))
    return answer.status


def test_every_action_of_a_central_system_has_a_handler() -> None:
    wanted = {spec.request for spec in ACTIONS.values() if Role.CENTRAL_SYSTEM in spec.senders}
    assert set(COMMANDS) == wanted


# ChangeAvailability.


async def test_a_free_connector_changes_at_once(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    assert await change(central, 1, AvailabilityType.INOPERATIVE) is AvailabilityStatus.ACCEPTED
    await central.wait_status(1, ChargePointStatus.UNAVAILABLE)
    assert not await charge_point.present("A", 1)
    assert await change(central, 1, AvailabilityType.INOPERATIVE) is AvailabilityStatus.ACCEPTED
    assert await change(central, 1, AvailabilityType.OPERATIVE) is AvailabilityStatus.ACCEPTED
    await central.wait_status(1, ChargePointStatus.AVAILABLE)
    assert central.statuses(2) == ["Available"]


async def test_a_connector_in_use_changes_after_its_transaction(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    assert await change(central, 1, AvailabilityType.INOPERATIVE) is AvailabilityStatus.SCHEDULED
    assert charge_point.status(1) is ChargePointStatus.CHARGING
    await charge_point.present("TAG1", 1)
    await central.wait_status(1, ChargePointStatus.UNAVAILABLE)
    assert len(central.all(core.StopTransaction)) == 1


async def test_a_scheduled_change_can_be_taken_back(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    await change(central, 1, AvailabilityType.INOPERATIVE)
    assert await change(central, 1, AvailabilityType.OPERATIVE) is AvailabilityStatus.ACCEPTED
    await charge_point.unplug(1)
    await central.wait_status(1, ChargePointStatus.AVAILABLE)


async def test_connector_0_is_the_whole_charge_point_and_outlives_a_reset(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    assert await change(central, 0, AvailabilityType.INOPERATIVE) is AvailabilityStatus.SCHEDULED
    await trio.sleep(1)
    assert central.statuses(0)[-1] == "Unavailable"
    assert central.statuses(2)[-1] == "Unavailable"
    await charge_point.unplug(1)
    await central.wait_status(1, ChargePointStatus.UNAVAILABLE)
    await central.call(core.Reset(type=core.ResetType.HARD))
    await central.wait(core.BootNotification, 2)
    await trio.sleep(1)
    assert [central.statuses(number)[-1] for number in (0, 1, 2)] == ["Unavailable"] * 3
    await change(central, 0, AvailabilityType.OPERATIVE)
    await central.wait_status(2, ChargePointStatus.AVAILABLE)


async def test_an_unknown_connector_is_an_invalid_value(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    with pytest.raises(CallRefused, match="there is no connector 3") as refused:
        await change(central, 3, AvailabilityType.OPERATIVE)
    assert refused.value.code == ErrorCode.PROPERTY_CONSTRAINT_VIOLATION


# UnlockConnector.


async def test_unlocking_ends_a_transaction(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    answer = await central.call(core.UnlockConnector(connector_id=1))
    assert answer.status is UnlockStatus.UNLOCKED
    assert (await central.wait(core.StopTransaction)).reason is Reason.UNLOCK_COMMAND
    await central.wait_status(1, ChargePointStatus.FINISHING)
    await charge_point.unplug(1)
    await central.wait_status(1, ChargePointStatus.AVAILABLE)


async def test_unlocking_can_fail_and_an_unknown_connector_cannot_be_unlocked(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    assert (await central.call(core.UnlockConnector(connector_id=2))).status is (
        UnlockStatus.UNLOCKED
    )
    await charge_point.fault(1, ChargePointErrorCode.CONNECTOR_LOCK_FAILURE)
    assert (await central.call(core.UnlockConnector(connector_id=1))).status is (
        UnlockStatus.UNLOCK_FAILED
    )
    assert (await central.call(core.UnlockConnector(connector_id=7))).status is (
        UnlockStatus.NOT_SUPPORTED
    )


async def test_unlocking_releases_a_cable_that_was_left(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await start(
        nursery, configuration={"UnlockConnectorOnEVSideDisconnect": "false"}
    )
    await start_charging(charge_point)
    await charge_point.unplug(1)
    await central.wait_status(1, ChargePointStatus.FINISHING)
    await central.call(core.UnlockConnector(connector_id=1))
    await central.wait_status(1, ChargePointStatus.AVAILABLE)


# Remote start and stop.


async def remote_start(
    central: FakeCentral,
    connector_id: int | None = 1,
    profile: ChargingProfile | None = None,
) -> RemoteStartStopStatus:
    answer = await central.call(
        core.RemoteStartTransaction(
            connector_id=connector_id, id_tag="REMOTE", charging_profile=profile
        )
    )
    return answer.status


async def test_a_remote_start_authorizes_then_starts(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charge_point.plug_in(1)
    assert await remote_start(central) is RemoteStartStopStatus.ACCEPTED
    begun = await central.wait(core.StartTransaction)
    assert [each.id_tag for each in central.all(core.Authorize)] == ["REMOTE"]
    assert begun.id_tag == "REMOTE"
    await trio.sleep(1)
    answer = await central.call(core.RemoteStopTransaction(transaction_id=1))
    assert answer.status is RemoteStartStopStatus.ACCEPTED
    ended = await central.wait(core.StopTransaction)
    assert (ended.reason, ended.id_tag) == (Reason.REMOTE, None)
    await central.wait_status(1, ChargePointStatus.FINISHING)


async def test_a_remote_start_waits_for_the_car_but_not_for_ever(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    assert await remote_start(central, None) is RemoteStartStopStatus.ACCEPTED
    await central.wait_status(1, ChargePointStatus.PREPARING)
    await trio.sleep(121)
    await central.wait_status(1, ChargePointStatus.AVAILABLE)
    assert not central.all(core.StartTransaction)
    await remote_start(central, 2)
    await trio.sleep(20)
    await charge_point.plug_in(2)
    assert (await central.wait(core.StartTransaction)).connector_id == 2


async def test_without_authorize_remote_tx_requests_it_starts_at_once(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, charge_point = await start(
        nursery, configuration={"AuthorizeRemoteTxRequests": "false"}
    )
    await charge_point.plug_in(1)
    await remote_start(central)
    await central.wait(core.StartTransaction)
    assert not central.all(core.Authorize)


async def test_a_remote_start_of_a_blocked_tag_starts_nothing(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    central.script[core.Authorize] = lambda _request: core.AuthorizeResponse(
        id_tag_info=IdTagInfo(status=AuthorizationStatus.BLOCKED)
    )
    await charge_point.plug_in(1)
    assert await remote_start(central) is RemoteStartStopStatus.ACCEPTED  # will try
    await trio.sleep(200)
    assert not central.all(core.StartTransaction)


async def test_a_remote_start_is_rejected_where_nobody_could_start(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point, 1)
    assert await remote_start(central, 1) is RemoteStartStopStatus.REJECTED
    await charge_point.fault(2)
    assert await remote_start(central, 2) is RemoteStartStopStatus.REJECTED
    assert await remote_start(central, None) is RemoteStartStopStatus.REJECTED
    with pytest.raises(CallRefused, match="no connector 9"):
        await remote_start(central, 9)


def tx_profile(
    limit: float, purpose: ChargingProfilePurposeType = ChargingProfilePurposeType.TX_PROFILE
) -> ChargingProfile:
    return ChargingProfile(
        charging_profile_id=9,
        stack_level=0,
        charging_profile_purpose=purpose,
        charging_profile_kind=ChargingProfileKindType.RELATIVE,
        charging_schedule=ChargingSchedule(
            charging_rate_unit=ChargingRateUnitType.A,
            charging_schedule_period=(ChargingSchedulePeriod(start_period=0, limit=limit),),
        ),
    )


async def test_a_remote_start_may_bring_its_charging_profile(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await charge_point.plug_in(1)
    assert await remote_start(central, 1, tx_profile(10)) is RemoteStartStopStatus.ACCEPTED
    await central.wait(core.StartTransaction)
    await trio.sleep(1)
    reading = charge_point.station.connector(1).meter.read(charge_point.device.now_us())
    assert reading.power_w == 10 * 230 * 3
    await charge_point.unplug(1)
    assert not charge_point.station.power.profiles.installed
    wrong = tx_profile(10, ChargingProfilePurposeType.TX_DEFAULT_PROFILE)
    assert await remote_start(central, 1, wrong) is RemoteStartStopStatus.REJECTED


async def test_a_remote_stop_of_an_unknown_transaction_is_rejected(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    answer = await central.call(core.RemoteStopTransaction(transaction_id=99))
    assert answer.status is RemoteStartStopStatus.REJECTED
    assert charge_point.status(1) is ChargePointStatus.CHARGING


# Reset.


async def test_a_soft_reset_ends_transactions_before_it(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    answer = await central.call(core.Reset(type=core.ResetType.SOFT))
    assert answer.status is core.ResetStatus.ACCEPTED
    await central.wait(core.BootNotification, 2)
    await trio.sleep(1)
    kinds = [type(request).__name__ for _, request in central.requests]
    assert kinds.index("StopTransaction") < kinds.index("BootNotification", 1)
    assert central.all(core.StopTransaction)[0].reason is Reason.SOFT_RESET
    assert central.statuses(1)[-1] == "Finishing"
    assert central.times(core.BootNotification)[1] >= 20


async def test_a_hard_reset_reports_ended_transactions_after_the_boot(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point, 1)
    await start_charging(charge_point, 2)
    await central.call(core.Reset(type=core.ResetType.HARD))
    await central.wait(core.StopTransaction, 2)
    await trio.sleep(1)
    kinds = [type(request).__name__ for _, request in central.requests]
    assert kinds.index("StopTransaction") > kinds.index("BootNotification", 1)
    assert [each.reason for each in central.all(core.StopTransaction)] == [Reason.HARD_RESET] * 2
    events = [each.type for each in central.all(security.SecurityEventNotification)]
    assert events == ["StartupOfTheDevice", "ResetOrReboot", "StartupOfTheDevice"]


async def test_a_soft_reset_does_not_wait_for_ever(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    central.script[core.StopTransaction] = lambda _request: None
    await central.call(core.Reset(type=core.ResetType.SOFT))
    await central.wait(core.BootNotification, 2)
    assert central.times(core.BootNotification)[1] < 90


# Configuration, cache, data.


async def test_a_changed_key_that_needs_a_reboot_is_in_force_after_it(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    answer = await central.call(
        core.ChangeConfiguration(key="ConnectorPhaseRotation", value="0.RST,1.RTS")
    )
    assert answer.status is core.ConfigurationStatus.REBOOT_REQUIRED
    assert charge_point.configuration.text("ConnectorPhaseRotation") == "0.RST"
    await central.call(core.Reset(type=core.ResetType.SOFT))
    await central.wait(core.BootNotification, 2)
    reported = await central.call(core.GetConfiguration(key=("connectorphaserotation",)))
    assert reported.configuration_key is not None
    assert reported.configuration_key[0].value == "0.RST,1.RTS"


async def test_too_many_keys_at_a_time_are_refused(sides: Sides, autojump_clock: MockClock) -> None:
    central, _ = sides
    with pytest.raises(CallRefused, match="at most 50"):
        await central.call(core.GetConfiguration(key=("X",) * 51))


async def test_data_transfer_knows_one_vendor(sides: Sides, autojump_clock: MockClock) -> None:
    central, _ = sides
    status = core.DataTransferStatus
    for vendor, message, expected, data in [
        ("com.example", "echo", status.UNKNOWN_VENDOR_ID, None),
        ("org.ocpptrio", "nonsense", status.UNKNOWN_MESSAGE_ID, None),
        ("org.ocpptrio", "echo", status.ACCEPTED, "hello"),
    ]:
        answer = await central.call(
            core.DataTransfer(vendor_id=vendor, message_id=message, data="hello")
        )
        assert (answer.status, answer.data) == (expected, data)


async def test_the_cache_can_be_cleared_if_there_is_one(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    assert len(charge_point.authorizer.cache) == 1
    answer = await central.call(core.ClearCache())
    assert answer.status is core.ClearCacheStatus.ACCEPTED
    assert len(charge_point.authorizer.cache) == 0
    await central.call(core.ChangeConfiguration(key="AuthorizationCacheEnabled", value="false"))
    assert (await central.call(core.ClearCache())).status is core.ClearCacheStatus.REJECTED


# TriggerMessage.


async def trigger(
    central: FakeCentral, message: MessageTrigger, connector_id: int | None = None
) -> TriggerMessageStatus:
    answer = await central.call(
        remote_trigger.TriggerMessage(requested_message=message, connector_id=connector_id)
    )
    await trio.sleep(1)
    return answer.status


async def test_each_message_can_be_triggered(sides: Sides, autojump_clock: MockClock) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    before = len(central.requests)
    for message in MessageTrigger:
        if message is not MessageTrigger.BOOT_NOTIFICATION:
            assert await trigger(central, message) is TriggerMessageStatus.ACCEPTED
    sent = [request for _, request in central.requests[before:]]
    assert [type(request).__name__ for request in sent] == [
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "MeterValues",
        "StatusNotification",
        "StatusNotification",
        "StatusNotification",
    ]
    assert isinstance(sent[0], firmware.DiagnosticsStatusNotification)
    assert sent[0].status is firmware.DiagnosticsStatus.IDLE
    assert isinstance(sent[1], firmware.FirmwareStatusNotification)
    assert sent[1].status is firmware.FirmwareStatus.IDLE
    assert isinstance(sent[3], core.MeterValues)
    assert sent[3].transaction_id == 1
    assert sent[3].meter_value[0].sampled_value[0].context is ReadingContext.TRIGGER


async def test_a_trigger_may_name_its_connector(sides: Sides, autojump_clock: MockClock) -> None:
    central, _ = sides
    before = len(central.requests)
    await trigger(central, MessageTrigger.METER_VALUES, 2)
    await trigger(central, MessageTrigger.STATUS_NOTIFICATION, 0)
    await trigger(central, MessageTrigger.METER_VALUES, 0)
    assert await trigger(central, MessageTrigger.METER_VALUES, 3) is TriggerMessageStatus.REJECTED
    sent = [request for _, request in central.requests[before:]]
    assert [getattr(request, "connector_id", None) for request in sent] == [2, 0, 0]


async def test_the_answer_to_a_trigger_comes_before_the_message(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    before = len(central.raw)
    await trigger(central, MessageTrigger.HEARTBEAT)
    assert [text[1] for text in central.raw[before:]] == ["3", "2"]


async def test_meter_values_cannot_be_triggered_if_nothing_is_measured(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    central, _ = await start(nursery, configuration={"MeterValuesSampledData": ""})
    assert await trigger(central, MessageTrigger.METER_VALUES) is TriggerMessageStatus.REJECTED


async def test_an_unlock_that_fails_has_ended_the_transaction_first(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    await start_charging(charge_point)
    await charge_point.fault(1, ChargePointErrorCode.CONNECTOR_LOCK_FAILURE)
    answer = await central.call(core.UnlockConnector(connector_id=1))
    assert answer.status is UnlockStatus.UNLOCK_FAILED
    await trio.sleep(1)
    assert [each.reason for each in central.all(core.StopTransaction)] == [Reason.UNLOCK_COMMAND]


async def test_two_remote_starts_at_once_use_two_connectors(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    central.delays[core.Authorize] = 5
    for id_tag in "A", "B":
        answer = await central.call(core.RemoteStartTransaction(id_tag=id_tag))
        assert answer.status is RemoteStartStopStatus.ACCEPTED
    await trio.sleep(20)
    for number in 1, 2:
        await charge_point.plug_in(number)
    await trio.sleep(1)
    starts = central.all(core.StartTransaction)
    assert [(each.connector_id, each.id_tag) for each in starts] == [(1, "A"), (2, "B")]


async def test_a_start_waits_for_a_car_also_where_a_cable_was_left(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, charge_point = sides
    charge_point.configuration.set("UnlockConnectorOnEVSideDisconnect", "false")
    await start_charging(charge_point)
    await charge_point.unplug(1)
    await central.call(core.RemoteStartTransaction(connector_id=1, id_tag="B"))
    await trio.sleep(5)
    assert len(central.all(core.StartTransaction)) == 1
    await charge_point.plug_in(1)
    assert (await central.wait(core.StartTransaction, 2)).id_tag == "B"


async def test_a_trigger_heeds_the_connector_only_where_it_matters(
    sides: Sides, autojump_clock: MockClock
) -> None:
    central, _ = sides
    answers = [
        await central.call(remote_trigger.TriggerMessage(requested_message=message, connector_id=9))
        for message in (MessageTrigger.HEARTBEAT, MessageTrigger.STATUS_NOTIFICATION)
    ]
    assert [each.status for each in answers] == [
        TriggerMessageStatus.ACCEPTED,
        TriggerMessageStatus.REJECTED,
    ]
    await central.wait(core.Heartbeat)
