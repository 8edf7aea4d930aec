"""Rows as they are read: one struct per table, fields named and ordered as its columns.

Times (`_us`) are microseconds since 1970 in UTC. Not here: SQL, what its columns may say
(vocabulary), and events (ocpptrio.events).
"""

from functools import cache
from typing import Self, TypeVar

import msgspec

from ocpptrio.config import AlertKind
from ocpptrio.events import ConditionKind, Facts, OpenMode, ProvisioningState
from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus, RegistrationStatus
from ocpptrio.protocol.datatypes import AuthorizationStatus, DeviationKind
from ocpptrio.store.driver import Row
from ocpptrio.store.vocabulary import (
    AttemptOutcome,
    CommandState,
    Conclusion,
    Confidence,
    Direction,
    EffectState,
    EnergySource,
    RegisterHabit,
    ReviewKind,
    Role,
    TaskState,
    TransactionState,
    WantedScope,
    WebhookState,
    has_failed,
)


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of every row."""

    @classmethod
    def of(cls, row: Row) -> Self:
        """The record of a row that begins with these columns."""
        values = dict(zip(cls.__struct_fields__, row, strict=False))
        for name in _booleans(cls):
            values[name] = bool(values[name])
        return msgspec.convert(values, cls)


@cache
def _booleans(record: type[Record]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(record) if field.type is bool)


class ChargePointRecord(Record, frozen=True, kw_only=True):
    charge_point_id: str
    registered_at_us: int
    origin: str  # loopback, accepted, adopted, added
    registration: RegistrationStatus = RegistrationStatus.ACCEPTED
    password_hash: str | None = None  # argon2; None: may connect without
    note: str | None = None
    generation: int = 0  # of the newest connection
    connected: bool = False  # that connection is open
    peer: str | None = None
    connected_at_us: int | None = None
    last_seen_at_us: int | None = None
    booted_at_us: int | None = None
    vendor: str | None = None
    model: str | None = None
    serial_number: str | None = None
    charge_box_serial_number: str | None = None
    firmware_version: str | None = None
    iccid: str | None = None
    imsi: str | None = None
    meter_type: str | None = None
    meter_serial_number: str | None = None
    firmware_status: str | None = None
    firmware_status_at_us: int | None = None
    diagnostics_status: str | None = None
    diagnostics_status_at_us: int | None = None
    log_status: str | None = None
    log_status_at_us: int | None = None
    mode: OpenMode = OpenMode.CLOSED
    fixed_id_tag: str | None = None  # of mode "fixed tag"
    learning_ends_at_us: int | None = None  # of mode "learn"


class ConnectorRecord(Record, frozen=True, kw_only=True):
    charge_point_id: str
    connector_id: int  # 0: the charge point as a whole
    status: ChargePointStatus
    error_code: ChargePointErrorCode
    info: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None
    status_at_us: int  # as the charge point says
    received_at_us: int


class Terms(Record, frozen=True, kw_only=True):
    """On which terms somebody may charge: an idTag, or a group of them."""

    expires_at_us: int | None = None
    blocked: bool = False
    max_concurrent: int | None = None  # None: as configured, a group has no limit; 0: no limit
    week_times: str | None = None  # None: always; see week_times.py
    day_budget_wh: int | None = None  # None: no budget
    month_budget_wh: int | None = None
    note: str | None = None
    created_at_us: int


class IdTagRecord(Terms, frozen=True, kw_only=True):
    id_tag_key: str = ""  # folded; made by the store
    id_tag: str  # as entered
    parent_id_tag: str | None = None  # its group, as entered
    group_key: str | None = None  # folded; made by the store


class TagGroupRecord(Terms, frozen=True, kw_only=True):
    """What tags with the same parentIdTag share."""

    group_key: str = ""  # folded; made by the store
    parent_id_tag: str  # as sent for all members


class TagRights(Record, frozen=True, kw_only=True):
    """Where a tag or a group of tags may charge; nothing named: everywhere."""

    charge_points: tuple[str, ...] = ()
    charge_point_groups: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.charge_points or self.charge_point_groups)


class TransactionRecord(Record, frozen=True, kw_only=True):
    transaction_id: int
    charge_point_id: str
    connector_id: int
    id_tag: str
    id_tag_key: str
    parent_id_tag: str | None  # as answered
    authorization_status: AuthorizationStatus  # as answered
    authorization_expires_at_us: int | None  # as answered
    reservation_id: int | None
    started_at_us: int  # as the charge point says
    start_received_at_us: int
    meter_start_wh: int
    state: TransactionState
    superseded_by: int | None
    stopped_at_us: int | None
    stop_received_at_us: int | None
    meter_stop_wh: int | None
    stop_reason: str | None
    stop_id_tag: str | None
    energy_wh: int | None  # None: cannot be told
    flags: tuple[str, ...]  # what is odd
    account_key: str  # of the idTag that answers for it, folded
    authorization_reason: str | None  # why it was answered so
    suspect_since_us: int | None = None  # a boot, since which nothing shows that it runs
    concluded_at_us: int | None = None  # when it ended, as far as we can tell: no stop came
    energy_source: EnergySource | None = None
    stop_sent_id: int | None = None  # the id in its stop, where that is not its own
    # The ends of its register: kept when its readings go.
    first_register_wh: float | None = None
    first_register_at_us: int | None = None
    last_register_wh: float | None = None
    last_register_at_us: int | None = None
    # The newest and the first import register among its meter readings, or of those that were
    # kept: looked up where people see it.
    last_meter_wh: float | None
    last_meter_at_us: int | None
    first_meter_wh: float | None = None
    first_meter_at_us: int | None = None

    @property
    def ended_at_us(self) -> int | None:
        """When it stopped, or ended as far as we can tell."""
        return self.concluded_at_us if self.stopped_at_us is None else self.stopped_at_us

    @classmethod
    def of(cls, row: Row) -> Self:
        """The record of a row with `flags` as text."""
        values = dict(zip(cls.__struct_fields__, row, strict=True))
        values["flags"] = split_flags(values["flags"])  # type: ignore[assignment] # not SQL any more
        return msgspec.convert(values, cls)


class Running(Record, frozen=True, kw_only=True):
    """A transaction that counts as running for whoever answers for it."""

    transaction_id: int
    charge_point_id: str
    account_key: str


RecordT = TypeVar("RecordT", bound=Record)

_facts = msgspec.json.Decoder(Facts)


def facts_json(evidence: Facts) -> str:
    """The evidence as a column holds it."""
    return msgspec.json.encode(evidence).decode()


def _with_evidence(record: type[RecordT], row: Row) -> RecordT:
    values: dict[str, object] = dict(zip(record.__struct_fields__, row, strict=True))
    evidence = values["evidence"]
    assert isinstance(evidence, str)
    return msgspec.convert(values | {"evidence": _facts.decode(evidence)}, record)


def split_flags(text: object) -> tuple[str, ...]:
    """The flags in a column."""
    assert isinstance(text, str)
    return tuple(text.split(",")) if text else ()


class OrphanStopRecord(Record, frozen=True, kw_only=True):
    orphan_id: int
    charge_point_id: str
    transaction_id: int  # as sent: -1, 0 or unknown
    id_tag: str | None
    meter_stop_wh: int
    stopped_at_us: int
    received_at_us: int
    reason: str
    payload: str  # the whole request as JSON
    resolved_at_us: int | None = None  # None: it still fits nothing
    stopped_transaction_id: int | None = None  # the transaction that it ended


class MeterReading(Record, frozen=True, kw_only=True):
    """One measured instant; None where it was not measured. Also what is appended."""

    charge_point_id: str
    connector_id: int
    transaction_id: int | None = None  # of ours; None: outside of any
    sent_transaction_id: int | None = None  # as sent, where it is not the same
    measured_at_us: int
    received_at_us: int
    context: str
    energy_wh: float | None = None  # import register
    power_w: float | None = None
    current_a: float | None = None
    voltage_v: float | None = None
    frequency_hz: float | None = None
    soc_percent: float | None = None
    temperature_c: float | None = None
    sampled_values: str  # all of them as received, as JSON
    digest: int  # see meter_readings.digest


class ConclusionRecord(Record, frozen=True, kw_only=True):
    conclusion_id: int
    transaction_id: int
    at_us: int
    conclusion: Conclusion
    confidence: Confidence
    evidence: Facts

    @classmethod
    def of(cls, row: Row) -> Self:
        return _with_evidence(cls, row)


class ReviewRecord(Record, frozen=True, kw_only=True):
    review_id: int
    kind: ReviewKind
    charge_point_id: str
    transaction_id: int | None
    orphan_id: int | None
    since_us: int
    evidence: Facts
    resolved_at_us: int | None = None  # None: it waits
    decision: str | None = None
    note: str | None = None

    @classmethod
    def of(cls, row: Row) -> Self:
        return _with_evidence(cls, row)


class RegisterHabitRecord(Record, frozen=True, kw_only=True):
    charge_point_id: str
    habit: RegisterHabit
    transaction_id: int  # that showed it last; 0: none yet, its vendor profile says so
    noted_at_us: int
    evidence: Facts

    @classmethod
    def of(cls, row: Row) -> Self:
        return _with_evidence(cls, row)


class RollupRecord(Record, frozen=True, kw_only=True):
    """Meter readings of a quarter of an hour; None where it was not measured."""

    charge_point_id: str
    connector_id: int
    begins_at_us: int
    transaction_id: int  # 0: outside of any
    readings: int
    energy_wh: float | None = None  # imported meanwhile
    register_wh: float | None = None  # at the end
    power_min_w: float | None = None
    power_avg_w: float | None = None
    power_max_w: float | None = None
    current_avg_a: float | None = None
    voltage_avg_v: float | None = None
    soc_percent: float | None = None  # at the end
    temperature_avg_c: float | None = None


class ProgressRecord(Record, frozen=True, kw_only=True):
    name: str
    value: int


class CommandRecord(Record, frozen=True, kw_only=True):
    command_id: int
    charge_point_id: str
    action: str
    request: str  # payload as JSON, secrets redacted
    state: CommandState
    created_at_us: int
    settled_at_us: int | None
    response: str | None  # payload as JSON
    error: str | None  # why not answered
    late: bool  # the answer came after the time-out
    sent_at_us: int | None = None
    expires_at_us: int | None = None  # None: sent at once or never
    idempotency_key: str | None = None
    status: str | None = None  # in the answer: Accepted, Rejected, ...
    effect: EffectState = EffectState.NONE
    effect_detail: str | None = None
    effect_at_us: int | None = None
    effect_due_at_us: int | None = None  # then it is "not seen in time"
    transaction_id: int | None = None  # that it began or ended
    task_id: int | None = None
    follows: int | None = None  # the command that this one makes up for
    secret_request: str | None = None  # with its secrets, while it is queued
    requested_by: str | None = None  # None: ourselves, or the command line

    @property
    def settled(self) -> bool:
        """Nothing more is expected but a late answer, and its effect."""
        return self.state not in (CommandState.QUEUED, CommandState.SENT)

    @property
    def failed(self) -> bool:
        """What was asked for did not happen, as far as is known."""
        return has_failed(self.state, self.status, self.effect)


class TaskRecord(Record, frozen=True, kw_only=True):
    """One request, or one of each, for many charge points."""

    task_id: int
    action: str
    request: str | None  # redacted; None: each charge point has its own
    state: TaskState
    created_at_us: int
    expires_at_us: int  # of what is not sent by then
    at_a_time: int
    per_minute: int | None
    stop_after: int | None  # failures
    total: int  # charge points
    ended_at_us: int | None
    reason: str | None  # why it was stopped
    idempotency_key: str | None
    digest: str
    requested_by: str | None = None


class DeviationRecord(Record, frozen=True, kw_only=True):
    charge_point_id: str
    action: str
    field: str  # path of wire names without list indexes
    kind: DeviationKind
    occurrences: int
    first_at_us: int
    last_at_us: int
    example: str
    first_firmware: str | None = None  # of the charge point, when it came first
    last_firmware: str | None = None


class ConfigurationRecord(Record, frozen=True, kw_only=True):
    charge_point_id: str
    key_folded: str
    key: str
    value: str | None
    readonly: bool
    reported_at_us: int
    # What it will hold after its next boot, since when, and which command said so.
    pending_value: str | None = None
    pending_at_us: int | None = None
    pending_command_id: int | None = None


class ConfigurationChange(Record, frozen=True, kw_only=True):
    """A key that came to hold another value."""

    change_number: int
    charge_point_id: str
    key_folded: str
    key: str
    value_before: str | None
    value_after: str | None
    changed_at_us: int  # when we learnt of it
    command_id: int | None  # of ours; None: the charge point by itself


class WantedRecord(Record, frozen=True, kw_only=True):
    """What a key is to hold."""

    scope: WantedScope
    target: str  # an identity, or the name of a group
    key_folded: str = ""  # made by the store
    key: str
    value: str
    set_at_us: int


class AttemptedRecord(Record, frozen=True, kw_only=True):
    """What became of writing a value to a key, on a firmware."""

    charge_point_id: str
    key_folded: str
    value: str
    firmware_version: str  # "": it does not tell
    outcome: AttemptOutcome
    attempts: int
    last_at_us: int
    confirmed_at_us: int | None = None  # read back, and not found otherwise since
    detail: str | None = None


class ProvisioningRecord(Record, frozen=True, kw_only=True):
    """How far a charge point is from what is wanted."""

    charge_point_id: str
    accept_when_done: bool = False  # held as Pending until all of it is applied
    state: ProvisioningState | None = None
    detail: str | None = None
    changed_at_us: int | None = None
    unfinished: int = 0  # rounds in a row that could not be ended
    round_at_us: int | None = None  # when the last one began
    reset_at_us: int | None = None  # when we last reset it for the sake of a key


class SecurityEventRecord(Record, frozen=True, kw_only=True):
    security_event_id: int
    charge_point_id: str
    type: str
    occurred_at_us: int
    received_at_us: int
    tech_info: str


class CertificateRequestRecord(Record, frozen=True, kw_only=True):
    request_number: int
    charge_point_id: str
    csr: str
    received_at_us: int


class AttemptRecord(Record, frozen=True, kw_only=True):
    """A charge point that was turned away."""

    charge_point_id: str
    peer: str
    reason: str
    occurrences: int
    first_at_us: int
    last_at_us: int


class JournalEntry(Record, frozen=True, kw_only=True):
    entry: int
    at_us: int
    charge_point_id: str
    generation: int  # of the connection
    direction: Direction
    action: str  # also of the CALL that an answer answers; "" if unread
    unique_id: str
    text: str  # the frame, secrets redacted


class ConditionRecord(Record, frozen=True, kw_only=True):
    condition_id: int
    charge_point_id: str
    kind: ConditionKind
    connector_id: int  # 0: the charge point as a whole
    since_us: int
    raised_at_us: int
    cleared_at_us: int | None  # None: open
    evidence: str
    steps: int  # of its ladder that were taken
    stepped_at_us: int | None


class UserRecord(Record, frozen=True, kw_only=True):
    """A person who may use the API and the dashboard."""

    user_name: str
    role: Role
    password_hash: str | None  # argon2; None: only a one-time login address lets in
    disabled: bool
    created_at_us: int
    last_login_at_us: int | None


class TokenRecord(Record, frozen=True, kw_only=True):
    """What a program presents to the API."""

    token_id: int
    name: str
    role: Role
    digest: str
    created_by: str
    created_at_us: int
    expires_at_us: int | None  # None: never
    last_used_at_us: int | None


class AuditRecord(Record, frozen=True, kw_only=True):
    """What somebody did, or tried to do, through the API."""

    audit_id: int
    at_us: int
    actor: str  # "user anna", "token 3 billing"; "": nobody we know
    address: str
    method: str
    path: str
    status: int  # of the answer
    body: str  # secrets redacted, cut


class WebhookRecord(Record, frozen=True, kw_only=True):
    """A program that is told of events by HTTP; see docs/webhooks.md."""

    webhook_id: int
    url: str
    kinds: tuple[str, ...] = ()  # of events; none named: all
    charge_point_id: str | None = None  # None: of all
    group_name: str | None = None  # None: whatever group they are in
    secret: str  # what is sent is signed with it; shown when it is made, and never again
    created_at_us: int
    state: WebhookState = WebhookState.ACTIVE
    delivered_up_to: int  # number of an event: what fits is there up to it
    delivered_at_us: int | None = None
    failures: int = 0  # in a row
    failing_since_us: int | None = None
    next_try_at_us: int | None = None
    last_error: str | None = None
    lost_events: int = 0  # deleted for their age before they were delivered
    warned_at_us: int | None = None  # that some will soon be deleted

    @classmethod
    def of(cls, row: Row) -> Self:
        """The record of a row with `kinds` as text."""
        values = dict(zip(cls.__struct_fields__, row, strict=True))
        values["kinds"] = split_flags(values["kinds"])  # type: ignore[assignment] # not SQL any more
        return msgspec.convert(values, cls)


class MqttRecord(Record, frozen=True, kw_only=True):
    """How far events were published by MQTT; see docs/mqtt.md."""

    one: int  # there is but one row
    kinds: tuple[str, ...]  # of events; none named: all
    published_up_to: int  # number of an event: what fits is there up to it
    lost_events: int  # deleted for their age before they were published

    @classmethod
    def of(cls, row: Row) -> Self:
        """The record of a row with `kinds` as text."""
        values = dict(zip(cls.__struct_fields__, row, strict=True))
        values["kinds"] = split_flags(values["kinds"])  # type: ignore[assignment] # not SQL any more
        return msgspec.convert(values, cls)


class WebhookDeliveryRecord(Record, frozen=True, kw_only=True):
    """One try to deliver events."""

    delivery_number: int = 0  # made by the store
    webhook_id: int
    at_us: int
    first_number: int | None = None  # of the events in it; None: none, a test
    last_number: int | None = None
    events: int
    status: int | None = None  # of the answer; None: none came
    took_ms: int
    error: str | None = None  # None: delivered


class AlertRecord(Record, frozen=True, kw_only=True):
    """Something that people are told of."""

    alert_id: int
    kind: AlertKind
    charge_point_id: str  # "": of none
    connector_id: int  # 0: the charge point as a whole
    subject: str  # a type of security event, a number of a webhook; "": none
    since_us: int
    opened_at_us: int
    last_at_us: int  # when it came last
    occurrences: int = 1  # it ended in between, but not for long
    ended_at_us: int | None = None  # None: open
    detail: str
    notified_at_us: int | None = None  # when somebody was told first
    acknowledged_at_us: int | None = None
    acknowledged_by: str | None = None


class AlertNotice(Record, frozen=True, kw_only=True):
    """What a destination was told of an alert."""

    alert_id: int
    destination: str
    began_at_us: int  # when it was told that it began
    ended_at_us: int | None = None  # when it was told that it is over
