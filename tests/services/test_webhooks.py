"""Events delivered by HTTP: signed, in order, complete after an outage, and nobody waits."""

import random
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from ocpptrio import CentralSystem, Settings
from ocpptrio.clock import to_us, trio_clock
from ocpptrio.config import (
    OcppSettings,
    RetentionSettings,
    StoreSettings,
    WatchdogSettings,
    WebhookSettings,
)
from ocpptrio.errors import UnknownWebhook, WebhookError
from ocpptrio.events import FirmwareStatusChanged, WebhookChanged, WebhookLagging
from ocpptrio.presentation import public
from ocpptrio.services import webhook_delivery
from ocpptrio.services.outbound import Outbound, Unreachable
from ocpptrio.services.public_addresses import is_public
from ocpptrio.services.webhooks import view
from ocpptrio.store import charge_point_groups, charge_points, events, retention, webhooks
from ocpptrio.store.driver import Db
from ocpptrio.store.vocabulary import WebhookState
from tests.receiver import Received, Receiver, receiver
from tests.simulator.authority import Authority

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAY_US = 86_400_000_000
SECRET = "whsec_of_the_test_1234"


def settings(path: str = ":memory:", **webhook: Any) -> Settings:  # Any: settings
    return Settings(
        watchdog=WatchdogSettings(enabled=False),
        ocpp=OcppSettings(enabled=False),
        store=StoreSettings(path=path),
        webhooks=WebhookSettings(**webhook),
    )


@pytest.fixture
async def central() -> AsyncIterator[CentralSystem]:
    async with CentralSystem(settings(), clock=trio_clock(NOON), inline_store=True) as made:
        yield made


@pytest.fixture
async def theirs() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


async def happen(central: CentralSystem, *identities: str, status: str = "Downloading") -> None:
    """An event of each charge point, at once."""

    def work(db: Db) -> None:
        for identity in identities:
            db.emit(
                FirmwareStatusChanged(
                    charge_point_id=identity, at_us=central.clock(), status=status
                )
            )

    await central.store.write(work)


async def prune(central: CentralSystem, days: int) -> None:
    """As housekeeping does, so many days later."""
    now_us = to_us(NOON) + days * DAY_US
    await central.store.write(partial(retention.prune, settings=RetentionSettings(), now_us=now_us))


async def told(central: CentralSystem, kind: type) -> list[Any]:  # Any: of that kind
    found = await central.store.read(partial(events.since, number=0))
    return [one.event for one in found if isinstance(one.event, kind)]


