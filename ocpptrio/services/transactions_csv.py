"""Transactions as CSV: UTC times, energy in Wh; cells are safe for spreadsheets."""

from collections.abc import Iterable
from typing import Final

from ocpptrio.presentation import csv_text, public
from ocpptrio.store.records import TransactionRecord

COLUMNS: Final = (
    "transaction_id",
    "charge_point_id",
    "connector_id",
    "id_tag",
    "parent_id_tag",
    "authorization_status",
    "state",
    "started_at",
    "stopped_at",
    "meter_start_wh",
    "meter_stop_wh",
    "energy_wh",
    "energy_source",
    "stop_reason",
    "stop_id_tag",
    "reservation_id",
    "superseded_by",
    "concluded_at",
    "flags",
    "account_key",
    "authorization_reason",
)


def header() -> str:
    """The first line."""
    return csv_text([COLUMNS])


def lines(transactions: Iterable[TransactionRecord]) -> str:
    """A line each."""
    views = map(public, transactions)
    return csv_text([view[column] for column in COLUMNS] for view in views)
