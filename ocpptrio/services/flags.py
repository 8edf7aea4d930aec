"""What the flags of a transaction mean: each one tells that something about it is odd."""

from typing import Final

CLOCK_NOT_SET: Final = "clock not set"
STOP_BEFORE_START: Final = "stop before start"
NO_METER_START: Final = "no meter start"
NO_METER_STOP: Final = "no meter stop"
METER_BELOW_START: Final = "meter stop below start"
STOPPED_BY_ANOTHER_TAG: Final = "stopped by another tag"
SECOND_STOP_DIFFERS: Final = "second stop differs"
_OTHER_ID: Final = "stop sent for id "

_MEANINGS: Final = {
    CLOCK_NOT_SET: "The charge point had no time when it started: the time of arrival counts.",
    STOP_BEFORE_START: "Its stop bears an earlier time than its start: a clock was set meanwhile.",
    NO_METER_START: "Its start came with a meter value below 0, which says nothing.",
    NO_METER_STOP: "Its stop came with a meter value below 0, which says nothing.",
    METER_BELOW_START: "The meter showed less at the stop than at the start.",
    STOPPED_BY_ANOTHER_TAG: "The idTag of its stop is neither its own nor one of the same group.",
    SECOND_STOP_DIFFERS: "Its stop came twice with different values: the first one counts.",
}
_OTHER_ID_MEANS: Final = "Its stop named another transaction id, and fits this transaction alone."


def stop_sent_for(transaction_id: int) -> str:
    """The flag of one whose stop named another id."""
    return f"{_OTHER_ID}{transaction_id}"


def meaning(flag: str) -> str:
    """A flag in a sentence."""
    if flag.startswith(_OTHER_ID):
        return _OTHER_ID_MEANS
    return _MEANINGS.get(flag, "")
