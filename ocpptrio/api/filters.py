"""Parameters that many lists take."""

from datetime import UTC, datetime
from typing import Annotated, Final

from litestar.params import PathParameter, QueryParameter

from ocpptrio.api.problems import bad_request
from ocpptrio.clock import to_us

Since = Annotated[
    datetime | None,
    QueryParameter(description="from this time on (RFC 3339, with a zone)"),
]
Until = Annotated[
    datetime | None,
    QueryParameter(description="before this time (RFC 3339, with a zone)"),
]
ChargePointId = Annotated[
    str | None,
    QueryParameter(max_length=255, description="only of this charge point"),
]
# A number that the store gave; no larger than what JavaScript counts exactly.
Number = Annotated[int, PathParameter(ge=0, le=2**53)]
_YEAR_9999_US: Final = to_us(datetime(9999, 1, 1, tzinfo=UTC))


def stored_us(when: datetime, name: str) -> int:
    """As `us`, of a time that is kept, and shown again.

    Raises:
        Problem: it has no zone, or is out of all bounds.
    """
    found = us(when, name)
    assert found is not None
    if not 0 <= found < _YEAR_9999_US:
        raise bad_request("give a time from 1970 on and before the year 9999", field=name)
    return found


def us(when: datetime | None, name: str) -> int | None:
    """The time in microseconds since 1970, if there is one.

    Raises:
        Problem: it has no zone.
    """
    if when is None:
        return None
    if when.tzinfo is None:
        raise bad_request("give the zone: 2026-11-22T10:00:00Z", field=name)
    return to_us(when)
