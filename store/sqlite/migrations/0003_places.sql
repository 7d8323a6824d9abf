-- Runs refer to the place at which they stand by its number, and are counted there. A
-- run that has not slept yet is in the row of the lease.

-- Where runs stand, and how many, in whichever table.
CREATE TABLE automation_places (
    no            INTEGER PRIMARY KEY,
    automation_no INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    status        INTEGER NOT NULL, -- 0 running, 1 completed, 2 failed, 3 cancelled
    step          TEXT    NOT NULL,
    wait_event    TEXT    NOT NULL, -- that they wait for, or ''
    n             INTEGER NOT NULL,
    UNIQUE (automation_no, version, status, step, wait_event)
) STRICT;
CREATE INDEX automation_places_waits ON automation_places (wait_event) WHERE wait_event <> '';

-- The number of the last run that was started. It never falls.
ALTER TABLE automation_tokens ADD COLUMN last_run INTEGER NOT NULL DEFAULT 0;

DROP VIEW automation_runs;
DROP INDEX automation_active_runs_step;
DROP INDEX automation_active_runs_owner;
DROP INDEX automation_active_runs_due;
DROP INDEX automation_ended_runs_step;
DROP INDEX automation_ended_runs_owner;
DROP INDEX automation_ended_runs_completed;
ALTER TABLE automation_active_runs RENAME TO automation_old_active_runs;
ALTER TABLE automation_ended_runs RENAME TO automation_old_ended_runs;

-- A run that was started under the lease and has not slept since: whoever has the
-- lease is at work on it. It is in no other table.
ALTER TABLE automation_leases ADD COLUMN run_no INTEGER; -- in order of creation, also of the others
ALTER TABLE automation_leases ADD COLUMN run_id ANY;
ALTER TABLE automation_leases ADD COLUMN run_place_no INTEGER;
ALTER TABLE automation_leases ADD COLUMN run_event_no INTEGER; -- that has started it
ALTER TABLE automation_leases ADD COLUMN run_due_at INTEGER;
ALTER TABLE automation_leases ADD COLUMN run_created_at INTEGER;
ALTER TABLE automation_leases ADD COLUMN run_state BLOB;

CREATE VIEW automation_begun_runs AS
SELECT run_no AS no, run_id AS id, run_place_no AS place_no, owner, run_event_no AS event_no,
    run_due_at AS due_at, run_created_at AS created_at, run_state AS state
FROM automation_leases WHERE run_no IS NOT NULL;

-- The other runs that are running, or have failed and are asked to go on. Controls:
-- 0 none, 1 cancel, 2 retry.
CREATE TABLE automation_active_runs (
    no           INTEGER PRIMARY KEY,
    id           ANY     NOT NULL UNIQUE,
    place_no     INTEGER NOT NULL,
    owner        ANY     NOT NULL,
    event_no     INTEGER,
    control      INTEGER NOT NULL,
    setbacks     INTEGER NOT NULL,
    due_at       INTEGER,
    created_at   INTEGER NOT NULL,
    completed_at INTEGER,
    error        TEXT,
    state        BLOB
) STRICT;

-- All other runs: what is finished must not weigh on what is not.
CREATE TABLE automation_ended_runs (
    no           INTEGER PRIMARY KEY,
    id           ANY     NOT NULL UNIQUE,
    place_no     INTEGER NOT NULL,
    owner        ANY     NOT NULL,
    event_no     INTEGER,
    control      INTEGER NOT NULL,
    setbacks     INTEGER NOT NULL,
    due_at       INTEGER,
    created_at   INTEGER NOT NULL,
    completed_at INTEGER,
    error        TEXT,
    state        BLOB
) STRICT;

INSERT INTO automation_places (automation_no, version, status, step, wait_event, n)
SELECT automation_no, version, status, step, coalesce(wait_event, ''), count(*) FROM (
    SELECT automation_no, version, status, step, wait_event FROM automation_old_active_runs
    UNION ALL SELECT automation_no, version, status, step, wait_event FROM automation_old_ended_runs)
