"""Whatever comes in, the conversation stays sound; and two of them over a bad line stay in step."""

import json
import sys
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import inspect

from ocpptrio.errors import ErrorCode, LocalProtocolError
from ocpptrio.protocol.actions import ACTIONS, Role
from ocpptrio.protocol.conversation import (
    ANSWERED_AFRESH,
    LATE_CALLS_KEPT,
    CallReceived,
    CallRejected,
    CallRepeated,
    Conversation,
    ErrorReceived,
    Event,
    Ignored,
    InvalidResponseReceived,
    MustClose,
    ResponseReceived,
)
from ocpptrio.protocol.core import DataTransfer
from ocpptrio.protocol.datatypes import DeviationKind, Message
from ocpptrio.protocol.tolerance import MUST_BE_READ
from ocpptrio.testing.strategies import (
    ODD_VALUES,
    RESPONSES,
    TOKENS,
    as_sent,
    damaged,
    odd_calls_to,
    places,
    requests_to,
    responses_to,
)

Json = Any  # JSON of any shape

OURS = "c1"  # the id of our outstanding CALL in these tests


def conversation(role: Role) -> Conversation:
    """One in full swing: a CALL of ours is outstanding."""
    talk = Conversation(role)
    talk.call(OURS, DataTransfer(vendor_id="com.example"))
    return talk


def receive(talk: Conversation, data: str | bytes) -> Event:
    """What `receive` says, checked as far as it can be without knowing the data."""
    event = talk.receive(data)
    match event:
        case CallReceived():
            kind = ACTIONS[event.action].request
            assert type(event.request) is kind
            assert msgspec.json.encode(event.request), "can be stored"
            text = talk.refuse(event.unique_id, ErrorCode.INTERNAL_ERROR)
            check_answer(text, event.unique_id)
        case CallRejected():
            kind, _, code, description, _ = check_answer(event.answer, event.unique_id)
            assert (kind, code, description) == (4, event.code, event.description[:255])
            assert event.deviations
        case CallRepeated():
            assert event.answer is not None
            check_answer(event.answer, event.unique_id)
        case ResponseReceived() | ErrorReceived() | InvalidResponseReceived():
            assert (event.unique_id, event.action, event.late) == (OURS, "DataTransfer", False)
            assert not talk.has_outstanding_call
        case MustClose():
            assert event.code in (1003, 1008)
        case Ignored():
            assert event.reason
    assert msgspec.json.encode(getattr(event, "deviations", ())), "can be stored"
    return event


def check_answer(text: str, unique_id: Any) -> list[Json]:
    """An answer is one valid frame with the id that came in, 1 and 1.0 and "1" being three."""
    frame: list[Json] = json.loads(text, parse_constant=pytest.fail)
    assert (type(frame[1]), frame[1]) == (type(unique_id), unique_id)
    assert (frame[0], len(frame)) in ((3, 3), (4, 5))
    if frame[0] == 4:
        assert frame[2] in list(ErrorCode)
        assert isinstance(frame[3], str)
    assert isinstance(frame[-1], dict)
    return frame


either_role = pytest.mark.parametrize("role", Role)
fuzzed = settings(derandomize=True, deadline=None, max_examples=150)


# Text and bytes.


@either_role
@fuzzed
@given(st.text(st.characters()))
def test_any_text_gives_an_event(role: Role, text: str) -> None:
    receive(conversation(role), text)


@either_role
@fuzzed
@given(st.binary())
def test_any_bytes_give_an_event(role: Role, data: bytes) -> None:
    receive(conversation(role), data)


# Text that is nearly JSON: its tokens in any order, and sound messages with some damage.

OUR_TOKENS = [*TOKENS, f'"{OURS}"', '"\ud83d"']


@either_role
@fuzzed
@given(st.lists(st.sampled_from(OUR_TOKENS), max_size=12).map("".join))
def test_any_tokens_give_an_event(role: Role, text: str) -> None:
    receive(conversation(role), text)


def frames_to(role: Role) -> st.SearchStrategy[str]:
    payload = requests_to(role).map(lambda request: (type(request).__name__, request))
    calls = st.builds(
        lambda unique_id, action_payload: as_text([2, unique_id, *action_payload]),
        st.sampled_from(["7", 7, 7.0, "", OURS]),
        payload,
    )
    results = RESPONSES["DataTransfer"].map(lambda response: as_text([3, OURS, response]))
    errors = st.sampled_from([f'[4,"{OURS}","InternalError","",{{}}]', '[4,"-1","GenericError"]'])
    return calls | results | errors


