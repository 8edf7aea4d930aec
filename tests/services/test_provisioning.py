"""Provisioning against a scripted charge point, in virtual time: what is sent, and when it ends."""

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked
from trio_websocket import ConnectionClosed

from ocpptrio.central_system import CentralSystem
from ocpptrio.clock import trio_clock
from ocpptrio.config import OcppSettings, ProvisioningSettings, Settings, StoreSettings
from ocpptrio.connection import Transport
from ocpptrio.events import ConfigurationRefreshRequested, ProvisioningState
from ocpptrio.memory_transport import memory_transport_pair
from ocpptrio.protocol.core import ChangeConfiguration, RegistrationStatus
from ocpptrio.services.wanted import KeyState, situation, verdicts, want
from ocpptrio.session.state import SessionState
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.timing import Timing
from ocpptrio.store import (
    charge_point_groups,
    charge_points,
    configuration,
    provisioning,
    wanted_configuration,
)
from ocpptrio.store.driver import Db
from ocpptrio.store.vocabulary import WantedScope
from ocpptrio.vendor_profiles import VendorProfile
from tests.clients import charge_point, test_settings

MORNING = datetime(2026, 1, 15, tzinfo=UTC)
OWN = WantedScope.CHARGE_POINT
MEASURANDS = "Energy.Active.Import.Register,Power.Active.Import,SoC"

Answer = dict[str, Any] | str | None
"""A payload, the code of a CALLERROR, or nothing at all."""


class Device:
    """A charge point that keeps configuration keys; a test changes what it does with them."""

    def __init__(self, firmware: str = "1.0", **keys: str | None) -> None:
        self.firmware = firmware
        self.keys: dict[str, str | None] = {"HeartbeatInterval": "300", **keys}
        self.read_only: set[str] = set()
        self.hidden: set[str] = set()  # known, and never reported
        self.asked: list[tuple[str, Any]] = []  # Any: payloads
        self.boots: list[str] = []  # how they were answered
        self.change: Callable[[str, str], Answer] = self.accept
        self.get: Callable[[list[str] | None], Answer] = self.report
        self.on_trigger: str | None = "Accepted"
        self._transport: Transport | None = None
        self._was_asked = trio.Event()

    def accept(self, key: str, value: str) -> Answer:
        if key not in self.keys and key not in self.hidden:
            return {"status": "NotSupported"}
        if key not in self.hidden:
            self.keys[key] = value
        return {"status": "Accepted"}

    def report(self, names: list[str] | None) -> Answer:
        shown = self.keys if names is None else [name for name in names if name in self.keys]
        unknown = [name for name in names or () if name not in self.keys]
        entries = []
        for key in shown:
            value = self.keys[key]
            entry = {"key": key, "readonly": key in self.read_only}
            entries.append(entry if value is None else entry | {"value": value})
        return {"configurationKey": entries, "unknownKey": unknown}

    @property
    def written(self) -> list[tuple[str, str]]:
        return [(p["key"], p["value"]) for action, p in self.asked if action == ACTION]

    @property
    def actions(self) -> list[str]:
        return [action for action, _ in self.asked]

    async def run(self, transport: Transport, *, boots: bool = True) -> None:
        """Boot, then answer until the connection ends."""
        self._transport = transport
        try:
            if boots:
                await self.boot()
            while True:
                frame = json.loads(await transport.get_message())
                if frame[0] == 3 and frame[1].startswith("boot"):
                    self.boots.append(frame[2]["status"])
                elif frame[0] == 2:
                    await self._answer(frame[1], frame[2], frame[3])
        except ConnectionClosed:
            pass

    async def wait_asked(self, count: int) -> None:
        """Return when it has been asked so often."""
        while len(self.asked) < count:
            self._was_asked = trio.Event()
            await self._was_asked.wait()

    async def boot(self) -> None:
        payload = {
            "chargePointVendor": "VendorX",
            "chargePointModel": "SingleSocket",
            "firmwareVersion": self.firmware,
        }
        await self.send(2, f"boot{next(_numbers)}", "BootNotification", payload)

    async def send(self, *frame: object) -> None:
        assert self._transport is not None
        await self._transport.send_message(json.dumps(frame))

    async def hang_up(self) -> None:
        assert self._transport is not None
        await self._transport.aclose()

    async def _answer(self, unique_id: str, action: str, payload: Any) -> None:
        self.asked.append((action, payload))
        self._was_asked.set()
        answer: Answer
        match action:
            case "ChangeConfiguration":
                answer = self.change(payload["key"], payload["value"])
            case "GetConfiguration":
                answer = self.get(payload.get("key"))
            case "TriggerMessage":
                answer = (
                    "NotImplemented" if self.on_trigger is None else {"status": self.on_trigger}
                )
            case _:
                answer = {"status": "Accepted"}
        if isinstance(answer, dict):
            await self.send(3, unique_id, answer)
        elif isinstance(answer, str):
            await self.send(4, unique_id, answer, "", {})
        if action == "TriggerMessage" and self.on_trigger == "Accepted":
            await self.boot()


