-- Where the sources of projections are. Processes that do not know the table go on as before.
-- floor: 3

CREATE TABLE automation_projections (
    source   TEXT    NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
