"""A fleet that misbehaves in all 57 ways charges and is commanded; and the books are right.

Some hours here; a whole week with `OCPPTRIO_WEEK_DAYS=7` (docs/testing.md). One test, since it is
one run: what has to be true afterwards is a check each.
"""

import json
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from ocpptrio.events import Connected, Disconnected
from ocpptrio.protocol.actions import ACTIONS
from ocpptrio.protocol.datatypes import DeviationKind as Kind
from ocpptrio.services.energy import NOISE_WH
from ocpptrio.simulator.charge_point import SimulatedChargePoint
from ocpptrio.simulator.connector import Transaction
from ocpptrio.simulator.quirks import QUIRKS
from ocpptrio.simulator.quirks.transactions import UNKNOWN_ID
from ocpptrio.store.records import CommandRecord, JournalEntry, TransactionRecord
from ocpptrio.store.vocabulary import (
    CommandState,
    EffectState,
    ReviewKind,
    TaskState,
    TransactionState,
)
from tests import week
from tests.week import Week

HOURS: Final = 5
DAYS: Final = float(os.environ.get("OCPPTRIO_WEEK_DAYS", HOURS / 24))
COUNT: Final = 50
ROUNDING_WH: Final = 1

# Quirk -> what it leaves in the ledger of a charge point that has come to show it.
SHOWS: Final[dict[int, tuple[Kind, ...]]] = {
    15: (Kind.NO_ANSWER,),
    24: (Kind.UNEXPECTED_ANSWER,),
    25: (Kind.WRONG_TYPE,),
    26: (Kind.WRONG_TYPE,),
    27: (Kind.INVALID_JSON, Kind.REFUSED),
    28: (Kind.CONTROL_CHARACTERS,),
    29: (Kind.BINARY_FRAME,),
    30: (Kind.UNKNOWN_ACTION,),
    31: (Kind.TOO_LONG,),
    32: (Kind.UNKNOWN_VALUE,),
    33: (Kind.WRONG_TYPE,),
    34: (Kind.TIME_FORMAT, Kind.TIME_WITHOUT_ZONE, Kind.WRONG_CLOCK),
    39: (Kind.UNKNOWN_TRANSACTION,),
    43: (Kind.UNKNOWN_TRANSACTION,),
    44: (Kind.REGISTER_BACKWARDS,),
    47: (Kind.CALLS_AT_ONCE,),
    54: (Kind.NULL,),
}
_HANDSHAKE: Final = "in the opening handshake, of which there is none in memory: tests/quirks"
_FRAMES: Final = "in WebSocket frames, of which there are none in memory: tests/quirks"
_ALLOWED: Final = "the specification allows it"
_UNSEEN: Final = "no message shows it"
SHOWS_NOT: Final[dict[int, str]] = {
    **dict.fromkeys((1, 2, 3, 4, 6, 7, 8, 9, 10), _HANDSHAKE),
    5: _FRAMES,
    11: "the network's doing",
    12: "nothing more comes on the old connection: it is half-open, as networks make it",
    13: _FRAMES,
    14: "a heartbeat may be late",
    16: "only if it is called before its boot is answered, which it never is",
    17: "a reconnect needs no boot (OCPP 1.6, 4.2)",
    18: "what it forgets is found by reading it back (configuration)",
    19: _ALLOWED,
    20: "only while Pending",
    21: "a repeat with the same unique id and content is the same CALL",
    22: "unique ids are unique on one connection (OCPP-J errata 3.1)",
    23: _ALLOWED,
    35: _UNSEEN,
    36: _ALLOWED,
    37: "a start told again is what 3.7.1 asks for",
    38: _ALLOWED,
    40: _UNSEEN,
    41: "idTag is optional in StopTransaction",
    42: "meter values may follow a stop (OCPP 1.6, 4.7)",
    45: "a crash is no message; the transaction waits for what proves it over",
    46: "replaying what was queued is what 3.7.1 asks for",
    48: "how many connectors there are is nowhere told, and 0 is optional",
    49: _ALLOWED,
    50: "case does not count in idTags",
    51: "a stop that never comes is no message; the next start proves it over",
    52: _ALLOWED,
    53: _ALLOWED,
    55: "a wrong list is still a list",
    56: _ALLOWED,
    57: _ALLOWED,
}


