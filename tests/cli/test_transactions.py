import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from ocpptrio.events import Fact
from ocpptrio.presentation import csv_cell
from ocpptrio.protocol.datatypes import AuthorizationStatus
from ocpptrio.store import meter_readings, orphan_stops, reviews, transactions
from ocpptrio.store.driver import Db
from ocpptrio.store.records import MeterReading
from ocpptrio.store.vocabulary import ReviewKind
from tests.cli.conftest import Command

Write = Callable[[Callable[[Db], object]], object]

NOON_US = 1_795_348_800_000_000  # 2026-11-22 12:00 UTC
HOUR_US = 3_600_000_000


def start(
    db: Db,
    tag: str,
    *,
    charge_point: str = "CP1",
    hours: int = 0,
    verdict: AuthorizationStatus = AuthorizationStatus.ACCEPTED,
) -> int:
    return transactions.insert(
        db,
        charge_point_id=charge_point,
        connector_id=1,
        id_tag=tag,
        parent_id_tag=None,
        authorization_status=verdict,
        authorization_expires_at_us=None,
        reservation_id=None,
        started_at_us=NOON_US + hours * HOUR_US,
        start_received_at_us=NOON_US + hours * HOUR_US,
        meter_start_wh=1000,
    )


def stop(db: Db, transaction: int, *, hours: int, flags: tuple[str, ...] = ()) -> None:
    transactions.stop(
        db,
        transaction,
        stopped_at_us=NOON_US + hours * HOUR_US,
        stop_received_at_us=NOON_US + hours * HOUR_US,
        meter_stop_wh=13_345,
        stop_reason="EVDisconnected",
        stop_id_tag=None,
        energy_wh=12_345,
        flags=list(flags),
    )


def measure(db: Db, transaction: int, minutes: int, energy_wh: float) -> None:
    at_us = NOON_US + minutes * 60_000_000
    reading = MeterReading(
        charge_point_id="CP1",
        connector_id=1,
        transaction_id=transaction,
        measured_at_us=at_us,
        received_at_us=at_us,
        context="Sample.Periodic",
        energy_wh=energy_wh,
        power_w=11_000.5,
        sampled_values="[]",
        digest=minutes,
    )
    meter_readings.insert(db, reading)


@pytest.fixture
def _three(write: Write) -> None:
    """1: stopped, oddly. 2: superseded by 3. 3: runs, although its tag was refused."""

    def work(db: Db) -> None:
        first = start(db, "Anna")
        measure(db, first, 5, 2000)
        measure(db, first, 10, 3000)
        stop(db, first, hours=1, flags=("meter stop below start", "second stop differs"))
        second = start(db, "Bert", hours=2)
        third = start(db, "Carl", hours=3, verdict=AuthorizationStatus.INVALID)
        transactions.supersede(db, second, third)
        measure(db, third, 200, 1250)
        start(db, "Anna", charge_point="CP2", hours=24)

    write(work)


@pytest.mark.usefixtures("_three")
def test_list_shows_the_newest_first_with_what_is_odd(ocpptrio: Command) -> None:
    assert ocpptrio("transactions", "list", "--charge-point", "CP1").lines == [
        (
            "id  charge point  connector  tag   started              stopped              "
            "          energy  why             odd"
        ),
        (
            " 3  CP1                   1  Carl  2026-11-22 15:00:00  running              "
            "so far 0.250 kWh                  answered Invalid"
        ),
        " 2  CP1                   1  Bert  2026-11-22 14:00:00  superseded by 3",
        (
            " 1  CP1                   1  Anna  2026-11-22 12:00:00  2026-11-22 13:00:00  "
            "      12.345 kWh  EVDisconnected  meter stop below start, second stop differs"
        ),
    ]


@pytest.mark.usefixtures("_three")
@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ((), [4, 3, 2, 1]),
        (("--limit", "2"), [4, 3]),
        (("--charge-point", "CP2"), [4]),
        (("--tag", "anna"), [4, 1]),
        (("--state", "open"), [4, 3]),
        (("--state", "stopped"), [1]),
        (("--state", "superseded"), [2]),
        (("--since", "2026-11-22T14:00"), [4, 3, 2]),
        (("--since", "2026-11-22T14:00:00+01:00"), [4, 3, 2]),
        (("--until", "2026-11-23"), [3, 2, 1]),
        (("--since", "2026-11-22T14:00", "--until", "2026-11-22T15:00"), [2]),
    ],
)
def test_list_filters(ocpptrio: Command, arguments: tuple[str, ...], ids: list[int]) -> None:
    found = ocpptrio("transactions", "list", *arguments, "--json").json
    assert [transaction["transaction_id"] for transaction in found] == ids


@pytest.mark.usefixtures("_three")
def test_a_list_that_was_cut_says_so(ocpptrio: Command) -> None:
    cut = ocpptrio("transactions", "list", "--limit", "3")
    assert cut.lines[-1] == "(the newest 3; for more: --limit)"
    assert "newest" not in ocpptrio("transactions", "list", "--limit", "5").out


