-- What lists of a large database need. What comes often has no part in an index.

-- The energy of a day, from the index alone.
CREATE INDEX transactions_by_stop ON transactions (stopped_at_us, energy_wh)
    WHERE stopped_at_us IS NOT NULL;

-- Events and messages of a rare kind: without these, all have to be looked at to find none.
CREATE INDEX events_by_kind ON events (kind, number) WHERE kind <> 'MeterValuesReceived';
CREATE INDEX journal_by_rare_action ON journal (action, entry)
    WHERE action NOT IN ('MeterValues', 'Heartbeat', 'StatusNotification', 'StartTransaction',
        'StopTransaction', 'Authorize');
