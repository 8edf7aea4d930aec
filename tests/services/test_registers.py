"""What a running transaction has taken, told from the ends of its register."""

from typing import Any

import pytest

from ocpptrio.protocol.datatypes import AuthorizationStatus
from ocpptrio.services.registers import quick_running_wh
from ocpptrio.store.records import TransactionRecord
from ocpptrio.store.vocabulary import RegisterHabit, TransactionState

HOUR_US = 3_600_000_000


def transaction(start_wh: int, first_wh: float | None, last_wh: float | None) -> TransactionRecord:
    """One that runs, with registers after a minute and an hour."""
    nothing: dict[str, Any] = dict.fromkeys(TransactionRecord.__struct_fields__)
    values = {
        "transaction_id": 1,
        "charge_point_id": "CP1",
        "connector_id": 1,
        "id_tag": "TAG",
        "id_tag_key": "tag",
        "account_key": "tag",
        "authorization_status": AuthorizationStatus.ACCEPTED,
        "started_at_us": HOUR_US,
        "start_received_at_us": HOUR_US,
        "meter_start_wh": start_wh,
        "state": TransactionState.OPEN,
        "flags": (),
        "first_meter_wh": first_wh,
        "first_meter_at_us": HOUR_US + HOUR_US // 60,
        "last_meter_wh": last_wh,
        "last_meter_at_us": 2 * HOUR_US,
    }
    return TransactionRecord(**(nothing | values))


@pytest.mark.parametrize(
    ("start_wh", "first_wh", "last_wh", "habits", "taken_wh"),
    [
        (1000, 1100, 5000, (), 4000),
        (1000, None, None, (), None),  # nothing was sampled
        (0, 100, 5000, (), 5000),  # a new meter, or one that begins anew each time
        (0, 900_000, 905_000, (), 5000),  # the start is 0, whatever the register shows
        (-1, 900_000, 905_000, (), 5000),  # the start is not told
        (900_000, 100, 5000, (RegisterHabit.SAMPLES_PER_TRANSACTION,), 5000),
        (900_000, 100, 5000, (), None),  # it began anew, or is another register
    ],
)
def test_a_list_tells_what_the_ends_of_a_register_tell(
    start_wh: int,
    first_wh: float | None,
    last_wh: float | None,
    habits: tuple[str, ...],
    taken_wh: int | None,
) -> None:
    assert quick_running_wh(transaction(start_wh, first_wh, last_wh), habits) == taken_wh
