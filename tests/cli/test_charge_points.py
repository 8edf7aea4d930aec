import re
import shlex
from collections.abc import Callable

import pytest
import trio

from ocpptrio.cli import new_password
from ocpptrio.clock import system_clock
from ocpptrio.events import OpenMode
from ocpptrio.passwords import Passwords
from ocpptrio.protocol.core import (
    BootNotification,
    ChargePointErrorCode,
    ChargePointStatus,
)
from ocpptrio.protocol.datatypes import AuthorizationStatus, Deviation, DeviationKind
from ocpptrio.store import (
    attempts,
    charge_points,
    configuration,
    connectors,
    deviations,
    events,
    transactions,
)
from ocpptrio.store.driver import Db
from ocpptrio.store.records import ChargePointRecord, ConfigurationRecord, ConnectorRecord
from tests.cli.conftest import Command

Write = Callable[[Callable[[Db], object]], object]

NOON_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC


def turned_away(identity: str, reason: str = "unknown charge point") -> Callable[[Db], None]:
    return lambda db: attempts.note(
        db, charge_point_id=identity, peer="10.0.0.7", reason=reason, at_us=NOON_US
    )


def came_from_loopback(db: Db) -> None:
    charge_points.add(
        db, charge_point_id="CP1", origin="loopback", at_us=NOON_US, mode=OpenMode.EVERYBODY
    )


def a_busy_one(db: Db) -> None:
    """CP1 as it is after a while: booted, charging, with a deviation."""
    came_from_loopback(db)
    charge_points.connected(db, "CP1", peer="127.0.0.1", at_us=NOON_US)
    boot = BootNotification(
        charge_point_vendor="Vendor\x1b[31m", charge_point_model="M1", firmware_version="1.2"
    )
    charge_points.booted(db, "CP1", boot, NOON_US)
    for number, status in enumerate((ChargePointStatus.AVAILABLE, ChargePointStatus.CHARGING)):
        connectors.put(
            db,
            ConnectorRecord(
                charge_point_id="CP1",
                connector_id=number,
                status=status,
                error_code=ChargePointErrorCode.NO_ERROR,
                status_at_us=NOON_US,
                received_at_us=NOON_US,
            ),
        )
    transactions.insert(
        db,
        charge_point_id="CP1",
        connector_id=1,
        id_tag="TAG",
        parent_id_tag=None,
        authorization_status=AuthorizationStatus.ACCEPTED,
        authorization_expires_at_us=None,
        reservation_id=None,
        started_at_us=NOON_US,
        start_received_at_us=NOON_US,
        meter_start_wh=0,
    )
    configuration.put(
        db,
        ConfigurationRecord(
            charge_point_id="CP1",
            key_folded="heartbeatinterval",
            key="HeartbeatInterval",
            value="300",
            readonly=False,
            reported_at_us=NOON_US,
        ),
    )
    deviations.note(
        db,
        charge_point_id="CP1",
        action="MeterValues",
        deviation=Deviation("meterValue", DeviationKind.WRONG_TYPE, '"1"'),
        at_us=NOON_US,
    )


# Who is there.


def test_list_shows_a_line_for_each(ocpptrio: Command, write: Write) -> None:
    write(a_busy_one)
    ocpptrio("charge-points", "add", "Second", "--generate-password", "--pending")
    title, first, second = ocpptrio("charge-points", "list").lines
    assert re.split("  +", title) == [
        *("identity", "connected", "registration", "model", "firmware", "connectors"),
        *("last seen", "password", "mode"),
    ]
    assert re.split("  +", first) == [
        *("CP1", "yes", "Accepted", r"Vendor\x1b[31m M1", "1.2", "1 Charging"),
        *("now", "no", "everybody"),
    ]
    assert re.split("  +", second) == ["Second", "no", "Pending", "yes", "closed"]


def test_list_gives_programs_all_fields_but_no_hash(ocpptrio: Command, write: Write) -> None:
    write(a_busy_one)
    (point,) = ocpptrio("charge-points", "list", "--json").json
    assert point["charge_point_id"] == "CP1"
    assert point["connected"] is True
    assert point["last_seen_at"] == "2026-11-22T12:00:00Z"
    assert point["password_set"] is False
    assert "password_hash" not in point
    assert [connector["status"] for connector in point["connectors"]] == ["Available", "Charging"]


