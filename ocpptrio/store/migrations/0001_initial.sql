-- Times (_us) are integer microseconds since 1970-01-01 in UTC, energy (_wh) is in Wh.
-- Booleans are integers 0 and 1. Wire vocabularies are stored as their wire text.

CREATE TABLE charge_points (
    charge_point_id TEXT PRIMARY KEY,
    registered_at_us BIGINT NOT NULL,
    origin TEXT NOT NULL,                       -- loopback, accepted, adopted, added
    registration TEXT NOT NULL DEFAULT 'Accepted',
    open INTEGER NOT NULL DEFAULT 0,            -- every idTag may charge
    password_hash TEXT,                         -- argon2; NULL: may connect without
    note TEXT,
    generation BIGINT NOT NULL DEFAULT 0,       -- of the newest connection
    connected INTEGER NOT NULL DEFAULT 0,       -- that connection is open
    peer TEXT,
    connected_at_us BIGINT,
    last_seen_at_us BIGINT,
    booted_at_us BIGINT,
    vendor TEXT, model TEXT, serial_number TEXT, charge_box_serial_number TEXT,
    firmware_version TEXT, iccid TEXT, imsi TEXT, meter_type TEXT, meter_serial_number TEXT,
    firmware_status TEXT, firmware_status_at_us BIGINT,
    diagnostics_status TEXT, diagnostics_status_at_us BIGINT,
    log_status TEXT, log_status_at_us BIGINT
);
CREATE INDEX charge_points_folded ON charge_points (lower(charge_point_id));

CREATE TABLE connectors (
    charge_point_id TEXT NOT NULL,
    connector_id BIGINT NOT NULL,
    status TEXT NOT NULL,
    error_code TEXT NOT NULL,
    info TEXT, vendor_id TEXT, vendor_error_code TEXT,
    status_at_us BIGINT NOT NULL,               -- as the charge point says
    received_at_us BIGINT NOT NULL,
    PRIMARY KEY (charge_point_id, connector_id)
);

CREATE TABLE id_tags (
    id_tag_key TEXT PRIMARY KEY,                -- folded; see id_tag_key()
    id_tag TEXT NOT NULL,                       -- as entered
    parent_id_tag TEXT,
    expires_at_us BIGINT,
    blocked INTEGER NOT NULL DEFAULT 0,
    max_concurrent BIGINT,                      -- NULL: as configured; 0: no limit
    note TEXT,
    created_at_us BIGINT NOT NULL
);
CREATE INDEX id_tags_by_parent ON id_tags (parent_id_tag);

-- AUTOINCREMENT: an id is never used again, whatever is deleted.
CREATE TABLE transactions (
    transaction_id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    connector_id BIGINT NOT NULL,
    id_tag TEXT NOT NULL,
    id_tag_key TEXT NOT NULL,
    parent_id_tag TEXT,                         -- as answered
    authorization_status TEXT NOT NULL,         -- as answered
    authorization_expires_at_us BIGINT,         -- as answered
    reservation_id BIGINT,
    started_at_us BIGINT NOT NULL,              -- as the charge point says
    start_received_at_us BIGINT NOT NULL,
    meter_start_wh BIGINT NOT NULL,
    state TEXT NOT NULL,                        -- open, stopped, superseded
    superseded_by BIGINT,
    stopped_at_us BIGINT,
    stop_received_at_us BIGINT,
    meter_stop_wh BIGINT,
    stop_reason TEXT,
    stop_id_tag TEXT,
    energy_wh BIGINT,                           -- NULL: cannot be told
    flags TEXT NOT NULL DEFAULT ''              -- what is odd, comma-separated
);
CREATE UNIQUE INDEX transactions_by_start
    ON transactions (charge_point_id, connector_id, started_at_us, id_tag_key, meter_start_wh);
CREATE INDEX transactions_without_stop ON transactions (charge_point_id, connector_id)
    WHERE stopped_at_us IS NULL;
CREATE INDEX transactions_open_by_tag ON transactions (id_tag_key) WHERE state = 'open';
CREATE INDEX transactions_by_time ON transactions (started_at_us);
CREATE INDEX transactions_by_charge_point ON transactions (charge_point_id, transaction_id);
CREATE INDEX transactions_by_tag ON transactions (id_tag_key, transaction_id);

-- Stops that fit no transaction, kept for a person to decide.
CREATE TABLE orphan_stops (
    orphan_id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    transaction_id BIGINT NOT NULL,             -- as sent: -1, 0 or unknown
    id_tag TEXT,
    meter_stop_wh BIGINT NOT NULL,
    stopped_at_us BIGINT NOT NULL,
    received_at_us BIGINT NOT NULL,
    reason TEXT NOT NULL,
    payload TEXT NOT NULL,                      -- the whole request as JSON
    UNIQUE (charge_point_id, transaction_id, stopped_at_us, meter_stop_wh)
);

