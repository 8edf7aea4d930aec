"""One connection as a state machine: what each message means, and what is sent for it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ocpptrio.errors import ErrorCode, LocalProtocolError
from ocpptrio.protocol.actions import Role
from ocpptrio.protocol.conversation import (
    ANSWER_LENGTH_KEPT,
    ANSWERS_KEPT,
    BROKEN_IN_A_ROW,
    DESCRIPTION_LENGTH,
    LATE_CALLS_KEPT,
    CallReceived,
    CallRejected,
    CallRepeated,
    Conversation,
    ErrorReceived,
    Ignored,
    InvalidResponseReceived,
    MustClose,
    ResponseReceived,
)
from ocpptrio.protocol.core import (
    Authorize,
    AuthorizeResponse,
    BootNotification,
    BootNotificationResponse,
    ChangeConfiguration,
    ChargePointErrorCode,
    DataTransfer,
    DataTransferResponse,
    DataTransferStatus,
    GetConfiguration,
    GetConfigurationResponse,
    Heartbeat,
    HeartbeatResponse,
    KeyValue,
    MeterValuesResponse,
    RegistrationStatus,
    Reset,
    ResetResponse,
    ResetStatus,
    ResetType,
    StartTransaction,
    StatusNotificationResponse,
    StopTransaction,
    StopTransactionResponse,
)
from ocpptrio.protocol.datatypes import (
    TEXT_KEPT,
    AuthorizationStatus,
    DeviationKind,
    IdTagInfo,
    Message,
)

TIME = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
T = "2024-01-02T03:04:05Z"
ACCEPTED = AuthorizeResponse(id_tag_info=IdTagInfo(status=AuthorizationStatus.ACCEPTED))


@pytest.fixture
def central() -> Conversation:
    return Conversation(Role.CENTRAL_SYSTEM)


@pytest.fixture
def charge_point() -> Conversation:
    return Conversation(Role.CHARGE_POINT)


def call(unique_id: Any, action: str, **payload: Any) -> str:
    return json.dumps([2, unique_id, action, payload])


# A CALL comes in and is answered.


def test_a_call_is_received_and_answered(central: Conversation) -> None:
    event = central.receive('[2,"7","Authorize",{"idTag":"04A1B2C3"}]')
    assert event == CallReceived("7", "Authorize", Authorize(id_tag="04A1B2C3"))
    assert central.answer("7", ACCEPTED) == '[3,"7",{"idTagInfo":{"status":"Accepted"}}]'


def test_a_call_is_received_and_refused(central: Conversation) -> None:
    central.receive('[2,"7","Authorize",{"idTag":"04A1B2C3"}]')
    text = central.refuse("7", ErrorCode.INTERNAL_ERROR, "try again", {"in": "5 s"})
    assert text == '[4,"7","InternalError","try again",{"in":"5 s"}]'


def test_either_role_converses(charge_point: Conversation) -> None:
    event = charge_point.receive('[2,"c1","Reset",{"type":"Soft"}]')
    assert event == CallReceived("c1", "Reset", Reset(type=ResetType.SOFT))
    answer = charge_point.answer("c1", ResetResponse(status=ResetStatus.ACCEPTED))
    assert answer == '[3,"c1",{"status":"Accepted"}]'


def test_f1_a_null_payload_is_an_empty_one(central: Conversation) -> None:
    assert central.receive('[2,"7","Heartbeat",null]') == CallReceived(
        "7", "Heartbeat", Heartbeat()
    )


def test_q28_bytes_that_are_no_text_are_noted_and_the_rest_is_read(central: Conversation) -> None:
    odd = b'[2,"7","Authorize",{"idTag":"' + b"x" * 300 + b'tag\xff"}]'
    event = central.receive(odd)
    assert isinstance(event, CallReceived)
    kinds = {deviation.kind: deviation.original for deviation in event.deviations}
    assert r"tag\xff" in kinds[DeviationKind.INVALID_UTF8]
    assert isinstance(central.receive(b"\xff\xfe\x00"), MustClose)


def test_f12_calls_in_one_burst_are_all_received_and_answered(central: Conversation) -> None:
    for unique_id in "123":
        assert isinstance(central.receive(call(unique_id, "Heartbeat")), CallReceived)
    for unique_id in "312":
        answer = central.answer(unique_id, HeartbeatResponse(current_time=TIME))
        assert json.loads(answer)[1] == unique_id


def test_f13_a_call_is_received_while_one_of_ours_is_outstanding(central: Conversation) -> None:
    central.call("c1", Reset(type=ResetType.SOFT))
    assert isinstance(central.receive(call("7", "Heartbeat")), CallReceived)
    central.answer("7", HeartbeatResponse(current_time=TIME))
    assert central.has_outstanding_call


def test_f20_a_stop_of_200_kilobytes_is_received(central: Conversation) -> None:
    value = {"timestamp": T, "sampledValue": [{"value": "1234.5"}] * 20}
    text = call(
        "7",
        "StopTransaction",
        transactionId=1,
        meterStop=1,
        timestamp=T,
        transactionData=[value] * 400,
    )
    assert len(text) > 150_000
    event = central.receive(text)
    assert isinstance(event, CallReceived)
    assert isinstance(event.request, StopTransaction)
    assert len(event.request.transaction_data or ()) == 400


def test_q28_a_stop_with_control_characters_does_not_bounce(central: Conversation) -> None:
    text = call("7", "StopTransaction", transactionId=1, meterStop=9, timestamp=T, idTag="tag!")
    event = central.receive(text.replace("!", "\x10\x0e"))
    assert isinstance(event, CallReceived)
    assert event.request == StopTransaction(
        transaction_id=1, meter_stop=9, timestamp=TIME, id_tag="tag\x10\x0e"
    )
    assert [each.kind for each in event.deviations] == [DeviationKind.CONTROL_CHARACTERS]


def test_q31_a_stop_with_a_tag_that_is_too_long_does_not_bounce(central: Conversation) -> None:
    event = central.receive(
        call("7", "StopTransaction", transactionId=1, meterStop=9, timestamp=T, idTag="T" * 21)
    )
    assert isinstance(event, CallReceived)
    assert isinstance(event.request, StopTransaction)
    assert event.request.id_tag == "T" * 21
    assert [(each.field, each.kind) for each in event.deviations] == [
        ("idTag", DeviationKind.TOO_LONG)
    ]


def test_an_optional_null_is_noted_even_if_all_else_is_sound(central: Conversation) -> None:
    event = central.receive(
        call(
            "7",
            "StatusNotification",
            connectorId=1,
            errorCode="NoError",
            status="Available",
            info=None,
        )
    )
    assert isinstance(event, CallReceived)
    assert [each.kind for each in event.deviations] == [DeviationKind.NULL]


def test_the_word_null_in_a_text_is_no_deviation(central: Conversation) -> None:
    assert central.receive(call("null", "Authorize", idTag="null")) == CallReceived(
        "null", "Authorize", Authorize(id_tag="null")
    )


def test_f18_an_unknown_field_is_noted(central: Conversation) -> None:
    text = call("7", "BootNotification", chargePointVendor="V", chargePointModel="M", colour="red")
    event = central.receive(text)
    assert isinstance(event, CallReceived)
    assert event.request == BootNotification(charge_point_vendor="V", charge_point_model="M")
    assert [(each.field, each.kind) for each in event.deviations] == [
        ("colour", DeviationKind.UNKNOWN_FIELD)
    ]


def test_f18_an_unknown_field_is_refused_on_demand() -> None:
    central = Conversation(Role.CENTRAL_SYSTEM, reject_unknown_fields=True)
    event = central.receive(call("7", "Authorize", idTag="A", colour="red"))
    assert isinstance(event, CallRejected)
    assert event.code is ErrorCode.FORMATION_VIOLATION


# A CALL that cannot be read or is not for us: each kind of failure and its errorCode.

START = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": T}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}

REJECTED = [
    ("F-2: unknown Action", call("1", "Foo"), "NotImplemented"),
    ("Q30: an Action of a vendor", call("1", "TransactionStarted"), "NotImplemented"),
    ("an Action in other case", call("1", "heartbeat"), "NotImplemented"),
    ("F-19: an Action of the central system", call("1", "Reset", type="Soft"), "NotSupported"),
    ("F-10: three items", '[2,"1","Heartbeat"]', "FormationViolation"),
    ("five items", '[2,"1","Heartbeat",{},{}]', "FormationViolation"),
    ("two items", '[2,"1"]', "FormationViolation"),
    ("an Action that is no text", '[2,"1",5,{}]', "FormationViolation"),
    ("a payload that is a list", '[2,"1","Heartbeat",[]]', "FormationViolation"),
    ("a payload that is a text", '[2,"1","Heartbeat","{}"]', "FormationViolation"),
    ("Q27: no JSON further on", '[2,"1","MeterValues",{"a":[,{', "FormationViolation"),
    ("nesting without end", '[2,"1","Foo",' + "[" * 9999, "FormationViolation"),
    ("F-3: a required field is absent", call("1", "Authorize"), "OccurenceConstraintViolation"),
    ("a null payload", '[2,"1","Authorize",null]', "OccurenceConstraintViolation"),
    ("F-5: a number for a text", call("1", "Authorize", idTag=12), "TypeConstraintViolation"),
    ("null for a required text", call("1", "Authorize", idTag=None), "TypeConstraintViolation"),
    (
        "F-6: an unknown status",
        call("1", "StatusNotification", **STATUS | {"status": "Foo"}),
        "PropertyConstraintViolation",
    ),
    (
        "a certificate request that is too long",
        call("1", "SignCertificate", csr="c" * 5501),
        "PropertyConstraintViolation",
    ),
    (
        "an unreadable time",
        call("1", "SecurityEventNotification", type="X", timestamp="soon"),
        "PropertyConstraintViolation",
    ),
]


@pytest.mark.parametrize(
    ("text", "code"), [row[1:] for row in REJECTED], ids=[r[0] for r in REJECTED]
)
def test_such_a_call_is_answered_with_this_error(
    central: Conversation, text: str, code: str
) -> None:
    event = central.receive(text)
    assert isinstance(event, CallRejected)
    kind, unique_id, sent_code, description, details = json.loads(event.answer)
    assert (kind, unique_id, sent_code, details) == (4, "1", code, {})
    assert (event.unique_id, event.code, event.description) == ("1", code, description)
    is_unknown = code == "NotImplemented"
    kind_noted = DeviationKind.UNKNOWN_ACTION if is_unknown else DeviationKind.REFUSED
    assert event.deviations[-1].kind is kind_noted
    with pytest.raises(LocalProtocolError, match="no CALL '1' waits"):
        central.refuse("1", ErrorCode.GENERIC_ERROR)


def test_a_charge_point_rejects_what_a_charge_point_sends(charge_point: Conversation) -> None:
    event = charge_point.receive(call("1", "Heartbeat"))
    assert isinstance(event, CallRejected)
    assert (event.code, event.description) == (
        ErrorCode.NOT_SUPPORTED,
        "a charge point sends Heartbeat, it does not receive it",
    )


def test_f4_a_tag_that_is_too_long_is_not_refused(central: Conversation) -> None:
    event = central.receive(call("1", "Authorize", idTag="T" * 21))
    assert isinstance(event, CallReceived)
    assert event.request == Authorize(id_tag="T" * 21)


def test_an_action_without_end_leaves_a_bounded_trace(central: Conversation) -> None:
    event = central.receive(call("1", "A" * 100_000))
    assert isinstance(event, CallRejected)
    assert len(event.action) == TEXT_KEPT
    assert len(event.answer) < 100


def test_an_empty_unique_id_is_refused_with_itself(central: Conversation) -> None:
    event = central.receive('[2,"","Heartbeat",{}]')
    assert isinstance(event, CallRejected)
    assert event.answer == '[4,"","FormationViolation","empty unique id",{}]'


def test_a_long_description_is_cut(central: Conversation) -> None:
    central.receive(call("1", "Heartbeat"))
    text = central.refuse("1", ErrorCode.INTERNAL_ERROR, "d" * 300)
    assert json.loads(text)[3] == "d" * DESCRIPTION_LENGTH


# Unique ids, as JSON tells them apart.


@pytest.mark.parametrize("unique_id", ["1", "1.0", "-3", '"x"', '"ü\\u0000"', str(2**70)])
def test_q26_the_answer_carries_the_id_as_it_came(central: Conversation, unique_id: str) -> None:
    event = central.receive(f'[2,{unique_id},"Heartbeat",{{}}]')
    assert isinstance(event, CallReceived)
    answer = central.answer(event.unique_id, HeartbeatResponse(current_time=TIME))
    assert answer.startswith(f"[3,{unique_id},")


@pytest.mark.parametrize("length", [37, 300])
def test_f11_a_long_id_is_echoed(central: Conversation, length: int) -> None:
    event = central.receive(call("x" * length, "Heartbeat"))
    assert isinstance(event, CallReceived)
    assert [each.kind for each in event.deviations] == [DeviationKind.TOO_LONG]
    answer = central.answer("x" * length, HeartbeatResponse(current_time=TIME))
    assert json.loads(answer)[1] == "x" * length


def test_ids_that_are_equal_in_python_are_not_the_same_call(central: Conversation) -> None:
    """In Python 1 == 1.0 == True, and "1" is none of them."""
    for unique_id in ("1", "1.0", '"1"'):
        event = central.receive(f'[2,{unique_id},"Authorize",{{"idTag":"A"}}]')
        assert isinstance(event, CallReceived)
    assert isinstance(central.receive('[2,true,"Authorize",{"idTag":"A"}]'), Ignored)
    assert [central.answer(unique_id, ACCEPTED)[:6] for unique_id in (1.0, "1", 1)] == [
        "[3,1.0",
        '[3,"1"',
        "[3,1,{",
    ]


@pytest.mark.parametrize("unique_id", ["true", "[]", "{}"])
def test_a_call_whose_id_is_none_cannot_be_answered(central: Conversation, unique_id: str) -> None:
    assert central.receive(f'[2,{unique_id},"Heartbeat",{{}}]') == Ignored("no unique id")


# A CALL that comes again.


def test_q21_a_resent_call_gets_the_stored_answer(central: Conversation) -> None:
    text = call("7", "StatusNotification", **STATUS)
    central.receive(text)
    answer = central.answer("7", StatusNotificationResponse())
    for _ in range(3):
        assert central.receive(text) == CallRepeated("7", "StatusNotification", answer)


def test_q21_a_call_resent_in_the_meantime_is_answered_once(central: Conversation) -> None:
    text = call("7", "StartTransaction", **START)
    event = central.receive(text)
    assert isinstance(event, CallReceived)
    assert isinstance(event.request, StartTransaction)
    assert central.receive(text) == CallRepeated("7", "StartTransaction", None)


def test_q21_a_refused_call_gets_a_new_chance(central: Conversation) -> None:
    text = call("7", "StartTransaction", **START)
    for _ in range(2):
        assert isinstance(central.receive(text), CallReceived)
        assert central.refuse("7", ErrorCode.INTERNAL_ERROR) == '[4,"7","InternalError","",{}]'


@pytest.mark.parametrize(
    ("text", "response"),
    [
        (call("7", "Heartbeat"), HeartbeatResponse(current_time=TIME)),
        (
            call("7", "BootNotification", chargePointVendor="V", chargePointModel="M"),
            BootNotificationResponse(
                status=RegistrationStatus.ACCEPTED, current_time=TIME, interval=300
            ),
        ),
    ],
)
def test_an_answer_that_carries_the_time_is_given_afresh(
    central: Conversation, text: str, response: Message
) -> None:
    for _ in range(2):
        event = central.receive(text)
        assert isinstance(event, CallReceived)
        assert event.deviations == ()
        central.answer("7", response)


def test_q22_a_counter_that_began_anew_is_no_repeat(central: Conversation) -> None:
    central.receive(call("1", "Authorize", idTag="A"))
    central.answer("1", ACCEPTED)
    event = central.receive(call("1", "Authorize", idTag="B"))
    assert isinstance(event, CallReceived)
    assert event.request == Authorize(id_tag="B")
    assert [each.kind for each in event.deviations] == [DeviationKind.REUSED_ID]
    central.answer("1", ACCEPTED)
    assert isinstance(central.receive(call("1", "Authorize", idTag="A")), CallReceived)


def test_another_call_with_an_id_in_progress_is_a_protocol_error(central: Conversation) -> None:
    central.receive(call("1", "Authorize", idTag="A"))
    event = central.receive(call("1", "Authorize", idTag="B"))
    assert isinstance(event, CallRejected)
    assert event.code is ErrorCode.PROTOCOL_ERROR
    assert central.answer("1", ACCEPTED), "the first one still waits"


def test_only_the_last_answers_are_kept(central: Conversation) -> None:
    texts = [call(str(number), "Authorize", idTag="A") for number in range(ANSWERS_KEPT + 1)]
    for number, text in enumerate(texts):
        central.receive(text)
        central.answer(str(number), ACCEPTED)
    assert isinstance(central.receive(texts[1]), CallRepeated)
    assert isinstance(central.receive(texts[0]), CallReceived), "worked on again"


def test_an_answer_without_end_is_not_kept(charge_point: Conversation) -> None:
    text = call("7", "GetConfiguration")
    keys = tuple(KeyValue(key=f"Key{n}", readonly=True, value="v" * 400) for n in range(50))
    for _ in range(2):
        event = charge_point.receive(text)
        assert isinstance(event, CallReceived)
        assert event.request == GetConfiguration()
        answer = charge_point.answer("7", GetConfigurationResponse(configuration_key=keys))
        assert len(answer) > ANSWER_LENGTH_KEPT


# What cannot be answered.


def test_a_call_is_answered_once(central: Conversation) -> None:
    central.receive(call("7", "Authorize", idTag="A"))
    central.answer("7", ACCEPTED)
    with pytest.raises(LocalProtocolError, match="no CALL '7' waits for an answer"):
        central.answer("7", ACCEPTED)
    with pytest.raises(LocalProtocolError, match="no CALL '7' waits for an answer"):
        central.refuse("7", ErrorCode.INTERNAL_ERROR)


def test_a_call_is_not_answered_with_the_response_of_another(central: Conversation) -> None:
    central.receive(call("7", "Authorize", idTag="A"))
    with pytest.raises(LocalProtocolError, match="not with MeterValuesResponse"):
        central.answer("7", MeterValuesResponse())
    central.answer("7", ACCEPTED)


def test_a_response_that_breaks_a_limit_leaves_the_call_waiting(central: Conversation) -> None:
    central.receive(call("7", "DataTransfer", vendorId="com.example"))
    half_a_pair = DataTransferResponse(status=DataTransferStatus.ACCEPTED, data="\ud83d")
    with pytest.raises(LocalProtocolError, match="this DataTransferResponse cannot be sent"):
        central.answer("7", half_a_pair)
    central.refuse("7", ErrorCode.INTERNAL_ERROR)


@pytest.mark.parametrize("detail", [object(), "\ud83d", [[]]])
def test_details_that_are_no_json_leave_the_call_waiting(
    central: Conversation, detail: Any
) -> None:
    if detail == [[]]:
        detail[0].append(detail)  # a ring
    central.receive(call("7", "Heartbeat"))
    with pytest.raises(LocalProtocolError, match="these details cannot be sent"):
        central.refuse("7", ErrorCode.INTERNAL_ERROR, "", {"why": detail})
    assert central.refuse("7", ErrorCode.INTERNAL_ERROR) == '[4,"7","InternalError","",{}]'


# A CALL of ours goes out.


def test_our_call_is_answered(central: Conversation) -> None:
    assert central.call("c1", Reset(type=ResetType.HARD)) == '[2,"c1","Reset",{"type":"Hard"}]'
    assert central.has_outstanding_call
    event = central.receive('[3,"c1",{"status":"Accepted"}]')
    assert event == ResponseReceived("c1", "Reset", ResetResponse(status=ResetStatus.ACCEPTED))
    assert not central.has_outstanding_call


def test_our_call_is_answered_with_an_error(central: Conversation) -> None:
    central.call("c1", Reset(type=ResetType.HARD))
    event = central.receive('[4,"c1","NotSupported","no Reset here",{"x":1}]')
    assert event == ErrorReceived("c1", "Reset", "NotSupported", "no Reset here", {"x": 1})
    assert not central.has_outstanding_call


def test_f15_a_second_call_has_to_wait(central: Conversation) -> None:
    central.call("c1", Reset(type=ResetType.HARD))
    with pytest.raises(LocalProtocolError, match=r"Reset is still outstanding"):
        central.call("c2", GetConfiguration())
    central.receive('[3,"c1",{"status":"Accepted"}]')
    central.call("c2", GetConfiguration())


@pytest.mark.parametrize("unique_id", ["", "-1", "x" * 37])
def test_an_id_of_ours_is_one_that_can_be_paired(central: Conversation, unique_id: str) -> None:
    with pytest.raises(LocalProtocolError, match="cannot be a unique id"):
        central.call(unique_id, Reset(type=ResetType.HARD))
    assert not central.has_outstanding_call


def test_an_id_that_may_still_be_answered_late_is_not_used_again(central: Conversation) -> None:
    central.call("c1", Reset(type=ResetType.HARD))
    central.give_up()
    with pytest.raises(LocalProtocolError, match="'c1' has been used"):
        central.call("c1", Reset(type=ResetType.HARD))
    central.call("c2", Reset(type=ResetType.HARD))


def test_each_side_sends_only_what_is_its_to_send(
    central: Conversation, charge_point: Conversation
) -> None:
    with pytest.raises(LocalProtocolError, match="a central system does not send Heartbeat"):
        central.call("c1", Heartbeat())
    with pytest.raises(LocalProtocolError, match="a charge point does not send Reset"):
        charge_point.call("1", Reset(type=ResetType.HARD))
    transfer = DataTransfer(vendor_id="com.example")
    assert central.call("c1", transfer)[6:] == charge_point.call("1", transfer)[5:]


def test_a_call_that_cannot_be_sent_is_not_outstanding(central: Conversation) -> None:
    with pytest.raises(LocalProtocolError, match="this ChangeConfiguration cannot be sent"):
        central.call("c1", ChangeConfiguration(key="k" * 51, value=""))
    assert not central.has_outstanding_call


def test_what_is_no_message_is_not_sent(central: Conversation) -> None:
    response: Any = ResetResponse(status=ResetStatus.ACCEPTED)
    with pytest.raises(LocalProtocolError, match="is not a request"):
        central.call("c1", response)


# Answers that are odd.


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[3,"c1",{"status":"accepted"}]', "PropertyConstraintViolation: status: not one of"),
        ('[3,"c1",{}]', "OccurenceConstraintViolation: status: required, but missing"),
        ('[3,"c1",[]]', "FormationViolation: the payload is not an object"),
        ('[3,"c1"]', "an answer of the wrong shape"),
        ('[3,"c1",{},{}]', "an answer of the wrong shape"),
        ('[4,"c1"]', "an answer of the wrong shape"),
        ('[4,"c1",5,"",{}]', "an answer of the wrong shape"),
    ],
)
def test_an_answer_that_cannot_be_read_settles_the_call(
    central: Conversation, text: str, reason: str
) -> None:
    central.call("c1", Reset(type=ResetType.HARD))
    event = central.receive(text)
    assert isinstance(event, InvalidResponseReceived)
    assert (event.unique_id, event.action, event.late) == ("c1", "Reset", False)
    assert event.reason.startswith(reason)
    assert not central.has_outstanding_call


@pytest.mark.parametrize(
    ("text", "code", "description"),
    [
        ('[4,"c1","OccurrenceConstraintViolation","",{}]', "OccurrenceConstraintViolation", ""),
        ('[4,"c1","FormatViolation","",{}]', "FormatViolation", ""),
        ('[4,"c1","RpcFrameworkError","",{}]', "RpcFrameworkError", ""),
        ('[4,"c1","","",{}]', "", ""),
        ('[4,"c1","InternalError","why"]', "InternalError", "why"),
        ('[4,"c1","InternalError"]', "InternalError", ""),
        ('[4,"c1","InternalError",null,null]', "InternalError", ""),
    ],
)
def test_f17_an_odd_callerror_settles_the_call_with_its_code_as_it_came(
    central: Conversation, text: str, code: str, description: str
) -> None:
    central.call("c1", Reset(type=ResetType.HARD))
    event = central.receive(text)
    assert isinstance(event, ErrorReceived)
    assert (event.unique_id, event.action, event.code) == ("c1", "Reset", code)
    assert (event.description, event.details) == (description, {})


def test_a_deviation_in_a_response_is_noted(central: Conversation) -> None:
    central.call("c1", GetConfiguration())
    event = central.receive(
        '[3,"c1",{"configurationKey":[{"key":"A","readonly":false,"value":300}],"unknownKey":null}]'
    )
    assert isinstance(event, ResponseReceived)
    key = KeyValue(key="A", readonly=False, value="300")
    assert event.response == GetConfigurationResponse(configuration_key=(key,))
    assert [each.field for each in event.deviations] == ["configurationKey[0].value", "unknownKey"]


@pytest.mark.parametrize(
    "text",
    [
        '[3,"unknown",{}]',
        '[3,"",{}]',
        '[3,"C1",{"status":"Accepted"}]',
        "[3,1,{}]",
        '[3,"-1",{}]',
        '[4,"unknown","InternalError","",{}]',
        '[4,"c","InternalError","",{}]',
    ],
)
def test_f9_an_answer_to_nothing_of_ours_is_dropped(central: Conversation, text: str) -> None:
    central.call("c1", Reset(type=ResetType.HARD))
    event = central.receive(text)
    assert isinstance(event, Ignored)
    assert event.deviations[-1].kind is DeviationKind.UNEXPECTED_ANSWER
    assert central.has_outstanding_call


@pytest.mark.parametrize("text", ['[3,"unknown"]', '[4,"unknown"]', '[3,"c1",', "[4,null]"])
def test_a_broken_answer_to_nothing_of_ours_is_dropped(central: Conversation, text: str) -> None:
    central.call("c1", Reset(type=ResetType.HARD))
    assert isinstance(central.receive(text), Ignored)
    assert central.has_outstanding_call


def test_an_answer_that_comes_twice_counts_once(central: Conversation) -> None:
    central.call("c1", Reset(type=ResetType.HARD))
    assert isinstance(central.receive('[3,"c1",{"status":"Accepted"}]'), ResponseReceived)
    assert isinstance(central.receive('[3,"c1",{"status":"Accepted"}]'), Ignored)


@pytest.mark.parametrize("unique_id", ['""', '"-1"', "-1"])
def test_f21_an_error_without_id_answers_the_only_call_that_waits(
    central: Conversation, unique_id: str
) -> None:
    central.call("c1", Reset(type=ResetType.HARD))
    event = central.receive(f'[4,{unique_id},"RpcFrameworkError","",{{}}]')
    assert isinstance(event, ErrorReceived)
    assert (event.unique_id, event.action, event.late) == ("c1", "Reset", False)
    assert not central.has_outstanding_call


def test_f21_an_error_without_id_is_dropped_if_nothing_waits(central: Conversation) -> None:
    assert isinstance(central.receive('[4,"-1","GenericError","",{}]'), Ignored)


def test_an_error_without_id_is_dropped_if_it_could_mean_an_earlier_call(
    central: Conversation,
) -> None:
    central.call("c1", Reset(type=ResetType.HARD))
    central.give_up()
    central.call("c2", Reset(type=ResetType.HARD))
    assert isinstance(central.receive('[4,"-1","GenericError","",{}]'), Ignored)
    assert central.has_outstanding_call


# Late answers.


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('[3,"c1",{"status":"Accepted"}]', ResponseReceived),
        ('[4,"c1","InternalError","",{}]', ErrorReceived),
        ('[3,"c1",{"status":"Perhaps"}]', InvalidResponseReceived),
        ('[3,"c1"]', InvalidResponseReceived),
    ],
)
def test_f14_a_late_answer_is_told_as_late_and_leaves_the_next_call_alone(
    central: Conversation, text: str, kind: type[ResponseReceived]
) -> None:
    central.call("c1", Reset(type=ResetType.HARD))
    central.give_up()
    central.call("c2", DataTransfer(vendor_id="com.example"))
    event = central.receive(text)
    assert isinstance(event, kind)
    assert (event.unique_id, event.action, event.late) == ("c1", "Reset", True)
    assert central.has_outstanding_call
    event = central.receive('[3,"c2",{"status":"Accepted"}]')
    assert event == ResponseReceived(
        "c2", "DataTransfer", DataTransferResponse(status=DataTransferStatus.ACCEPTED)
    )
    assert isinstance(central.receive(text), Ignored), "only once"


def test_q24_answers_are_paired_by_id_alone(central: Conversation) -> None:
    central.call("c1", Reset(type=ResetType.HARD))
    central.give_up()
    central.call("c2", Reset(type=ResetType.SOFT))
    central.give_up()
    for unique_id in ("c2", "c1"):
        event = central.receive(f'[3,"{unique_id}",{{"status":"Rejected"}}]')
        assert isinstance(event, ResponseReceived)
        assert (event.unique_id, event.late) == (unique_id, True)


def test_of_calls_given_up_the_last_few_are_remembered(central: Conversation) -> None:
    for number in range(LATE_CALLS_KEPT + 1):
        central.call(f"c{number}", Reset(type=ResetType.HARD))
        central.give_up()
    assert isinstance(central.receive('[3,"c0",{"status":"Accepted"}]'), Ignored)
    assert isinstance(central.receive('[3,"c1",{"status":"Accepted"}]'), ResponseReceived)


def test_giving_up_nothing_is_a_bug(central: Conversation) -> None:
    with pytest.raises(AssertionError, match="nothing is outstanding"):
        central.give_up()


# Messages that are no frames.


@pytest.mark.parametrize(
    "text", ["", " ", '[9,"1",{}]', "[1]", '[5,"1","x"]', "{", "[]", '""', "x"]
)
def test_f7_and_f8_are_met_with_silence(central: Conversation, text: str) -> None:
    assert isinstance(central.receive(text), Ignored)
    assert isinstance(central.receive(call("1", "Heartbeat")), CallReceived)


def test_too_many_broken_messages_in_a_row_close_the_connection(central: Conversation) -> None:
    for _ in range(BROKEN_IN_A_ROW - 1):
        assert isinstance(central.receive("{"), Ignored)
    event = central.receive("{")
    assert isinstance(event, MustClose)
    assert event.code == 1008


def test_a_sound_message_in_between_forgives_the_broken_ones(central: Conversation) -> None:
    for _ in range(3):
        for _ in range(BROKEN_IN_A_ROW - 1):
            assert isinstance(central.receive('[2,"1"'), Ignored | CallRejected)
        assert isinstance(central.receive('[3,"unknown",{}]'), Ignored)


def test_q29_a_binary_message_that_is_text_is_read_as_text(central: Conversation) -> None:
    for unique_id in ("1", "2"):
        event = central.receive(call(unique_id, "Heartbeat").encode())
        assert isinstance(event, CallReceived)
        assert [each.kind for each in event.deviations] == [DeviationKind.BINARY_FRAME]
        central.answer(unique_id, HeartbeatResponse(current_time=TIME))


def test_q47_a_call_beside_one_that_is_unanswered_is_noted(central: Conversation) -> None:
    central.receive(call("1", "StatusNotification", **STATUS))
    beside = central.receive(call("2", "Heartbeat"))
    assert isinstance(beside, CallReceived)
    (noted,) = beside.deviations
    assert (noted.kind, noted.original) == (
        DeviationKind.CALLS_AT_ONCE,
        "beside StatusNotification",
    )
    central.answer("1", StatusNotificationResponse())
    central.answer("2", HeartbeatResponse(current_time=TIME))
    after = central.receive(call("3", "Heartbeat"))
    assert isinstance(after, CallReceived)
    assert after.deviations == ()


def test_q29_a_binary_message_that_is_not_text_closes_the_connection(central: Conversation) -> None:
    event = central.receive(b"\xff\xfe")
    assert isinstance(event, MustClose)
    assert event.code == 1003


def test_a_stop_without_id_tag_is_answered_with_nothing(central: Conversation) -> None:
    central.receive(call("7", "StopTransaction", transactionId=-1, meterStop=9, timestamp=T))
    assert central.answer("7", StopTransactionResponse()) == '[3,"7",{}]'


def test_a_legrand_error_is_an_other_error(central: Conversation) -> None:
    event = central.receive(call("1", "StatusNotification", **STATUS | {"errorCode": "Error"}))
    assert isinstance(event, CallReceived)
    request: Any = event.request
    assert request.error_code is ChargePointErrorCode.OTHER_ERROR


def test_conversations_do_not_share_anything() -> None:
    """Ids count per connection: on the next one a counter may have begun anew (Q3, Q22)."""
    first, second = Conversation(Role.CENTRAL_SYSTEM), Conversation(Role.CENTRAL_SYSTEM)
    text = call("1", "Authorize", idTag="A")
    first.receive(text)
    first.answer("1", ACCEPTED)
    assert isinstance(second.receive(text), CallReceived)
    first.call("c1", Reset(type=ResetType.HARD))
    assert not second.has_outstanding_call


def test_white_space_in_a_frame_does_not_matter(central: Conversation) -> None:
    central.call("c1", Reset(type=ResetType.HARD))
    event = central.receive(' [ 3 , "c1" , { "status" : "Rejected" } ] ')
    assert event == ResponseReceived("c1", "Reset", ResetResponse(status=ResetStatus.REJECTED))
