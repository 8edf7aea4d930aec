-- What people are told of: that it began, and that it is over.
CREATE TABLE alerts (
    alert_id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    charge_point_id TEXT NOT NULL,              -- '': of none
    connector_id BIGINT NOT NULL,               -- 0: the charge point as a whole
    subject TEXT NOT NULL,                      -- a type of security event, a number of a webhook; '': none
    since_us BIGINT NOT NULL,
    opened_at_us BIGINT NOT NULL,
    last_at_us BIGINT NOT NULL,                 -- when it came last
    occurrences BIGINT NOT NULL DEFAULT 1,      -- it ended in between, but not for long
    ended_at_us BIGINT,                         -- NULL: open
    detail TEXT NOT NULL,
    notified_at_us BIGINT,                      -- when somebody was told first
    acknowledged_at_us BIGINT,
    acknowledged_by TEXT
);
CREATE INDEX alerts_by_subject
    ON alerts (kind, charge_point_id, connector_id, subject, alert_id);
CREATE INDEX alerts_open ON alerts (charge_point_id) WHERE ended_at_us IS NULL;
CREATE INDEX alerts_by_end ON alerts (ended_at_us) WHERE ended_at_us IS NOT NULL;

-- Who was told what: by mail, by webhook.
CREATE TABLE alert_notices (
    alert_id BIGINT NOT NULL,
    destination TEXT NOT NULL,
    began_at_us BIGINT NOT NULL,                -- when it was told that it began
    ended_at_us BIGINT,                         -- when it was told that it is over
    PRIMARY KEY (alert_id, destination)
);