def as_text(frame: Json) -> str:
    return msgspec.json.encode(frame).decode()


@either_role
@settings(fuzzed, max_examples=200)
@given(data=st.data())
def test_a_damaged_message_gives_an_event(role: Role, data: st.DataObject) -> None:
    damage = st.sampled_from([*OUR_TOKENS, ""]) | st.text(st.characters(), max_size=2)
    receive(conversation(role), data.draw(damaged(frames_to(role), damage)))


@either_role
@fuzzed
@given(data=st.data())
def test_a_call_with_an_odd_field_is_answered(role: Role, data: st.DataObject) -> None:
    event = receive(conversation(role), data.draw(odd_calls_to(role)))
    assert isinstance(event, CallReceived | CallRejected)


# Nesting: without end, and about as deep as the interpreter can bear, where the first step of
# reading may succeed and a later one fail.

NESTED = [
    "%s",
    '[2,"7","Heartbeat",%s]',
    '[2,"7","DataTransfer",{"vendorId":"v","data":%s}]',
    '[2,"7","DataTransfer",{"vendorId":null,"data":%s}]',
    '[2,"7","StopTransaction",{"transactionId":%s}]',
    '[2,"7","StopTransaction",{"other":%s,"transactionId":null}]',
    '[2,"7","SetChargingProfile",{"csChargingProfiles":%s}]',
    '[2,"7",%s,{}]',
    '[2,%s,"Heartbeat",{}]',
    f'[3,"{OURS}",%s]',
    f'[3,"{OURS}",{{"status":"Accepted","data":%s}}]',
    f'[4,"{OURS}","InternalError","",{{"a":%s}}]',
    f'[4,"{OURS}","InternalError",%s,{{}}]',
    f'[4,"{OURS}","InternalError","\x01",{{"a":%s}}]',
    '[4,"-1",%s]',
]


@either_role
@pytest.mark.parametrize("message", NESTED)
def test_nesting_gives_an_event(role: Role, message: str) -> None:
    limit = sys.getrecursionlimit()
    for depth in (*range(limit - 150, limit, 5), 50_000):
        receive(conversation(role), message % ("[" * depth + "]" * depth))
        receive(conversation(role), message % ('{"a":' * depth + "1" + "}" * depth))
    receive(conversation(role), message % ("[" * 50_000))


# One field at a time, in each message: absent, null, of another type, too long, out of range.


def full(kind: inspect.Type) -> Json:
    """A sound value with all optional fields there."""
    match kind:
        case inspect.UnionType(types=types):
            return next(full(each) for each in types if not isinstance(each, inspect.NoneType))
        case inspect.StructType(fields=fields):
            return {field.encode_name: full(field.type) for field in fields}
        case inspect.VarTupleType(item_type=item):
            return [full(item), full(item)]
        case inspect.EnumType(cls=enum):
            return next(iter(enum)).value
        case inspect.DateTimeType():
            return "2024-01-02T03:04:05Z"
        case inspect.BoolType():
            return True
        case inspect.StrType():
            return "x"
    return 1


def spoilt(payload: Json) -> Iterator[tuple[tuple[Any, ...], str]]:
    """The payload with each odd value in each place, as (place, JSON)."""
    for path in list(places(payload)):
        at = payload
        for key in path[:-1]:
            at = at[key]
        sound = at.pop(path[-1])
        yield path, json.dumps(payload)
        if isinstance(at, list):
            at.insert(0, sound)
        for odd in ODD_VALUES:
            at[path[-1]] = odd
            yield path, json.dumps(payload, ensure_ascii=odd == "\ud83d")
        at[path[-1]] = sound