def test_a_fleet_with_all_quirks_charges_for_days_and_the_books_are_right() -> None:
    began = time.monotonic()
    left = week.run(COUNT, DAYS)
    took_s = time.monotonic() - began
    print(f"\n{_figures(left, took_s)}")
    assert left.errors == []
    for check in (check_answers, check_commands, check_ledger, check_books):
        print(f"{check.__name__[6:]}: {dict(sorted(check(left).items()))}")


def test_each_quirk_shows_in_the_ledger_or_has_a_reason_not_to() -> None:
    assert sorted([*SHOWS, *SHOWS_NOT]) == list(range(1, len(QUIRKS) + 1))


def _figures(left: Week, took_s: float) -> str:
    return (
        f"{COUNT} charge points, {left.days:g} days in {took_s:.0f} s: "
        f"{len(left.transactions)} transactions, {len(left.journal)} messages, "
        f"{len(left.commands)} commands, {sum(d.occurrences for d in left.deviations)} deviations "
        f"in {len(left.deviations)} ways, {len(left.orphans)} orphaned stops, "
        f"{len(left.reviews)} reviews"
    )


# What came is answered.


class _Frame(NamedTuple):
    kind: int
    unique_id: str
    entry: JournalEntry
    is_json: bool


_START = re.compile(r'\s*\[\s*([234])\s*,\s*("(?:[^"\\]|\\.)*"|-?\d+)\s*,')


def _frames(left: Week) -> dict[tuple[str, int], list[_Frame]]:
    """Every message by connection, as far as it can be read."""
    found: dict[tuple[str, int], list[_Frame]] = defaultdict(list)
    for entry in left.journal:
        match = _START.match(entry.text)
        if match is None:
            continue
        try:
            json.loads(entry.text, strict=False)
        except ValueError:
            is_json = False
        else:
            is_json = True
        unique_id = match[2].strip('"')
        frame = _Frame(int(match[1]), unique_id, entry, is_json)
        found[entry.charge_point_id, entry.generation].append(frame)
    return found


def check_answers(left: Week) -> Counter[str]:
    """Each CALL of a charge point has a CALLRESULT, but for those that nobody can accept."""
    ledger = _ledger(left)
    answers: Counter[str] = Counter()
    for (charge_point_id, _), frames in _frames(left).items():
        waiting: dict[str, list[_Frame]] = defaultdict(list)
        for frame in frames:
            if frame.entry.direction == "in":
                calls = waiting[frame.unique_id]
                # One answer is enough for a CALL that comes twice meanwhile (Q21).
                if frame.kind == 2 and all(c.entry.text != frame.entry.text for c in calls):
                    calls.append(frame)
            elif frame.kind != 2:
                calls = waiting[frame.unique_id]
                assert calls, f"{charge_point_id}: answer to nothing: {frame.entry.text}"
                call = calls.pop(0)
                code = json.loads(frame.entry.text)[2] if frame.kind == 4 else "answered"
                answers[code] += 1
                if code != "answered":
                    _check_refusal(code, call, ledger[charge_point_id])
        unanswered = [call for calls in waiting.values() for call in calls]
        assert not unanswered, f"{charge_point_id}: silence after {unanswered[0].entry.text}"
    assert answers["answered"] > 50 * COUNT * left.days
    return answers


