"""What the columns of the store may say: states, kinds and directions, with the text as value.

Not here: the rows (records), and what events say (ocpptrio.events).
"""

from enum import StrEnum
from typing import Final


class TransactionState(StrEnum):
    OPEN = "open"
    STOPPED = "stopped"
    SUPERSEDED = "superseded"  # another start on the connector proves that it is over
    CONCLUDED = "concluded"  # over by other evidence, or by a person's word; no stop came


class EnergySource(StrEnum):
    """What the energy of a transaction was made of, the best first."""

    START_STOP = "start and stop"
    TRANSACTION_SAMPLES = "transaction samples"  # up to one of the context Transaction.End
    SAMPLES = "samples"
    STOP_FIELD = "stop field"  # meterStop, less a base that is not meterStart
    NEXT_START = "next start"  # meterStart of the next transaction on the connector
    PERSON = "person"


class Confidence(StrEnum):
    CERTAIN = "certain"
    LIKELY = "likely"
    UNSURE = "unsure"


class Conclusion(StrEnum):
    """What was concluded about a transaction besides what its own messages say."""

    SUSPECT = "suspect"  # a boot: it may be over
    RUNNING = "running"  # no longer suspect
    SUPERSEDED = "superseded"
    ENDED = "ended"
    STOP_MATCHED = "stop matched"  # a stop for another id is its
    STOP_TAKEN = "stop taken"  # after we had concluded that it was over
    ENERGY_GIVEN = "energy given"  # by a person


class ReviewKind(StrEnum):
    """Why something waits for a person."""

    ORPHAN_STOP = "orphan stop"  # fits no transaction, or several
    SUSPECT = "suspect"  # since long, and nothing proves it over
    ENERGY_UNKNOWN = "energy unknown"
    VALUES_AFTER_END = "values after end"  # of one that we had concluded


class RegisterHabit(StrEnum):
    """An odd way in which registers of a charge point count (Q44)."""

    SAMPLES_PER_TRANSACTION = "samples per transaction"  # start and stop count on
    STOP_PER_TRANSACTION = "stop per transaction"  # while start counts on
    ZERO_START = "zero start"  # meterStart is 0, whatever the register shows
    RESTARTS = "restarts"  # a register began anew within a transaction


class CommandState(StrEnum):
    """How far a command has come. It only moves forward; see store.commands."""

    QUEUED = "queued"
    SENT = "sent"
    ANSWERED = "answered"
    REFUSED = "refused"  # with a CALLERROR
    TIMED_OUT = "timed out"  # a late answer may still come
    UNKNOWN = "outcome unknown"  # sent, then the connection or the central system ended
    FAILED = "failed"  # not sent, or the answer cannot be read
    EXPIRED = "expired"  # before it could be sent
    CANCELLED = "cancelled"  # before it was sent


class EffectState(StrEnum):
    """Whether what a command asks for has been seen to happen, beside its answer."""

    NONE = "none"  # the answer says it all, or it was not accepted
    AWAITED = "awaited"
    SEEN = "seen"
    FAILED = "failed"  # it was tried, and the charge point says that it failed
    NOT_SEEN = "not seen in time"


class TaskState(StrEnum):
    RUNNING = "running"
    DONE = "done"  # nothing is left to be sent or answered
    STOPPED = "stopped"  # too many failures
    CANCELLED = "cancelled"


class Role(StrEnum):
    """What somebody may do who uses the API; each may do what those before it may."""

    VIEWER = "viewer"  # look at everything but access
    OPERATOR = "operator"  # run the charge points
    ADMIN = "admin"  # say who may do what

    def may(self, needed: "Role") -> bool:
        """Whether this is enough where that one is needed."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


class Direction(StrEnum):
    IN = "in"  # from the charge point
    OUT = "out"


class WantedScope(StrEnum):
    """Whom a wanted value is for. Their own wins over that of their groups."""

    CHARGE_POINT = "charge point"
    GROUP = "group"


class AttemptOutcome(StrEnum):
    """What is known of a value that we sent to a charge point."""

    SENT = "sent"  # and not answered, or with an error that may pass
    ACCEPTED = "accepted"
    REBOOT_REQUIRED = "reboot required"
    HIDDEN = "accepted, not reported"  # its word is all that we get
    REJECTED = "rejected"
    NOT_SUPPORTED = "not supported"


# The statuses of answers that mean yes; every other one means no, or not all of it.
ACCEPTING: Final = frozenset(
    {"Accepted", "AcceptedCanceled", "Scheduled", "RebootRequired", "Unlocked"}
)


def has_failed(state: CommandState, status: str | None, effect: EffectState) -> bool:
    """What a command asked for did not happen, as far as is known."""
    match effect:
        case EffectState.SEEN:
            return False
        case EffectState.FAILED | EffectState.NOT_SEEN:
            return True
    if state is CommandState.ANSWERED:
        return status is not None and status not in ACCEPTING
    return state in (
        CommandState.REFUSED,
        CommandState.TIMED_OUT,
        CommandState.UNKNOWN,
        CommandState.FAILED,
    )


class WebhookState(StrEnum):
    ACTIVE = "active"
    FAILING = "failing"  # what is not delivered is tried again
    PAUSED = "paused"