ACTION = "ChangeConfiguration"
_numbers = itertools.count()


class Yard:
    """A central system, and what tests do with it."""

    def __init__(self, central: CentralSystem, nursery: trio.Nursery) -> None:
        self.central = central
        self.nursery = nursery

    def plug_in(self, device: Device, identity: str = "CP1", *, boots: bool = True) -> None:
        theirs, ours = memory_transport_pair()
        self.nursery.start_soon(self.central.serve, identity, theirs)
        self.nursery.start_soon(lambda: device.run(ours, boots=boots))

    async def write(self, work: Callable[[Db], object]) -> None:
        await self.central.store.write(work)

    async def want(self, key: str, value: str, *, group: str | None = None) -> None:
        scope = OWN if group is None else WantedScope.GROUP
        await self.write(lambda db: want(db, scope, group or "CP1", key, value, self.now_us()))

    def now_us(self) -> int:
        return self.central.clock()

    @property
    def state(self) -> SessionState:
        return self.central.registry.session("CP1").state

    def stage(self) -> tuple[ProvisioningState | None, str]:
        """How far it is, and why no further."""
        return self.state.provisioning, self.state.provisioning_detail or ""

    async def states(self) -> dict[str, KeyState]:
        """How each wanted key stands, as an operator is shown."""
        state = self.state
        found = await self.central.store.read(
            lambda reader: situation(reader, "CP1", state.firmware_version)
        )
        settings = self.central.settings.provisioning
        profile = self.central.registry.session("CP1").vendor_profile
        return {v.key: v.state for v in verdicts(found, settings, profile)}

    async def changes(self) -> list[tuple[str, str | None, str | None, bool]]:
        """Key, before, after, and whether a command of ours did it; oldest first."""
        rows = await self.central.store.read(lambda reader: configuration.history(reader, "CP1"))
        return [
            (r.key, r.value_before, r.value_after, r.command_id is not None) for r in rows[::-1]
        ]


@asynccontextmanager
async def yard(**provisioning_settings: Any) -> AsyncIterator[Yard]:  # Any: fields of the section
    configured = Settings(
        ocpp=OcppSettings(enabled=False),
        store=StoreSettings(path=":memory:"),
        provisioning=ProvisioningSettings(**provisioning_settings),
    )
    central = CentralSystem(configured, clock=trio_clock(MORNING), inline_store=True)
    async with central, trio.open_nursery() as nursery:
        await central.store.write(
            lambda db: charge_points.add(
                db,
                charge_point_id="CP1",
                origin="added",
                at_us=0,
                hold=configured.provisioning.hold_new,
            )
        )
        yield Yard(central, nursery)
        nursery.cancel_scope.cancel()


# What is sent, and what not.


async def test_nothing_is_sent_where_nothing_is_wanted(autojump_clock: MockClock) -> None:
    async with yard() as y:
        device = Device()
        y.plug_in(device)
        await trio.sleep(3600)
        assert device.asked == []
        assert y.stage() == (None, "")


async def test_switched_off_nothing_is_sent_whatever_is_wanted(autojump_clock: MockClock) -> None:
    async with yard(enabled=False) as y:
        await y.want("HeartbeatInterval", "60")
        device = Device()
        y.plug_in(device)
        await trio.sleep(3600)
        await y.want("HeartbeatInterval", "61")
        await trio.sleep(3600)
        assert device.asked == []


