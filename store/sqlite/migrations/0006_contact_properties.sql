-- Definitions of contact properties. Processes that do not know them go on as before.
-- floor: 3

CREATE TABLE automation_contact_properties (
    no         INTEGER PRIMARY KEY, -- in order of creation
    id         ANY     NOT NULL UNIQUE,
    key        TEXT    NOT NULL UNIQUE,
    type       TEXT    NOT NULL,
    fallback   TEXT, -- JSON
    created_at INTEGER NOT NULL
) STRICT;
