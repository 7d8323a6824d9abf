-- Bulks, with the contacts that they have started. A process that does not know them goes on with a
-- bulk by idempotency keys, which newer processes do not write for bulks, and would start its contacts
-- again. Stop such processes before you apply this.

CREATE TABLE automation_bulks (
    id           TEXT    NOT NULL PRIMARY KEY,
    content_hash TEXT    NOT NULL,
    begun_at     INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    step         INTEGER NOT NULL -- how many steps it has had
) STRICT, WITHOUT ROWID;

CREATE TABLE automation_bulk_marks (
    bulk_id TEXT    NOT NULL,
    step    INTEGER NOT NULL,
    marks   BLOB    NOT NULL, -- 12 bytes for each contact
    PRIMARY KEY (bulk_id, step)
) STRICT;