async def test_only_what_differs_is_written_and_read_back(autojump_clock: MockClock) -> None:
    async with yard() as y:
        await y.want("HeartbeatInterval", "60")
        await y.want("authorizationcacheenabled", "true")
        await y.want("StopTxnSampledData", "SoC,Voltage")
        device = Device(
            AuthorizationCacheEnabled="TRUE",
            StopTxnSampledData="Voltage,SoC",
            GetConfigurationMaxKeys="2",
        )
        y.plug_in(device)
        await trio.sleep(4)
        assert device.asked == []  # it is busy after a boot
        await trio.sleep(60)
        assert device.written == [("HeartbeatInterval", "60")]
        assert device.asked[0] == ("GetConfiguration", {})
        names = [payload["key"] for action, payload in device.asked[2:]]
        assert names == [
            ["AuthorizationCacheEnabled", "HeartbeatInterval"],
            ["StopTxnSampledData"],
        ]
        assert y.stage()[0] is ProvisioningState.FINISHED
        assert set((await y.states()).values()) == {KeyState.APPLIED}
        assert await y.changes() == [("HeartbeatInterval", "300", "60", True)]


async def test_after_a_reboot_it_is_read_again_and_after_a_reconnect_it_is_not(
    autojump_clock: MockClock,
) -> None:
    async with yard() as y:
        await y.want("HeartbeatInterval", "60")
        device = Device()
        y.plug_in(device)
        await trio.sleep(60)
        asked = len(device.asked)
        await device.hang_up()
        y.plug_in(device, boots=False)
        await trio.sleep(60)
        assert len(device.asked) == asked
        device.keys["HeartbeatInterval"] = "300"  # lost in the reboot (Q18)
        await device.hang_up()
        await trio.sleep(7200)
        y.plug_in(device)
        await trio.sleep(60)
        assert device.written == [("HeartbeatInterval", "60")] * 2
        assert await y.changes() == [
            ("HeartbeatInterval", "300", "60", True),
            ("HeartbeatInterval", "60", "300", False),
            ("HeartbeatInterval", "300", "60", True),
        ]


async def test_what_is_wanted_later_is_written_at_once(autojump_clock: MockClock) -> None:
    async with yard() as y:
        device = Device()
        y.plug_in(device)
        await trio.sleep(60)
        await y.want("HeartbeatInterval", "60")
        await trio.sleep(1)
        assert device.written == [("HeartbeatInterval", "60")]
        await y.write(
            lambda db: wanted_configuration.remove(db, OWN, "CP1", "heartbeatinterval", 0)
        )
        await trio.sleep(60)
        assert len(device.written) == 1
        assert device.keys["HeartbeatInterval"] == "60"  # it keeps what it holds


async def test_a_list_of_all_keys_that_leaves_some_out_is_completed_by_name(
    autojump_clock: MockClock,
) -> None:
    async with yard() as y:
        await y.want("VendorKey", "7")
        device = Device(VendorKey="7")

        def terse(names: list[str] | None) -> Answer:
            return device.report(["HeartbeatInterval"] if names is None else names)

        device.get = terse
        y.plug_in(device)
        await trio.sleep(60)
        assert device.written == []
        assert y.stage()[0] is ProvisioningState.FINISHED


async def test_one_that_refuses_to_list_all_is_asked_by_name(autojump_clock: MockClock) -> None:
    async with yard() as y:
        await y.want("HeartbeatInterval", "60")
        device = Device()
        device.get = lambda names: "InternalError" if names is None else device.report(names)
        y.plug_in(device)
        await trio.sleep(60)
        assert device.keys["HeartbeatInterval"] == "60"
        assert y.stage()[0] is ProvisioningState.FINISHED


# Groups.


async def test_its_own_entry_wins_and_groups_that_disagree_are_told(
    autojump_clock: MockClock,
) -> None:
    async with yard() as y:
        for group in ("hotel", "yard"):
            await y.write(partial(charge_point_groups.put, group=group, charge_point_id="CP1"))
        await y.want("HeartbeatInterval", "60", group="yard")
        await y.want("HeartbeatInterval", "0060", group="hotel")  # the same by value
        await y.want("BlinkRepeat", "1", group="yard")
        await y.want("BlinkRepeat", "2", group="hotel")
        await y.want("ResetRetries", "1", group="yard")
        await y.want("ResetRetries", "2")
        device = Device(BlinkRepeat="0", ResetRetries="0")
        y.plug_in(device)
        await trio.sleep(60)
        assert dict(device.written).keys() == {"HeartbeatInterval", "ResetRetries"}
        assert device.keys["ResetRetries"] == "2"
        assert (await y.states())["BlinkRepeat"] is KeyState.CONFLICT
        assert y.stage()[0] is ProvisioningState.GIVEN_UP
        assert "hotel wants 2, yard wants 1" in y.stage()[1]


