"""What becomes an alert, and who is told when: no floods, nothing at night."""

import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from ocpptrio import CentralSystem, Settings
from ocpptrio.clock import Clock, to_us, trio_clock
from ocpptrio.config import (
    AlertKind,
    AlertSettings,
    ApiSettings,
    MailSecurity,
    OcppSettings,
    StoreSettings,
    WatchdogSettings,
)
from ocpptrio.errors import ConfigError, UnknownAlert
from ocpptrio.events import (
    AlertAcknowledged,
    AlertClosed,
    AlertOpened,
    AnyEvent,
    ConditionCleared,
    ConditionKind,
    ConditionRaised,
    SecurityEventReported,
    StatusChanged,
    WebhookChanged,
)
from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus
from ocpptrio.services import alert_messages
from ocpptrio.services.alert_messages import Message
from ocpptrio.services.alert_notices import quiet_times
from ocpptrio.services.mail import Mailer, NotSent
from ocpptrio.store import charge_points, conditions, events, progress, retention
from ocpptrio.store.driver import Db
from ocpptrio.store.records import AlertRecord
from tests.mail_server import MailServer, mail_server
from tests.receiver import receiver
from tests.simulator.authority import Authority

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
NOON_US = to_us(NOON)
HOUR_S = 3600


class Letterbox:
    """A destination that keeps what it is sent."""

    name = "mail"

    def __init__(self) -> None:
        self.messages: list[tuple[float, Message]] = []
        self.is_broken = False
        self.tries = 0

    async def send(self, message: Message) -> None:
        self.tries += 1
        if self.is_broken:
            raise NotSent("out of order")
        self.messages.append((trio.current_time(), message))

    @property
    def told(self) -> list[tuple[list[str], list[str]]]:
        """Of each message: where something began, and where it is over."""
        return [
            (
                [alert_messages.where(one) for one in message.began],
                [alert_messages.where(one) for one in message.over],
            )
            for _, message in self.messages
        ]


class Place:
    """A central system, and what happens there."""

    def __init__(self, central: CentralSystem, letterbox: Letterbox) -> None:
        self.central = central
        self.letterbox = letterbox

    async def emit(self, *happened: AnyEvent) -> None:
        def work(db: Db) -> None:
            for event in happened:
                db.emit(event)

        await self.central.store.write(work)

    async def status(self, identity: str, status: str, connector: int = 1, **more: Any) -> None:
        await self.emit(
            StatusChanged(
                charge_point_id=identity,
                at_us=self.central.clock(),
                connector_id=connector,
                status=ChargePointStatus(status),
                error_code=more.pop("error_code", ChargePointErrorCode.NO_ERROR),
                status_at_us=0,
                **more,
            )
        )

    async def raised(self, identity: str, kind: ConditionKind = ConditionKind.OFFLINE) -> None:
        now_us = self.central.clock()
        await self.emit(
            ConditionRaised(
                charge_point_id=identity,
                at_us=now_us,
                condition=kind,
                since_us=now_us - HOUR_S * 1_000_000,
                evidence="away",
            )
        )

    async def cleared(self, identity: str) -> None:
        now_us = self.central.clock()
        await self.emit(
            ConditionCleared(
                charge_point_id=identity, at_us=now_us, condition=ConditionKind.OFFLINE
            )
        )

    async def security(self, type_: str) -> None:
        now_us = self.central.clock()
        await self.emit(
            SecurityEventReported(
                charge_point_id="CP1", at_us=now_us, type=type_, occurred_at_us=now_us
            )
        )

    async def alerts(self, **filters: Any) -> list[AlertRecord]:
        return (await self.central.services.alerts.listed(**filters))[::-1]

    async def told(self, kind: type) -> list[Any]:  # Any: of that kind
        found = await self.central.store.read(partial(events.since, number=0))
        return [one.event for one in found if isinstance(one.event, kind)]


@asynccontextmanager
async def opened(
    path: str = ":memory:",
    *,
    start: datetime = NOON,
    clock: Clock | None = None,
    letterbox: Letterbox | None = None,
    **settings: Any,
) -> AsyncIterator[Place]:
    central = CentralSystem(
        Settings(
            watchdog=WatchdogSettings(enabled=False),
            ocpp=OcppSettings(enabled=False),
            api=ApiSettings(enabled=False),
            store=StoreSettings(path=path),
            alerts=AlertSettings(**settings),
        ),
        clock=clock or trio_clock(start),
        inline_store=True,
    )
    letterbox = letterbox or Letterbox()
    central.services.alert_notices.destinations.append(letterbox)
    async with central:
        yield Place(central, letterbox)


