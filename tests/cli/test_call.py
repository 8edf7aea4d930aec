"""`ocpptrio call` without a daemon; beside one in test_serve.py."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocpptrio.clock import system_clock
from ocpptrio.daemon_lock import only_daemon
from ocpptrio.store import charge_points, commands
from ocpptrio.store.driver import Db
from ocpptrio.store.vocabulary import CommandState, EffectState
from tests.cli.conftest import Command

Write = Callable[[Callable[[Db], object]], object]
SOFT = '{"type": "Soft"}'


@pytest.fixture(autouse=True)
def _known(ocpptrio: Command) -> None:
    ocpptrio("charge-points", "add", "CP1")


@pytest.fixture
def served(path: Path) -> Iterator[None]:
    """As if a daemon ran on the database."""
    with only_daemon(str(path)):
        yield


def test_without_a_daemon_it_stays_queued_and_says_so(ocpptrio: Command) -> None:
    said = ocpptrio("call", "CP1", "Reset", SOFT, "--wait", "30s").out
    assert said.startswith("command 1 is queued, but no daemon runs on this database")
    (command,) = ocpptrio("commands", "list", "--json").json
    assert command["request"] == {"type": "Soft"}
    assert (command["state"], command["effect"], command["failed"]) == ("queued", "none", False)


def test_it_expires_when_it_is_told_to(ocpptrio: Command) -> None:
    ocpptrio("call", "CP1", "ClearCache", "--expires", "2h")
    ocpptrio("call", "CP1", "ClearCache")
    day, hours = (
        command["expires_at"][:13] for command in ocpptrio("commands", "list", "--json").json
    )
    assert hours < day


@pytest.mark.usefixtures("served")
def test_a_charge_point_that_is_not_there_is_not_waited_for(ocpptrio: Command) -> None:
    said = ocpptrio("call", "CP1", "Reset", SOFT).out
    assert said.startswith("command 1 is queued until ")
    assert said.endswith(": CP1 is not connected\n")


@pytest.mark.usefixtures("served")
def test_an_answer_that_does_not_come_is_told(ocpptrio: Command) -> None:
    error = ocpptrio("call", "CP1", "Reset", SOFT, "--wait", "0.1", status=1).err
    assert error == (
        "ocpptrio: command 1 is still queued; to see what becomes of it: ocpptrio commands show 1\n"
    )


def settle(
    state: CommandState, effect: EffectState = EffectState.NONE, status: str | None = None
) -> Callable[[Db], None]:
    def work(db: Db) -> None:
        commands.claim(db, 1, system_clock())
        commands.settle(
            db,
            1,
            state=state,
            at_us=system_clock(),
            status=status,
            response=None if status is None else f'{{"status":"{status}"}}',
            error=None if status else "no answer within 30 s",
            effect=effect,
        )

    return work


@pytest.mark.usefixtures("served")
def test_what_is_answered_is_printed(ocpptrio: Command, write: Write) -> None:
    ocpptrio("call", "CP1", "Reset", SOFT, "--key", "k")
    write(settle(CommandState.ANSWERED, EffectState.AWAITED, "Accepted"))
    assert ocpptrio("call", "CP1", "Reset", SOFT, "--key", "k").lines == [
        '{"status":"Accepted"}',
        "effect awaited",
    ]
    document = ocpptrio("call", "CP1", "Reset", SOFT, "--key", "k", "--json").json
    assert (document["response"], document["command_id"]) == ({"status": "Accepted"}, 1)
    arguments = ("call", "CP1", "Reset", SOFT, "--key", "k", "--until-effect", "--wait", "0.1s")
    assert ocpptrio(*arguments).lines[1] == "effect awaited"
    write(lambda db: commands.set_effect(db, 1, EffectState.SEEN, at_us=1, detail="booted"))
    assert ocpptrio(*arguments).lines[1] == "effect seen: booted"


@pytest.mark.parametrize(
    ("state", "answer", "effect", "error"),
    [
        (CommandState.ANSWERED, "Rejected", EffectState.NONE, "command 1 was answered Rejected"),
        (
            CommandState.TIMED_OUT,
            None,
            EffectState.NONE,
            "command 1 timed out: no answer within 30 s",
        ),
        (
            CommandState.ANSWERED,
            "Accepted",
            EffectState.NOT_SEEN,
            "command 1 was answered, but its effect: not seen in time",
        ),
    ],
)
@pytest.mark.usefixtures("served")
def test_what_fails_ends_with_status_1(
    ocpptrio: Command,
    write: Write,
    state: CommandState,
    answer: str | None,
    effect: EffectState,
    error: str,
) -> None:
    ocpptrio("call", "CP1", "Reset", SOFT, "--key", "k")
    write(settle(state, effect, answer))
    assert ocpptrio("call", "CP1", "Reset", SOFT, "--key", "k", status=1).err == (
        f"ocpptrio: {error}\n"
    )


def test_a_key_stands_for_one_request(ocpptrio: Command) -> None:
    ocpptrio("call", "CP1", "ClearCache", "--key", "k")
    ocpptrio("call", "CP1", "ClearCache", "--key", "k")
    assert len(ocpptrio("commands", "list", "--json").json) == 1
    assert "take a new key" in ocpptrio("call", "CP1", "Reset", SOFT, "--key", "k", status=1).err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("Reste", SOFT), "Reste: unknown; did you mean Reset?"),
        (("Xyz",), "Xyz: unknown; known are CancelReservation, CertificateSigned, "),
        (("heartbeat",), "heartbeat: only charge points send that"),
        (
            ("Reset", '{"type": "Sofd"}'),
            "Reset: type: invalid enum value 'Sofd'\nReset has: type = Hard | Soft",
        ),
        (
            ("Reset",),
            "Reset: object missing required field type\nReset has: type = Hard | Soft",
        ),
        (
            ("UnlockConnector", '{"connectorId": "1"}'),
            "UnlockConnector: connectorId: expected int, got str\nUnlockConnector has: connectorId",
        ),
        (
            ("TriggerMessage", '{"requestedMessage": "Heartbeat", "connector": 1}'),
            "TriggerMessage: object contains unknown field connector\nTriggerMessage has: ",
        ),
        (("Reset", "Soft"), "Reset: the payload is no JSON: JSON is malformed"),
    ],
)
def test_a_request_that_cannot_be_is_refused_with_a_reason(
    ocpptrio: Command, arguments: tuple[str, ...], error: str
) -> None:
    told = ocpptrio("call", "CP1", *arguments, status=1).err.replace("ocpptrio: ", "")
    assert told.startswith(error)
    assert ocpptrio("commands", "list", "--json").json == []


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("ChangeConfiguration", '{"key": "NoSuchKey", "value": "-1"}'),
        ("RemoteStopTransaction", '{"transactionId": 99999}'),
        ("UnlockConnector", '{"connectorId": 99}'),
        ("GetConfiguration", '{"key": []}'),
        ("ChangeAvailability", '{"connectorId": 0, "type": "Inoperative"}'),
        ("triggermessage", '{"requestedMessage": "StatusNotification", "connectorId": 0}'),
    ],
)
def test_whatever_an_operator_must_be_able_to_ask_can_be_asked(
    ocpptrio: Command, action: str, payload: str
) -> None:
    ocpptrio("call", "CP1", action, payload)
    (command,) = ocpptrio("commands", "list", "--json").json
    assert command["action"].casefold() == action.casefold()


def test_a_payload_from_standard_input_hides_a_secret(ocpptrio: Command, write: Write) -> None:
    payload = '{"key": "AuthorizationKey", "value": "0001020304050607FFFFFFFFFFFFFFFF"}'
    ocpptrio("call", "CP1", "ChangeConfiguration", "-", stdin=payload)
    shown = ocpptrio("commands", "show", "1").out + ocpptrio("commands", "show", "1", "--json").out
    assert "FFFF" not in shown
    assert "***" in shown
    record = write(lambda db: commands.get(db, 1))
    assert "FFFF" in str(record)


def test_a_charge_point_must_be_known(ocpptrio: Command) -> None:
    assert "CP9 is not registered" in ocpptrio("call", "CP9", "ClearCache", status=1).err


def test_commands_are_listed_shown_and_cancelled(ocpptrio: Command, write: Write) -> None:
    assert ocpptrio("commands", "list").out == "no such commands\n"
    write(lambda db: charge_points.add(db, charge_point_id="CP2", origin="added", at_us=0))
    ocpptrio("call", "CP1", "Reset", SOFT)
    ocpptrio("call", "CP2", "ClearCache")
    header, first, second = ocpptrio("commands", "list").lines
    assert header.split() == [
        *("id", "charge", "point", "action", "state", "answer", "effect", "created", "task"),
    ]
    assert first.split()[:4] == ["2", "CP2", "ClearCache", "queued"]
    assert second.split()[:4] == ["1", "CP1", "Reset", "queued"]
    assert len(ocpptrio("commands", "list", "--charge-point", "CP2").lines) == 2
    assert "(the newest 1" in ocpptrio("commands", "list", "--limit", "1").out
    shown = ocpptrio("commands", "show", "1").out
    assert '{"type":"Soft"}' in shown
    assert "expires" in shown
    assert ocpptrio("commands", "cancel", "1", "2").out == "cancelled: 1, 2\n"
    assert "expires" not in ocpptrio("commands", "show", "1").out
    assert len(ocpptrio("commands", "list", "--state", "cancelled").lines) == 3
    error = ocpptrio("commands", "cancel", "1", status=1).err
    assert error == "ocpptrio: command 1 is cancelled: only a queued one can be cancelled\n"
    assert "no command 9" in ocpptrio("commands", "show", "9", status=1).err


def test_of_several_to_cancel_all_are_or_none(ocpptrio: Command) -> None:
    ocpptrio("call", "CP1", "ClearCache")
    ocpptrio("commands", "cancel", "1", "9", status=1)
    assert ocpptrio("commands", "list", "--json").json[0]["state"] == "queued"


def test_a_wrong_duration_is_wrong_usage(ocpptrio: Command) -> None:
    assert "--wait" in ocpptrio("call", "CP1", "ClearCache", "--wait", "soon", status=2).err