# Rejections.


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"status": "Rejected"}, KeyState.REJECTED),
        ({"status": "NotSupported"}, KeyState.NOT_SUPPORTED),
        ("NotSupported", KeyState.NOT_SUPPORTED),
    ],
)
async def test_a_rejection_is_remembered_until_firmware_or_value_changes(
    autojump_clock: MockClock, answer: Answer, state: KeyState
) -> None:
    async with yard() as y:
        await y.want("HeartbeatInterval", "60")
        device = Device()
        device.change = lambda key, value: answer
        for _ in range(3):
            y.plug_in(device)
            await trio.sleep(600)
            await device.hang_up()
        assert len(device.written) == 1
        assert (await y.states())["HeartbeatInterval"] is state
        assert y.stage()[0] is ProvisioningState.GIVEN_UP
        device.firmware = "1.1"
        y.plug_in(device)
        await trio.sleep(600)
        assert len(device.written) == 2
        await y.want("HeartbeatInterval", "90")
        await trio.sleep(600)
        assert device.written[2:] == [("HeartbeatInterval", "90")]
        await y.want("HeartbeatInterval", "90")  # an operator has it tried again
        await trio.sleep(600)
        assert len(device.written) == 4


async def test_a_read_only_key_is_not_written(autojump_clock: MockClock) -> None:
    async with yard() as y:
        await y.want("NumberOfConnectors", "3")
        device = Device(NumberOfConnectors="2")
        device.read_only.add("NumberOfConnectors")
        y.plug_in(device)
        await trio.sleep(600)
        assert device.written == []
        assert await y.states() == {"NumberOfConnectors": KeyState.READ_ONLY}


async def test_a_secret_cannot_be_wanted() -> None:
    async with yard() as y:
        with pytest.raises(ValueError, match="secret"):
            await y.want("AuthorizationKey", "00" * 16)
        with pytest.raises(ValueError, match="SecurityProfile"):
            await y.want("SecurityProfile", "2")


# Lists of measurands.


async def test_a_measurand_list_is_written_once_within_the_announced_length(
    autojump_clock: MockClock,
) -> None:
    async with yard() as y:
        await y.want("MeterValuesSampledData", MEASURANDS.replace(",", ", "))
        device = Device(
            MeterValuesSampledData="Voltage",
            MeterValuesSampledDataMaxLength="2",
            GetConfigurationMaxKeys="10",
        )
        y.plug_in(device)
        await trio.sleep(600)
        two = "Energy.Active.Import.Register,Power.Active.Import"
        assert device.written == [("MeterValuesSampledData", two)]
        assert (await y.states())["MeterValuesSampledData"] is KeyState.SHORTENED
        assert y.stage()[0] is ProvisioningState.FINISHED


async def test_a_rejected_list_loses_its_last_items_and_that_is_remembered(
    autojump_clock: MockClock,
) -> None:
    async with yard() as y:
        await y.want("MeterValuesSampledData", MEASURANDS)
        device = Device(MeterValuesSampledData="Voltage")

        def no_soc(key: str, value: str) -> Answer:
            return {"status": "Rejected"} if "SoC" in value else device.accept(key, value)

        device.change = no_soc
        y.plug_in(device)
        await trio.sleep(600)
        without = "Energy.Active.Import.Register,Power.Active.Import"
        both = [("MeterValuesSampledData", MEASURANDS), ("MeterValuesSampledData", without)]
        assert device.written == both
        await device.hang_up()
        y.plug_in(device)
        await trio.sleep(600)
        assert device.written == both
        assert (await y.states())["MeterValuesSampledData"] is KeyState.SHORTENED


async def test_by_policy_a_list_is_written_whole_or_not_at_all(autojump_clock: MockClock) -> None:
    async with yard(shorten_measurands=False) as y:
        await y.want("MeterValuesSampledData", MEASURANDS)
        device = Device(MeterValuesSampledData="Voltage")
        device.change = lambda key, value: {"status": "Rejected"}
        y.plug_in(device)
        await trio.sleep(600)
        assert device.written == [("MeterValuesSampledData", MEASURANDS)]


# Reboots.