-- One row per measured instant (MeterValue). Columns hold the outlet's import values, phases summed
-- only where no total was sent; sampled_values holds everything as received.
-- Each further index that is not in order of arrival costs a third of the readings per second.
CREATE TABLE meter_readings (
    charge_point_id TEXT NOT NULL,
    connector_id BIGINT NOT NULL,
    transaction_id BIGINT,                      -- of ours; NULL: outside of any
    sent_transaction_id BIGINT,                 -- as sent, where it is not the same
    measured_at_us BIGINT NOT NULL,
    received_at_us BIGINT NOT NULL,
    context TEXT NOT NULL,
    energy_wh DOUBLE PRECISION,
    power_w DOUBLE PRECISION,
    current_a DOUBLE PRECISION,
    voltage_v DOUBLE PRECISION,
    frequency_hz DOUBLE PRECISION,
    soc_percent DOUBLE PRECISION,
    temperature_c DOUBLE PRECISION,
    sampled_values TEXT NOT NULL,
    digest BIGINT NOT NULL,                     -- of connector, transaction and sampled_values
    reading_id INTEGER PRIMARY KEY              -- in order of arrival
);
-- A repeated MeterValues adds nothing.
CREATE UNIQUE INDEX meter_readings_once
    ON meter_readings (charge_point_id, coalesce(transaction_id, 0), measured_at_us, digest);

CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at_us BIGINT NOT NULL,
    charge_point_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL                          -- the event as JSON
);
-- Nine of ten events are meter values.
CREATE INDEX events_by_charge_point ON events (charge_point_id, number)
    WHERE kind <> 'MeterValuesReceived';

CREATE TABLE commands (
    command_id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    action TEXT NOT NULL,
    request TEXT NOT NULL,                      -- payload as JSON, secrets redacted
    state TEXT NOT NULL,                        -- waiting, answered, refused, timed out, failed
    created_at_us BIGINT NOT NULL,
    settled_at_us BIGINT,
    response TEXT,                              -- payload as JSON
    error TEXT,                                 -- why not answered
    late INTEGER NOT NULL DEFAULT 0             -- the answer came after the time-out
);
CREATE INDEX commands_by_charge_point ON commands (charge_point_id, command_id);

CREATE TABLE deviations (
    charge_point_id TEXT NOT NULL,
    action TEXT NOT NULL,
    field TEXT NOT NULL,                        -- path of wire names without list indexes
    kind TEXT NOT NULL,
    occurrences BIGINT NOT NULL,
    first_at_us BIGINT NOT NULL,
    last_at_us BIGINT NOT NULL,
    example TEXT NOT NULL,
    PRIMARY KEY (charge_point_id, action, field, kind)
);

CREATE TABLE reported_configuration (
    charge_point_id TEXT NOT NULL,
    key_folded TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT,
    readonly INTEGER NOT NULL,
    reported_at_us BIGINT NOT NULL,
    PRIMARY KEY (charge_point_id, key_folded)
);

CREATE TABLE security_events (
    security_event_id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    type TEXT NOT NULL,
    occurred_at_us BIGINT NOT NULL,
    received_at_us BIGINT NOT NULL,
    tech_info TEXT NOT NULL DEFAULT '',
    UNIQUE (charge_point_id, type, occurred_at_us, tech_info)
);

CREATE TABLE certificate_requests (
    request_number INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    csr TEXT NOT NULL,
    received_at_us BIGINT NOT NULL,
    UNIQUE (charge_point_id, csr)               -- one certificate per distinct request
);

-- Who was turned away; bounded, the oldest goes.
CREATE TABLE attempts (
    charge_point_id TEXT PRIMARY KEY,
    peer TEXT NOT NULL,
    reason TEXT NOT NULL,
    occurrences BIGINT NOT NULL,
    first_at_us BIGINT NOT NULL,
    last_at_us BIGINT NOT NULL
);
CREATE INDEX attempts_by_time ON attempts (last_at_us);

CREATE TABLE journal (
    entry INTEGER PRIMARY KEY AUTOINCREMENT,
    at_us BIGINT NOT NULL,
    charge_point_id TEXT NOT NULL,
    generation BIGINT NOT NULL,                 -- of the connection
    direction TEXT NOT NULL,                    -- in, out
    action TEXT NOT NULL,                       -- also of the CALL that an answer answers; '' if unread
    unique_id TEXT NOT NULL,
    text TEXT NOT NULL                          -- the frame, secrets redacted
);
CREATE INDEX journal_by_charge_point ON journal (charge_point_id, entry);
