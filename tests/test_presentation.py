from datetime import UTC, datetime

from ocpptrio.clock import to_us
from ocpptrio.events import Fact, NumberedEvent, StatusChanged, TransactionReconciled
from ocpptrio.presentation import public_event
from ocpptrio.protocol.core import ChargePointErrorCode, ChargePointStatus

NOON_US = to_us(datetime(2026, 11, 22, 12, tzinfo=UTC))


def test_an_event_is_shown_with_its_number_and_times_as_times() -> None:
    event = StatusChanged(
        charge_point_id="CP1",
        at_us=NOON_US,
        connector_id=1,
        status=ChargePointStatus.CHARGING,
        error_code=ChargePointErrorCode.NO_ERROR,
        status_at_us=NOON_US - 1,
    )
    assert public_event(NumberedEvent(7, event)) == {
        "number": 7,
        "kind": "StatusChanged",
        "charge_point_id": "CP1",
        "at": "2026-11-22T12:00:00Z",
        "connector_id": 1,
        "status": "Charging",
        "error_code": "NoError",
        "status_at": "2026-11-22T11:59:59.999999Z",
    }


def test_evidence_inside_an_event_has_its_times_as_times_too() -> None:
    event = TransactionReconciled(
        charge_point_id="CP1",
        at_us=NOON_US,
        transaction_id=1,
        connector_id=1,
        conclusion="ended",
        confidence="likely",
        evidence=(Fact(what="boot", at_us=NOON_US),),
    )
    assert public_event(NumberedEvent(8, event))["evidence"] == [
        {"what": "boot", "at": "2026-11-22T12:00:00Z"}
    ]