# What becomes an alert.


async def test_a_fault_is_an_alert_until_another_status_comes(autojump_clock: MockClock) -> None:
    async with opened() as place:
        await place.status("CP1", "Charging")
        await place.status(
            "CP1",
            "Faulted",
            error_code=ChargePointErrorCode.GROUND_FAILURE,
            vendor_error_code="E17",
        )
        await place.status("CP1", "Faulted", connector=2)
        await place.status("CP1", "Available", outdated=True)
        await trio.sleep(1)
        one, two = await place.alerts(is_open=True)
        assert (one.kind, one.charge_point_id, one.connector_id) == (AlertKind.FAULTED, "CP1", 1)
        assert (one.detail, two.detail) == ("GroundFailure, E17", "it does not say why")
        await place.status("CP1", "Available")
        await trio.sleep(1)
        assert [alert.connector_id for alert in await place.alerts(is_open=True)] == [2]
        (closed,) = await place.told(AlertClosed)
        assert (closed.alert_id, closed.alert) == (one.alert_id, AlertKind.FAULTED)


async def test_conditions_of_the_kinds_that_are_chosen_are_alerts(
    autojump_clock: MockClock,
) -> None:
    async with opened(kinds=(AlertKind.OFFLINE, AlertKind.WRONG_CLOCK)) as place:
        for kind in ConditionKind:
            await place.raised("CP1", kind)
        await place.status("CP1", "Faulted")
        await trio.sleep(1)
        found = await place.alerts()
        assert [alert.kind for alert in found] == [AlertKind.WRONG_CLOCK, AlertKind.OFFLINE]
        assert found[0].since_us == NOON_US - HOUR_S * 1_000_000
        await place.cleared("CP1")
        await trio.sleep(1)
        assert [alert.kind for alert in await place.alerts(is_open=True)] == [AlertKind.WRONG_CLOCK]


def test_every_condition_can_be_told() -> None:
    assert {str(kind) for kind in ConditionKind} <= {str(kind) for kind in AlertKind}
    assert set(alert_messages.ADVICE) == set(AlertKind)


async def test_a_critical_security_event_is_one_until_somebody_knows(
    autojump_clock: MockClock,
) -> None:
    async with opened() as place:
        await place.security("InvalidMessages")
        await place.security("TamperDetectionActivated")
        await place.security("TamperDetectionActivated")
        await trio.sleep(60)
        (alert,) = await place.alerts()
        assert (alert.subject, alert.occurrences) == ("TamperDetectionActivated", 2)
        assert place.letterbox.told == [(["CP1"], [])]
        done = await place.central.services.alerts.acknowledge(alert.alert_id, "anna")
        assert (done.acknowledged_by, done.ended_at_us) == ("anna", NOON_US + 60_000_000)
        (told,) = await place.told(AlertAcknowledged)
        assert told.by == "anna"
        await trio.sleep(HOUR_S)
        assert len(place.letterbox.told) == 1, "its end is nobody's news"
        with pytest.raises(UnknownAlert, match="there is no alert 9"):
            await place.central.services.alerts.acknowledge(9, "anna")


async def test_a_security_event_of_another_day_is_told_again(autojump_clock: MockClock) -> None:
    async with opened() as place:
        await place.security("TamperDetectionActivated")
        await trio.sleep(HOUR_S)
        await place.security("TamperDetectionActivated")
        await trio.sleep(HOUR_S)
        assert len(place.letterbox.told) == 1
        await trio.sleep(25 * HOUR_S)
        await place.security("TamperDetectionActivated")
        await trio.sleep(HOUR_S)
        assert len(place.letterbox.told) == 2


async def test_a_webhook_that_fails_is_an_alert_until_it_works(autojump_clock: MockClock) -> None:
    async with opened() as place:
        changed = partial(
            WebhookChanged, charge_point_id="", webhook_id=3, receiver="https://example.com"
        )
        await place.emit(changed(at_us=NOON_US, change="failing", detail="answered 500"))
        await trio.sleep(60)
        (alert,) = await place.alerts()
        assert alert.detail == "webhook 3 to https://example.com: answered 500"
        assert place.letterbox.told == [(["webhook 3"], [])]
        await place.emit(changed(at_us=NOON_US, change="working"))
        await trio.sleep(1)
        assert await place.alerts(is_open=True) == []


async def test_whatever_a_removed_charge_point_had_is_over(autojump_clock: MockClock) -> None:
    async with opened() as place:

        def work(db: Db) -> None:
            charge_points.add(db, charge_point_id="CP1", origin="added", at_us=0)

        await place.central.store.write(work)
        await place.raised("CP1")
        await trio.sleep(1)
        await place.central.store.write(
            lambda db: charge_points.remove(db, "CP1", place.central.clock())
        )
        await trio.sleep(1)
        assert await place.alerts(is_open=True) == []


