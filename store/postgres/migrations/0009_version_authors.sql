-- When a version was made, and by whom. A process that does not know the columns leaves them
-- out: time and author of its versions are unknown.
-- floor: 4

ALTER TABLE automation.versions
    ADD COLUMN created_at timestamptz,
    ADD COLUMN author     text NOT NULL DEFAULT '';
