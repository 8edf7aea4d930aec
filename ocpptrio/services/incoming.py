"""What a handler is told about a CALL besides the request itself."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from ocpptrio.clock import to_us
from ocpptrio.protocol.datatypes import Deviation, DeviationKind, Message
from ocpptrio.protocol.frames import UniqueId
from ocpptrio.session.registry import Session
from ocpptrio.session.state import SessionState
from ocpptrio.store import deviations
from ocpptrio.store.driver import Db

# A clock that shows another time was never set: its events are ordered by their arrival. One whose
# bits are all set shows 2106.
CLOCK_NOT_SET_BEFORE_US: Final = 1_262_304_000_000_000  # 2010-01-01
CLOCK_NOT_SET_FROM_US: Final = 4_102_444_800_000_000  # 2100-01-01


def is_timed(timestamp: datetime) -> bool:
    """Was the clock set that shows this time?"""
    return CLOCK_NOT_SET_BEFORE_US <= to_us(timestamp) < CLOCK_NOT_SET_FROM_US


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """Who sent a CALL, and when it came.

    Attributes:
        received_at_us: microseconds since 1970 (UTC).
        session: the charge point as it is known now.
    """

    charge_point_id: str
    unique_id: UniqueId
    received_at_us: int
    session: Session
    action: str = ""

    @property
    def state(self) -> SessionState:
        return self.session.state

    def event_time_us(self, timestamp: datetime | None) -> int:
        """When something happened: as the charge point says, or the receipt if it cannot know."""
        if timestamp is None:
            return self.received_at_us
        stated_us = to_us(timestamp)
        if CLOCK_NOT_SET_BEFORE_US <= stated_us < CLOCK_NOT_SET_FROM_US:
            return stated_us
        self.session.clock_unset_at_us = self.received_at_us
        return self.received_at_us

    def note(self, db: Db, kind: DeviationKind, field: str, original: str) -> None:
        """Enter into the ledger that this CALL does what the specification does not allow."""
        deviations.note(
            db,
            charge_point_id=self.charge_point_id,
            action=self.action,
            deviation=Deviation(field, kind, original),
            at_us=self.received_at_us,
        )


# Any: a handler takes one kind of request, named by its key in the table.
Handler = Callable[[Incoming, Any], Awaitable[Message]]
"""Answers one kind of CALL.

Raises:
    RemoteProtocolError: to answer with a CALLERROR.
"""
