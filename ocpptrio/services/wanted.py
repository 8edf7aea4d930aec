"""What is wanted of one charge point, and what is still missing: pure, from rows to verdicts.

The same verdicts steer the procedure (provisioning) and fill what an operator reads (cli).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from ocpptrio.config import ProvisioningSettings
from ocpptrio.redaction import is_secret
from ocpptrio.services.groups import check_name
from ocpptrio.store import configuration, provisioning, wanted_configuration
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import AttemptedRecord, ConfigurationRecord, WantedRecord
from ocpptrio.store.vocabulary import AttemptOutcome, WantedScope
from ocpptrio.vendor_profiles import VendorProfile, matches

MEASURAND_LISTS: Final = frozenset(
    {
        "metervaluesaligneddata",
        "metervaluessampleddata",
        "stoptxnaligneddata",
        "stoptxnsampleddata",
    }
)
KEY_LENGTH: Final = 50  # characters (OCPP 1.6, 5.3)
VALUE_LENGTH: Final = 500
HELD_US: Final = 3_600_000_000  # one hour; see `settled`

_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?", re.ASCII)


class KeyState(StrEnum):
    """How a wanted key stands."""

    APPLIED = "applied"
    SHORTENED = "applied, shortened"  # as many measurands as the charge point takes
    DIFFERS = "differs"
    NOT_READ = "not read yet"
    WAITS_FOR_REBOOT = "waits for reboot"
    REJECTED = "rejected on this firmware"
    NOT_SUPPORTED = "unknown key"
    READ_ONLY = "read only"
    FIXED = "not written (vendor profile)"
    GIVEN_UP = "given up"
    CONFLICT = "groups disagree"


DONE: Final = (KeyState.APPLIED, KeyState.SHORTENED)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A wanted key beside what the charge point reports.

    Attributes:
        source: "own", or the groups that want it.
        wanted: None if groups disagree.
        write: the value to send now; None: nothing is to be sent.
        due_us: when it may be sent; microseconds since 1970.
        attempt: what is known of that value, or of the one that decides the state.
        detail: for people: why it is not applied.
    """

    key: str
    source: str
    wanted: str | None
    reported: str | None
    state: KeyState
    write: str | None = None
    due_us: int = 0
    attempt: AttemptedRecord | None = None
    detail: str | None = None


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """All rows that a verdict depends on."""

    wanted: Sequence[WantedRecord]
    reported: Mapping[str, ConfigurationRecord]  # by folded key
    attempts: Mapping[tuple[str, str], AttemptedRecord]  # by folded key and value


def situation(reader: Reader, charge_point_id: str, firmware_version: str | None) -> Situation:
    """Read what is wanted, reported and tried."""
    return Situation(
        wanted=wanted_configuration.of(reader, charge_point_id),
        reported={row.key_folded: row for row in configuration.of(reader, charge_point_id)},
        attempts={
            (row.key_folded, row.value): row
            for row in provisioning.attempts_of(reader, charge_point_id, firmware_version or "")
        },
    )


def want(db: Db, scope: WantedScope, target: str, key: str, value: str, at_us: int) -> WantedRecord:
    """Want a value of a key, for a charge point or a group; tells those whom it concerns.

    Raises:
        ValueError: this cannot be wanted; says why.
    """
    if scope is WantedScope.GROUP:
        check_name(target)
    record = WantedRecord(
        scope=scope, target=target, key=key, value=checked(key, value), set_at_us=at_us
    )
    wanted_configuration.put(db, record)
    return record


def checked(key: str, value: str) -> str:
    """The value as it is sent.

    Raises:
        ValueError: this cannot be wanted; says why.
    """
    if not key or key != key.strip() or len(key) > KEY_LENGTH:
        raise ValueError(
            f"{key!r} is no key: it has 1 to {KEY_LENGTH} characters, no blanks around"
        )
    if is_secret(key):
        raise ValueError(
            f"{key} is a secret: it is neither kept as wanted configuration nor read back. Send it "
            "with ChangeConfiguration, and set the same as the password of the charge point"
        )
    if key.casefold() == "securityprofile":
        raise ValueError(
            "SecurityProfile cannot be wanted: once raised it can never be lowered, and the charge "
            "point connects differently at once. Send it with ChangeConfiguration"
        )
    if key.casefold() in MEASURAND_LISTS:
        value = ",".join(_items(value))  # a list has no blanks (OCPP 1.6, 9)
    if len(value) > VALUE_LENGTH:
        raise ValueError(f"{key}: the value has {len(value)} characters, at most {VALUE_LENGTH}")
    return value


def same_value(a: str | None, b: str | None) -> bool:
    """Whether two texts mean the same: numbers and booleans by value, lists in any order."""
    a, b = (a or "").strip(), (b or "").strip()
    if a == b:
        return True
    if {a.casefold(), b.casefold()} <= {"true", "false"}:
        return a.casefold() == b.casefold()
    if _NUMBER.fullmatch(a) and _NUMBER.fullmatch(b):
        return Decimal(a) == Decimal(b)
    if "," in a or "," in b:
        return sorted(_folded_items(a)) == sorted(_folded_items(b))
    return False


def verdicts(
    found: Situation, settings: ProvisioningSettings, profile: VendorProfile
) -> list[Verdict]:
    """How each wanted key stands, in the order of the keys."""
    by_key: dict[str, list[WantedRecord]] = {}
    for record in found.wanted:
        by_key.setdefault(record.key.casefold(), []).append(record)
    return [_verdict(folded, by_key[folded], found, settings, profile) for folded in sorted(by_key)]


def retry_after_us(settings: ProvisioningSettings, attempts: int) -> int:
    """How long to wait after so many attempts; microseconds."""
    return round(settings.retry_interval * 2.0 ** min(max(attempts, 1) - 1, 16) * 1_000_000)


