"""Each kind of deviation in plain words: what it is, what we made of it, which clause it breaks.

Not here: finding them (protocol.tolerance, protocol.conversation, and where each is noted).
"""

from typing import Final

import msgspec

from ocpptrio.protocol.datatypes import DeviationKind


class Meaning(msgspec.Struct, frozen=True):
    """A kind of deviation, for people.

    Attributes:
        what: what the charge point did.
        made_of_it: what became of the message here.
        clause: the rule that it breaks; for a field, its message has more.
        correct: what is right, where the field itself does not tell.
        has_frame: one message shows it.
    """

    what: str
    made_of_it: str
    clause: str
    correct: str = ""
    has_frame: bool = True


MEANINGS: Final[dict[DeviationKind, Meaning]] = {
    DeviationKind.WRONG_TYPE: Meaning(
        "a value has another JSON type than its field",
        "read as if it had the right type",
        "OCPP-J 1.6, 4.2.3 (TypeConstraintViolation)",
    ),
    DeviationKind.NULL: Meaning(
        "an optional field is null",
        "read as if it were left out",
        "JSON schema of the message, which has no null",
        "leave the field out",
    ),
    DeviationKind.MISSING: Meaning(
        "a required field is not there",
        "something was put in its place: -1 for an id or a register, the time of receipt for a "
        "time, nothing for a text or a list",
        "OCPP-J 1.6, 4.2.3 (OccurenceConstraintViolation)",
    ),
    DeviationKind.UNKNOWN_FIELD: Meaning(
        "the message has a field that is not specified",
        "the field was dropped, the rest was used",
        "JSON schema of the message (additionalProperties: false; OCPP-J errata 3.2)",
        "leave the field out; DataTransfer is for extensions (OCPP 1.6, 4.3)",
    ),
    DeviationKind.UNKNOWN_VALUE: Meaning(
        "a value is none of those that its enumeration has",
        "kept as text; where a known value is plainly meant, read as that",
        "OCPP 1.6 errata 3.24",
    ),
    DeviationKind.TOO_LONG: Meaning(
        "a text is longer than its field allows",
        "kept, up to 255 characters",
        "OCPP 1.6, 7 (CiString types)",
    ),
    DeviationKind.OUT_OF_RANGE: Meaning(
        "a number is outside of its range",
        "kept as it is, or as -1 if no 64 bits hold it",
        "OCPP-J 1.6, 4.2.3 (PropertyConstraintViolation)",
    ),
    DeviationKind.EMPTY_LIST: Meaning(
        "a list that needs at least one item has none",
        "read as a message without them",
        "OCPP-J 1.6, 4.2.3 (OccurenceConstraintViolation)",
    ),
    DeviationKind.DROPPED: Meaning(
        "a value cannot be read at all",
        "this value was left out, the rest was used",
        "OCPP-J 1.6, 4.2.3 (PropertyConstraintViolation)",
    ),
    DeviationKind.TIME_WITHOUT_ZONE: Meaning(
        "a time has no time zone",
        "taken as UTC",
        "OCPP 1.6, 3.14 and 3.15 (RFC 3339)",
    ),
    DeviationKind.TIME_FORMAT: Meaning(
        "a time is not written as RFC 3339 wants it",
        "read where it means a time, else the time of receipt was used",
        "OCPP 1.6, 3.15 (RFC 3339)",
    ),
    DeviationKind.CONTROL_CHARACTERS: Meaning(
        "a message has control characters that JSON does not allow",
        "read with them; they do not count where texts are compared",
        "OCPP-J 1.6, 4.2 (RFC 8259, 7)",
        r"write them as \u0000 or leave them out",
    ),
    DeviationKind.INVALID_JSON: Meaning(
        "a message is not JSON",
        "read if it could be mended; else answered with FormationViolation if its unique id "
        "could be read, and ignored if not",
        "OCPP-J 1.6, 4.2 (RFC 8259)",
        'a JSON array: [2,"19223201","Heartbeat",{}]',
    ),
    DeviationKind.BINARY_FRAME: Meaning(
        "a message came in a binary WebSocket frame",
        "read as text",
        "OCPP-J 1.6, 4.1.2",
        "text frames (opcode 1), in UTF-8",
    ),
    DeviationKind.UNEXPECTED_ANSWER: Meaning(
        "an answer belongs to no CALL that was sent",
        "dropped",
        "OCPP-J 1.6, 4.1.4",
        "the unique id of the CALL that is answered, once",
    ),
    DeviationKind.REUSED_ID: Meaning(
        "a unique id was used again for another CALL",
        "handled as a new CALL",
        "OCPP-J 1.6, 4.1.4 and errata 3.1",
        "a unique id that was never used before, such as a UUID",
    ),
    DeviationKind.REFUSED: Meaning(
        "a CALL could not be accepted; the example tells why",
        "answered with a CALLERROR",
        "OCPP-J 1.6, 4.2.3",
        "a CALL without that mistake",
    ),
    DeviationKind.UNKNOWN_ACTION: Meaning(
        "a CALL has an Action that OCPP 1.6 does not know",
        "answered with NotImplemented",
        "OCPP-J 1.6, 4.2.1",
        "DataTransfer, which is for extensions (OCPP 1.6, 4.3)",
    ),
    DeviationKind.BEFORE_BOOT: Meaning(
        "a CALL came before a BootNotification was accepted",
        "answered with SecurityError",
        "OCPP 1.6, 4.2 and OCPP-J errata 3.10",
        "nothing but BootNotification until it is Accepted",
    ),
    DeviationKind.CALLS_AT_ONCE: Meaning(
        "a CALL came while another one of this charge point was unanswered",
        "both were answered, in the order in which they came",
        "OCPP-J 1.6, 4.1.1",
        "the next CALL when the one before is answered, or has timed out",
    ),
    DeviationKind.UNKNOWN_TRANSACTION: Meaning(
        "a message names a transaction that was never given to this charge point",
        "answered; the transaction that it means is told from connector, idTag, time and register, "
        "and a stop that could mean none or several waits for a person",
        "OCPP 1.6, 4.7 and 4.10",
        "the transactionId of StartTransaction.conf; -1 if none was received (errata 3.18)",
    ),
    DeviationKind.REGISTER_BACKWARDS: Meaning(
        "the register at the stop is below that at the start",
        "the energy was told from the samples, if at all",
        "OCPP 1.6, 7.31 (a register only counts up)",
        "the register of the same meter at both ends",
    ),
    DeviationKind.SECOND_CONNECTION: Meaning(
        "another connection was opened while messages still came on the one before",
        "the newer one is used, the older one was closed",
        "OCPP-J 1.6, 3.1.1 (an identity is one charge point)",
        "one connection at a time, and an identity of its own for each charge point",
        has_frame=False,
    ),
    DeviationKind.NO_PONG: Meaning(
        "a WebSocket ping was not answered",
        "that it is alive is told from its messages alone",
        "RFC 6455, 5.5.2",
        "a pong with the same data",
        has_frame=False,
    ),
    DeviationKind.NO_ANSWER: Meaning(
        "CALLs were not answered, though other messages came on the same connection",
        "reported as a condition; closed with code 1011 where the settings say so",
        "OCPP-J 1.6, 4.1.1 and 4.2",
        "a CALLRESULT or a CALLERROR for each CALL",
        has_frame=False,
    ),
    DeviationKind.WRONG_CLOCK: Meaning(
        "the times in its messages are off",
        "kept as they came, and reported as a condition",
        "OCPP 1.6, 3.14 and 4.2 (the answer to a BootNotification sets the clock)",
        "the clock set from currentTime, and times in UTC",
        has_frame=False,
    ),
    DeviationKind.NOT_ENCODED: Meaning(
        "the URL holds characters that are to be percent-encoded",
        "understood as if they were",
        "OCPP-J 1.6, 3.1.1, and RFC 3986",
        "the identity percent-encoded, for example %20 for a space",
        has_frame=False,
    ),
    DeviationKind.INVALID_UTF8: Meaning(
        "a message is not UTF-8",
        "the bytes that are none were replaced",
        "OCPP-J 1.6, 4.1.2",
        "text in UTF-8",
    ),
}