GROUP BY 1, 2, 3, 4, 5;

INSERT INTO automation_active_runs
SELECT r.no, r.id, p.no, r.owner, r.event_no, r.control, r.setbacks, r.due_at, r.created_at, r.completed_at, r.error, r.state
FROM automation_old_active_runs r
CROSS JOIN automation_places p ON p.automation_no = r.automation_no AND p.version = r.version AND p.status = r.status
    AND p.step = r.step AND p.wait_event = coalesce(r.wait_event, '')
ORDER BY r.no;

INSERT INTO automation_ended_runs
SELECT r.no, r.id, p.no, r.owner, r.event_no, r.control, r.setbacks, r.due_at, r.created_at, r.completed_at, r.error, r.state
FROM automation_old_ended_runs r
CROSS JOIN automation_places p ON p.automation_no = r.automation_no AND p.version = r.version AND p.status = r.status
    AND p.step = r.step AND p.wait_event = coalesce(r.wait_event, '')
ORDER BY r.no;

UPDATE automation_tokens SET last_run = coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'automation_old_active_runs'), 0);

DROP TABLE automation_old_active_runs;
DROP TABLE automation_old_ended_runs;
DROP TABLE automation_run_counts;

CREATE INDEX automation_active_runs_place ON automation_active_runs (place_no, created_at);
CREATE INDEX automation_active_runs_owner ON automation_active_runs (owner, place_no);
CREATE INDEX automation_active_runs_due ON automation_active_runs (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX automation_ended_runs_place ON automation_ended_runs (place_no, created_at);
CREATE INDEX automation_ended_runs_owner ON automation_ended_runs (owner, event_no);
CREATE INDEX automation_ended_runs_completed ON automation_ended_runs (completed_at);

-- For people with a SQL prompt.
CREATE VIEW automation_runs AS
WITH runs AS (
    SELECT id, place_no, owner, event_no, 0 AS control, due_at, created_at, NULL AS completed_at, NULL AS error FROM automation_begun_runs
    UNION ALL SELECT id, place_no, owner, event_no, control, due_at, created_at, completed_at, error FROM automation_active_runs
    UNION ALL SELECT id, place_no, owner, event_no, control, due_at, created_at, completed_at, error FROM automation_ended_runs
)
SELECT
    CASE typeof(r.id) WHEN 'blob' THEN lower(substr(hex(r.id), 1, 8) || '-' || substr(hex(r.id), 9, 4) || '-' || substr(hex(r.id), 13, 4)
        || '-' || substr(hex(r.id), 17, 4) || '-' || substr(hex(r.id), 21)) ELSE substr(r.id, 2) END AS id,
    a.id AS automation_id,
    p.version,
    CASE typeof(r.owner) WHEN 'blob' THEN lower(substr(hex(r.owner), 1, 8) || '-' || substr(hex(r.owner), 9, 4) || '-' || substr(hex(r.owner), 13, 4)
        || '-' || substr(hex(r.owner), 17, 4) || '-' || substr(hex(r.owner), 21)) ELSE substr(r.owner, 2) END AS contact_id,
    e.name AS event_name,
    CASE p.status WHEN 0 THEN 'running' WHEN 1 THEN 'completed' WHEN 2 THEN 'failed' WHEN 3 THEN 'cancelled' END AS status,
    CASE r.control WHEN 0 THEN '' WHEN 1 THEN 'cancel' WHEN 2 THEN 'retry' END AS control,
    p.step,
    nullif(p.wait_event, '') AS wait_event,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.due_at / 1e6, 'unixepoch') AS due_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.created_at / 1e6, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.completed_at / 1e6, 'unixepoch') AS completed_at,
    r.error
FROM runs r
JOIN automation_places p ON p.no = r.place_no
JOIN automation_automations a ON a.no = p.automation_no
LEFT JOIN automation_events e ON e.no = r.event_no;
