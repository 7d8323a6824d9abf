-- Names of segments. Processes that do not know them go on as before.
-- floor: 1

CREATE TABLE automation_segments (
    no         INTEGER PRIMARY KEY, -- in order of creation
    id         ANY     NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
