-- Charge points that are treated alike: rights, wanted configuration and commands name a group.
-- A charge point may be in several; a group is there while somebody is in it.
CREATE TABLE charge_point_groups (
    group_name TEXT NOT NULL,
    charge_point_id TEXT NOT NULL,
    PRIMARY KEY (group_name, charge_point_id)
);
CREATE INDEX charge_point_groups_by_member ON charge_point_groups (charge_point_id);
