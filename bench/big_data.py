"""Fills a database as 200 charge points fill it in six weeks: 100 000 transactions, 10 million
readings, a million journal entries, a million events.

Rows are made by SQLite itself, in the order in which they would have come, and are the same each
time but for their times: the last are from the hour in which the database is made. Not here: what
is asked of it (big_database).
"""

import time
from collections.abc import Callable
from pathlib import Path

import apsw
import trio

from ocpptrio.services.rollups import NAME as ROLLUPS
from ocpptrio.store.rollups import INTERVAL_US
from ocpptrio.store.sqlite import SqliteStore

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US

CHARGE_POINTS = 200
CONNECTORS = 2
PLACES = CHARGE_POINTS * CONNECTORS
READINGS = 100  # of a transaction
READING_EVERY_US = 120 * SECOND_US
ROUND_US = 4 * 3600 * SECOND_US  # from start to start on a connector: 200 minutes, and a pause
STAGGER_US = 250_000  # from connector to connector
TAGS = 5000
TASK = 1
JOURNAL_DAYS = 10  # within the retention, so that a daemon deletes nothing of it

_ID = "printf('CP%04d', {number})"
_PLACE = _ID.format(number="place / 2 + 1")
_TAG = "printf('TAG%05d', (n * 7919) % 5000)"
_JSON = """printf('[{"value":"%d","context":"Sample.Periodic","measurand":'
    || '"Energy.Active.Import.Register","unit":"Wh"},{"value":"%d","context":"Sample.Periodic",'
    || '"measurand":"Power.Active.Import","unit":"W"},{"value":"%d","context":"Sample.Periodic",'
    || '"measurand":"SoC","unit":"Percent"}]', energy_wh, power_w, soc)"""


def make(path: Path, *, transactions: int, say: Callable[[str], None]) -> None:
    """Make the database; all counts are in proportion to that of the transactions."""
    trio.run(_make_schema, path)
    connection = apsw.Connection(str(path))
    # Nothing has to outlive a crash: it would be made anew.
    for pragma in ("synchronous = OFF", "cache_size = -2000000", "wal_autocheckpoint = 100000"):
        connection.execute(f"PRAGMA {pragma}")
    filler = _Filler(connection, transactions, say)
    filler.fill()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def _make_schema(path: Path) -> None:
    async with SqliteStore(path, inline=True):
        pass