async def test_reboot_required_waits_and_is_confirmed_after_the_boot(
    autojump_clock: MockClock,
) -> None:
    async with yard() as y:
        await y.want("ConnectorPhaseRotation", "1.RST")
        device = Device(ConnectorPhaseRotation="0.RST")
        device.change = lambda key, value: {"status": "RebootRequired"}
        y.plug_in(device)
        await trio.sleep(3600)
        assert device.written == [("ConnectorPhaseRotation", "1.RST")]
        assert "Reset" not in device.actions
        assert y.stage()[0] is ProvisioningState.WAITS_FOR_REBOOT
        (row,) = [
            row
            for row in await y.central.store.read(lambda reader: configuration.of(reader, "CP1"))
            if row.key == "ConnectorPhaseRotation"
        ]
        assert (row.value, row.pending_value) == ("0.RST", "1.RST")
        device.keys["ConnectorPhaseRotation"] = "1.RST"
        await device.hang_up()
        y.plug_in(device)
        await trio.sleep(60)
        assert len(device.written) == 1
        assert y.stage()[0] is ProvisioningState.FINISHED
        assert await y.changes() == [("ConnectorPhaseRotation", "0.RST", "1.RST", True)]


async def test_by_policy_it_is_reset_once_when_no_transaction_runs(
    autojump_clock: MockClock,
) -> None:
    async with yard(reset_when_idle=True) as y:
        await y.want("LightIntensity", "50")
        device = Device(LightIntensity="80")
        device.change = lambda key, value: {"status": "RebootRequired"}
        y.plug_in(device)
        await trio.sleep(1)
        start = {
            "connectorId": 1,
            "idTag": "T",
            "meterStart": 0,
            "timestamp": "2026-01-15T00:00:00Z",
        }
        await device.send(2, "s", "StartTransaction", start)
        await trio.sleep(3600)
        assert "Reset" not in device.actions
        (transaction_id,) = y.state.transactions
        stop = {
            "transactionId": transaction_id,
            "meterStop": 1,
            "timestamp": "2026-01-15T01:00:00Z",
        }
        await device.send(2, "e", "StopTransaction", stop)
        await trio.sleep(3600)
        assert device.actions.count("Reset") == 1


async def test_a_key_that_disturbs_waits_for_the_end_of_the_transaction(
    autojump_clock: MockClock,
) -> None:
    async with yard() as y:
        device = Device(ConnectorPhaseRotation="0.RST")
        y.plug_in(device)
        await trio.sleep(1)
        start = {
            "connectorId": 1,
            "idTag": "T",
            "meterStart": 0,
            "timestamp": "2026-01-15T00:00:00Z",
        }
        await device.send(2, "s", "StartTransaction", start)
        await trio.sleep(1)
        await y.want("ConnectorPhaseRotation", "1.RST")
        await y.want("HeartbeatInterval", "60")
        await trio.sleep(3600)
        assert device.written == [("HeartbeatInterval", "60")]
        assert y.stage()[0] is ProvisioningState.WAITS_FOR_IDLE
        (transaction_id,) = y.state.transactions
        stop = {
            "transactionId": transaction_id,
            "meterStop": 1,
            "timestamp": "2026-01-15T01:00:00Z",
        }
        await device.send(2, "e", "StopTransaction", stop)
        await trio.sleep(120)
        assert device.written[1:] == [("ConnectorPhaseRotation", "1.RST")]


# Never a loop.


async def test_one_that_accepts_and_does_not_change_is_given_up(autojump_clock: MockClock) -> None:
    async with yard() as y:
        await y.want("HeartbeatInterval", "60")
        device = Device()
        device.change = lambda key, value: {"status": "Accepted"}
        y.plug_in(device)
        await trio.sleep(30)
        assert len(device.written) == 1
        assert y.stage()[0] is ProvisioningState.RETRYING
        await trio.sleep(60)
        assert len(device.written) == 2
        for _ in range(3):
            await trio.sleep(7200)
            await device.hang_up()
            y.plug_in(device)
        assert len(device.written) == 3
        assert await y.states() == {"HeartbeatInterval": KeyState.GIVEN_UP}
        assert "accepted 3 times, but it holds '300'" in y.stage()[1]


async def test_two_keys_that_undo_each_other_are_given_up(autojump_clock: MockClock) -> None:
    async with yard() as y:
        await y.want("A", "1")
        await y.want("B", "1")
        device = Device(A="0", B="0")

        def undo(key: str, value: str) -> Answer:
            device.keys |= {"A": "0", "B": "0", key: value}
            return {"status": "Accepted"}

        device.change = undo
        for _ in range(4):
            y.plug_in(device)
            await trio.sleep(7200)
            await device.hang_up()
        assert 2 <= len(device.written) <= 6
        assert KeyState.GIVEN_UP in (await y.states()).values()


