-- The tables of package store/sqlite. Their names begin with automation_, because
-- they live among those of the application.
--
-- Ids and owners are BLOBs of 16 bytes where they are UUIDs, else TEXT: "=" and
-- the id, or "@" and an email whose contact is not known. Times are microseconds
-- since 1970, in UTC. Payloads, properties, segments, errors and definitions are
-- JSON.

CREATE TABLE automation_migrations (
    number     INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    floor      INTEGER NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

-- The token of the last lease that was given. It never falls.
CREATE TABLE automation_tokens (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    last INTEGER NOT NULL
) STRICT;
INSERT INTO automation_tokens (id, last) VALUES (1, 0);

-- A deleted automation keeps its row: its versions must not be used again.
CREATE TABLE automation_automations (
    no         INTEGER PRIMARY KEY, -- in order of creation
    id         TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    event_name TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE INDEX automation_automations_triggers ON automation_automations (event_name, no)
    WHERE status = 'enabled' AND deleted_at IS NULL;

CREATE TABLE automation_versions (
    automation_no INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    definition    BLOB    NOT NULL,
    PRIMARY KEY (automation_no, version)
) STRICT;

CREATE TABLE automation_event_definitions (
    no         INTEGER PRIMARY KEY, -- in order of creation
    id         ANY     NOT NULL UNIQUE,
    name       TEXT    NOT NULL UNIQUE,
    schema     TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- A deleted contact keeps an empty row: its id must not be used again.
CREATE TABLE automation_contacts (
    no           INTEGER PRIMARY KEY, -- in order of creation
    id           ANY     NOT NULL UNIQUE,
    email        TEXT    NOT NULL,
    email_key    TEXT    UNIQUE, -- in lower case; NULL for a deleted one
    first_name   TEXT    NOT NULL,
    last_name    TEXT    NOT NULL,
    unsubscribed INTEGER NOT NULL,
    properties   TEXT    NOT NULL,
    segments     TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    deleted_at   INTEGER
) STRICT;

CREATE TABLE automation_contact_segments (
    segment    TEXT    NOT NULL,
    contact_no INTEGER NOT NULL,
    PRIMARY KEY (segment, contact_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE automation_events (
    no          INTEGER PRIMARY KEY, -- in the order in which they were sent
    id          ANY     NOT NULL UNIQUE,
    owner       ANY     NOT NULL,
    email       TEXT, -- as it was sent, while the contact is not known
    name        TEXT    NOT NULL,
    payload     TEXT,
    key         TEXT, -- idempotency key
    occurred_at INTEGER, -- NULL: when it was accepted
    accepted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX automation_events_owner ON automation_events (owner, accepted_at);

-- The events that were not handled yet.
CREATE TABLE automation_pending (
    owner       ANY     NOT NULL,
    accepted_at INTEGER NOT NULL,
    event_no    INTEGER NOT NULL,
    PRIMARY KEY (owner, accepted_at, event_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX automation_pending_accepted ON automation_pending (accepted_at);

-- Handled events that have started no run. Those that have go with their runs.
CREATE TABLE automation_loose_events (
    handled_at INTEGER NOT NULL,
    event_no   INTEGER NOT NULL,
    PRIMARY KEY (handled_at, event_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE automation_idempotency_keys (
    name       TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    hash       TEXT    NOT NULL,
    event_id   ANY     NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (name, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX automation_idempotency_keys_expiry ON automation_idempotency_keys (expires_at);

-- Runs that are running (status 0), or have failed and are asked to go on.
-- Statuses: 0 running, 1 completed, 2 failed, 3 cancelled. Controls: 0 none,
-- 1 cancel, 2 retry.
CREATE TABLE automation_active_runs (
    no            INTEGER PRIMARY KEY AUTOINCREMENT, -- in order of creation, also of those that have ended
    id            ANY     NOT NULL UNIQUE,
    automation_no INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    owner         ANY     NOT NULL,
    event_no      INTEGER, -- that has started it
    status        INTEGER NOT NULL,
    control       INTEGER NOT NULL,
    setbacks      INTEGER NOT NULL,
    step          TEXT    NOT NULL,
    wait_event    TEXT,
    due_at        INTEGER,
    created_at    INTEGER NOT NULL,
    completed_at  INTEGER,
    error         TEXT,
    state         BLOB
) STRICT;
CREATE INDEX automation_active_runs_step ON automation_active_runs (automation_no, version, status, step, created_at);
CREATE INDEX automation_active_runs_owner ON automation_active_runs (owner, wait_event);
CREATE INDEX automation_active_runs_due ON automation_active_runs (due_at) WHERE due_at IS NOT NULL;

-- All other runs: what is finished must not weigh on what is not.
CREATE TABLE automation_ended_runs (
    no            INTEGER PRIMARY KEY,
    id            ANY     NOT NULL UNIQUE,
    automation_no INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    owner         ANY     NOT NULL,
    event_no      INTEGER,
    status        INTEGER NOT NULL,
    control       INTEGER NOT NULL,
    setbacks      INTEGER NOT NULL,
    step          TEXT    NOT NULL,
    wait_event    TEXT,
    due_at        INTEGER,
    created_at    INTEGER NOT NULL,
    completed_at  INTEGER,
    error         TEXT,
    state         BLOB
) STRICT;
CREATE INDEX automation_ended_runs_step ON automation_ended_runs (automation_no, version, status, step, created_at);
CREATE INDEX automation_ended_runs_owner ON automation_ended_runs (owner, event_no);
CREATE INDEX automation_ended_runs_completed ON automation_ended_runs (completed_at);

-- How many runs, active and ended, stand where.
CREATE TABLE automation_run_counts (
    automation_no INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    status        INTEGER NOT NULL,
    step          TEXT    NOT NULL,
    n             INTEGER NOT NULL,
    PRIMARY KEY (automation_no, version, status, step)
) STRICT, WITHOUT ROWID;

-- The contacts that are being worked on, and those whose lease has expired and
-- was not taken over yet.
CREATE TABLE automation_leases (
    owner ANY     NOT NULL PRIMARY KEY,
    token INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- For people with a SQL prompt.
CREATE VIEW automation_runs AS
WITH runs AS (
    SELECT * FROM automation_active_runs UNION ALL SELECT * FROM automation_ended_runs
)
SELECT
    CASE typeof(r.id) WHEN 'blob' THEN lower(substr(hex(r.id), 1, 8) || '-' || substr(hex(r.id), 9, 4) || '-' || substr(hex(r.id), 13, 4)
        || '-' || substr(hex(r.id), 17, 4) || '-' || substr(hex(r.id), 21)) ELSE substr(r.id, 2) END AS id,
    a.id AS automation_id,
    r.version,
    CASE typeof(r.owner) WHEN 'blob' THEN lower(substr(hex(r.owner), 1, 8) || '-' || substr(hex(r.owner), 9, 4) || '-' || substr(hex(r.owner), 13, 4)
        || '-' || substr(hex(r.owner), 17, 4) || '-' || substr(hex(r.owner), 21)) ELSE substr(r.owner, 2) END AS contact_id,
    e.name AS event_name,
    CASE r.status WHEN 0 THEN 'running' WHEN 1 THEN 'completed' WHEN 2 THEN 'failed' WHEN 3 THEN 'cancelled' END AS status,
    CASE r.control WHEN 0 THEN '' WHEN 1 THEN 'cancel' WHEN 2 THEN 'retry' END AS control,
    r.step,
    r.wait_event,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.due_at / 1e6, 'unixepoch') AS due_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.created_at / 1e6, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.completed_at / 1e6, 'unixepoch') AS completed_at,
    r.error
FROM runs r
JOIN automation_automations a ON a.no = r.automation_no
LEFT JOIN automation_events e ON e.no = r.event_no;