class _Filler:
    def __init__(
        self, connection: apsw.Connection, transactions: int, say: Callable[[str], None]
    ) -> None:
        self._connection = connection
        self._say = say
        self._rounds = transactions // PLACES
        self._scale = self._rounds * PLACES / 100_000
        # Whole quarters of an hour, as those of the rollups.
        now_us = time.time_ns() // 1000
        self._end_us = now_us - now_us % (4 * INTERVAL_US)
        self._begin_us = self._end_us - self._rounds * ROUND_US

    def fill(self) -> None:
        for step in (
            self._charge_points,
            self._tags,
            self._transactions,
            self._readings,
            self._rollups,
            self._events,
            self._journal,
            self._commands,
            self._rest,
        ):
            began = time.monotonic()
            with self._connection:
                step()
            self._say(f"{step.__name__.strip('_')}: {time.monotonic() - began:.1f} s")

    def _run(self, sql: str, **parameters: object) -> None:
        self._connection.execute(sql, parameters)

    def _many(self, count: float) -> int:
        """So many, of a database of full size."""
        return max(1, round(count * self._scale))

    def _charge_points(self) -> None:
        self._run(
            f"""INSERT INTO charge_points (charge_point_id, registered_at_us, origin, generation,
                vendor, model, serial_number, firmware_version, last_seen_at_us)
            WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < :n)
            SELECT {_ID.format(number="n")}, :begin, 'added', 40, 'VendorX', 'Model' || (n % 5),
                printf('SN%08d', n), '1.' || (n % 9), :end FROM count""",
            n=CHARGE_POINTS,
            begin=self._begin_us,
            end=self._end_us,
        )
        self._run(
            f"""INSERT INTO connectors (charge_point_id, connector_id, status, error_code,
                status_at_us, received_at_us)
            WITH RECURSIVE count (place) AS
                (SELECT 0 UNION ALL SELECT place + 1 FROM count WHERE place < :n - 1)
            SELECT {_PLACE}, place % 2 + 1,
                CASE place % 10 WHEN 0 THEN 'Faulted' WHEN 1 THEN 'Charging' ELSE 'Available' END,
                'NoError', :end, :end FROM count""",
            n=PLACES,
            end=self._end_us,
        )

    def _tags(self) -> None:
        self._run(
            """INSERT INTO id_tags (id_tag_key, id_tag, created_at_us)
            WITH RECURSIVE count (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count WHERE n < :n)
            SELECT printf('tag%05d', n), printf('TAG%05d', n), :begin FROM count""",
            n=TAGS - 1,
            begin=self._begin_us,
        )

    def _transactions(self) -> None:
        """Those of the last round still run; one of a hundred was superseded."""
        self._run(
            f"""INSERT INTO transactions (charge_point_id, connector_id, id_tag, id_tag_key,
                account_key, authorization_status, started_at_us, start_received_at_us,
                meter_start_wh, state, stopped_at_us, stop_received_at_us, meter_stop_wh,
                stop_reason, energy_wh, energy_source)
            WITH RECURSIVE count (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count
                WHERE n < :rounds * :places - 1),
            places AS (SELECT n, n % :places AS place, n / :places AS round,
                :begin + (n / :places) * :round_us + (n % :places) * :stagger AS at FROM count),
            states AS (SELECT *, CASE WHEN round = :rounds - 1 THEN 'open'
                WHEN n % 100 = 99 THEN 'superseded' ELSE 'stopped' END AS state FROM places)
            SELECT {_PLACE}, place % 2 + 1, {_TAG}, lower({_TAG}), lower({_TAG}), 'Accepted', at,
                at, round * 20000, state,
                CASE state WHEN 'stopped' THEN at + :length END,
                CASE state WHEN 'stopped' THEN at + :length END,
                CASE state WHEN 'stopped' THEN round * 20000 + 19800 END,
                CASE state WHEN 'stopped' THEN 'Local' END,
                CASE state WHEN 'stopped' THEN 19800 END,
                CASE state WHEN 'stopped' THEN 'start and stop' END FROM states""",
            rounds=self._rounds,
            places=PLACES,
            begin=self._begin_us,
            round_us=ROUND_US,
            stagger=STAGGER_US,
            length=READINGS * READING_EVERY_US,
        )

    def _readings(self) -> None:
        """Round by round, as they come: those of a transaction lie far apart."""
        for number in range(self._rounds):
            self._run(
                f"""INSERT INTO meter_readings (charge_point_id, connector_id, transaction_id,
                    measured_at_us, received_at_us, context, energy_wh, power_w, soc_percent,
                    sampled_values, digest)
                WITH RECURSIVE count (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count
                    WHERE n < :places * :readings - 1),
                instants AS (SELECT n, n % :places AS place, n / :places AS instant FROM count),
                measured AS (SELECT *, :begin + place * :stagger + instant * :every AS at,
                    :number * 20000 + instant * 200 AS energy_wh,
                    CASE WHEN instant < 80 THEN 11000 ELSE 11000 - (instant - 80) * 500 END
                        + (n * 37) % 100 AS power_w, 20 + instant * 3 / 4 AS soc FROM instants)
                SELECT {_PLACE}, place % 2 + 1, :number * :places + place + 1, at, at + 500000,
                    'Sample.Periodic', energy_wh, power_w, soc, {_JSON},
                    ((:number * :places * :readings + n) * 2654435761) % 4611686018427387904
                FROM measured""",
                number=number,
                places=PLACES,
                readings=READINGS,
                begin=self._begin_us + number * ROUND_US,
                stagger=STAGGER_US,
                every=READING_EVERY_US,
            )
            if number % 50 == 49:
                self._say(f"  {(number + 1) * PLACES * READINGS} readings")

    def _rollups(self) -> None:
        """What the readings amount to, and that it is done."""
        self._run(
            """INSERT INTO meter_rollups (charge_point_id, connector_id, begins_at_us,
                transaction_id, readings, energy_wh, register_wh, power_min_w, power_avg_w,
                power_max_w, soc_percent)
            WITH RECURSIVE
            quarters (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM quarters WHERE n < :quarters)
            SELECT charge_point_id, connector_id,
                started_at_us - started_at_us % :interval + n * :interval, transaction_id, 7, 1500,
                meter_start_wh + n * 1500, 10000, 10800, 11000, 20 + n * 5
            FROM transactions, quarters ORDER BY transaction_id, n""",
            quarters=READINGS * READING_EVERY_US // INTERVAL_US - 1,
            interval=INTERVAL_US,
        )
        self._run(
            """INSERT INTO progress (name, value)
            SELECT :name, max(reading_id) FROM meter_readings""",
            name=ROLLUPS,
        )

    def _events(self) -> None:
        """Nine of ten are meter values."""
        self._run(
            f"""INSERT INTO events (at_us, charge_point_id, kind, body)
            WITH RECURSIVE count (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count
                WHERE n < :n - 1),
            places AS (SELECT n, (n * 7919) % :places AS place,
                :begin + n * ((:end - :begin) / :n) AS at FROM count)
            SELECT at, {_PLACE},
                CASE WHEN n % 10 < 9 THEN 'MeterValuesReceived' WHEN n % 30 = 9 THEN 'Connected'
                    WHEN n % 30 = 19 THEN 'TransactionStopped' ELSE 'StatusChanged' END,
                printf('{{"kind":"%s","charge_point_id":"%s","at_us":%d,',
                    CASE WHEN n % 10 < 9 THEN 'MeterValuesReceived' WHEN n % 30 = 9
                    THEN 'Connected' WHEN n % 30 = 19 THEN 'TransactionStopped'
                    ELSE 'StatusChanged' END, {_PLACE}, at)
                || CASE WHEN n % 10 < 9 THEN printf('"connector_id":%d,"measured_at_us":%d,'
                    || '"transaction_id":%d,"energy_wh":%d.0,"power_w":11000.0}}',
                    place % 2 + 1, at, n / 10 + 1, n)
                WHEN n % 30 = 9 THEN '"generation":40,"peer":"192.0.2.7"}}'
                WHEN n % 30 = 19 THEN printf('"transaction_id":%d,"connector_id":1,'
                    || '"stopped_at_us":%d,"meter_stop_wh":20000,"reason":"Local",'
                    || '"energy_wh":19800}}', n / 10 + 1, at)
                ELSE printf('"connector_id":%d,"status":"Charging","error_code":"NoError",'
                    || '"status_at_us":%d}}', place % 2 + 1, at) END
            FROM places""",
            n=self._many(1_000_000),
            places=PLACES,
            begin=self._begin_us,
            end=self._end_us,
        )

    def _journal(self) -> None:
        """Question and answer by turns; seven of ten are meter values."""
        self._run(
            f"""INSERT INTO journal (at_us, charge_point_id, generation, direction, action,
                unique_id, text)
            WITH RECURSIVE count (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count
                WHERE n < :n - 1),
            frames AS (SELECT n, ((n / 2) * 7919) % :places AS place,
                :end - (:n - n) * (:days / :n) AS at,
                CASE n / 2 % 10 WHEN 0 THEN 'StatusNotification' WHEN 1 THEN 'Heartbeat'
                    WHEN 2 THEN CASE n / 20 % 50 WHEN 0 THEN 'StartTransaction'
                        WHEN 1 THEN 'BootNotification' ELSE 'Heartbeat' END
                    ELSE 'MeterValues' END AS action FROM count)
            SELECT at, {_PLACE}, 40, CASE n % 2 WHEN 0 THEN 'in' ELSE 'out' END, action,
                printf('%08x', n / 2), CASE n % 2 WHEN 1 THEN printf('[3,"%08x",{{}}]', n / 2)
                ELSE printf('[2,"%08x","%s",{{"connectorId":1,"transactionId":%d,"meterValue":'
                    || '[{{"timestamp":"2026-01-01T00:00:00Z","sampledValue":[{{"value":"%d",'
                    || '"context":"Sample.Periodic","measurand":"Energy.Active.Import.Register",'
                    || '"unit":"Wh"}}]}}]}}]', n / 2, action, n / 20, n) END
            FROM frames""",
            n=self._many(1_000_000),
            places=PLACES,
            days=JOURNAL_DAYS * DAY_US,
            end=self._end_us,
        )

    def _commands(self) -> None:
        self._run(
            f"""INSERT INTO commands (charge_point_id, action, request, state, created_at_us,
                sent_at_us, settled_at_us, response, status, expires_at_us, task_id)
            WITH RECURSIVE count (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count
                WHERE n < :n - 1),
            places AS (SELECT n, n % :places AS place,
                :begin + n * ((:end - :begin) / :n) AS at FROM count),
            states AS (SELECT *, CASE WHEN n >= :n - 50 THEN 'queued' WHEN n % 50 = 0
                THEN 'timed out' WHEN n % 1000 = 1 THEN 'refused' ELSE 'answered' END AS state
                FROM places)
            SELECT {_PLACE}, CASE n % 4 WHEN 0 THEN 'RemoteStartTransaction' WHEN 1
                THEN 'RemoteStopTransaction' WHEN 2 THEN 'GetConfiguration' ELSE 'Reset' END,
                '{{"connectorId":1,"idTag":"TAG00001"}}', state, at,
                CASE state WHEN 'queued' THEN NULL ELSE at END,
                CASE state WHEN 'queued' THEN NULL ELSE at + 400000 END,
                CASE state WHEN 'answered' THEN '{{"status":"Accepted"}}' END,
                CASE state WHEN 'answered' THEN 'Accepted' END, at + :day * 1000,
                CASE WHEN n % 100 = 0 THEN :task END FROM states""",
            n=self._many(50_000),
            places=PLACES,
            begin=self._begin_us,
            end=self._end_us,
            day=DAY_US,
            task=TASK,
        )
        self._run(
            """INSERT INTO tasks (task_id, action, state, created_at_us, expires_at_us, at_a_time,
                total, ended_at_us, digest)
            SELECT :task, 'Reset', 'done', :end, :end, 10, count(*), :end, ''
            FROM commands WHERE task_id = :task""",
            task=TASK,
            end=self._end_us,
        )

    def _rest(self) -> None:
        """What is odd: rare with each charge point, and many have been seen."""
        count = "WITH RECURSIVE count (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count WHERE n < "
        charge_point = _ID.format(number="n % 200 + 1")
        times = {"begin": self._begin_us, "end": self._end_us}
        at = ":begin + n * ((:end - :begin) / :n)"
        self._run(
            f"""INSERT INTO deviations (charge_point_id, action, field, kind, occurrences,
                first_at_us, last_at_us, example)
            {count} :n - 1) SELECT {charge_point}, 'MeterValues', 'field' || (n / 200),
                'unknown field', n, :begin, :end, 'example' FROM count""",
            n=CHARGE_POINTS * 20,
            **times,
        )
        self._run(
            f"""INSERT INTO security_events (charge_point_id, type, occurred_at_us, received_at_us)
            {count} :n - 1) SELECT {charge_point}, 'InvalidMessages', {at}, {at} FROM count""",
            n=self._many(50_000),
            **times,
        )
        self._run(
            f"""INSERT INTO reviews (kind, charge_point_id, transaction_id, since_us, evidence,
                resolved_at_us, decision)
            {count} :n - 1) SELECT 'energy unknown', {charge_point}, n * 10 + 1, {at}, '[]',
                CASE WHEN n % 50 THEN {at} END, CASE WHEN n % 50 THEN 'dismissed' END FROM count""",
            n=self._many(10_000),
            **times,
        )
        self._run(
            f"""INSERT INTO orphan_stops (charge_point_id, transaction_id, meter_stop_wh,
                stopped_at_us, received_at_us, reason, payload, resolved_at_us)
            {count} :n - 1) SELECT {charge_point}, -1, n, {at}, {at}, 'unknown id', '{{}}',
                CASE WHEN n % 50 THEN {at} END FROM count""",
            n=self._many(5000),
            **times,
        )
        self._run(
            f"""INSERT INTO conditions (charge_point_id, kind, connector_id, since_us,
                raised_at_us, cleared_at_us, evidence)
            {count} :n - 1) SELECT {charge_point}, 'offline', 0, {at}, {at},
                CASE WHEN n < :n - 200 THEN {at} + 60000000 END, 'offline' FROM count""",
            n=self._many(50_000),
            **times,
        )
        self._run(
            f"""INSERT INTO attempts (charge_point_id, peer, reason, occurrences, first_at_us,
                last_at_us)
            {count} :n - 1) SELECT 'UNKNOWN' || n, '192.0.2.9', 'unknown charge point', n, :begin,
                {at} FROM count""",
            n=500,
            **times,
        )
        self._run(
            f"""INSERT INTO reported_configuration (charge_point_id, key_folded, key, value,
                readonly, reported_at_us)
            {count} :n - 1) SELECT {charge_point}, 'key' || (n / 200), 'Key' || (n / 200), '1', 0,
                :end FROM count""",
            n=CHARGE_POINTS * 60,
            **times,
        )