def test_show_tells_all_that_is_known(ocpptrio: Command, write: Write) -> None:
    write(a_busy_one)
    out = ocpptrio("charge-points", "show", "CP1").out
    for expected in (
        "identity      CP1",
        "mode          everybody: every idTag may charge",
        "registered    2026-11-22 12:00:00 (loopback)",
        "Charging   2026-11-22 12:00:00",
        "          1          1  TAG  2026-11-22 12:00:00",
        "HeartbeatInterval  300",
        "MeterValues  meterValue",
    ):
        assert expected in out
    assert "\x1b" not in out
    document = ocpptrio("charge-points", "show", "CP1", "--json").json
    assert document["transactions"][0]["id_tag"] == "TAG"
    assert document["configuration"][0]["value"] == "300"
    assert document["deviations"][0]["occurrences"] == 1
    assert document["connectors"][1]["status"] == "Charging"


def test_nobody_there_is_told_with_what_to_do(ocpptrio: Command, write: Write) -> None:
    write(lambda db: None)
    assert "charge-points add ID" in ocpptrio("charge-points", "list").out
    assert ocpptrio("charge-points", "list", "--json").json == []
    assert ocpptrio("charge-points", "attempts").out == "nobody was turned away\n"


@pytest.mark.parametrize("command", ["show", "set --open", "remove", "set-password"])
def test_an_unknown_charge_point_is_an_error(ocpptrio: Command, command: str) -> None:
    ocpptrio("charge-points", "add", "CP1")
    error = ocpptrio("charge-points", *command.split(), "CP2", status=1).err
    assert error == "ocpptrio: CP2 is not registered; see: ocpptrio charge-points list\n"


# Adding, changing, removing.


def record(write: Write, identity: str = "CP1") -> ChargePointRecord:
    found = write(lambda db: charge_points.get(db, identity))
    assert isinstance(found, ChargePointRecord)
    return found


def is_password(record: ChargePointRecord, secret: bytes) -> bool:
    assert record.password_hash is not None
    return trio.run(Passwords().verify, "CP1", record.password_hash, secret)


def test_an_added_one_may_connect_and_what_is_open_is_said(ocpptrio: Command, write: Write) -> None:
    out = ocpptrio("charge-points", "add", "CP1", "--open", "--note", "garage").out
    assert out.splitlines() == [
        "CP1 added",
        (
            "It may connect without a password; to set one: "
            "ocpptrio charge-points set-password CP1 --generate"
        ),
        (
            "Every idTag may charge there; to ask the list of tags: "
            "ocpptrio charge-points set CP1 --no-open"
        ),
    ]
    added = record(write)
    assert (added.origin, added.mode, added.note) == ("added", "everybody", "garage")
    assert "registered already" in ocpptrio("charge-points", "add", "CP1", status=1).err


def test_a_generated_password_is_shown_once_as_authorization_key(
    ocpptrio: Command, write: Write
) -> None:
    out = ocpptrio("charge-points", "add", "CP1", "--generate-password").out
    (key,) = re.findall(r"^  ([0-9A-F]{32})$", out, re.MULTILINE)
    assert "AuthorizationKey (ChangeConfiguration)" in out
    added = record(write)
    assert is_password(added, bytes.fromhex(key))
    assert is_password(added, key.encode())  # devices that present the digits (Q9)
    assert key not in ocpptrio("charge-points", "show", "CP1", "--json").out
    document = ocpptrio("charge-points", "set-password", "CP1", "--generate", "--json").json
    assert document["password_set"] is True
    assert document["authorization_key"] != key
    assert is_password(record(write), document["authorization_key"].encode())


@pytest.mark.parametrize("password", ["short", "x" * 41, "contraseña", "tab\tulator"])
def test_a_password_that_will_not_do_is_refused(ocpptrio: Command, password: str) -> None:
    assert (
        "a password has"
        in ocpptrio("charge-points", "add", "CP1", "--password", password, status=2).err
    )
    ocpptrio("charge-points", "add", "CP1")
    error = ocpptrio(
        "charge-points", "set-password", "CP1", "--password-stdin", stdin=password, status=1
    ).err
    assert "a password has" in error


