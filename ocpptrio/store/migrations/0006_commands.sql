-- Commands that wait for a charge point, what they brought about, and tasks over many charge points.

ALTER TABLE commands ADD COLUMN sent_at_us BIGINT;
ALTER TABLE commands ADD COLUMN expires_at_us BIGINT;       -- NULL: sent at once or never
ALTER TABLE commands ADD COLUMN idempotency_key TEXT;
ALTER TABLE commands ADD COLUMN status TEXT;                -- in the answer: Accepted, Rejected, ...
ALTER TABLE commands ADD COLUMN effect TEXT NOT NULL DEFAULT 'none';
ALTER TABLE commands ADD COLUMN effect_detail TEXT;
ALTER TABLE commands ADD COLUMN effect_at_us BIGINT;
ALTER TABLE commands ADD COLUMN effect_due_at_us BIGINT;    -- then it is "not seen in time"
ALTER TABLE commands ADD COLUMN transaction_id BIGINT;      -- that it began or ended
ALTER TABLE commands ADD COLUMN task_id BIGINT;
ALTER TABLE commands ADD COLUMN follows BIGINT;             -- the command that this one makes up for
ALTER TABLE commands ADD COLUMN secret_request TEXT;        -- with its secrets, while it is queued

-- Nobody waits for these any more.
UPDATE commands SET state = 'outcome unknown', settled_at_us = created_at_us,
    error = 'the central system ended before the outcome was known'
WHERE state = 'waiting';

CREATE INDEX commands_unsettled ON commands (charge_point_id, command_id)
    WHERE settled_at_us IS NULL;
CREATE INDEX commands_awaited ON commands (command_id) WHERE effect = 'awaited';
CREATE UNIQUE INDEX commands_by_key ON commands (charge_point_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX commands_by_task ON commands (task_id, command_id) WHERE task_id IS NOT NULL;
CREATE INDEX commands_by_transaction ON commands (transaction_id)
    WHERE transaction_id IS NOT NULL;

CREATE TABLE tasks (
    task_id INTEGER PRIMARY KEY AUTOINCREMENT,
    action TEXT NOT NULL,
    request TEXT,                               -- redacted; NULL: each charge point has its own
    state TEXT NOT NULL,                        -- running, done, stopped, cancelled
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL,              -- of what is not sent by then
    at_a_time BIGINT NOT NULL,
    per_minute BIGINT,                          -- NULL: no such limit
    stop_after BIGINT,                          -- failures; NULL: goes on in spite of them
    total BIGINT NOT NULL,                      -- charge points
    ended_at_us BIGINT,
    reason TEXT,                                -- why it was stopped
    idempotency_key TEXT UNIQUE,
    digest TEXT NOT NULL                        -- of all redacted requests: what the key stands for
);
CREATE INDEX tasks_running ON tasks (task_id) WHERE state = 'running';
