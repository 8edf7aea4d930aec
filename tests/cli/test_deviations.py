"""`ocpptrio deviations` and `ocpptrio conditions`."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ocpptrio.events import ConditionCleared, ConditionKind, ConditionRaised
from ocpptrio.protocol.core import BootNotification
from ocpptrio.protocol.datatypes import Deviation, DeviationKind
from ocpptrio.store import charge_points, conditions, deviations
from ocpptrio.store.driver import Db
from tests.cli.conftest import Command

NOON_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC
FRAME = '[2,"a","Authorize",{"idTag":"04A1B2C3","info":null}]'

Write = Callable[[Callable[[Db], None]], None]


def boot(db: Db, firmware: str) -> None:
    boots = BootNotification(
        charge_point_vendor="VendorX",
        charge_point_model="SingleSocket",
        firmware_version=firmware,
    )
    charge_points.booted(db, "CP1", boots, NOON_US)


def note(db: Db, field: str, at_us: int = NOON_US) -> None:
    deviation = Deviation(field, DeviationKind.UNKNOWN_FIELD, "null")
    deviations.note(db, charge_point_id="CP1", action="Authorize", deviation=deviation, at_us=at_us)


@pytest.fixture
def _noted(write: Write) -> None:
    def work(db: Db) -> None:
        charge_points.add(db, charge_point_id="CP1", origin="added", at_us=0)
        boot(db, "1.0")
        note(db, "info")
        note(db, "old")
        boot(db, "1.1")
        note(db, "info", NOON_US + 60_000_000)
        db.run(
            """INSERT INTO journal
                (at_us, charge_point_id, generation, direction, action, unique_id, text)
            VALUES (?, 'CP1', 1, 'in', 'Authorize', 'a', ?)""",
            [NOON_US + 60_000_000, FRAME],
        )

    write(work)


@pytest.mark.usefixtures("_noted")
def test_list_shows_what_we_made_of_it(ocpptrio: Command) -> None:
    line = ocpptrio("deviations", "list", "CP1").lines[1]
    assert re.split(r"  +", line) == [
        "CP1",
        "Authorize",
        "info",
        "unknown field",
        "2",
        "2026-11-22 12:01:00",
        "1.1",
        "the field was dropped, the rest was used",
    ]
    (first, _) = ocpptrio("deviations", "list", "--json").json
    assert (first["field"], first["first_firmware"], first["last_firmware"]) == (
        "info",
        "1.0",
        "1.1",
    )
    assert first["made_of_it"].startswith("the field was dropped")
    assert "CP9 is not registered" in ocpptrio("deviations", "list", "CP9", status=1).err


@pytest.mark.usefixtures("_noted")
def test_a_report_has_the_message_with_its_tag_covered(ocpptrio: Command) -> None:
    text = ocpptrio("deviations", "report", "CP1").out
    assert '   message      [2,"a","Authorize",{"idTag":"xxxxxxxx","info":null}]\n' in text
    assert '   corrected    [2,"a","Authorize",{"idTag":"xxxxxxxx"}]\n' in text
    assert "04A1B2C3" not in text


@pytest.mark.usefixtures("_noted")
def test_a_report_goes_into_a_file_in_the_form_that_is_wanted(
    ocpptrio: Command, tmp_path: Path
) -> None:
    page = tmp_path / "report.md"
    ocpptrio("deviations", "report", "CP1", "--format", "markdown", "--output", str(page))
    assert page.read_text().startswith("# Deviations from OCPP 1.6-J\n")
    document = ocpptrio("deviations", "report", "CP1", "--format", "json").json
    assert document["vendor"] == "VendorX"
    assert [entry["occurrences"] for entry in document["entries"]] == [2, 1]


@pytest.mark.usefixtures("_noted")
def test_after_an_update_what_only_the_old_firmware_did_can_be_forgotten(
    ocpptrio: Command,
) -> None:
    done = ocpptrio("deviations", "clear", "CP1", "--older-firmware").lines
    assert done == ["1 deviation of CP1 forgotten"]
    (left,) = ocpptrio("deviations", "list", "--json").json
    assert left["field"] == "info"
    assert ocpptrio("deviations", "clear", "CP1", "--json").json["cleared"] == 1
    assert ocpptrio("deviations", "list").lines == ["no deviations"]
    assert "CP9 is not registered" in ocpptrio("deviations", "clear", "CP9", status=1).err


def test_conditions_are_listed_open_ones_first_of_all(ocpptrio: Command, write: Write) -> None:
    def work(db: Db) -> None:
        charge_points.add(db, charge_point_id="CP1", origin="added", at_us=0)
        for kind in (ConditionKind.OFFLINE, ConditionKind.STUCK_FINISHING):
            raised = ConditionRaised(
                charge_point_id="CP1",
                at_us=NOON_US,
                condition=kind,
                connector_id=2 if kind is ConditionKind.STUCK_FINISHING else 0,
                since_us=NOON_US,
                evidence="as seen",
            )
            conditions.raise_(db, raised)
        over = ConditionCleared(
            charge_point_id="CP1", at_us=NOON_US, condition=ConditionKind.OFFLINE
        )
        conditions.clear(db, over)

    write(lambda db: None)
    assert ocpptrio("conditions", "list").lines == ["nothing is wrong, as far as can be seen"]
    write(work)
    (line,) = ocpptrio("conditions", "list").lines[1:]
    assert re.split(r"  +", line) == [
        "CP1",
        "stuck in Finishing",
        "2",
        "2026-11-22 12:00:00",
        "as seen",
        "0",
    ]
    assert len(ocpptrio("conditions", "list", "CP1", "--all").lines) == 3
    assert ocpptrio("conditions", "list", "CP2").lines[0].startswith("nothing is wrong")
    (one,) = ocpptrio("conditions", "list", "--json").json
    assert (one["kind"], one["since"], one["cleared_at"]) == (
        "stuck in Finishing",
        "2026-11-22T12:00:00Z",
        None,
    )
    shown = ocpptrio("charge-points", "show", "CP1").out
    assert "What is wrong:" in shown
    assert ocpptrio("charge-points", "show", "CP1", "--json").json["conditions"]
