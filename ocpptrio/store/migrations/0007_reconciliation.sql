-- What is concluded about transactions, what waits for a person, and readings kept long.

ALTER TABLE transactions ADD COLUMN suspect_since_us BIGINT;      -- a boot, since which nothing shows that it runs
ALTER TABLE transactions ADD COLUMN concluded_at_us BIGINT;       -- when it ended, as far as we can tell: no stop came
ALTER TABLE transactions ADD COLUMN energy_source TEXT;           -- what energy_wh is made of
ALTER TABLE transactions ADD COLUMN stop_sent_id BIGINT;          -- the id in its stop, where that is not its own
-- The ends of its register: kept when its readings go.
ALTER TABLE transactions ADD COLUMN first_register_wh DOUBLE PRECISION;
ALTER TABLE transactions ADD COLUMN first_register_at_us BIGINT;
ALTER TABLE transactions ADD COLUMN last_register_wh DOUBLE PRECISION;
ALTER TABLE transactions ADD COLUMN last_register_at_us BIGINT;
CREATE INDEX transactions_suspect ON transactions (suspect_since_us)
    WHERE suspect_since_us IS NOT NULL AND state = 'open';
CREATE INDEX transactions_stopped_by_other_id ON transactions (charge_point_id, stopped_at_us)
    WHERE stop_sent_id IS NOT NULL;

ALTER TABLE orphan_stops ADD COLUMN resolved_at_us BIGINT;        -- NULL: it still fits nothing
ALTER TABLE orphan_stops ADD COLUMN stopped_transaction_id BIGINT; -- the transaction that it ended
CREATE INDEX orphan_stops_unresolved ON orphan_stops (charge_point_id)
    WHERE resolved_at_us IS NULL;

-- What was concluded about a transaction, in order; never changed.
CREATE TABLE conclusions (
    conclusion_id INTEGER PRIMARY KEY AUTOINCREMENT,
    transaction_id BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    conclusion TEXT NOT NULL,                   -- suspect, running, superseded, ended, ...
    confidence TEXT NOT NULL,                   -- certain, likely, unsure
    evidence TEXT NOT NULL                      -- facts, as JSON
);
CREATE INDEX conclusions_by_transaction ON conclusions (transaction_id);

-- What we cannot decide. A subject comes up once: dismissed, it does not come again.
CREATE TABLE reviews (
    review_id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    charge_point_id TEXT NOT NULL,
    transaction_id BIGINT,
    orphan_id BIGINT,
    since_us BIGINT NOT NULL,
    evidence TEXT NOT NULL,                     -- facts, as JSON
    resolved_at_us BIGINT,                      -- NULL: it waits
    decision TEXT,
    note TEXT
);
CREATE UNIQUE INDEX reviews_once
    ON reviews (kind, coalesce(transaction_id, 0), coalesce(orphan_id, 0));
CREATE INDEX reviews_waiting ON reviews (charge_point_id) WHERE resolved_at_us IS NULL;
CREATE INDEX reviews_by_transaction ON reviews (transaction_id);

-- Odd ways in which the registers of a charge point count.
CREATE TABLE register_habits (
    charge_point_id TEXT NOT NULL,
    habit TEXT NOT NULL,
    transaction_id BIGINT NOT NULL,             -- that showed it last
    noted_at_us BIGINT NOT NULL,
    evidence TEXT NOT NULL,                     -- facts, as JSON
    PRIMARY KEY (charge_point_id, habit)
);

-- Meter readings of a quarter of an hour, from begins_at_us on, made of the raw ones.
CREATE TABLE meter_rollups (
    charge_point_id TEXT NOT NULL,
    connector_id BIGINT NOT NULL,
    begins_at_us BIGINT NOT NULL,
    transaction_id BIGINT NOT NULL,             -- 0: outside of any
    readings BIGINT NOT NULL,
    energy_wh DOUBLE PRECISION,                 -- imported meanwhile
    register_wh DOUBLE PRECISION,               -- at the end
    power_min_w DOUBLE PRECISION,
    power_avg_w DOUBLE PRECISION,
    power_max_w DOUBLE PRECISION,
    current_avg_a DOUBLE PRECISION,
    voltage_avg_v DOUBLE PRECISION,
    soc_percent DOUBLE PRECISION,               -- at the end
    temperature_avg_c DOUBLE PRECISION,
    PRIMARY KEY (charge_point_id, connector_id, begins_at_us, transaction_id)
);
CREATE INDEX meter_rollups_by_transaction ON meter_rollups (transaction_id, begins_at_us);
CREATE INDEX meter_rollups_by_time ON meter_rollups (begins_at_us);

-- How far work in the background has come.
CREATE TABLE progress (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

-- What is deleted some time after it was settled.
CREATE INDEX commands_settled ON commands (settled_at_us) WHERE settled_at_us IS NOT NULL;
CREATE INDEX orphan_stops_resolved ON orphan_stops (resolved_at_us) WHERE resolved_at_us IS NOT NULL;
CREATE INDEX reviews_resolved ON reviews (resolved_at_us) WHERE resolved_at_us IS NOT NULL;