def _check_refusal(code: str, call: _Frame, noted: set[Kind]) -> None:
    action = re.search(r',\s*"(\w+)"', call.entry.text)
    match code:
        case "FormationViolation":
            assert not call.is_json, call.entry.text
            assert Kind.INVALID_JSON in noted
        case "NotImplemented":
            assert action is not None
            assert action[1] not in ACTIONS, call.entry.text
            assert Kind.UNKNOWN_ACTION in noted
        case "SecurityError":
            assert Kind.BEFORE_BOOT in noted
        case _:
            raise AssertionError(f"{code}: {call.entry.text}")


# What was asked for is settled.


def check_commands(left: Week) -> Counter[str]:
    """Each command has come to its end, was sent at most once, and says what the wire says."""
    by_charge_point: dict[str, list[CommandRecord]] = defaultdict(list)
    for command in left.commands:
        by_charge_point[command.charge_point_id].append(command)
    frames: dict[str, list[list[_Frame]]] = defaultdict(list)
    for (charge_point_id, _), of_connection in _frames(left).items():
        frames[charge_point_id].append(of_connection)
    for charge_point in left.fleet.charge_points:
        commands = by_charge_point[charge_point.identity]
        _check_wire(commands, frames[charge_point.identity])
        for command in commands:
            _check_end(left, charge_point, command)
    assert all(task.state == TaskState.DONE for task in left.tasks)
    assert len(left.tasks) >= len(week.ROUND)
    assert left.outcomes["answered"] > 0
    return Counter(str(command.state) for command in left.commands)


def _check_wire(commands: list[CommandRecord], connections: list[list[_Frame]]) -> None:
    """One CALL for one command, and its state is that of the CALL."""
    unsent = [command for command in commands if command.sent_at_us is not None]
    unsent.sort(key=lambda command: command.sent_at_us or 0)
    for frames in connections:
        answers: dict[str, _Frame] = {}
        for frame in frames:
            if frame.entry.direction == "in" and frame.kind != 2:
                answers.setdefault(frame.unique_id, frame)
        calls = [frame for frame in frames if frame.entry.direction == "out" and frame.kind == 2]
        assert len({call.unique_id for call in calls}) == len(calls)
        for call in calls:
            _, unique_id, action, payload = json.loads(call.entry.text)
            command = next(
                each
                for each in unsent
                if each.action == action
                and json.loads(each.request) == payload
                and (each.sent_at_us or 0) <= call.entry.at_us
            )
            unsent.remove(command)
            answer = answers.get(unique_id) or answers.get("")  # Q25
            match command.state:
                case CommandState.ANSWERED:
                    assert answer is not None
                    assert answer.kind == 3
                    assert command.response is not None
                    sent = json.loads(answer.entry.text)[2]
                    assert json.loads(command.response).get("status") == sent.get("status")
                case CommandState.REFUSED:
                    assert answer is not None
                    assert answer.kind == 4
                case CommandState.TIMED_OUT | CommandState.UNKNOWN:
                    assert answers.get(unique_id) is None
                case _:
                    raise AssertionError(command)
    # Claimed, but the connection was gone before the CALL was out.
    assert all(command.state is CommandState.UNKNOWN for command in unsent), unsent


def _check_end(left: Week, charge_point: SimulatedChargePoint, command: CommandRecord) -> None:
    assert command.settled, f"still {command.state}: {command}"
    if command.state is CommandState.EXPIRED:
        assert command.expires_at_us is not None
        since_us, until_us = command.created_at_us, command.expires_at_us
        there_s = sum(
            max(0, min(end_us, until_us) - max(begin_us, since_us)) / 1e6
            for begin_us, end_us in _connected(left, charge_point.identity)
        )
        assert there_s < 60, f"was there for {there_s} s, and was not asked: {command}"
    if command.effect is EffectState.NONE:
        return
    truth = {transaction.id.value: transaction for transaction in charge_point.truth}
    request = json.loads(command.request)
    seen = command.effect is EffectState.SEEN
    if command.action == "RemoteStartTransaction":
        did = [
            transaction
            for transaction in charge_point.truth
            if transaction.connector_id == request["connectorId"]
            and transaction.id_tag == request["idTag"]
            and (command.sent_at_us or 0) - 1e6
            <= transaction.started_us
            <= (command.effect_due_at_us or 0)
        ]
        if seen:
            assert truth[command.transaction_id] in did
        elif command.effect is EffectState.NOT_SEEN and did and command.state == "answered":
            # Another tag goes out (Q31, Q38, Q57), or days later (Q46).
            assert _numbers(charge_point) & {31, 38, 46, 57}, command
    elif command.action == "RemoteStopTransaction":
        stopped = truth.get(request["transactionId"])
        if seen:
            assert stopped is not None
            assert stopped.meter_stop_wh is not None
        elif command.effect is EffectState.NOT_SEEN and command.state == "answered":
            # It stops another id (Q39), loses the stop (Q45, Q51), or tells days later (Q46).
            assert _numbers(charge_point) & {39, 45, 46, 51}, command


