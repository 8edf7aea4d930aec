"""The mirror: what each charge point reports of its configuration, and who changed it.

Not here: what it is to hold (wanted, provisioning).
"""

from msgspec.structs import replace

from ocpptrio.errors import NotConnected
from ocpptrio.events import (
    ConfigurationChanged,
    ConfigurationRefreshRequested,
    ConfigurationReported,
)
from ocpptrio.protocol.core import (
    ChangeConfiguration,
    ChangeConfigurationResponse,
    ConfigurationStatus,
    GetConfigurationResponse,
    KeyValue,
)
from ocpptrio.protocol.datatypes import Message, Request
from ocpptrio.redaction import is_secret
from ocpptrio.services.charge_points import known
from ocpptrio.services.wanted import same_value
from ocpptrio.session.state import SessionState
from ocpptrio.store import configuration
from ocpptrio.store.driver import Db
from ocpptrio.store.records import ConfigurationRecord


def mirror(
    db: Db,
    state: SessionState,
    command_id: int,
    request: Request[Message],
    response: Message,
    at_us: int,
) -> None:
    """Keep what an answer to a command tells about the configuration. Secrets are left out."""
    if isinstance(response, GetConfigurationResponse):
        _reported(db, state, response, at_us)
    elif isinstance(request, ChangeConfiguration) and not is_secret(request.key):
        assert isinstance(response, ChangeConfigurationResponse)
        if response.status is ConfigurationStatus.ACCEPTED:
            _accepted(db, state.charge_point_id, request, command_id, at_us)
        elif response.status is ConfigurationStatus.REBOOT_REQUIRED:
            _pending(db, state.charge_point_id, request, command_id, at_us)


def request_reading(db: Db, charge_point_id: str, at_us: int) -> None:
    """Have all keys of a charge point read again, soon.

    Raises:
        UnknownChargePoint: it is not registered.
        NotConnected: it is not there.
    """
    if not known(db, charge_point_id).connected:
        raise NotConnected(f"{charge_point_id} is not connected; try again when it is")
    db.emit(ConfigurationRefreshRequested(charge_point_id=charge_point_id, at_us=at_us))


def _reported(db: Db, state: SessionState, response: GetConfigurationResponse, at_us: int) -> None:
    charge_point_id = state.charge_point_id
    for key in response.unknown_key or ():
        configuration.drop(db, charge_point_id, key)
    entries = [entry for entry in response.configuration_key or () if not is_secret(entry.key)]
    if not entries:
        return
    before = _known(db, charge_point_id)
    for entry in entries:
        row = before.get(entry.key.casefold())
        now = ConfigurationRecord(
            charge_point_id=charge_point_id,
            key_folded=entry.key.casefold(),
            key=entry.key,
            value=entry.value,
            readonly=entry.readonly,
            reported_at_us=at_us,
        )
        if row is not None:
            in_force = row.pending_value is not None and same_value(row.pending_value, entry.value)
            rebooted = (row.pending_at_us or 0) < (state.booted_at_us or 0)
            if not in_force and not rebooted:
                now = replace(
                    now,
                    pending_value=row.pending_value,
                    pending_at_us=row.pending_at_us,
                    pending_command_id=row.pending_command_id,
                )
            if not same_value(row.value, entry.value):
                _changed(db, row, entry, at_us, row.pending_command_id if in_force else None)
        configuration.put(db, now)
    _tell(db, charge_point_id, entries, at_us)


def _accepted(
    db: Db, charge_point_id: str, request: ChangeConfiguration, command_id: int, at_us: int
) -> None:
    """Accepted means in force (OCPP 1.6, 5.3); what it reports next has the last word."""
    row = _known(db, charge_point_id).get(request.key.casefold())
    entry = KeyValue(
        key=request.key if row is None else row.key, readonly=False, value=request.value
    )
    if row is not None and not same_value(row.value, request.value):
        _changed(db, row, entry, at_us, command_id)
    configuration.put(
        db,
        ConfigurationRecord(
            charge_point_id=charge_point_id,
            key_folded=entry.key.casefold(),
            key=entry.key,
            value=entry.value,
            readonly=False,
            reported_at_us=at_us,
        ),
    )
    _tell(db, charge_point_id, [entry], at_us)


def _pending(
    db: Db, charge_point_id: str, request: ChangeConfiguration, command_id: int, at_us: int
) -> None:
    row = _known(db, charge_point_id).get(request.key.casefold())
    if row is None:
        row = ConfigurationRecord(
            charge_point_id=charge_point_id,
            key_folded=request.key.casefold(),
            key=request.key,
            value=None,
            readonly=False,
            reported_at_us=at_us,
        )
    configuration.put(
        db,
        replace(
            row, pending_value=request.value, pending_at_us=at_us, pending_command_id=command_id
        ),
    )


def _known(db: Db, charge_point_id: str) -> dict[str, ConfigurationRecord]:
    return {row.key_folded: row for row in configuration.of(db, charge_point_id)}


def _changed(
    db: Db, row: ConfigurationRecord, entry: KeyValue, at_us: int, command_id: int | None
) -> None:
    configuration.changed(
        db,
        row.charge_point_id,
        entry.key,
        before=row.value,
        after=entry.value,
        at_us=at_us,
        command_id=command_id,
    )
    db.emit(
        ConfigurationChanged(
            charge_point_id=row.charge_point_id,
            at_us=at_us,
            key=entry.key,
            before=row.value,
            after=entry.value,
            command_id=command_id,
        )
    )


def _tell(db: Db, charge_point_id: str, entries: list[KeyValue], at_us: int) -> None:
    db.emit(
        ConfigurationReported(
            charge_point_id=charge_point_id,
            at_us=at_us,
            keys={entry.key: entry.value for entry in entries},
        )
    )
