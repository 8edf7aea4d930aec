-- Programs that are told of events by HTTP.
CREATE TABLE webhooks (
    webhook_id INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,                        -- of events, with commas between; '': all
    charge_point_id TEXT,                       -- NULL: of all
    group_name TEXT,                            -- NULL: whatever group they are in
    secret TEXT NOT NULL,                       -- in the clear: what is sent is signed with it
    created_at_us BIGINT NOT NULL,
    state TEXT NOT NULL DEFAULT 'active',       -- active, failing, paused
    delivered_up_to BIGINT NOT NULL,            -- number of an event: what fits is there up to it
    delivered_at_us BIGINT,
    failures BIGINT NOT NULL DEFAULT 0,         -- in a row
    failing_since_us BIGINT,
    next_try_at_us BIGINT,
    last_error TEXT,
    lost_events BIGINT NOT NULL DEFAULT 0,      -- deleted for their age before they were delivered
    warned_at_us BIGINT                         -- that some will soon be deleted
);

-- The last tries of each.
CREATE TABLE webhook_deliveries (
    delivery_number INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    first_number BIGINT,                        -- of the events in it; NULL: none, a test
    last_number BIGINT,
    events BIGINT NOT NULL,
    status BIGINT,                              -- of the answer; NULL: none came
    took_ms BIGINT NOT NULL,
    error TEXT                                  -- NULL: delivered
);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, delivery_number);
