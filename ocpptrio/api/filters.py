"""Parameters that many lists take."""

from datetime import datetime
from typing import Annotated

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
# The number of a thing, in a path.
Number = Annotated[int, PathParameter(ge=1, le=2**63 - 1)]


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