async def test_the_first_start_sees_what_is_wrong_and_not_the_past(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    path = str(tmp_path / "test.db")
    async with opened(path) as place:

        def work(db: Db) -> None:
            charge_points.add(db, charge_point_id="CP1", origin="added", at_us=0)
            raised = ConditionRaised(
                charge_point_id="CP1",
                at_us=5,
                condition=ConditionKind.OFFLINE,
                since_us=5,
                evidence="away",
            )
            conditions.raise_(db, raised)

        await place.central.store.write(work)
        await place.raised("CP2")
        await trio.sleep(1)

        def as_before_there_were_alerts(db: Db) -> None:
            db.run("DELETE FROM alerts")
            db.run("DELETE FROM progress")

        await place.central.store.write(as_before_there_were_alerts)
    async with opened(path) as place:
        await trio.sleep(60)
        assert [alert.charge_point_id for alert in await place.alerts()] == ["CP1"]
        assert place.letterbox.told == [(["CP1"], [])]


@pytest.mark.parametrize("seed", range(3))
async def test_cut_anywhere_and_started_again_no_alert_is_missed_and_none_is_double(
    seed: int, autojump_clock: MockClock, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    path, clock = str(tmp_path / "test.db"), trio_clock(NOON)
    expected: list[str] = []
    letterbox = Letterbox()
    for _ in range(4):
        with trio.move_on_after(60 * chance.random()) as scope:
            async with opened(path, clock=clock, letterbox=letterbox, pause=5) as place:
                while True:
                    identity = f"CP{len(expected)}"
                    expected.append(identity)
                    with trio.CancelScope(shield=True):  # else we know not what happened
                        await place.raised(identity)
                    await trio.sleep(3 * chance.random())
        assert scope.cancelled_caught
    async with opened(path, clock=clock, letterbox=letterbox) as place:
        await trio.sleep(HOUR_S)
        assert [alert.charge_point_id for alert in await place.alerts(limit=1000)] == expected
    assert [identity for began, _ in letterbox.told for identity in began] == expected


# Who is told, and when.


async def test_what_fails_together_is_told_in_one_message(autojump_clock: MockClock) -> None:
    async with opened() as place:
        for number in range(20):
            await place.raised(f"CP{number}")
            await trio.sleep(0.3)
        await trio.sleep(60)
        assert [len(began) for began, _ in place.letterbox.told] == [20]
        assert all(alert.notified_at_us is not None for alert in await place.alerts())


async def test_there_is_a_pause_between_messages(autojump_clock: MockClock) -> None:
    async with opened(pause=600) as place:
        for number in range(60):
            await place.raised(f"CP{number}")
            await trio.sleep(60)
        await trio.sleep(600)
        times = [time for time, _ in place.letterbox.messages]
        assert len(times) == 7
        assert all(later - earlier >= 600 for earlier, later in pairwise(times))
        assert sum(len(began) for began, _ in place.letterbox.told) == 60


async def test_one_that_comes_and_goes_is_told_once_and_its_end_once(
    autojump_clock: MockClock,
) -> None:
    async with opened(settle=600) as place:
        for _ in range(30):
            await place.status("CP1", "Faulted")
            await trio.sleep(120)
            await place.status("CP1", "Available")
            await trio.sleep(120)
        await trio.sleep(HOUR_S)
        assert place.letterbox.told == [(["CP1, connector 1"], []), ([], ["CP1, connector 1"])]
        (alert,) = await place.alerts()
        assert alert.occurrences == 30
        assert [event.occurrences for event in await place.told(AlertOpened)] == [
            *range(1, 31),
        ]


async def test_what_was_over_before_it_was_told_is_told_with_its_end(
    autojump_clock: MockClock,
) -> None:
    async with opened(settle=600) as place:
        await place.status("CP1", "Faulted")
        await place.status("CP1", "Available")
        await trio.sleep(HOUR_S)
        ((_, message),) = place.letterbox.messages
        assert "faulted from 2026-01-15 12:00 to 2026-01-15 12:00" in alert_messages.text(
            message, UTC
        )


async def test_in_quiet_hours_nobody_is_told_but_of_what_is_urgent(
    autojump_clock: MockClock,
) -> None:
    late = datetime(2026, 1, 15, 23, tzinfo=UTC)
    async with opened(
        start=late, quiet_hours="22:00-07:00", urgent_kinds=(AlertKind.SECURITY_EVENT,)
    ) as place:
        for hour in range(5):
            await place.raised(f"CP{hour}")
            await trio.sleep(HOUR_S)
        assert place.letterbox.told == []
        await place.security("TamperDetectionActivated")
        await trio.sleep(60)
        assert place.letterbox.told == [(["CP1"], [])]
        await trio.sleep(3 * HOUR_S - 120)
        assert len(place.letterbox.told) == 1
        await trio.sleep(240)
        assert place.letterbox.told[1:] == [([f"CP{hour}" for hour in range(5)], [])]


async def test_quiet_hours_are_of_the_time_zone(autojump_clock: MockClock) -> None:
    start = datetime(2026, 1, 15, 21, 30, tzinfo=UTC)  # 22:30 in Berlin
    async with opened(start=start, quiet_hours="22:00-07:00", time_zone="Europe/Berlin") as place:
        await place.raised("CP1")
        await trio.sleep(60)
        assert place.letterbox.told == []


async def test_what_somebody_knows_of_is_not_told(autojump_clock: MockClock) -> None:
    async with opened() as place:
        await place.raised("CP1")
        await trio.sleep(1)
        (alert,) = await place.alerts()
        await place.central.services.alerts.acknowledge(alert.alert_id, "anna")
        await place.cleared("CP1")
        await trio.sleep(HOUR_S)
        assert place.letterbox.told == []


async def test_what_could_not_be_sent_is_sent_later_in_one_message(
    autojump_clock: MockClock,
) -> None:
    async with opened() as place:
        place.letterbox.is_broken = True
        for number in range(24):
            await place.raised(f"CP{number}")
            await trio.sleep(HOUR_S)
        state = place.central.services.alert_notices.states["mail"]
        assert (state.last_error, state.last_sent_at_us) == ("out of order", None)
        assert 20 < place.letterbox.tries < 40, "less and less often"
        place.letterbox.is_broken = False
        await trio.sleep(2 * HOUR_S)
        assert [len(began) for began, _ in place.letterbox.told] == [24]
        assert state.last_error is None


async def test_a_new_destination_is_not_told_the_past(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    path, clock = str(tmp_path / "test.db"), trio_clock(NOON)
    async with opened(path, clock=clock) as place:
        await place.raised("OPEN")
        await place.status("PAST", "Faulted")
        await place.status("PAST", "Available")
        await trio.sleep(1)

        def as_without_destination(db: Db) -> None:
            db.run("DELETE FROM alert_notices")
            progress.put(db, "alerts by mail", 0)

        await place.central.store.write(as_without_destination)
    async with opened(path, clock=clock) as place:
        await trio.sleep(HOUR_S)
        assert place.letterbox.told == [(["OPEN"], [])]


async def test_old_alerts_are_forgotten_when_they_are_over(autojump_clock: MockClock) -> None:
    async with opened() as place:
        await place.raised("CP1")
        await place.raised("CP2")
        await place.cleared("CP2")
        await trio.sleep(HOUR_S)
        settings = place.central.settings.retention
        later_us = place.central.clock() + 91 * 86_400_000_000
        await place.central.store.write(
            partial(retention.prune, settings=settings, now_us=later_us)
        )
        assert [alert.charge_point_id for alert in await place.alerts()] == ["CP1"]
        rows = await place.central.store.read(
            lambda reader: reader.rows("SELECT alert_id FROM alert_notices")
        )
        assert rows == [(1,)]


# How it is told.


def record(**fields: Any) -> AlertRecord:
    common: dict[str, Any] = {
        "alert_id": 1,
        "kind": AlertKind.OFFLINE,
        "charge_point_id": "CP1",
        "connector_id": 0,
        "subject": "",
        "since_us": NOON_US,
        "opened_at_us": NOON_US,
        "last_at_us": NOON_US,
        "detail": "no connection for 1 h",
    }
    return AlertRecord(**common | fields)


def test_a_mail_says_what_where_since_when_and_what_to_do() -> None:
    over = record(alert_id=2, kind=AlertKind.FAULTED, connector_id=2, ended_at_us=NOON_US + 1)
    message = Message((record(),), (over,))
    assert alert_messages.subject(message) == "CP1: offline, and 1 more"
    assert alert_messages.text(message, UTC, "https://ocpp.example.com/") == (
        "What is wrong\n\n"
        "  CP1: offline since 2026-01-15 12:00\n"
        "    no connection for 1 h\n\n"
        "What is over\n\n"
        "  CP1, connector 2: faulted from 2026-01-15 12:00 to 2026-01-15 12:00\n"
        "    no connection for 1 h\n\n"
        "offline: Look whether it has power and network; it connects again by itself.\n\n"
        "Times are of UTC.\n"
        "More: https://ocpp.example.com/\n"
    )
    assert alert_messages.subject(Message((), (over,))) == "Over: CP1, connector 2: faulted"


def test_many_alerts_are_counted_and_forged_lines_are_none() -> None:
    evil = record(charge_point_id="CP\r\nBcc: x@example.com", detail="a\nWhat is over")
    message = Message((evil,) * 60, ())
    assert alert_messages.subject(message) == "CP  Bcc: x@example.com: offline, and 59 more"
    text = alert_messages.text(message, UTC)
    assert "And 10 more: ocpptrio alerts list" in text
    assert "\nWhat is over" not in text


def mailing(server: MailServer, **more: Any) -> AlertSettings:
    return AlertSettings(
        smtp_host="127.0.0.1",
        smtp_port=server.port,
        smtp_security=more.pop("smtp_security", MailSecurity.NONE),
        mail_from="Charging <charging@example.com>",
        mail_to=("anna@example.com", "ben@example.com"),
        **more,
    )


async def test_mail_goes_to_a_real_server_with_login() -> None:
    async with mail_server() as server:
        mailer = Mailer(mailing(server, smtp_user="u", smtp_password="p"))
        await mailer.send("Lade­säule offline", "Straße\n.\nend\n")
    (mail,) = server.mails
    assert server.logins == ["u p"]
    assert server.recipients == ["<anna@example.com>", "<ben@example.com>"]
    assert mail["subject"] == "Lade­säule offline"
    assert mail["from"] == "Charging <charging@example.com>"
    assert mail["auto-submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == "Straße\n.\nend\n"


async def test_a_server_that_refuses_or_cannot_encrypt_is_told() -> None:
    async with mail_server() as server:
        with pytest.raises(NotSent, match="SMTPNotSupportedError: STARTTLS"):
            await Mailer(mailing(server, smtp_security=MailSecurity.STARTTLS)).send("a", "b")
        server.refuses = True
        with pytest.raises(NotSent, match="SMTPRecipientsRefused"):
            await Mailer(mailing(server)).send("a", "b")
        settings = mailing(server)
    with pytest.raises(NotSent, match=r"127.0.0.1:.*ConnectionRefused"):
        await Mailer(settings).send("a", "b")
    assert server.mails == []


@pytest.mark.parametrize("security", [MailSecurity.TLS, MailSecurity.STARTTLS])
async def test_mail_goes_encrypted_to_servers_that_this_machine_trusts(
    security: MailSecurity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, root = Authority().server_files(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    kind = "tls" if security is MailSecurity.TLS else "starttls"
    async with mail_server(**{kind: context}) as server:
        mailer = Mailer(mailing(server, smtp_security=security, smtp_user="u", smtp_password="p"))
        with pytest.raises(NotSent, match=f"127.0.0.1:{server.port}: .*CERTIFICATE_VERIFY_FAILED"):
            await mailer.send("a", "b")
        assert server.logins == []
        monkeypatch.setenv("SSL_CERT_FILE", str(root))
        await mailer.send("a", "b")
    assert (len(server.mails), server.logins) == (1, ["u p"])


async def test_alerts_are_posted_signed(autojump_clock: MockClock) -> None:
    secret = "0123456789abcdef"
    async with receiver() as theirs:
        ours = opened(webhook_url=theirs.url, webhook_secret=secret)
        async with ours as place:
            await place.raised("CP1")
            await trio.sleep(60)
            (got,) = theirs.got
            assert got.is_signed_with(secret)
            (alert,) = got.body["alerts"]
            assert (alert["kind"], alert["charge_point_id"]) == ("offline", "CP1")
            assert (alert["told"], alert["since"]) == ("began", "2026-01-15T11:00:00Z")
            theirs.answers = lambda _: ("500 Oops", b"")
            results = await place.central.services.alert_notices.test()
            assert results == {"webhook": "answered 500", "mail": None}
            assert place.letterbox.told[-1] == ([], [])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"smtp_host": "mail.example.com"}, "smtp_host: mails need mail_from and mail_to"),
        ({"webhook_url": "ftp://example.com"}, "webhook_url: expected http"),
        ({"webhook_url": "https://example.com"}, "webhook_url: needs a webhook_secret"),
        ({"time_zone": "Mars/Olympus"}, "time_zone: expected a name"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        AlertSettings(**settings)


def test_quiet_hours_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"\[alerts\] quiet_hours: "):
        quiet_times(AlertSettings(quiet_hours="at night"))