async def test_one_that_reboots_when_it_is_asked_is_left_alone(autojump_clock: MockClock) -> None:
    async with yard() as y:
        await y.want("HeartbeatInterval", "60")
        device = Device()
        device.get = lambda names: None
        ended = trio.current_time() + 20 * 3600

        async def keeps_rebooting() -> None:
            while trio.current_time() < ended:
                seen = len(device.asked)
                y.plug_in(device)
                with trio.move_on_at(ended):
                    await device.wait_asked(seen + 1)
                await device.hang_up()

        await keeps_rebooting()
        assert device.actions == ["GetConfiguration"] * 3
        assert y.stage()[0] is ProvisioningState.GIVEN_UP
        assert "3 rounds" in y.stage()[1]


async def test_one_that_reboots_at_each_write_and_forgets_is_given_up(
    autojump_clock: MockClock,
) -> None:
    async with yard() as y:
        await y.want("HeartbeatInterval", "60")
        device = Device()
        device.change = lambda key, value: None
        for _ in range(30):
            seen = len(device.asked)
            y.plug_in(device)
            with trio.move_on_after(3600):
                await device.wait_asked(seen + 2)
            await device.hang_up()
        assert len(device.written) <= 3


async def test_a_new_connection_is_provisioned_though_the_old_one_did_not_answer(
    autojump_clock: MockClock,
) -> None:
    async with yard() as y:
        await y.want("HeartbeatInterval", "60")
        stuck, device = Device(), Device()
        stuck.get = lambda names: None
        y.plug_in(stuck)
        await stuck.wait_asked(1)
        y.plug_in(device, boots=False)  # replaces it (Q12)
        await trio.sleep(600)
        assert device.written == [("HeartbeatInterval", "60")]


async def test_a_key_that_is_never_reported_is_taken_on_its_word(autojump_clock: MockClock) -> None:
    async with yard() as y:
        await y.want("ApnName", "internet")
        device = Device()
        device.hidden.add("ApnName")
        for _ in range(4):
            y.plug_in(device)
            await trio.sleep(7200)
            await device.hang_up()
        assert device.written == [("ApnName", "internet")]
        assert await y.states() == {"ApnName": KeyState.APPLIED}


ANSWERS = st.sampled_from(
    [
        "apply",
        "lie",
        "other",
        "Rejected",
        "NotSupported",
        "RebootRequired",
        "error",
        "silence",
        "cut",
    ]
)


@settings(max_examples=15)
@given(st.lists(ANSWERS, max_size=40), st.integers(1, 3), st.integers(1, 2))
def test_whatever_it_answers_the_writes_are_bounded(
    answers: list[str], keys: int, attempts: int
) -> None:
    clock = MockClock(autojump_threshold=0)
    written = trio.run(_adversary, answers, keys, attempts, clock=clock)
    # So many attempts of each; a value that was seen to hold for an hour may be written again as if
    # for the first time, which can be three times in the three hours.
    assert written <= keys * attempts * 4


async def _adversary(answers: list[str], keys: int, attempts: int) -> int:
    script = iter(answers)
    async with yard(attempts=attempts, retry_interval=1) as y:
        for n in range(keys):
            await y.want(f"Key{n}", "1")
        device = Device(**{f"Key{n}": "0" for n in range(keys)})
        cut = trio.Event()

        def change(key: str, value: str) -> Answer:
            nonlocal cut
            match next(script, "lie"):
                case "apply":
                    return device.accept(key, value)
                case "other":  # and undoes all others
                    device.keys |= dict.fromkeys(device.keys, "0")
                    return device.accept(key, value)
                case "lie":
                    return {"status": "Accepted"}
                case "error":
                    return "InternalError"
                case "silence":
                    return None
                case "cut":
                    cut.set()
                    return None
                case status:
                    return {"status": status}

        device.change = change
        ended = trio.current_time() + 3 * 3600
        while trio.current_time() < ended:
            cut = trio.Event()
            y.plug_in(device)
            with trio.move_on_after(600):
                await cut.wait()
            await trio.sleep(1)
            await device.hang_up()
            await trio.sleep(1)
        return len(device.written)


# Pending.


