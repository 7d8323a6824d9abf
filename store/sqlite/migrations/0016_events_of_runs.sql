-- An event is in one row: of pending until it is handled, then of the run that it has started,
-- and of events if it has started none or several. Processes that do not know it would look for
-- pending events in events. Each of their transactions names the column that is renamed first,
-- and so they fail. Stop them before you apply this.

ALTER TABLE automation_tokens RENAME COLUMN last TO last_fence;

-- The number of the last event. It never falls.
ALTER TABLE automation_tokens ADD COLUMN last_event INTEGER NOT NULL DEFAULT 0;
UPDATE automation_tokens SET last_event = coalesce((SELECT max(no) FROM automation_events), 0);

DROP INDEX automation_pending_accepted;
ALTER TABLE automation_pending RENAME TO automation_old_pending;
CREATE TABLE automation_pending (
    owner         ANY     NOT NULL,
    accepted_at   INTEGER NOT NULL,
    no            INTEGER NOT NULL, -- in the order in which they were sent, also of those in events
    id            ANY     NOT NULL UNIQUE,
    email         TEXT,
    name          TEXT    NOT NULL,
    payload       TEXT,
    key           TEXT,
    occurred_at   INTEGER,
    automation_id TEXT,
    cause         TEXT,
    unannounced   INTEGER,
    PRIMARY KEY (owner, accepted_at, no)
) STRICT, WITHOUT ROWID;
INSERT INTO automation_pending
SELECT p.owner, p.accepted_at, e.no, e.id, e.email, e.name, e.payload, e.key, e.occurred_at, e.automation_id, e.cause, p.unannounced
FROM automation_old_pending p CROSS JOIN automation_events e ON e.no = p.event_no;
DELETE FROM automation_events WHERE no IN (SELECT event_no FROM automation_old_pending);
DROP TABLE automation_old_pending;
CREATE INDEX automation_pending_accepted ON automation_pending (accepted_at);

-- From now on places have the name of the event that has started their runs, also of a version
-- that only one event starts.
ALTER TABLE automation_versions DROP COLUMN many_names;

-- The event that has started the run, if it is in this row: how many microseconds before the run
-- it was accepted, its payload, and what few events have, as a JSON object. Its id is that of the
-- run with another last bit, and its name is that of the place. Otherwise event_no has its number.
DROP VIEW automation_runs;
DROP VIEW automation_begun_runs;
ALTER TABLE automation_leases ADD COLUMN run_event_age INTEGER;
ALTER TABLE automation_leases ADD COLUMN run_event_payload TEXT;
ALTER TABLE automation_leases ADD COLUMN run_event_more TEXT;
ALTER TABLE automation_active_runs ADD COLUMN event_age INTEGER;
ALTER TABLE automation_active_runs ADD COLUMN event_payload TEXT;
ALTER TABLE automation_active_runs ADD COLUMN event_more TEXT;
ALTER TABLE automation_ended_runs ADD COLUMN event_age INTEGER;
ALTER TABLE automation_ended_runs ADD COLUMN event_payload TEXT;
ALTER TABLE automation_ended_runs ADD COLUMN event_more TEXT;

-- The runs of a contact by the time at which the events in their rows were accepted, and the
-- runs of events that are elsewhere.
DROP INDEX automation_ended_runs_owner;
CREATE INDEX automation_ended_runs_owner ON automation_ended_runs (owner, created_at - event_age);
CREATE INDEX automation_active_runs_event ON automation_active_runs (event_no) WHERE event_no IS NOT NULL;
CREATE INDEX automation_ended_runs_event ON automation_ended_runs (event_no) WHERE event_no IS NOT NULL;

CREATE VIEW automation_begun_runs AS
SELECT run_no AS no, run_id AS id, run_place_no AS place_no, owner, run_event_no AS event_no,
    run_due_at AS due_at, run_created_at AS created_at, run_state AS state, run_listen_no AS listen_no,
    run_event_age AS event_age, run_event_payload AS event_payload, run_event_more AS event_more
FROM automation_leases WHERE run_no IS NOT NULL;

-- For people with a SQL prompt.
CREATE VIEW automation_runs AS
WITH runs AS (
    SELECT id, place_no, owner, event_no, 0 AS control, listen_no, due_at, created_at, NULL AS completed_at, NULL AS error, NULL AS exit, event_age FROM automation_begun_runs
    UNION ALL SELECT id, place_no, owner, event_no, control, listen_no, due_at, created_at, completed_at, error, NULL, event_age FROM automation_active_runs
    UNION ALL SELECT id, place_no, owner, event_no, control, NULL, due_at, created_at, completed_at, error, exit, event_age FROM automation_ended_runs
)
SELECT
    CASE typeof(r.id) WHEN 'blob' THEN lower(substr(hex(r.id), 1, 8) || '-' || substr(hex(r.id), 9, 4) || '-' || substr(hex(r.id), 13, 4)
        || '-' || substr(hex(r.id), 17, 4) || '-' || substr(hex(r.id), 21)) ELSE substr(r.id, 2) END AS id,
    a.id AS automation_id,
    p.version,
    CASE typeof(r.owner) WHEN 'blob' THEN lower(substr(hex(r.owner), 1, 8) || '-' || substr(hex(r.owner), 9, 4) || '-' || substr(hex(r.owner), 13, 4)
        || '-' || substr(hex(r.owner), 17, 4) || '-' || substr(hex(r.owner), 21)) ELSE substr(r.owner, 2) END AS contact_id,
    iif(r.event_age IS NULL, e.name, p.event_name) AS event_name,
    CASE p.status WHEN 0 THEN 'running' WHEN 1 THEN 'completed' WHEN 2 THEN 'failed' WHEN 3 THEN 'cancelled' END AS status,
    CASE r.control WHEN 0 THEN '' WHEN 1 THEN 'cancel' WHEN 2 THEN 'retry' END AS control,
    p.step,
    (SELECT s.names FROM automation_listen_sets s WHERE s.no = r.listen_no) AS listens,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.due_at / 1e6, 'unixepoch') AS due_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.created_at / 1e6, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.completed_at / 1e6, 'unixepoch') AS completed_at,
    r.error,
    r.exit
FROM runs r
JOIN automation_places p ON p.no = r.place_no
JOIN automation_automations a ON a.no = p.automation_no
LEFT JOIN automation_events e ON e.no = r.event_no;
