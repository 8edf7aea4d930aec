-- How far events were published by MQTT: one row, or none if that is off.
CREATE TABLE mqtt (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    kinds TEXT NOT NULL,                        -- of events, with commas between; '': all
    published_up_to BIGINT NOT NULL,            -- number of an event: what fits is there up to it
    lost_events BIGINT NOT NULL DEFAULT 0       -- deleted for their age before they were published
);