def test_a_password_is_read_from_standard_input_and_not_shown(
    ocpptrio: Command, write: Write
) -> None:
    ocpptrio("charge-points", "add", "CP1")
    arguments = ("charge-points", "set-password", "CP1", "--password-stdin")
    assert ocpptrio(*arguments, stdin="hunter2hunter2\n").out == "CP1 has a new password\n"
    assert is_password(record(write), b"hunter2hunter2")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("sixteen letters.", "736978746565"),  # the bytes in hex are its AuthorizationKey
        ("8letters", "only one of 16 to 20 characters"),
    ],
)
def test_a_password_is_asked_for_at_a_terminal(
    ocpptrio: Command, write: Write, monkeypatch: pytest.MonkeyPatch, typed: str, said: str
) -> None:
    ocpptrio("charge-points", "add", "CP1")
    monkeypatch.setattr(new_password, "getpass", lambda prompt: typed)
    monkeypatch.setattr(new_password, "is_terminal", lambda: True)
    assert said in ocpptrio("charge-points", "set-password", "CP1").out
    assert is_password(record(write), typed.encode())


def test_two_different_answers_change_nothing(
    ocpptrio: Command, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    ocpptrio("charge-points", "add", "CP1")
    answers = iter(["password one", "password two"])
    monkeypatch.setattr(new_password, "getpass", lambda prompt: next(answers))
    monkeypatch.setattr(new_password, "is_terminal", lambda: True)
    assert "the two differ" in ocpptrio("charge-points", "set-password", "CP1", status=1).err
    assert record(write).password_hash is None


def test_without_a_terminal_nobody_is_asked(ocpptrio: Command) -> None:
    ocpptrio("charge-points", "add", "CP1")
    error = ocpptrio("charge-points", "set-password", "CP1", status=1).err
    assert "use --generate or --password-stdin" in error


def test_a_password_can_be_removed(ocpptrio: Command, write: Write) -> None:
    ocpptrio("charge-points", "add", "CP1", "--password", "hunter2hunter2")
    ocpptrio("charge-points", "set-password", "CP1", "--remove")
    assert record(write).password_hash is None


def test_contradictions_are_refused(ocpptrio: Command) -> None:
    both = ("--password", "hunter2hunter2", "--generate-password")
    ocpptrio("charge-points", "add", "CP1", *both, status=1)
    ocpptrio("charge-points", "add", "CP1")
    ocpptrio("charge-points", "set-password", "CP1", "--generate", "--remove", status=1)


@pytest.mark.parametrize("identity", ["", " ", "CP\x01", "x" * 256, "CP1 ", "CP\x9b", ".."])
def test_what_is_no_identity_is_refused(ocpptrio: Command, identity: str) -> None:
    ocpptrio("charge-points", "add", identity, status=2)


def test_odd_identities_are_accepted_as_the_listener_does(ocpptrio: Command, write: Write) -> None:
    for identity in ("RDAM|123", "a/b", "Köln 1", "50%", "not good:"):
        added = ocpptrio("charge-points", "add", identity)
        assert f"set-password {shlex.quote(identity)} --generate" in added.out
        assert record(write, identity).charge_point_id == identity


def test_set_changes_what_is_given_and_tells_the_daemon(ocpptrio: Command, write: Write) -> None:
    ocpptrio("charge-points", "add", "CP1", "--open", "--note", "old")
    ocpptrio("charge-points", "set", "CP1", "--registration", "rejected", "--no-open")
    changed = record(write)
    assert (changed.registration, changed.mode, changed.note) == ("Rejected", "closed", "old")
    ocpptrio("charge-points", "set", "CP1", "--note", "")
    assert record(write).note is None
    kinds = [e.event.kind for e in write(lambda db: events.since(db, 0))]  # type: ignore[attr-defined]
    assert kinds == ["Registered", "Edited", "OpenModeChanged", "RegistrationChanged", "Edited"]


def test_the_mode_says_which_tags_may_charge(ocpptrio: Command, write: Write) -> None:
    ocpptrio("charge-points", "add", "CP1")
    ocpptrio("tags", "add", "HOUSE")
    mode = ("charge-points", "set-mode", "CP1")
    assert ocpptrio(*mode, "everybody").lines == ["CP1 is everybody: every idTag may charge"]
    assert ocpptrio(*mode, "fixed-tag", "--tag", "house").lines == [
        "CP1 is fixed tag: every idTag counts as HOUSE"
    ]
    assert "CP1 is learn: until 20" in ocpptrio(*mode, "learn", "--for", "2h").out
    learning = record(write)
    assert learning.fixed_id_tag is None
    assert learning.learning_ends_at_us is not None
    assert 7_100_000_000 < learning.learning_ends_at_us - system_clock() <= 7_200_000_000
    ocpptrio(*mode, "closed")
    closed = record(write)
    assert (closed.mode, closed.learning_ends_at_us) == ("closed", None)
    assert "mode          closed: the list of tags" in ocpptrio("charge-points", "show", "CP1").out


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (["fixed-tag"], 1, "fixed tag needs an idTag"),
        (["closed", "--tag", "HOUSE"], 1, "no other mode takes one"),
        (["fixed-tag", "--tag", "X"], 1, "no tag X; add it first"),
        (["closed", "--for", "1h"], 1, "learn takes a time, and no other"),
        (["learn", "--for", "25h"], 2, "at most 24h"),
        (["learn", "--for", "0s"], 2, "at most 24h"),
        (["learn", "--for", "ever"], 2, "write 30s, 10m, 2h or 7d"),
    ],
)
def test_a_mode_that_cannot_be_is_refused(
    ocpptrio: Command, write: Write, arguments: list[str], status: int, error: str
) -> None:
    ocpptrio("charge-points", "add", "CP1")
    assert error in ocpptrio("charge-points", "set-mode", "CP1", *arguments, status=status).err
    assert record(write).mode == "closed"