@pytest.mark.usefixtures("_three")
def test_programs_get_energy_in_wh_and_times_in_utc(ocpptrio: Command) -> None:
    (found,) = ocpptrio("transactions", "list", "--state", "stopped", "--json").json
    assert found["energy_wh"] == 12_345
    assert found["started_at"] == "2026-11-22T12:00:00Z"
    assert found["flags"] == ["meter stop below start", "second stop differs"]
    assert "id_tag_key" not in found


@pytest.mark.usefixtures("_three")
def test_show_tells_all_with_the_readings(ocpptrio: Command) -> None:
    assert ocpptrio("transactions", "show", "1").lines == [
        "transaction      1",
        "charge point     CP1",
        "connector        1",
        "tag              Anna",
        "answer           Accepted",
        "state            stopped",
        "started          2026-11-22 12:00:00",
        "stopped          2026-11-22 13:00:00",
        "lasted           1:00:00",
        "energy           12.345 kWh",
        "meter            1000 to 13345 Wh",
        "stopped because  EVDisconnected",
        "odd              meter stop below start, second stop differs",
        "",
        "Meter readings:",
        "measured             context          energy Wh  power W",
        "2026-11-22 12:05:00  Sample.Periodic       2000  11000.5",
        "2026-11-22 12:10:00  Sample.Periodic       3000  11000.5",
    ]
    document = ocpptrio("transactions", "show", "1", "--json").json
    assert [reading["energy_wh"] for reading in document["meter_readings"]] == [2000, 3000]
    assert "superseded by  3" in ocpptrio("transactions", "show", "2").out


@pytest.mark.usefixtures("_three")
def test_an_unknown_transaction_is_an_error(ocpptrio: Command) -> None:
    assert ocpptrio("transactions", "show", "99", status=1).err == (
        "ocpptrio: no transaction 99; see: ocpptrio transactions list\n"
    )


