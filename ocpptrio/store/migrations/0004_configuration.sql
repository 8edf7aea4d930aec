-- What configuration keys are to hold, for a charge point or for a group of them.
CREATE TABLE wanted_configuration (
    scope TEXT NOT NULL,                        -- charge point, group
    target TEXT NOT NULL,                       -- its identity, or the name of the group
    key_folded TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    set_at_us BIGINT NOT NULL,
    PRIMARY KEY (scope, target, key_folded)
);

-- What became of writing a value. With another firmware or another value it is another attempt.
CREATE TABLE configuration_attempts (
    charge_point_id TEXT NOT NULL,
    key_folded TEXT NOT NULL,
    value TEXT NOT NULL,
    firmware_version TEXT NOT NULL,             -- '' if it does not tell
    outcome TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    last_at_us BIGINT NOT NULL,
    confirmed_at_us BIGINT,                     -- read back, and not found otherwise since
    detail TEXT,
    PRIMARY KEY (charge_point_id, key_folded, value, firmware_version)
);

-- How far the charge point is from what is wanted.
CREATE TABLE provisioning (
    charge_point_id TEXT PRIMARY KEY,
    accept_when_done INTEGER NOT NULL DEFAULT 0, -- held as Pending until all of it is applied
    state TEXT,
    detail TEXT,
    changed_at_us BIGINT,
    unfinished BIGINT NOT NULL DEFAULT 0,       -- rounds in a row that could not be ended
    round_at_us BIGINT,                         -- when the last one began
    reset_at_us BIGINT                          -- when we last reset it for the sake of a key
);

-- The history of what charge points report; what is reported first is no change.
CREATE TABLE configuration_changes (
    change_number INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point_id TEXT NOT NULL,
    key_folded TEXT NOT NULL,
    key TEXT NOT NULL,
    value_before TEXT,
    value_after TEXT,
    changed_at_us BIGINT NOT NULL,              -- when we learnt of it
    command_id BIGINT                           -- of ours; NULL: the charge point by itself
);
CREATE INDEX configuration_changes_by_key
    ON configuration_changes (charge_point_id, key_folded, change_number);

-- What it will hold after its next boot (RebootRequired), and which command said so.
ALTER TABLE reported_configuration ADD COLUMN pending_value TEXT;
ALTER TABLE reported_configuration ADD COLUMN pending_at_us BIGINT;
ALTER TABLE reported_configuration ADD COLUMN pending_command_id BIGINT;