async def test_a_new_one_is_held_until_it_is_configured_then_accepted_and_asked_to_boot(
    autojump_clock: MockClock,
) -> None:
    async with yard(hold_new=True) as y:
        await y.want("HeartbeatInterval", "60")
        device = Device()
        y.plug_in(device)
        await trio.sleep(1)
        assert device.boots == ["Pending"]
        await trio.sleep(30)
        assert device.boots == ["Pending", "Accepted"]
        assert device.actions == [
            "GetConfiguration",
            "ChangeConfiguration",
            "GetConfiguration",
            "TriggerMessage",
        ]
        assert device.asked[-1][1] == {"requestedMessage": "BootNotification"}
        assert y.state.registration is RegistrationStatus.ACCEPTED
        await device.hang_up()
        y.plug_in(device)
        await trio.sleep(60)
        # E 3.40: not after it was accepted.
        assert device.actions.count("TriggerMessage") == 1


async def test_the_simulator_is_provisioned_while_pending_and_then_at_work(
    autojump_clock: MockClock,
) -> None:
    async with yard(hold_new=True, reset_when_idle=True) as y:
        await y.want("MeterValuesSampledData", ",".join([MEASURANDS, "Bogus"]))
        await y.want("ConnectorPhaseRotation", "0.RST,1.RTS")  # RebootRequired
        point = SimulatedChargePoint("CP1", timing=Timing(MORNING), random=Random(1))

        async def connect() -> Transport:
            theirs, ours = memory_transport_pair()
            y.nursery.start_soon(y.central.serve, "CP1", theirs)
            return ours

        y.nursery.start_soon(point.run, connect)
        await trio.sleep(3600)
        assert y.stage() == (ProvisioningState.FINISHED, "")
        assert await y.states() == {
            "MeterValuesSampledData": KeyState.SHORTENED,
            "ConnectorPhaseRotation": KeyState.APPLIED,
        }
        assert y.state.registration is RegistrationStatus.ACCEPTED
        assert y.state.boot_status is RegistrationStatus.ACCEPTED
        assert len(y.state.connectors) > 1


async def test_whoever_comes_in_unregistered_is_held_too() -> None:
    provisioned = ProvisioningSettings(hold_new=True)
    configured = msgspec.structs.replace(test_settings(), provisioning=provisioned)
    async with CentralSystem(configured, inline_store=True) as central:
        async with charge_point(central, "CP7") as point:  # from this machine
            assert (await point.boot())["status"] == "Pending"
        async with trio.open_nursery() as nursery:
            theirs, ours = memory_transport_pair()
            nursery.start_soon(central.serve, "CP8", theirs)
            device = Device()
            nursery.start_soon(device.run, ours)
            await wait_all_tasks_blocked()
            assert device.boots == ["Pending"]
            nursery.cancel_scope.cancel()
        held = await central.store.read(provisioning.everyone)
        assert [record.charge_point_id for record in held] == ["CP7", "CP8"]


async def test_one_of_which_nothing_is_wanted_waits_for_an_operator(
    autojump_clock: MockClock,
) -> None:
    async with yard(hold_new=True) as y:
        device = Device()
        y.plug_in(device)
        await trio.sleep(3600)
        assert device.asked == []
        assert y.state.registration is RegistrationStatus.PENDING
        await y.want("HeartbeatInterval", "60")
        await trio.sleep(60)
        assert device.boots == ["Pending", "Accepted"]


async def test_a_kind_that_reboots_when_asked_to_boot_is_not_asked(
    autojump_clock: MockClock,
) -> None:
    async with yard(hold_new=True) as y:
        await y.want("HeartbeatInterval", "60")
        device = Device()
        y.plug_in(device)
        await trio.sleep(1)
        y.central.registry.session("CP1").vendor_profile = VendorProfile(
            name="x", trigger_boot_reboots=True
        )
        await trio.sleep(60)
        assert y.state.registration is RegistrationStatus.ACCEPTED
        assert "TriggerMessage" not in device.actions


async def test_a_key_that_the_profile_fixes_is_not_written(autojump_clock: MockClock) -> None:
    async with yard() as y:
        await y.want("HeartbeatInterval", "60")
        device = Device()
        y.plug_in(device)
        await trio.sleep(1)
        y.central.registry.session("CP1").vendor_profile = VendorProfile(
            name="x", fixed_keys=("Heartbeat*",)
        )
        await trio.sleep(60)
        assert device.written == []
        assert await y.states() == {"HeartbeatInterval": KeyState.FIXED}


async def test_one_that_cannot_be_triggered_boots_when_its_interval_is_over(
    autojump_clock: MockClock,
) -> None:
    async with yard(hold_new=True) as y:
        await y.want("HeartbeatInterval", "60")
        device = Device()
        device.on_trigger = None
        y.plug_in(device)
        await trio.sleep(60)
        await device.boot()
        await trio.sleep(1)
        assert device.boots == ["Pending", "Accepted"]