def _connected(left: Week, charge_point_id: str) -> Iterator[tuple[int, int]]:
    """From when to when it was there."""
    since_us: int | None = None
    for event in left.events:
        if event.charge_point_id != charge_point_id:
            continue
        if isinstance(event, Connected) and since_us is None:
            since_us = event.at_us
        elif isinstance(event, Disconnected) and since_us is not None:
            yield since_us, event.at_us
            since_us = None
    if since_us is not None:
        yield since_us, left.ended_us


# What left the specification is in the ledger.


def check_ledger(left: Week) -> Counter[str]:
    """What each quirk leaves there, once it has come to show it."""
    ledger, checked = _ledger(left), Counter[str]()
    frames: dict[str, list[_Frame]] = defaultdict(list)
    for (charge_point_id, _), of_connection in _frames(left).items():
        frames[charge_point_id] += of_connection
    for charge_point in left.fleet.charge_points:
        identity = charge_point.identity
        actions = Counter(
            (str(frame.entry.direction), frame.kind, frame.entry.action)
            for frame in frames[identity]
        )
        texts = [frame.entry.text for frame in frames[identity] if frame.entry.direction == "in"]
        for number in sorted(_numbers(charge_point) & set(SHOWS)):
            if not _has_come_to_show(number, charge_point, actions, texts, left):
                continue
            missing = set(SHOWS[number]) - ledger[identity]
            assert not missing, f"{identity}: q{number} left no {missing}: {ledger[identity]}"
            checked[f"q{number}"] += 1
    assert sorted(checked) == sorted(f"q{number}" for number in SHOWS)
    return checked


def _has_come_to_show(
    number: int,
    charge_point: SimulatedChargePoint,
    actions: Counter[tuple[str, int, str]],
    texts: list[str],
    left: Week,
) -> bool:
    acknowledged = [each for each in charge_point.truth if each.start_acknowledged]
    match number:
        case 15:
            return _ignored_in_a_row(left, charge_point.identity) >= 3
        case 24:
            return any(kind == 3 for direction, kind, _ in actions if direction == "in")
        case 25:
            return any(kind == 4 for direction, kind, _ in actions if direction == "in")
        case 27 | 32:
            return actions["in", 2, "MeterValues"] > 0 or any('"MeterValues"' in t for t in texts)
        case 28 | 30:
            return bool(acknowledged)
        case 39:
            return any(
                '"StopTransaction"' in text and '"transactionId":-1' not in text for text in texts
            )
        case 43:
            return any(str(UNKNOWN_ID) in text and '"MeterValues"' in text for text in texts)
        case 44:
            # The register begins anew before the stop of every third one.
            return any(each.stop_acknowledged for each in acknowledged[2::3])
        case 47:
            # Whether an answer is quicker than the next CALL is the scheduler's choice.
            return _called_twice(left, charge_point.identity)
        case 54:
            return any('"unknownKey":null' in text for text in texts)
    return True