# In these an unreadable field costs the message: it does not say what it is about.
NEEDED = {
    ("StartTransaction", "connectorId"),
    ("StartTransaction", "idTag"),
    ("StartTransaction", "meterStart"),
    ("MeterValues", "connectorId"),
    ("StatusNotification", "connectorId"),
    ("StatusNotification", "status"),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_z1_each_field_of_a_call_may_be_odd(action: str) -> None:
    spec = ACTIONS[action]
    for role in Role:
        for path, payload in spoilt(full(inspect.type_info(spec.request))):
            event = receive(conversation(role), f'[2,"7","{action}",{payload}]')
            assert isinstance(event, CallReceived | CallRejected)
            if role in spec.senders and len(spec.senders) == 1:
                assert isinstance(event, CallRejected)
            elif spec.request in MUST_BE_READ and (action, path[0]) not in NEEDED:
                assert isinstance(event, CallReceived), payload


@pytest.mark.parametrize("action", ACTIONS)
def test_z1_each_field_of_an_answer_may_be_odd(action: str) -> None:
    spec = ACTIONS[action]
    (role, *_) = spec.senders
    read_request: Any = spec.read_request
    request = read_request(json.dumps(full(inspect.type_info(spec.request))))
    for _, payload in spoilt(full(inspect.type_info(spec.response))):
        talk = Conversation(role)
        talk.call("c2", request)
        event = talk.receive(f'[3,"c2",{payload}]')
        assert isinstance(event, ResponseReceived | InvalidResponseReceived)
        assert not talk.has_outstanding_call


# Two conversations over a line that loses, doubles and reorders.


class Side:
    """One end: its conversation, and what must be true of it."""

    def __init__(self, role: Role) -> None:
        self.role = role
        self.talk = Conversation(role)
        self.inbound: list[str] = []  # what is on the line to this side
        self.requests: dict[str, Message] = {}  # our CALLs, by id
        self.texts: list[str] = []  # the same as sent
        self.outstanding: str | None = None
        self.late: deque[str] = deque(maxlen=LATE_CALLS_KEPT)
        self.waiting: dict[str, tuple[str, Any]] = {}  # CALLs to answer: id -> text, request
        self.final: dict[str, str] = {}  # the answer that a CALL's text has got
        self.given: dict[str, list[Message | ErrorCode]] = {}  # all answers given, by id


def draw_side(data: st.DataObject, sides: list[Side]) -> Side:
    return data.draw(st.sampled_from(sides), label="side")


class TwoSides(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.sides = [Side(role) for role in Role]

    def other(self, side: Side) -> Side:
        (other,) = (each for each in self.sides if each is not side)
        return other

    # Each rule is for the sides for which it can do something.

    def idle(self) -> list[Side]:
        return [side for side in self.sides if side.outstanding is None]

    def calling(self) -> list[Side]:
        return [side for side in self.sides if side.outstanding is not None]

    def asked(self) -> list[Side]:
        return [side for side in self.sides if side.waiting]

    def reached(self) -> list[Side]:
        return [side for side in self.sides if side.inbound]

    @precondition(lambda self: self.idle() != [])
    @rule(data=st.data())
    def call(self, data: st.DataObject) -> None:
        side = draw_side(data, self.idle())
        other = self.other(side)
        request = data.draw(requests_to(other.role))
        unique_id = f"{side.role.name}-{len(side.texts)}"
        text = side.talk.call(unique_id, request)
        side.outstanding = unique_id
        side.requests[unique_id] = request
        side.texts.append(text)
        other.inbound.append(text)

    @precondition(lambda self: self.calling() != [])
    @rule(data=st.data())
    def call_too_soon(self, data: st.DataObject) -> None:
        side = draw_side(data, self.calling())
        with pytest.raises(LocalProtocolError, match="still outstanding"):
            side.talk.call("too soon", DataTransfer(vendor_id="com.example"))

    @precondition(lambda self: self.calling() != [])
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        side = draw_side(data, self.calling())
        assert side.outstanding is not None
        side.talk.give_up()
        side.late.append(side.outstanding)
        side.outstanding = None

    @precondition(lambda self: any(side.texts for side in self.sides))
    @rule(data=st.data())
    def resend(self, data: st.DataObject) -> None:
        """As some charge points do every few seconds, and others after a while offline."""
        side = draw_side(data, [side for side in self.sides if side.texts])
        self.other(side).inbound.append(data.draw(st.sampled_from(side.texts)))

    @precondition(lambda self: self.asked() != [])
    @rule(data=st.data(), refuse=st.sampled_from([False, False, True]))
    def answer(self, data: st.DataObject, refuse: bool) -> None:
        side = draw_side(data, self.asked())
        unique_id = data.draw(st.sampled_from(sorted(side.waiting)))
        call_text, request = side.waiting.pop(unique_id)
        given = side.given.setdefault(unique_id, [])
        if refuse:
            text = side.talk.refuse(unique_id, ErrorCode.INTERNAL_ERROR, "not now")
            given.append(ErrorCode.INTERNAL_ERROR)
        else:
            response = data.draw(responses_to(request))
            text = side.talk.answer(unique_id, response)
            given.append(as_sent(response))
            if type(request) not in ANSWERED_AFRESH:
                assert call_text not in side.final, "two answers to one CALL"
                side.final[call_text] = text
        check_answer(text, unique_id)
        self.other(side).inbound.append(text)

    @precondition(lambda self: len(self.calling()) == 2)  # seldom, for most of it is ignored
    @rule(data=st.data())
    def complain(self, data: st.DataObject) -> None:
        """A charge point that could not read our CALL does not know its id either."""
        draw_side(data, self.sides).inbound.append('[4,"-1","GenericError","",{}]')

    @precondition(lambda self: self.reached() != [])
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        inbound = draw_side(data, self.reached()).inbound
        inbound.pop(data.draw(st.integers(0, len(inbound) - 1)))

    @precondition(lambda self: self.reached() != [])
    @rule(data=st.data(), double=st.sampled_from([False, False, True]))
    def deliver(self, data: st.DataObject, double: bool) -> None:
        side = draw_side(data, self.reached())
        at = data.draw(st.integers(0, len(side.inbound) - 1))
        self.delivered(side, side.inbound[at] if double else side.inbound.pop(at))

    @precondition(lambda self: self.reached() != [])
    @rule(data=st.data())
    def deliver_the_oldest(self, data: st.DataObject) -> None:
        side = draw_side(data, self.reached())
        self.delivered(side, side.inbound.pop(0))

    def delivered(self, side: Side, text: str) -> None:
        event = side.talk.receive(text)
        kind, unique_id, *_ = json.loads(text)
        if kind == 2:
            self.call_delivered(side, text, unique_id, event)
        else:
            self.answer_delivered(side, unique_id, event)

    def call_delivered(self, side: Side, text: str, unique_id: str, event: Event) -> None:
        other = self.other(side)
        if unique_id in side.waiting:
            assert isinstance(event, CallRepeated)
            assert (event.unique_id, event.answer) == (unique_id, None)
        elif text in side.final:
            assert isinstance(event, CallRepeated)
            assert (event.unique_id, event.answer) == (unique_id, side.final[text])
            other.inbound.append(side.final[text])
        else:
            assert isinstance(event, CallReceived)
            assert event.unique_id == unique_id
            assert event.request == as_sent(other.requests[unique_id])
            # A CALL of the other side that it has given up on may still wait here.
            at_once = [DeviationKind.CALLS_AT_ONCE] if side.waiting else []
            assert [each.kind for each in event.deviations] == at_once
            side.waiting[unique_id] = text, event.request

    def answer_delivered(self, side: Side, unique_id: str, event: Event) -> None:
        if unique_id == "-1" and side.outstanding is not None and not side.late:
            assert isinstance(event, ErrorReceived)
            assert (event.unique_id, event.code) == (side.outstanding, "GenericError")
            side.outstanding = None
            return
        if unique_id == side.outstanding:
            late = False
            side.outstanding = None
        elif unique_id in side.late:
            late = True
            side.late.remove(unique_id)
        else:
            assert isinstance(event, Ignored)
            return
        assert isinstance(event, ResponseReceived | ErrorReceived)
        assert (event.unique_id, event.late) == (unique_id, late)
        assert event.action == type(side.requests[unique_id]).__name__
        answer = event.response if isinstance(event, ResponseReceived) else event.code
        assert answer in self.other(side).given[unique_id]

    @invariant()
    def at_most_one_call_of_each_side_is_outstanding(self) -> None:
        for side in self.sides:
            assert side.talk.has_outstanding_call == (side.outstanding is not None)


TestTwoSides = TwoSides.TestCase
TestTwoSides.settings = settings(
    derandomize=True, deadline=None, max_examples=150, stateful_step_count=50
)
