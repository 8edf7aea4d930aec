-- What is wrong with a charge point now, and what was.
CREATE TABLE conditions (
    condition_id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    connector_id BIGINT NOT NULL,               -- 0: the charge point as a whole
    since_us BIGINT NOT NULL,                   -- when it began, by our clock
    raised_at_us BIGINT NOT NULL,
    cleared_at_us BIGINT,                       -- NULL: open
    evidence TEXT NOT NULL,                     -- in plain words, as of raised_at_us
    steps BIGINT NOT NULL DEFAULT 0,            -- of its ladder that were taken
    stepped_at_us BIGINT
);
CREATE UNIQUE INDEX conditions_open ON conditions (charge_point_id, kind, connector_id)
    WHERE cleared_at_us IS NULL;
CREATE INDEX conditions_by_charge_point ON conditions (charge_point_id, condition_id);
CREATE INDEX conditions_by_end ON conditions (cleared_at_us);

-- How far the clock of each charge point is off, last measured.
CREATE TABLE clock_skews (
    charge_point_id TEXT PRIMARY KEY,
    skew_us BIGINT NOT NULL,                    -- above 0: it is ahead of ours
    measured_at_us BIGINT NOT NULL
);

-- With which firmware a deviation was seen; NULL: unknown.
ALTER TABLE deviations ADD COLUMN first_firmware TEXT;
ALTER TABLE deviations ADD COLUMN last_firmware TEXT;