def _called_twice(left: Week, charge_point_id: str) -> bool:
    """Whether a CALL ever came before the one before it was answered."""
    return any(
        [(frame.entry.direction, frame.kind) for frame in pair] == [("in", 2)] * 2
        and pair[0].unique_id != pair[1].unique_id
        for (identity, _), frames in _frames(left).items()
        if identity == charge_point_id
        for pair in pairwise(frames)
    )


def _ignored_in_a_row(left: Week, charge_point_id: str) -> int:
    most = in_a_row = 0
    for command in left.commands:
        if command.charge_point_id == charge_point_id and command.sent_at_us is not None:
            in_a_row = in_a_row + 1 if command.state is CommandState.TIMED_OUT else 0
            most = max(most, in_a_row)
    return most


# What was charged is in the books.


def check_books(left: Week) -> Counter[str]:
    """Each transaction once; its energy that of the meter, where it told of it."""
    books = {record.transaction_id: record for record in left.transactions}
    waiting = {
        (review.kind, review.transaction_id or review.orphan_id)
        for review in left.reviews
        if review.resolved_at_us is None
    }
    in_order = sorted(left.transactions, key=lambda record: record.started_at_us)
    last = {(t.charge_point_id, t.connector_id): t.transaction_id for t in in_order}
    found: Counter[str] = Counter()
    for charge_point in left.fleet.charge_points:
        for transaction in charge_point.truth:
            assert transaction.settled, f"{charge_point.identity}: {transaction.id.value}"
            record = books.pop(transaction.id.value or 0)
            assert record.charge_point_id == charge_point.identity
            assert record.connector_id == transaction.connector_id
            kind = _account(charge_point, transaction, record, waiting)
            if kind == "open":
                key = record.charge_point_id, record.connector_id
                assert last[key] == record.transaction_id, record
            found[kind] += 1
            found[f"Wh {kind}"] += record.energy_wh or 0
            found[f"Wh {kind}, by the meters"] += transaction.energy_wh or 0
    assert not books, f"made up: {books}"
    for orphan in left.orphans:
        if orphan.resolved_at_us is None:
            assert (ReviewKind.ORPHAN_STOP, orphan.orphan_id) in waiting
    assert found["Wh told truly"] == found["Wh told truly, by the meters"]
    assert found["told truly"] > 2 * COUNT * left.days
    return found


def _account(
    charge_point: SimulatedChargePoint,
    transaction: Transaction,
    record: TransactionRecord,
    waiting: set[tuple[ReviewKind, int | None]],
) -> str:
    """What became of a transaction, in a word."""
    truth_wh = transaction.energy_wh
    assert truth_wh is not None
    lies = charge_point.quirks.lie_about_energy
    if transaction.stop_lost:
        assert record.stopped_at_us is None
        if record.energy_wh is None:
            unknown = (ReviewKind.ENERGY_UNKNOWN, record.transaction_id) in waiting
            assert unknown is (record.state is not TransactionState.OPEN)
        elif not lies:
            # As far as the last reading, or up to the start of the next.
            assert 0 <= record.energy_wh <= truth_wh + ROUNDING_WH
        return str(record.state)
    assert record.state is TransactionState.STOPPED, record
    if lies:
        if record.energy_wh is None:
            assert (ReviewKind.ENERGY_UNKNOWN, record.transaction_id) in waiting
        else:  # at worst without what was taken before the first sample
            assert record.energy_wh <= truth_wh + NOISE_WH, f"{truth_wh} Wh by the meter: {record}"
        return "told falsely"
    assert record.energy_wh == truth_wh, f"{truth_wh} Wh by the meter: {record}"
    return "told truly"


def _ledger(left: Week) -> dict[str, set[Kind]]:
    found: dict[str, set[Kind]] = defaultdict(set)
    for record in left.deviations:
        found[record.charge_point_id].add(Kind(record.kind))
    return found


def _numbers(charge_point: SimulatedChargePoint) -> set[int]:
    return {quirk.number for quirk in charge_point.quirks}
