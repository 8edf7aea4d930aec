-- Who may charge: groups of tags, rights, times of the week, budgets; and how open a charge point is.

-- What tags with the same parentIdTag share. Every group that a tag names has a row.
CREATE TABLE tag_groups (
    group_key TEXT PRIMARY KEY,                 -- folded; see id_tag_key()
    parent_id_tag TEXT NOT NULL,                -- as entered, and as sent for all members
    expires_at_us BIGINT,
    blocked INTEGER NOT NULL DEFAULT 0,
    max_concurrent BIGINT,                      -- over all members; NULL or 0: no limit
    week_times TEXT,                            -- NULL: always; see week_times.py
    day_budget_wh BIGINT,                       -- NULL: none
    month_budget_wh BIGINT,                     -- NULL: none
    note TEXT,
    created_at_us BIGINT NOT NULL
);

-- lower() folds only A to Z: the next change of a tag folds the rest.
ALTER TABLE id_tags ADD COLUMN group_key TEXT;  -- folded parent_id_tag
UPDATE id_tags SET group_key = lower(parent_id_tag);
ALTER TABLE id_tags ADD COLUMN week_times TEXT;
ALTER TABLE id_tags ADD COLUMN day_budget_wh BIGINT;
ALTER TABLE id_tags ADD COLUMN month_budget_wh BIGINT;
INSERT INTO tag_groups (group_key, parent_id_tag, created_at_us)
    SELECT group_key, min(parent_id_tag), min(created_at_us) FROM id_tags
    WHERE group_key IS NOT NULL GROUP BY group_key;
DROP INDEX id_tags_by_parent;
CREATE INDEX id_tags_by_group ON id_tags (group_key);

-- Where a tag or a group of tags may charge. No row for it: everywhere.
-- A row outlives its charge point: without it, the tag might charge everywhere.
CREATE TABLE tag_rights (
    holder TEXT NOT NULL,                       -- tag, group
    holder_key TEXT NOT NULL,                   -- id_tag_key or group_key
    place TEXT NOT NULL,                        -- charge point, group
    place_name TEXT NOT NULL,                   -- identity, or name of a group of charge points
    PRIMARY KEY (holder, holder_key, place, place_name)
);

-- closed: tags that are known; everybody: unknown ones too; fixed tag: every tag counts as
-- fixed_id_tag; learn: until learning_ends_at_us, unknown ones become known.
ALTER TABLE charge_points ADD COLUMN mode TEXT NOT NULL DEFAULT 'closed';
ALTER TABLE charge_points ADD COLUMN fixed_id_tag TEXT;
ALTER TABLE charge_points ADD COLUMN learning_ends_at_us BIGINT;
UPDATE charge_points SET mode = 'everybody' WHERE open <> 0;
ALTER TABLE charge_points DROP COLUMN open;

-- The idTag that answers for a transaction: the one presented, or the fixed one.
ALTER TABLE transactions ADD COLUMN account_key TEXT NOT NULL DEFAULT '';  -- folded
ALTER TABLE transactions ADD COLUMN authorization_reason TEXT;  -- why it was answered so
UPDATE transactions SET account_key = id_tag_key;
DROP INDEX transactions_open_by_tag;
CREATE INDEX transactions_open_by_account ON transactions (account_key) WHERE state = 'open';
-- As many indexes as before: nearly always the account is the tag.
DROP INDEX transactions_by_tag;
CREATE INDEX transactions_by_account ON transactions (account_key, started_at_us);
CREATE INDEX transactions_by_other_tag ON transactions (id_tag_key)
    WHERE account_key <> id_tag_key;