async def test_one_that_cannot_be_configured_stays_pending_until_an_operator_accepts_it(
    autojump_clock: MockClock,
) -> None:
    async with yard(hold_new=True) as y:
        await y.want("HeartbeatInterval", "60")
        device = Device()
        device.change = lambda key, value: {"status": "Rejected"}
        y.plug_in(device)
        await trio.sleep(600)
        assert y.state.registration is RegistrationStatus.PENDING
        assert "TriggerMessage" not in device.actions
        accepted = RegistrationStatus.ACCEPTED
        await y.write(lambda db: charge_points.edit(db, "CP1", y.now_us(), registration=accepted))
        await trio.sleep(60)
        assert device.boots == ["Pending", "Accepted"]


async def test_one_that_an_operator_holds_is_configured_but_not_accepted(
    autojump_clock: MockClock,
) -> None:
    async with yard() as y:
        pending = RegistrationStatus.PENDING
        await y.write(lambda db: charge_points.edit(db, "CP1", y.now_us(), registration=pending))
        await y.want("HeartbeatInterval", "60")
        device = Device()
        y.plug_in(device)
        await trio.sleep(600)
        assert device.keys["HeartbeatInterval"] == "60"
        assert device.boots == ["Pending"]
        await y.write(lambda db: provisioning.hold(db, "CP1", until_done=True))
        await device.hang_up()
        y.plug_in(device)
        await trio.sleep(60)
        assert device.boots[-1] == "Accepted"


async def test_a_rejected_one_is_sent_nothing(autojump_clock: MockClock) -> None:
    async with yard() as y:
        await y.want("HeartbeatInterval", "60")
        rejected = RegistrationStatus.REJECTED
        await y.write(lambda db: charge_points.edit(db, "CP1", y.now_us(), registration=rejected))
        device = Device()
        y.plug_in(device)
        await trio.sleep(600)
        assert device.asked == []


# The mirror.


async def test_a_refresh_reads_even_where_nothing_is_wanted(autojump_clock: MockClock) -> None:
    async with yard(enabled=False) as y:
        device = Device()
        y.plug_in(device)
        await trio.sleep(1)
        await y.write(
            lambda db: db.emit(ConfigurationRefreshRequested(charge_point_id="CP1", at_us=0))
        )
        await trio.sleep(1)
        assert device.actions == ["GetConfiguration"]
        assert y.state.configuration["HeartbeatInterval"] == "300"
        assert y.state.configuration_read_at_us is not None


async def test_who_changed_a_key_is_on_record(autojump_clock: MockClock) -> None:
    async with yard() as y:
        device = Device()
        y.plug_in(device)
        await trio.sleep(1)

        def refresh(db: Db) -> None:
            db.emit(ConfigurationRefreshRequested(charge_point_id="CP1", at_us=0))

        await y.write(refresh)
        await trio.sleep(1)
        point = y.central.charge_point("CP1")
        await point.call(ChangeConfiguration(key="HeartbeatInterval", value="60"))
        device.keys["HeartbeatInterval"] = "15"
        await y.write(refresh)
        await trio.sleep(1)
        assert await y.changes() == [
            ("HeartbeatInterval", "300", "60", True),
            ("HeartbeatInterval", "60", "15", False),
        ]


async def test_after_a_restart_it_goes_on_where_it_was(
    autojump_clock: MockClock, tmp_path: Any
) -> None:
    configured = Settings(
        ocpp=OcppSettings(enabled=False), store=StoreSettings(path=str(tmp_path / "a.db"))
    )
    device = Device()
    device.change = lambda key, value: {"status": "Rejected"}

    async def live(work: Callable[[Yard], Awaitable[None]]) -> None:
        central = CentralSystem(configured, clock=trio_clock(MORNING), inline_store=True)
        async with central, trio.open_nursery() as nursery:
            await work(Yard(central, nursery))
            nursery.cancel_scope.cancel()

    async def first(y: Yard) -> None:
        await y.write(
            lambda db: charge_points.add(db, charge_point_id="CP1", origin="added", at_us=0)
        )
        await y.want("HeartbeatInterval", "60")
        y.plug_in(device)
        await trio.sleep(60)

    async def second(y: Yard) -> None:
        assert y.stage()[0] is ProvisioningState.GIVEN_UP
        assert y.state.configuration_read_at_us is not None
        y.plug_in(device)
        await trio.sleep(60)

    await live(first)
    await live(second)
    assert len(device.written) == 1