def test_learning_that_is_over_is_shown_as_closed(ocpptrio: Command, write: Write) -> None:
    ocpptrio("charge-points", "add", "CP1")
    write(lambda db: charge_points.edit(db, "CP1", 1, mode=OpenMode.LEARN, learning_ends_at_us=0))
    if system_clock() >= NOON_US:
        shown = ocpptrio("charge-points", "show", "CP1").out
        assert "mode          closed: learning ended 1970-01-01 00:00:00" in shown


def test_to_set_nothing_is_an_error(ocpptrio: Command) -> None:
    ocpptrio("charge-points", "add", "CP1")
    assert "say what to change" in ocpptrio("charge-points", "set", "CP1", status=1).err


def test_a_removed_one_is_forgotten(ocpptrio: Command) -> None:
    ocpptrio("charge-points", "add", "CP1")
    assert ocpptrio("charge-points", "remove", "CP1").out == "CP1 removed\n"
    assert ocpptrio("charge-points", "list", "--json").json == []


# Who was turned away.


def test_attempts_say_what_would_let_them_in(ocpptrio: Command, write: Write) -> None:
    ocpptrio("charge-points", "add", "Known")
    write(turned_away("Known", "wrong user name or password"))
    write(turned_away("New one"))
    write(turned_away("New one"))
    remedies = {
        attempt["charge_point_id"]: (attempt["occurrences"], attempt["remedy"])
        for attempt in ocpptrio("charge-points", "attempts", "--json").json
    }
    assert remedies == {
        "Known": (1, "ocpptrio charge-points set-password Known"),
        "New one": (2, "ocpptrio charge-points adopt 'New one'"),
    }
    assert "10.0.0.7" in ocpptrio("charge-points", "attempts").out


def test_one_that_was_turned_away_is_adopted(ocpptrio: Command, write: Write) -> None:
    write(turned_away("CP1"))
    out = ocpptrio("charge-points", "adopt", "CP1", "--generate-password").out
    assert out.startswith("CP1 adopted\n")
    adopted = record(write)
    assert (adopted.origin, adopted.mode) == ("adopted", "closed")
    assert adopted.password_hash is not None
    assert ocpptrio("charge-points", "attempts", "--json").json == []


def test_one_that_came_from_loopback_is_adopted(ocpptrio: Command, write: Write) -> None:
    write(came_from_loopback)
    write(turned_away("CP1"))
    assert "adopt CP1" in ocpptrio("charge-points", "attempts").out
    ocpptrio("charge-points", "adopt", "CP1", "--note", "kept")
    adopted = record(write)
    assert (adopted.origin, adopted.mode, adopted.note) == ("adopted", "closed", "kept")
    assert ocpptrio("charge-points", "attempts", "--json").json == []


def test_only_who_knocked_or_came_from_loopback_is_adopted(ocpptrio: Command, write: Write) -> None:
    ocpptrio("charge-points", "add", "CP1")
    assert "has not tried to connect" in ocpptrio("charge-points", "adopt", "CP2", status=1).err
    write(turned_away(" CP3\x9b"))  # it came so, hence it can be let in so
    assert "adopted" in ocpptrio("charge-points", "adopt", " CP3\x9b").out
    write(turned_away("CP1", "wrong user name or password"))
    assert "set-password CP1" in ocpptrio("charge-points", "adopt", "CP1", status=1).err
