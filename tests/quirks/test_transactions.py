"""Q37 to Q51: who charges, and what was charged, by odd charge points."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import trio

from ocpptrio.central_system import CentralSystem
from ocpptrio.config import OcppSettings, Settings, StoreSettings
from ocpptrio.events import StatusChanged, StopOrphaned
from ocpptrio.protocol.core import RemoteStartTransaction, RemoteStopTransaction
from ocpptrio.protocol.datatypes import INT32_MAX
from ocpptrio.protocol.remote_trigger import (
    MessageTrigger,
    TriggerMessage,
    TriggerMessageStatus,
)
from ocpptrio.services.authorization import generated_id_tag
from ocpptrio.store import commands, conclusions, orphan_stops, reviews
from ocpptrio.store.vocabulary import RegisterHabit, ReviewKind
from tests.clients import BOOT, RawChargePoint, charge_point, now, test_settings
from tests.quirks.scene import (
    TAG,
    TIME,
    all_transactions,
    answer_call,
    profiled,
    put_tag,
    readings,
    register,
    sampled,
    settled,
    start,
    start_request,
    state,
    status,
    stop,
    transaction,
)

HOUR_US = 3_600_000_000


async def test_q37_a_repeated_start_is_not_concurrent_with_itself(
    central: CentralSystem, point: RawChargePoint
) -> None:
    first = await point.call("StartTransaction", start_request())
    assert first["idTagInfo"]["status"] == "Accepted"
    assert await point.call("StartTransaction", start_request()) == first
    async with charge_point(central) as later:
        assert await later.call("StartTransaction", start_request()) == first
    # Its first verdict stands, whatever has changed meanwhile.
    await put_tag(central, TAG, blocked=True)
    async with charge_point(central) as later:
        assert await later.call("StartTransaction", start_request()) == first
    assert len(await all_transactions(central)) == 1


async def test_q38_a_refused_start_is_recorded_under_an_id_of_its_own(
    central: CentralSystem, point: RawChargePoint
) -> None:
    await put_tag(central, "BAD", blocked=True)
    ids = []
    for connector, tag, verdict in ((1, "BAD", "Blocked"), (2, "NOBODY", "Invalid")):
        request = start_request(idTag=tag, connectorId=connector)
        answer = await point.call("StartTransaction", request)
        assert answer["idTagInfo"]["status"] == verdict
        ids.append(answer["transactionId"])
        assert await stop(point, ids[-1], reason="DeAuthorized") == {}
        record = await transaction(central, ids[-1])
        assert (record.authorization_status, record.energy_wh) == (verdict, 1500)
    assert min(ids) > 0
    assert len(set(ids)) == 2


async def test_q39_a_stop_is_always_answered(central: CentralSystem, point: RawChargePoint) -> None:
    with central.watch("CP1") as events:
        for unknown in (-1, 0, 999_999):
            for _ in range(2):
                assert await stop(point, unknown) == {}
            event = (await events.next()).event
            while not isinstance(event, StopOrphaned):
                event = (await events.next()).event
            assert event.transaction_id == unknown
    orphans = await central.store.read(orphan_stops.everyone)
    assert [orphan.transaction_id for orphan in orphans] == [-1, 0, 999_999]
    # With the tag, the meter and the time of the only one that runs, it means that one.
    transaction_id = await start(point, timestamp="2026-01-15T09:30:00Z")
    answer = await stop(point, -1, idTag=TAG, timestamp="2026-01-15T09:45:00Z")
    assert answer["idTagInfo"]["status"] == "Accepted"
    assert (await transaction(central, transaction_id)).energy_wh == 1500
    # With two that it could mean, it is kept for a person: connector 1 is no better than 2.
    await put_tag(central, "POOL", max_concurrent=0)
    late = "2026-01-15T09:50:00Z"
    running = [
        await start(point, idTag="POOL", connectorId=connector, timestamp=late)
        for connector in (1, 2)
    ]
    ended = "2026-01-15T10:00:00Z"
    answer = await stop(point, 0, idTag="POOL", timestamp=ended)
    assert answer["idTagInfo"]["status"] == "Accepted"
    assert [(await transaction(central, each)).state for each in running] == ["open", "open"]
    assert len(await central.store.read(orphan_stops.everyone)) == 4
    # What was matched carries its evidence, and what was not waits for a person with all it knows.
    (matched,) = await central.store.read(
        lambda reader: conclusions.of_transaction(reader, transaction_id)
    )
    assert (matched.conclusion, matched.confidence) == ("stop matched", "likely")
    assert [fact.what for fact in matched.evidence] == ["StartTransaction", "StopTransaction"]
    waiting = await central.store.read(reviews.latest)
    (unsure,) = [review for review in waiting if len(review.evidence) == 3]
    assert unsure.kind is ReviewKind.ORPHAN_STOP


async def test_q40_transaction_ids_are_small_positive_and_never_used_again(
    tmp_path: Path,
) -> None:
    settings = Settings(
        ocpp=OcppSettings(port=0), store=StoreSettings(path=str(tmp_path / "central.db"))
    )
    ids: list[int] = []
    for now_us in (1, 4_102_444_800_000_000):  # the time has no part in them
        clock = itertools.count(now_us).__next__
        central = CentralSystem(settings, clock=clock, inline_store=True)
        async with central:
            for identity in ("CP1", "CP2"):
                async with charge_point(central, identity) as point:
                    await point.boot()
                    ids.append(await start(point, meterStart=now_us % 1000))
                    # Ids of others, as large as one charge point sends them, do no harm.
                    assert await stop(point, 9_223_372_036_854_775_807) == {}
                    huge = sampled("1", transactionId=9_223_372_036_854_775_807)
                    assert await point.call("MeterValues", huge) == {}
    assert len(set(ids)) == 4
    assert all(0 < transaction_id <= INT32_MAX for transaction_id in ids)
    assert max(ids) - min(ids) < 100


async def test_q41_a_stop_without_a_tag_is_answered_without_a_verdict(
    central: CentralSystem, point: RawChargePoint
) -> None:
    first = await start(point)
    assert await stop(point, first) == {}
    second = await start(point, timestamp="2026-01-15T10:00:00Z")
    assert await stop(point, second, idTag=None) == {}
    assert (await transaction(central, second)).stop_id_tag is None


async def test_q42_values_after_the_stop_are_attached(
    central: CentralSystem, point: RawChargePoint
) -> None:
    transaction_id = await start(point)
    await stop(point, transaction_id)
    closing = {"value": "2500", "context": "Transaction.End"}
    request = sampled(closing, at="2026-01-15T09:00:05Z", transactionId=transaction_id)
    assert await point.call("MeterValues", request) == {}
    (reading,) = await readings(central)
    assert (reading.transaction_id, reading.energy_wh) == (transaction_id, 2500)
    record = await transaction(central, transaction_id)
    assert (record.state, record.energy_wh) == ("stopped", 1500)


async def test_q43_values_without_a_sound_id_find_their_transaction(
    central: CentralSystem, point: RawChargePoint
) -> None:
    transaction_id = await start(point)
    for minute, wrong_id in enumerate((4711, -1, None), 30):
        at = f"2026-01-15T08:{minute}:00Z"
        request = sampled("1100", at=at, transactionId=wrong_id)
        assert await point.call("MeterValues", request) == {}
    assert await point.call("MeterValues", sampled("1100", at="2026-01-15T08:29:00Z")) == {}
    assert await point.call("MeterValues", sampled("9", connector=0)) == {}  # the main meter
    assert await point.call("MeterValues", sampled("9", connector=2)) == {}  # nothing runs there
    found = await readings(central)
    assert sorted((each.connector_id, each.transaction_id or 0) for each in found) == [
        (0, 0),
        *[(1, transaction_id)] * 4,
        (2, 0),
    ]
    assert {each.sent_transaction_id for each in found} == {None, 4711, -1}


async def test_q44_energy_is_never_negative(
    central: CentralSystem, point: RawChargePoint, tmp_path: Path
) -> None:
    # Samples count from the start of the transaction, start and stop over the whole life.
    relative = await start(point, meterStart=5_000_000)
    for minute, value in ((10, "0"), (20, "700"), (30, "1400")):
        at = f"2026-01-15T08:{minute}:00Z"
        assert await point.call("MeterValues", sampled(value, at=at, transactionId=relative)) == {}
    await stop(point, relative, meterStop=5_001_500)
    assert (await transaction(central, relative)).energy_wh == 1500
    # That is remembered of the charge point, and the next transaction is right at once.
    assert state(central).register_habits == {RegisterHabit.SAMPLES_PER_TRANSACTION}
    # The register began anew, or the stop says nothing.
    for number, (begun, ended) in enumerate(((5000, 300), (5000, -1), (5000, 0))):
        hour = f"2026-01-15T1{number}"
        reset = await start(point, meterStart=begun, timestamp=f"{hour}:00:00Z")
        await stop(point, reset, meterStop=ended, timestamp=f"{hour}:30:00Z")
        record = await transaction(central, reset)
        assert record.energy_wh is None or record.energy_wh >= 0
        assert (record.meter_start_wh, record.meter_stop_wh) == (begun, ended)  # as they came
        assert record.flags
    kept = [json.loads(each.sampled_values)[0]["value"] for each in await readings(central)]
    assert kept == ["0", "700", "1400"]
    # Where a vendor profile says so, it is known before the first.
    settings = profiled(tmp_path, session_register=True)
    async with CentralSystem(settings, inline_store=True) as known, charge_point(known) as young:
        for _ in range(2):  # a second boot adds nothing
            await young.boot()
            assert state(known).register_habits == {RegisterHabit.SAMPLES_PER_TRANSACTION}
        first = await start(young, meterStart=500)
        for minute, value in ((10, "700"), (20, "1600")):  # of a lifetime, it would be 1100
            at = f"2026-01-15T08:{minute}:00Z"
            await young.call("MeterValues", sampled(value, at=at, transactionId=first))
        await stop(young, first, meterStop=-1)
        assert (await transaction(known, first)).energy_wh == 1600


async def test_q45_a_restart_on_either_side_ends_no_transaction(tmp_path: Path) -> None:
    settings = Settings(
        ocpp=OcppSettings(port=0), store=StoreSettings(path=str(tmp_path / "central.db"))
    )
    async with CentralSystem(settings) as central, charge_point(central) as point:
        await point.boot()
        transaction_id = await start(point)
    async with CentralSystem(settings) as central:
        assert list(state(central).transactions) == [transaction_id]
        async with charge_point(central) as point:
            await point.boot()
            await point.call("StatusNotification", status("Available"))
            assert (await transaction(central, transaction_id)).state == "open"
            # Since the boot it may be over; a value from after it shows that it runs.
            assert (await transaction(central, transaction_id)).suspect_since_us is not None
            request = sampled("1800", transactionId=transaction_id, at="2199-01-15T08:30:00Z")
            assert await point.call("MeterValues", request) == {}
            assert (await transaction(central, transaction_id)).suspect_since_us is None
        async with charge_point(central) as point:  # and a reboot
            await point.boot()
            assert await stop(point, transaction_id, reason="PowerLoss") == {}
        record = await transaction(central, transaction_id)
        assert (record.state, record.energy_wh) == ("stopped", 1500)
        assert state(central).transactions == {}


async def test_q46_what_was_queued_for_days_does_not_overwrite_the_present(
    central: CentralSystem, point: RawChargePoint
) -> None:
    now = "2026-01-20T12:00:00Z"
    with central.watch("CP1") as events:
        await point.call("StatusNotification", status("Charging", timestamp=now))
        current = await start(point, timestamp=now, meterStart=9000)
        await point.call("MeterValues", sampled("9100", at="2026-01-20T12:05:00Z"))
        # Now comes what happened five days before.
        for old in ("Preparing", "Charging", "Available"):
            await point.call("StatusNotification", status(old, timestamp=TIME))
        past = await start(point)
        await point.call("MeterValues", sampled("1200", transactionId=past))
        assert await stop(point, past) == {}
        seen: list[bool] = []
        while len(seen) < 4:
            event = (await events.next()).event
            if isinstance(event, StatusChanged):
                seen.append(event.outdated)
    assert seen == [False, True, True, True]
    assert state(central).connectors[1].status == "Charging"
    assert state(central).meters[1].energy_wh == 9100
    assert list(state(central).transactions) == [current]
    record = await transaction(central, past)
    assert (record.state, record.energy_wh) == ("stopped", 1500)
    assert record.stop_received_at_us is not None
    assert record.stopped_at_us is not None
    assert record.stop_received_at_us - record.stopped_at_us > HOUR_US
    by_transaction = {each.transaction_id: each.energy_wh for each in await readings(central)}
    assert by_transaction == {past: 1200, current: 9100}
    # What its tag began since does not make it concurrent: back then nothing else ran.
    assert (record.authorization_status, record.parent_id_tag) == ("Accepted", None)


async def test_q47_first_statuses_of_a_whole_site_at_once() -> None:
    answers: list[Any] = []

    async def connects(central: CentralSystem, identity: str) -> None:
        async with charge_point(central, identity) as point:
            await point.send(2, "boot", "BootNotification", BOOT)
            for connector in range(9):
                await point.send(
                    2, str(connector), "StatusNotification", status("Available", connector)
                )
            answers.extend([await point.receive() for _ in range(10)])

    # With its real writer, in a thread.
    async with CentralSystem(test_settings()) as central:
        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(connects, central, f"CP{number}")
        assert [answer[0] for answer in answers] == [3] * 100
        for number in range(10):
            assert len(state(central, f"CP{number}").connectors) == 9


async def test_q48_connectors_come_into_being_as_they_are_named(
    central: CentralSystem, point: RawChargePoint, nursery: trio.Nursery
) -> None:
    assert state(central).connectors == {}
    for connector in (0, 1, 7):
        assert await point.call("StatusNotification", status(connector=connector)) == {}
    assert sorted(state(central).connectors) == [0, 1, 7]
    transaction_id = await start(point, connectorId=99)
    assert await stop(point, transaction_id) == {}
    # A station that refuses the connector in a trigger has answered.
    answers = []

    async def trigger() -> None:
        request = TriggerMessage(
            requested_message=MessageTrigger.STATUS_NOTIFICATION, connector_id=1
        )
        answers.append(await central.charge_point("CP1").call(request))

    nursery.start_soon(trigger)
    asked = await answer_call(point, "TriggerMessage", {"status": "Rejected"})
    assert asked == {"requestedMessage": "StatusNotification", "connectorId": 1}
    await settled()
    assert [answer.status for answer in answers] == [TriggerMessageStatus.REJECTED]


async def test_q49_one_stuck_in_finishing_is_shown_as_it_is(
    central: CentralSystem, point: RawChargePoint, nursery: trio.Nursery
) -> None:
    transaction_id = await start(point)
    nursery.start_soon(
        central.charge_point("CP1").call, RemoteStopTransaction(transaction_id=transaction_id)
    )
    await answer_call(point, "RemoteStopTransaction", {"status": "Accepted"})
    await stop(point, transaction_id, reason="Remote")
    since = "2026-01-15T09:00:01Z"
    await point.call("StatusNotification", status("Finishing", timestamp=since))
    connector = state(central).connectors[1]
    assert connector.status == "Finishing"
    assert connector.status_at_us == 1_768_467_601_000_000
    # Nothing is escalated unasked: the next frame is the answer to this.
    await settled()
    assert "currentTime" in await point.call("Heartbeat")
    assert (await transaction(central, transaction_id)).state == "stopped"


async def test_q50_letter_case_makes_no_other_tag(
    central: CentralSystem, point: RawChargePoint, nursery: trio.Nursery, tmp_path: Path
) -> None:
    for spelling in (TAG.lower(), TAG.title(), TAG + " "):
        info = (await point.call("Authorize", {"idTag": spelling}))["idTagInfo"]
        assert info["status"] == "Accepted", spelling
    transaction_id = await start(point, idTag=TAG.lower(), timestamp=now())
    record = await transaction(central, transaction_id)
    assert (record.id_tag, record.id_tag_key) == (TAG.lower(), TAG.casefold())
    again = start_request(idTag=TAG, connectorId=2, timestamp=now())
    answer = await point.call("StartTransaction", again)
    assert answer["idTagInfo"]["status"] == "ConcurrentTx"
    # Tags that we make are hexadecimal digits that all firmwares take.
    assert re.fullmatch("[0-9A-F]{8,16}", generated_id_tag())
    # A tag that is known not to fit goes out as it was asked for; if it is refused, we know why.
    for field, why in (
        ({"remote_id_tag": "CAFE"}, "odd: takes no idTag but CAFE in a remote start"),
        ({"hex_id_tags_only": True}, "odd: takes only idTags of hexadecimal digits"),
    ):
        settings = profiled(tmp_path, **field)
        async with CentralSystem(settings, inline_store=True) as picky, charge_point(picky) as odd:
            await odd.boot()
            for id_tag, known in (("Müller", why), ("cafe", None)):
                request = RemoteStartTransaction(id_tag=id_tag)
                nursery.start_soon(picky.charge_point("CP1").call, request)
                asked = await answer_call(odd, "RemoteStartTransaction", {"status": "Rejected"})
                assert asked == {"idTag": id_tag}
                await settled()
                recorded = await picky.store.read(lambda reader: commands.of(reader, "CP1"))
                assert recorded[0].error == known


async def test_q51_ghost_transactions_block_nobody(
    central: CentralSystem, point: RawChargePoint
) -> None:
    ghost = await start(point)  # its stop is lost
    answer = await point.call(
        "StartTransaction", start_request(timestamp="2026-01-15T10:00:00Z", meterStart=2000)
    )
    assert answer["idTagInfo"]["status"] == "Accepted"
    assert (await transaction(central, ghost)).state == "superseded"
    assert await stop(point, answer["transactionId"], timestamp="2026-01-15T11:00:00Z") == {}
    # Nor does the ghost count elsewhere; and how many are allowed is the tag's own.
    await register(central, "CP2")
    async with charge_point(central, "CP2") as other:
        for connector, allowed, verdict in ((1, 1, "Accepted"), (2, 1, "ConcurrentTx")):
            await put_tag(central, TAG, max_concurrent=allowed)
            request = start_request(connectorId=connector, timestamp="2026-01-15T12:00:00Z")
            answer = await other.call("StartTransaction", request)
            assert answer["idTagInfo"]["status"] == verdict
        await put_tag(central, TAG, max_concurrent=2)
        request = start_request(connectorId=3, timestamp="2026-01-15T12:30:00Z")
        answer = await other.call("StartTransaction", request)
        assert answer["idTagInfo"]["status"] == "Accepted"
        # What began after an event did not run then, unless by a clock that is ahead of time.
        await put_tag(central, TAG, max_concurrent=1)
        request = start_request(connectorId=4, timestamp="2026-01-15T11:30:00Z")
        answer = await other.call("StartTransaction", request)
        assert answer["idTagInfo"]["status"] == "Accepted"
        await put_tag(central, "AHEAD")
        for connector, at, verdict in (
            (5, "2199-01-15T12:00:00Z", "Accepted"),
            (6, now(), "ConcurrentTx"),
        ):
            request = start_request(connectorId=connector, idTag="AHEAD", timestamp=at)
            answer = await other.call("StartTransaction", request)
            assert answer["idTagInfo"]["status"] == verdict
        # Nor do suspects count: since its boot nobody knows whether they run.
        await other.boot()
        request = start_request(connectorId=7, timestamp=now())
        answer = await other.call("StartTransaction", request)
        assert answer["idTagInfo"]["status"] == "Accepted"