async def test_events_are_posted_signed_and_as_programs_see_them(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    made = await central.services.webhooks.create(
        theirs.url, secret=SECRET, kinds=["FirmwareStatusChanged"]
    )
    await happen(central, "CP1")
    await trio.sleep(1)
    (received,) = theirs.got
    assert received.line == "POST /hook HTTP/1.1"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["ocpptrio-delivery"] == "1-2-2"
    assert received.is_signed_with(SECRET)
    assert not received.is_signed_with(SECRET + "?")
    assert received.headers["ocpptrio-signature"].startswith(f"t={to_us(NOON) // 1_000_000},")
    assert received.body == {
        "webhook_id": made.webhook_id,
        "delivery_id": "1-2-2",
        "events": [
            {
                "number": 2,
                "kind": "FirmwareStatusChanged",
                "charge_point_id": "CP1",
                "at": "2026-01-15T12:00:00Z",
                "status": "Downloading",
            }
        ],
    }
    record = await central.services.webhooks.get(made.webhook_id)
    assert record.delivered_up_to == 2
    assert record.delivered_at_us is not None


async def test_tls_is_spoken_with_receivers_that_this_machine_trusts(
    central: CentralSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, root = Authority().server_files(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with receiver(context) as theirs:
        outbound = Outbound("this test")
        with pytest.raises(Unreachable, match=r"cannot be reached: .*CERTIFICATE_VERIFY_FAILED"):
            await outbound.post(theirs.url, {}, b"{}")
        await outbound.aclose()
        monkeypatch.setenv("SSL_CERT_FILE", str(root))
        await central.services.webhooks.create(theirs.url, secret=SECRET)
        with trio.fail_after(20):
            while not theirs.got:  # noqa: ASYNC110 - nobody tells
                await trio.sleep(0.01)
    assert theirs.got[0].is_signed_with(SECRET)


async def test_a_filter_lets_through_its_kinds_its_charge_point_and_its_group(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    def work(db: Db) -> None:
        for identity in ("A", "B", "C"):
            charge_points.add(db, charge_point_id=identity, origin="added", at_us=0)
        charge_point_groups.put(db, "yard", "A")
        charge_point_groups.put(db, "yard", "B")

    await central.store.write(work)
    create = central.services.webhooks.create
    await create(theirs.url + "/all")
    await create(theirs.url + "/kind", kinds=["Booted"])
    await create(theirs.url + "/one", kinds=["FirmwareStatusChanged"], charge_point_id="A")
    await create(theirs.url + "/group", kinds=["FirmwareStatusChanged"], group="yard")
    await trio.sleep(1)
    theirs.got.clear()
    await happen(central, "A", "B", "C")
    await trio.sleep(1)
    got = {
        one.line.split()[1]: [event["charge_point_id"] for event in one.body["events"]]
        for one in theirs.got
    }
    assert got == {"/hook/all": ["A", "B", "C"], "/hook/one": ["A"], "/hook/group": ["A", "B"]}


async def test_a_receiver_that_is_down_for_an_hour_gets_everything_afterwards_in_order(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    made = await central.services.webhooks.create(theirs.url)
    await happen(central, "CP1")
    await trio.sleep(1)
    theirs.down()
    for minute in range(60):
        await happen(central, "CP1", "CP2", "CP3", status=str(minute))
        await trio.sleep(60)
    record = await central.services.webhooks.get(made.webhook_id)
    assert record.state is WebhookState.FAILING
    assert record.failing_since_us == to_us(NOON) + 1_050_000
    assert record.last_error is not None
    assert record.last_error.startswith("cannot be reached: all attempts to connect")
    assert record.next_try_at_us is not None
    assert 10 < record.failures < 40, "less and less often"
    await theirs.up()
    await trio.sleep(webhook_delivery.LONGEST_PAUSE_S + 10)
    last = await central.store.read(events.last_number)
    # The last one tells that it works again.
    assert theirs.numbers == list(range(1, last + 1))
    record = await central.services.webhooks.get(made.webhook_id)
    assert (record.state, record.failures, record.last_error) == (WebhookState.ACTIVE, 0, None)
    changes = await told(central, WebhookChanged)
    assert [change.change for change in changes] == ["created", "failing", "working"]
    assert changes[1].receiver == f"http://127.0.0.1:{theirs.port}"


async def test_one_that_never_answers_delays_no_other(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    async with receiver() as slow:
        slow.hangs = True
        await central.services.webhooks.create(slow.url)
        await central.services.webhooks.create(theirs.url)
        await happen(central, "CP1")
        await trio.sleep(1)
        assert theirs.numbers == [2, 3]
        await trio.sleep(30)
        first, _ = await central.services.webhooks.everyone()
        assert first.last_error == "no answer within 10 s"


@pytest.mark.parametrize("seed", range(5))
async def test_cut_anywhere_and_started_again_nothing_is_missed_or_out_of_order(
    seed: int, tmp_path: Path, theirs: Receiver, patient_clock: MockClock
) -> None:
    chance = random.Random(seed)
    ours = settings(str(tmp_path / "test.db"))
    clock = trio_clock(NOON)

    def answer(received: Received) -> tuple[str, bytes]:
        return ("204 No Content" if chance.random() < 0.6 else "503 Busy", b"")

    theirs.answers = answer
    for round_ in range(8):
        with trio.move_on_after(20 * chance.random()) as scope:
            async with CentralSystem(ours, clock=clock, inline_store=True) as central:
                if round_ == 0:
                    await central.services.webhooks.create(theirs.url)
                while True:
                    await happen(central, f"CP{chance.randrange(3)}")
                    await trio.sleep(chance.random())
        assert scope.cancelled_caught
    theirs.answers = lambda _: ("200 OK", b"thanks")
    async with CentralSystem(ours, clock=clock, inline_store=True) as central:
        await trio.sleep(1000)
        last = await central.store.read(events.last_number)
    firsts = list(dict.fromkeys(theirs.numbers))
    assert firsts == list(range(1, last + 1))
    assert theirs.refused, "else this shows nothing"


async def test_many_events_are_sent_in_portions(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    await central.services.webhooks.create(theirs.url)
    await happen(central, *["CP1"] * 250)
    await happen(central, *["CP1"] * 4, status="x" * 100_000)
    await trio.sleep(1)
    assert theirs.numbers == list(range(1, 256))
    assert [len(one.numbers) for one in theirs.got] == [100, 100, 53, 2]
    assert all(len(one.content) < webhook_delivery.BODY_BYTES + 1000 for one in theirs.got)


async def test_one_that_answers_gone_is_paused_until_a_person_resumes_it(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    made = await service.create(theirs.url)
    theirs.answers = lambda _: ("410 Gone", b"no more")
    await happen(central, "CP1")
    await trio.sleep(1000)
    record = await service.get(made.webhook_id)
    assert (record.state, record.last_error) == (WebhookState.PAUSED, "answered 410: no more")
    assert len(theirs.refused) == 1
    theirs.answers = lambda _: ("200 OK", b"")
    await service.resume(made.webhook_id)
    await trio.sleep(1)
    assert theirs.numbers == [1, 2, 3, 4]  # the pause and the end of it were told, too
    assert (await service.get(made.webhook_id)).last_error is None


async def test_paused_by_a_person_it_gets_later_what_happens_meanwhile(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    made = await service.create(theirs.url, kinds=["FirmwareStatusChanged"])
    await service.pause(made.webhook_id)
    await happen(central, "CP1", "CP2")
    await trio.sleep(1000)
    assert theirs.got == []
    await service.resume(made.webhook_id)
    await trio.sleep(1)
    assert len(theirs.numbers) == 2


async def test_resumed_while_it_fails_it_is_tried_at_once(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    made = await service.create(theirs.url)
    theirs.answers = lambda _: ("500 Oops", b"")
    await trio.sleep(2000)
    tries = len(theirs.refused)
    theirs.answers = lambda _: ("200 OK", b"")
    await service.resume(made.webhook_id)
    await trio.sleep(1)
    last = await central.store.read(events.last_number)
    assert (len(theirs.refused), theirs.numbers) == (tries, [*range(1, last + 1)])


async def test_one_that_fails_hears_of_what_comes_after_it_had_nothing_more_to_get(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    made = await service.create(theirs.url, kinds=["FirmwareStatusChanged"])
    theirs.answers = lambda _: ("500 Oops", b"")
    await happen(central, "CP1")
    await trio.sleep(1)
    last = await central.store.read(events.last_number)
    await service.replay(made.webhook_id, last + 1)
    await trio.sleep(1000)
    theirs.answers = lambda _: ("200 OK", b"")
    await happen(central, "CP2")
    await trio.sleep(1000)
    assert len(theirs.numbers) == 1
    assert (await service.get(made.webhook_id)).state is WebhookState.ACTIVE


async def test_where_it_is_edited_to_it_is_tried_at_once(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    made = await service.create("http://127.0.0.1:1/")
    await trio.sleep(2000)
    await service.edit(made.webhook_id, url=theirs.url)
    await trio.sleep(1)
    assert theirs.numbers[0] == 1


async def test_what_did_not_fit_when_it_happened_is_not_sent_after_an_edit(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    made = await service.create(theirs.url, kinds=["Booted"])
    await happen(central, "CP1", "CP2")
    await trio.sleep(1)
    edited = await service.edit(made.webhook_id, kinds=["FirmwareStatusChanged"])
    assert await central.store.read(partial(webhooks.waiting, record=edited)) == 0
    await happen(central, "CP3")
    await trio.sleep(1)
    (event,) = theirs.got[0].body["events"]
    assert event["charge_point_id"] == "CP3"


async def test_events_are_delivered_again_from_a_number_on(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    made = await service.create(theirs.url, kinds=["FirmwareStatusChanged"])
    await happen(central, "CP1", "CP2", "CP3")
    await trio.sleep(1)
    await service.replay(made.webhook_id, 3)
    await trio.sleep(1)
    assert theirs.numbers == [2, 3, 4, 3, 4]
    with pytest.raises(WebhookError, match="from_number: expected 1 to 6, the next event"):
        await service.replay(made.webhook_id, 7)


async def test_set_back_while_a_try_is_on_its_way_it_stays_set_back(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    made = await service.create(theirs.url, kinds=["FirmwareStatusChanged"])
    await happen(central, "CP1", "CP2")
    await trio.sleep(1)
    theirs.hangs = True
    await happen(central, "CP3")
    await trio.sleep(1)
    record = await service.get(made.webhook_id)
    await service.replay(made.webhook_id, 2)
    attempt = (await service.deliveries(made.webhook_id))[0]
    await central.store.write(
        partial(webhooks.delivered, attempt=attempt, before=record.delivered_up_to, up_to=4)
    )
    assert (await service.get(made.webhook_id)).delivered_up_to == 1
    await service.replay(made.webhook_id, 6)
    await central.store.write(
        partial(webhooks.delivered, attempt=attempt, before=record.delivered_up_to, up_to=4)
    )
    assert (await service.get(made.webhook_id)).delivered_up_to == 5, "nor does it fall back"


async def test_what_no_filter_lets_through_is_not_looked_at_again(
    central: CentralSystem,
    theirs: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    patient_clock: MockClock,
) -> None:
    monkeypatch.setattr(webhook_delivery, "PASSED", 50)
    made = await central.services.webhooks.create(
        theirs.url, kinds=["FirmwareStatusChanged", "Booted"], charge_point_id=None, group="none"
    )
    await happen(central, *["CP1"] * 120)
    await trio.sleep(1)
    record = await central.services.webhooks.get(made.webhook_id)
    assert 100 <= record.delivered_up_to <= 121
    assert theirs.got == []


async def test_a_test_is_sent_now_and_its_answer_told(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    made = await service.create(theirs.url, secret=SECRET)
    await service.pause(made.webhook_id)
    await trio.sleep(1)
    attempt = await service.test(made.webhook_id)
    assert (attempt.status, attempt.error, attempt.events) == (204, None, 0)
    assert theirs.got[-1].is_signed_with(SECRET)
    assert theirs.got[-1].body["delivery_id"] == "1-test"
    theirs.answers = lambda _: ("302 Found", b"elsewhere")
    theirs.headers = f"Location: {theirs.url}\r\n"
    attempt = await service.test(made.webhook_id)
    assert attempt.error == (
        "answered 302: redirects are not followed; enter the address it leads to"
    )
    theirs.answers = lambda _: ("500 Oops", b"x" * 100_000)
    attempt = await service.test(made.webhook_id)
    assert attempt.error is not None
    assert len(attempt.error) == 1024 + len("answered 500: ")
    assert [one.status for one in await service.deliveries(made.webhook_id)][:3] == [500, 302, 204]


async def test_only_the_last_tries_are_kept(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    await service.create(theirs.url)
    made = await service.create(theirs.url)
    await trio.sleep(1)
    for _ in range(webhooks.DELIVERIES + 5):
        await service.test(made.webhook_id)
    tries = await service.deliveries(made.webhook_id, limit=1000)
    assert len(tries) == webhooks.DELIVERIES
    assert len(await service.deliveries(1)) == 1
    assert (await service.deliveries(2, before=tries[0].delivery_number, limit=1)) == [tries[1]]


async def test_removed_it_gets_nothing_more(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    made = await service.create(theirs.url)
    await trio.sleep(1)
    await service.remove(made.webhook_id)
    await happen(central, "CP1")
    await trio.sleep(1)
    assert theirs.numbers == [1]
    with pytest.raises(UnknownWebhook, match="there is no webhook 1"):
        await service.get(made.webhook_id)
    assert central.services.webhook_delivery._workers == {}


async def test_what_is_deleted_before_it_was_delivered_is_announced_and_counted(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    made = await service.create(theirs.url, kinds=["FirmwareStatusChanged"])
    await service.pause(made.webhook_id)
    await happen(central, "CP1", "CP2")
    delivery = central.services.webhook_delivery
    await delivery.warn()
    assert await told(central, WebhookLagging) == []
    delivery._clock = lambda: to_us(NOON) + 89 * DAY_US + 7_200_000_000
    await delivery.warn()
    await delivery.warn()
    (warning,) = await told(central, WebhookLagging)
    assert (warning.lost_events, warning.charge_point_id) == (0, "")
    assert warning.ends_at_us == to_us(NOON) + 90 * DAY_US
    await prune(central, days=91)
    _, loss = await told(central, WebhookLagging)
    assert (loss.lost_events, loss.webhook_id) == (2, made.webhook_id)
    record = await service.get(made.webhook_id)
    assert record.lost_events == 2
    await happen(central, "CP3")
    await service.resume(made.webhook_id)
    await trio.sleep(1)
    (event,) = theirs.got[0].body["events"]
    assert event["charge_point_id"] == "CP3"


async def test_what_is_still_there_is_delivered_though_a_clock_was_wrong_behind_it(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    made = await service.create(theirs.url, kinds=["FirmwareStatusChanged"])
    await service.pause(made.webhook_id)
    await happen(central, "CP1", "CP2")
    await central.store.write(
        lambda db: db.emit(FirmwareStatusChanged(charge_point_id="CP3", at_us=0, status="Idle"))
    )
    await prune(central, days=1)
    await service.resume(made.webhook_id)
    await trio.sleep(1)
    (got,) = theirs.got
    assert [event["charge_point_id"] for event in got.body["events"]] == ["CP1", "CP2"]
    assert (await service.get(made.webhook_id)).lost_events == 1


async def test_a_rare_event_far_behind_is_announced_before_it_is_deleted(
    central: CentralSystem,
    theirs: Receiver,
    patient_clock: MockClock,
) -> None:
    service = central.services.webhooks
    made = await service.create(theirs.url, kinds=["FirmwareStatusChanged"], group="none")
    await service.pause(made.webhook_id)
    await happen(central, *["CP1"] * events.WINDOW)
    await central.store.write(lambda db: charge_point_groups.put(db, "none", "CP2"))
    await happen(central, "CP2")
    delivery = central.services.webhook_delivery
    delivery._clock = lambda: to_us(NOON) + 89 * DAY_US + 7_200_000_000
    await delivery.warn()
    (last,) = await central.store.read(partial(events.latest, limit=1))
    assert isinstance(last.event, WebhookLagging)


async def test_what_was_delivered_may_be_deleted(
    central: CentralSystem, theirs: Receiver, patient_clock: MockClock
) -> None:
    made = await central.services.webhooks.create(theirs.url)
    await happen(central, "CP1")
    await trio.sleep(1)
    await prune(central, days=91)
    assert await told(central, WebhookLagging) == []
    assert (await central.services.webhooks.get(made.webhook_id)).lost_events == 0


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com", "expected http:// or https://"),
        ("http:///hook", "names no host"),
        ("https://example.com:port/", "no URL"),
        ("https://me:secret@example.com/", "name no user and password"),
        ("https://example.com/#top", "fragment"),
        ("https://exämple.com/", "visible ASCII"),
        ("https://example.com/a b", "visible ASCII"),
    ],
)
async def test_a_url_that_cannot_be_is_refused(
    central: CentralSystem, url: str, reason: str, patient_clock: MockClock
) -> None:
    with pytest.raises(WebhookError, match=f"url: .*{reason}"):
        await central.services.webhooks.create(url)
    assert await central.services.webhooks.everyone() == []


async def test_filters_that_fit_nothing_are_refused(
    central: CentralSystem, patient_clock: MockClock
) -> None:
    service = central.services.webhooks
    with pytest.raises(WebhookError, match="no events of kind Boot; did you mean Booted"):
        await service.create("https://example.com", kinds=["Boot"])
    with pytest.raises(WebhookError, match="charge_point_id: CP9 is not registered"):
        await service.create("https://example.com", charge_point_id="CP9")
    with pytest.raises(WebhookError, match="secret: expected at least 16"):
        await service.create("https://example.com", secret="short")


async def test_the_secret_is_shown_when_it_is_made_and_never_again(
    central: CentralSystem, patient_clock: MockClock
) -> None:
    made = await central.services.webhooks.create("https://example.com")
    assert len(made.secret) > 40
    assert view(made, secret=True)["secret"] == made.secret
    assert made.secret not in str(view(made))
    assert made.secret not in str(public(made))
    assert made.secret not in str(await told(central, WebhookChanged))


async def test_private_addresses_can_be_put_out_of_reach(
    theirs: Receiver, patient_clock: MockClock
) -> None:
    ours = settings(private_addresses=False)
    async with CentralSystem(ours, clock=trio_clock(NOON), inline_store=True) as central:
        made = await central.services.webhooks.create(theirs.url)
        attempt = await central.services.webhooks.test(made.webhook_id)
    assert attempt.error is not None
    assert "127.0.0.1 is 127.0.0.1, no public address" in attempt.error
    assert theirs.got == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:127.0.0.1", False),
        ("2002:7f00:1::1", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b::a00:1", False),
        ("::127.0.0.1", False),
        ("fec0::1", False),
        ("240.0.0.1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public