@pytest.mark.usefixtures("_three")
def test_export_writes_all_that_fit_as_csv(
    ocpptrio: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpptrio.cli.transactions.PAGE", 2)
    out = ocpptrio("transactions", "export").out
    lines = list(csv.DictReader(StringIO(out)))
    assert [line["transaction_id"] for line in lines] == ["4", "3", "2", "1"]
    assert lines[3] == {
        "transaction_id": "1",
        "charge_point_id": "CP1",
        "connector_id": "1",
        "id_tag": "Anna",
        "parent_id_tag": "",
        "authorization_status": "Accepted",
        "state": "stopped",
        "started_at": "2026-11-22T12:00:00Z",
        "stopped_at": "2026-11-22T13:00:00Z",
        "meter_start_wh": "1000",
        "meter_stop_wh": "13345",
        "energy_wh": "12345",
        "energy_source": "",
        "stop_reason": "EVDisconnected",
        "stop_id_tag": "",
        "reservation_id": "",
        "superseded_by": "",
        "concluded_at": "",
        "flags": "meter stop below start, second stop differs",
        "account_key": "anna",
        "authorization_reason": "",
    }
    file = tmp_path / "transactions.csv"
    ocpptrio("transactions", "export", str(file), "--tag", "Bert")
    assert [line["id_tag"] for line in csv.DictReader(StringIO(file.read_text()))] == ["Bert"]


def test_orphaned_stops_are_listed(ocpptrio: Command, write: Write) -> None:
    write(lambda db: None)
    assert ocpptrio("transactions", "orphans").out.startswith("no orphaned stops")
    write(
        lambda db: orphan_stops.insert(
            db,
            charge_point_id="CP1",
            transaction_id=-1,
            id_tag="Anna",
            meter_stop_wh=7,
            stopped_at_us=NOON_US,
            received_at_us=NOON_US,
            reason="Local",
            payload="{}",
        )
    )
    assert ocpptrio("transactions", "orphans").lines[1] == (
        "CP1                -1  Anna  2026-11-22 12:00:00         7  Local  2026-11-22 12:00:00"
    )
    (orphan,) = ocpptrio("transactions", "orphans", "--json").json
    assert (orphan["transaction_id"], orphan["received_at"]) == (-1, "2026-11-22T12:00:00Z")


SIGNED = json.dumps([{"value": "OCMF|{}\u20ac|x", "format": "SignedData"}, {"value": "1"}])


def sign(db: Db, transaction: int) -> None:
    reading = MeterReading(
        charge_point_id="CP1",
        connector_id=1,
        transaction_id=transaction,
        measured_at_us=NOON_US,
        received_at_us=NOON_US,
        context="Transaction.Begin",
        sampled_values=SIGNED,
        digest=99,
    )
    meter_readings.insert(db, reading)


@pytest.mark.usefixtures("_three")
def test_signed_data_comes_out_as_it_came(ocpptrio: Command, write: Write) -> None:
    write(lambda db: sign(db, 1))
    assert ocpptrio("transactions", "signed-data", "1").out == "OCMF|{}\u20ac|x\n"
    (found,) = ocpptrio("transactions", "signed-data", "1", "--json").json
    assert (found["value"], found["context"]) == ("OCMF|{}\u20ac|x", "Transaction.Begin")
    assert "no signed" in ocpptrio("transactions", "signed-data", "3").out
    ocpptrio("transactions", "signed-data", "99", status=1)


@pytest.mark.usefixtures("_three")
def test_a_series_is_a_table_or_csv(ocpptrio: Command, tmp_path: Path) -> None:
    assert ocpptrio("transactions", "series", "1", "--step", "300").lines == [
        "from                 energy Wh  power W",
        "2026-11-22 12:05:00       2000  11000.5",
        "2026-11-22 12:10:00       3000  11000.5",
    ]
    file = tmp_path / "series.csv"
    ocpptrio("transactions", "series", "1", str(file), "--step", "600")
    assert file.read_text().splitlines() == [
        "at,energy_wh,power_w,current_a,voltage_v,soc_percent,temperature_c",
        "2026-11-22T12:00:00Z,2000.0,11000.5,,,,",
        "2026-11-22T12:10:00Z,3000.0,11000.5,,,,",
    ]
    assert len(ocpptrio("transactions", "series", "1", "--json").json) == 2


def test_a_tag_is_no_formula_for_a_spreadsheet(ocpptrio: Command, write: Write) -> None:
    write(lambda db: start(db, '=HYPERLINK("http://x")'))
    (line,) = csv.DictReader(StringIO(ocpptrio("transactions", "export").out))
    assert line["id_tag"] == '\'=HYPERLINK("http://x")'
    assert csv_cell(-1) == -1
    assert csv_cell("@x") == "'@x"
    assert csv_cell("CP-1") == "CP-1"


@pytest.mark.usefixtures("_three")
def test_a_person_ends_a_transaction(ocpptrio: Command) -> None:
    done = ocpptrio("transactions", "end", "3", "--meter-wh", "1400", "--note", "Eve")
    assert done.out == "transaction 3 is concluded: 0.400 kWh\n"
    shown = ocpptrio("transactions", "show", "3").out
    assert "concluded end  2026-11-22 15:20:00" in shown
    assert "ended  certain" in shown.replace("       ", "  ")
    document = ocpptrio("transactions", "show", "3", "--json").json
    assert document["conclusions"][0]["evidence"][1]["detail"] == "Eve"
    assert "already" not in ocpptrio("transactions", "list", "--state", "concluded").out
    ocpptrio("transactions", "end", "99", status=1)
    ocpptrio("transactions", "end", "3", "--meter-wh", "1", status=1)


def orphan(db: Db) -> None:
    orphan_id = orphan_stops.insert(
        db,
        charge_point_id="CP1",
        transaction_id=-1,
        id_tag="Dora",
        meter_stop_wh=1700,
        stopped_at_us=NOON_US + 4 * HOUR_US,
        received_at_us=NOON_US + 4 * HOUR_US,
        reason="Local",
        payload='{"transactionId":-1,"idTag":"Dora","meterStop":1700,'
        '"timestamp":"2026-11-22T16:00:00Z"}',
    )
    reviews.open_(
        db,
        ReviewKind.ORPHAN_STOP,
        charge_point_id="CP1",
        at_us=NOON_US,
        evidence=(Fact(what="StopTransaction", wh=1700, detail="for id -1"),),
        orphan_id=orphan_id,
    )


@pytest.mark.usefixtures("_three")
def test_what_waits_is_listed_shown_and_resolved(ocpptrio: Command, write: Write) -> None:
    assert ocpptrio("transactions", "review", "list").out == "nothing waits for you\n"
    write(orphan)
    assert (
        ocpptrio("transactions", "review", "list").lines[1].startswith("     1  orphan stop  CP1")
    )
    shown = ocpptrio("transactions", "review", "show", "1")
    assert "StopTransaction 1700 Wh (for id -1)" in shown.lines
    assert "Carl" in shown.out
    assert "ocpptrio transactions review resolve 1 dismiss" in shown.lines
    ocpptrio("transactions", "review", "show", "9", status=1)
    ocpptrio("transactions", "review", "resolve", "1", "end", status=1)
    done = ocpptrio("transactions", "review", "resolve", "1", "attach", "--transaction", "3")
    assert done.out == "review 1 is resolved: attach\n"
    (found,) = ocpptrio("transactions", "list", "--json", "--tag", "Carl").json
    assert (found["state"], found["energy_wh"]) == ("stopped", 700)
    assert ocpptrio("transactions", "review", "list").out == "nothing waits for you\n"
    (decided,) = ocpptrio("transactions", "review", "list", "--all", "--json").json
    assert decided["decision"] == "attach"
    assert ocpptrio("transactions", "orphans").out.startswith("no orphaned")


def test_what_runs_shows_its_energy_though_its_samples_count_per_transaction(
    ocpptrio: Command, write: Write
) -> None:
    def work(db: Db) -> None:
        transaction = start(db, "Anna")
        db.run("UPDATE transactions SET meter_start_wh = 900000")
        measure(db, transaction, 5, 10)
        measure(db, transaction, 10, 800)

    write(work)
    assert "so far 0.800 kWh" in ocpptrio("transactions", "list").out
    (found,) = ocpptrio("transactions", "list", "--json").json
    assert found["energy_so_far_wh"] == 800
