"""Configuration of charge points and groups: what is reported, what is wanted, and how they agree.

A running central system notices what is wanted and sends what differs. Credentials are neither
wanted nor shown.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from ocpptrio.api.access import needs
from ocpptrio.api.given import Central
from ocpptrio.api.openapi import CONFLICTS
from ocpptrio.api.paging import Cursor, Limit, Page, key_of, page
from ocpptrio.api.problems import bad_request, not_found
from ocpptrio.api.routes.charge_points import Provisioning, known, profile_of
from ocpptrio.api.versions import IfMatch, check, tagged
from ocpptrio.api.views import Change, View, shown
from ocpptrio.central_system import CentralSystem
from ocpptrio.clock import from_us
from ocpptrio.services.configuration import request_reading
from ocpptrio.services.wanted import (
    KEY_LENGTH,
    VALUE_LENGTH,
    KeyState,
    Situation,
    Verdict,
    situation,
    verdicts,
    want,
)
from ocpptrio.store import configuration, provisioning, wanted_configuration
from ocpptrio.store.driver import Db, Reader
from ocpptrio.store.records import (
    ChargePointRecord,
    ConfigurationChange,
    ProvisioningRecord,
    WantedRecord,
)
from ocpptrio.store.vocabulary import Role, WantedScope

OF_ONE: Final = "/charge-points/{charge_point_id:str}/configuration"
OF_GROUP: Final = "/groups/{group:str}/configuration"

Key = Annotated[str | None, QueryParameter(max_length=KEY_LENGTH, description="only of this key")]


class ReportedKey(View, frozen=True, kw_only=True):
    """What a charge point said that a key holds.

    Attributes:
        pending_value: what it will hold after its next boot, as command pending_command_id asked.
    """

    key: str
    value: str | None
    readonly: bool
    reported_at: datetime
    pending_value: str | None
    pending_at: datetime | None
    pending_command_id: int | None


class WantedKey(View, frozen=True, kw_only=True):
    """What a key is to hold; `target` is an identity or, of the scope `group`, its name."""

    scope: WantedScope
    target: str
    key: str
    value: str
    set_at: datetime


class KeyVerdict(View, frozen=True, kw_only=True):
    """A wanted key beside what the charge point reports.

    Attributes:
        source: `own`, or the groups that want it.
        wanted: null: groups disagree.
        attempts: how often the value was sent; due_at: when it may be sent again.
    """

    key: str
    state: KeyState
    source: str
    wanted: str | None
    reported: str | None
    detail: str | None
    attempts: int
    due_at: datetime | None


class Configuration(View, frozen=True, kw_only=True):
    """What a charge point reports of its keys, beside what is wanted of them.

    Attributes:
        wanted: its own, and that of its groups; its own wins.
        verdicts: of each key of which something is wanted.
    """

    charge_point_id: str
    firmware_version: str | None
    reported: list[ReportedKey]
    wanted: list[WantedKey]
    verdicts: list[KeyVerdict]
    provisioning: Provisioning


class ChangedKey(View, frozen=True, kw_only=True):
    """A key that came to hold another value.

    Attributes:
        changed_at: when we learnt of it.
        command_id: of the command that did it; null: the charge point by itself.
    """

    change_number: int
    key: str
    value_before: str | None
    value_after: str | None
    changed_at: datetime
    command_id: int | None


class WantedValue(Change, frozen=True, kw_only=True):
    """What a key is to hold."""

    value: Annotated[str, Meta(max_length=VALUE_LENGTH)]


class Asked(View, frozen=True, kw_only=True):
    """The charge point is being asked; the event ConfigurationReported tells when it answered."""

    charge_point_id: str


@get(OF_ONE)
async def show_configuration(
    central: Central, charge_point_id: FromPath[str]
) -> Response[Configuration]:
    """What a charge point reports of its keys, beside what is wanted of them."""

    def work(
        reader: Reader,
    ) -> tuple[ChargePointRecord, Situation, ProvisioningRecord]:
        record = known(reader, charge_point_id)
        return (
            record,
            situation(reader, charge_point_id, record.firmware_version),
            provisioning.get(reader, charge_point_id),
        )

    record, found, progress = await central.store.read(work)
    judged = verdicts(found, central.settings.provisioning, profile_of(central, record))
    body = Configuration(
        charge_point_id=charge_point_id,
        firmware_version=record.firmware_version,
        reported=[shown(ReportedKey, row) for row in found.reported.values()],
        wanted=[wanted_key(row) for row in found.wanted],
        verdicts=[_verdict(verdict) for verdict in judged],
        provisioning=shown(Provisioning, progress),
    )
    own = [row for row in found.wanted if row.scope is WantedScope.CHARGE_POINT]
    return tagged(body, wanted_version(own))


@get(f"{OF_ONE}/history")
async def list_configuration_changes(
    central: Central,
    charge_point_id: FromPath[str],
    key: Key = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[ChangedKey]:
    """When keys came to hold another value, the newest first; of each key 100 changes are kept."""
    before = key_of(cursor, int)

    def work(reader: Reader) -> list[ConfigurationChange]:
        known(reader, charge_point_id)
        return configuration.history(reader, charge_point_id, key, limit + 1, before=before)

    found = await central.store.read(work)
    return page(found, limit, lambda row: row.change_number, lambda row: shown(ChangedKey, row))


@put(f"{OF_ONE}/wanted/{{key:str}}")
async def want_of_charge_point(
    central: Central,
    charge_point_id: FromPath[str],
    key: FromPath[str],
    data: JSONBody[WantedValue],
    if_match: IfMatch = None,
) -> Response[WantedKey]:
    """Want a value of a key; it wins over what groups want.

    To want the same value again has it tried again where it was given up.
    """
    scope = WantedScope.CHARGE_POINT
    return await _want(central, scope, charge_point_id, key, data.value, if_match)


@delete(f"{OF_ONE}/wanted/{{key:str}}")
async def stop_wanting_of_charge_point(
    central: Central,
    charge_point_id: FromPath[str],
    key: FromPath[str],
    if_match: IfMatch = None,
) -> None:
    """Want nothing of a key any more; the charge point keeps what it holds."""
    await _stop_wanting(central, WantedScope.CHARGE_POINT, charge_point_id, key, if_match)


@post(
    f"{OF_ONE}/refresh",
    status_code=HTTPStatus.ACCEPTED,
    opt=needs(Role.OPERATOR, **{CONFLICTS: True}),
)
async def read_configuration(central: Central, charge_point_id: FromPath[str]) -> Asked:
    """Have all keys of a charge point read again; it must be connected."""
    at_us = central.clock()

    def work(db: Db) -> None:
        known(db, charge_point_id)
        request_reading(db, charge_point_id, at_us)

    await central.store.write(work)
    return Asked(charge_point_id=charge_point_id)


@put(f"{OF_GROUP}/wanted/{{key:str}}")
async def want_of_group(
    central: Central,
    group: FromPath[str],
    key: FromPath[str],
    data: JSONBody[WantedValue],
    if_match: IfMatch = None,
) -> Response[WantedKey]:
    """Want a value of a key of all charge points in a group, also of those that come into it."""
    return await _want(central, WantedScope.GROUP, group, key, data.value, if_match)


@delete(f"{OF_GROUP}/wanted/{{key:str}}")
async def stop_wanting_of_group(
    central: Central,
    group: FromPath[str],
    key: FromPath[str],
    if_match: IfMatch = None,
) -> None:
    """Want nothing of a key of the group any more; the charge points keep what they hold."""
    await _stop_wanting(central, WantedScope.GROUP, group, key, if_match)


def wanted_key(record: WantedRecord) -> WantedKey:
    """What is wanted, as it is shown."""
    return shown(WantedKey, record)


def wanted_version(entries: list[WantedRecord]) -> object:
    """What people edit of the wanted configuration of a charge point or a group."""
    return [(row.key, row.value, row.set_at_us) for row in entries]


async def _want(
    central: CentralSystem,
    scope: WantedScope,
    target: str,
    key: str,
    value: str,
    if_match: str | None,
) -> Response[WantedKey]:
    at_us = central.clock()

    def work(db: Db) -> tuple[WantedRecord, list[WantedRecord]]:
        if scope is WantedScope.CHARGE_POINT:
            known(db, target)
        check(if_match, wanted_version(wanted_configuration.entries(db, scope, target)))
        try:
            record = want(db, scope, target, key, value, at_us)
        except ValueError as error:
            raise bad_request(str(error)) from error
        return record, wanted_configuration.entries(db, scope, target)

    record, entries = await central.store.write(work)
    return tagged(wanted_key(record), wanted_version(entries))


async def _stop_wanting(
    central: CentralSystem, scope: WantedScope, target: str, key: str, if_match: str | None
) -> None:
    at_us = central.clock()

    def work(db: Db) -> None:
        if scope is WantedScope.CHARGE_POINT:
            known(db, target)
        check(if_match, wanted_version(wanted_configuration.entries(db, scope, target)))
        if not wanted_configuration.remove(db, scope, target, key, at_us):
            raise not_found(f"nothing is wanted of {key} there")

    await central.store.write(work)


def _verdict(verdict: Verdict) -> KeyVerdict:
    attempt = verdict.attempt
    return KeyVerdict(
        **{
            name: value
            for name, value in msgspec.structs.asdict(verdict).items()
            if name in ("key", "state", "source", "wanted", "reported", "detail")
        },
        attempts=0 if attempt is None else attempt.attempts,
        due_at=from_us(verdict.due_us) if verdict.due_us else None,
    )


ROUTES: Final = [
    show_configuration,
    list_configuration_changes,
    want_of_charge_point,
    stop_wanting_of_charge_point,
    read_configuration,
    want_of_group,
    stop_wanting_of_group,
]