def settled(judged: Iterable[Verdict], now_us: int) -> list[AttemptedRecord]:
    """After a read: attempts that are confirmed now, were lost since, or are taken on its word.

    A value that held for HELD_US and was lost then may be written again as if for the first time;
    one that is lost sooner uses up its attempts, so that two keys that undo each other, or a
    device that reboots at each write, come to an end.
    """
    changed = []
    for verdict in judged:
        attempt = verdict.attempt
        if attempt is None:
            continue
        now = attempt
        if verdict.state in DONE:
            if attempt.confirmed_at_us is None:
                now = replace(attempt, confirmed_at_us=now_us)
        elif attempt.outcome is AttemptOutcome.ACCEPTED and verdict.reported is None:
            now = replace(attempt, outcome=AttemptOutcome.HIDDEN, confirmed_at_us=now_us)
        elif attempt.confirmed_at_us is not None:
            held = now_us - attempt.confirmed_at_us >= HELD_US
            now = replace(attempt, confirmed_at_us=None, attempts=0 if held else attempt.attempts)
        if now is not attempt:
            changed.append(now)
    return changed


def summary(judged: Iterable[Verdict]) -> str | None:
    """What is not applied and why, for people."""
    parts = [
        f"{v.key}: {v.state}" + (f" ({v.detail})" if v.detail else "")
        for v in judged
        if v.state not in DONE
    ]
    return "; ".join(parts) or None


def _verdict(
    folded: str,
    records: Sequence[WantedRecord],
    found: Situation,
    settings: ProvisioningSettings,
    profile: VendorProfile,
) -> Verdict:
    reported = found.reported.get(folded)
    holds = None if reported is None else reported.value
    own = [record for record in records if record.scope is WantedScope.CHARGE_POINT]
    first = (own or records)[0]
    source = "own" if own else ", ".join(record.target for record in records)

    def stands(
        state: KeyState,
        *,
        write: str | None = None,
        due_us: int = 0,
        attempt: AttemptedRecord | None = None,
        detail: str | None = None,
    ) -> Verdict:
        return Verdict(
            key=first.key if reported is None else reported.key,  # as it spells it itself
            source=source,
            wanted=None if state is KeyState.CONFLICT else first.value,
            reported=holds,
            state=state,
            write=write,
            due_us=due_us,
            attempt=attempt,
            detail=detail,
        )

    if not own and any(not same_value(record.value, first.value) for record in records):
        values = ", ".join(f"{record.target} wants {record.value}" for record in records)
        return stands(KeyState.CONFLICT, detail=values)
    rejected: AttemptedRecord | None = None
    known = reported is not None and (holds is not None or reported.pending_value is None)
    for value in candidates(folded, first.value, found.reported, settings):
        attempt = found.attempts.get((folded, value))
        outcome = None if attempt is None else attempt.outcome
        applied = KeyState.APPLIED if value == first.value else KeyState.SHORTENED
        if known and same_value(holds, value):
            return stands(applied, attempt=attempt)
        if matches(profile.fixed_keys, first.key):
            return stands(KeyState.FIXED)
        if outcome is AttemptOutcome.HIDDEN and holds is None:
            return stands(applied, attempt=attempt, detail="accepted, but it does not report it")
        if outcome is AttemptOutcome.REJECTED:
            rejected = attempt
            continue
        if outcome is AttemptOutcome.NOT_SUPPORTED:
            return stands(KeyState.NOT_SUPPORTED, attempt=attempt)
        if outcome is AttemptOutcome.REBOOT_REQUIRED:
            return stands(KeyState.WAITS_FOR_REBOOT, attempt=attempt)
        if attempt is not None and attempt.attempts >= settings.attempts:
            return stands(KeyState.GIVEN_UP, attempt=attempt, detail=_why(attempt, holds))
        if not found.reported:
            return stands(KeyState.NOT_READ, write=value)
        if reported is not None and reported.readonly:
            return stands(KeyState.READ_ONLY)
        due_us = 0
        if attempt is not None and attempt.attempts:
            due_us = attempt.last_at_us + retry_after_us(settings, attempt.attempts)
        return stands(KeyState.DIFFERS, write=value, due_us=due_us, attempt=attempt)
    detail = None if rejected is None else rejected.detail
    return stands(KeyState.REJECTED, attempt=rejected, detail=detail)


def candidates(
    folded: str,
    value: str,
    reported: Mapping[str, ConfigurationRecord],
    settings: ProvisioningSettings,
) -> list[str]:
    """What to try to write, the best first.

    Only lists of measurands have more than one: what stands first in them matters most, so each
    further candidate lacks the last item. Each is written as one list, since the last of several
    writes would win (Q18).
    """
    items = _items(value) if folded in MEASURAND_LISTS else []
    if not items:
        return [value]
    length = len(items)
    limit = reported.get(f"{folded}maxlength")
    # Absent means 1 by the letter (OCPP 1.6, 9); in the field it means that nobody announced it.
    if limit is not None and (limit.value or "").strip().isdecimal():
        length = min(length, max(int(limit.value or 0), 1))
    shortest = 1 if settings.shorten_measurands else length
    return [",".join(items[:count]) for count in range(length, shortest - 1, -1)]


def _why(attempt: AttemptedRecord, holds: str | None) -> str:
    times = "once" if attempt.attempts == 1 else f"{attempt.attempts} times"
    if attempt.outcome is AttemptOutcome.SENT:
        return f"tried {times}: {attempt.detail or 'no answer'}"
    return f"accepted {times}, but it holds {holds!r}" if holds is not None else f"tried {times}"


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _folded_items(text: str) -> list[str]:
    return [item.casefold() for item in _items(text)]
