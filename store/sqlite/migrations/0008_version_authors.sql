-- When a version was made, and by whom. A process that does not know the columns leaves them
-- out: time and author of its versions are unknown.
-- floor: 3

ALTER TABLE automation_versions ADD COLUMN created_at INTEGER;
ALTER TABLE automation_versions ADD COLUMN author TEXT NOT NULL DEFAULT '';
