"""What waits and what was charged, for a whole fleet: a few numbers, each found by an index.

Not here: what charge points do right now (session.fleet).
"""

from typing import cast

import msgspec

from ocpptrio.store import events
from ocpptrio.store.driver import Reader

_SQL = """SELECT
    (SELECT coalesce(sum(energy_wh), 0) FROM transactions WHERE stopped_at_us >= ?),
    (SELECT count(*) FROM reviews WHERE resolved_at_us IS NULL),
    (SELECT count(*) FROM attempts),
    (SELECT count(*) FROM conditions WHERE cleared_at_us IS NULL),
    (SELECT count(*) FROM commands WHERE settled_at_us IS NULL),
    (SELECT count(*) FROM alerts WHERE ended_at_us IS NULL),
    (SELECT count(*) FROM webhooks WHERE state = 'failing')"""


class Waiting(msgspec.Struct, frozen=True):
    """See the module.

    Attributes:
        event_number: of the newest event that is counted in.
        energy_wh: of transactions that stopped since the time asked for.
    """

    event_number: int
    energy_wh: int
    reviews: int
    attempts: int
    conditions: int
    commands: int
    alerts: int
    webhooks_failing: int


def waiting(reader: Reader, *, since_us: int) -> Waiting:
    (row,) = reader.rows(_SQL, [since_us])
    return Waiting(
        events.last_number(reader), *cast("tuple[int, int, int, int, int, int, int]", row)
    )
