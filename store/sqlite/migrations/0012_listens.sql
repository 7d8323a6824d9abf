-- What a run listens to is a set of names of events. Each set is kept once, and runs have its
-- number. Processes that do not know it would wake no run by an event: they name the column
-- that goes, and so they fail. Stop them before you apply this.

CREATE TABLE automation_listen_sets (
    no    INTEGER PRIMARY KEY,
    names TEXT    NOT NULL UNIQUE -- a JSON array, sorted
) STRICT;
CREATE TABLE automation_listens (
    event_name TEXT    NOT NULL,
    no         INTEGER NOT NULL,
    PRIMARY KEY (event_name, no)
) STRICT, WITHOUT ROWID;

INSERT INTO automation_listen_sets (names) SELECT DISTINCT json_array(wait_event) FROM automation_places WHERE wait_event <> '';
INSERT INTO automation_listens (event_name, no) SELECT json_extract(names, '$[0]'), no FROM automation_listen_sets;

DROP VIEW automation_runs;
DROP VIEW automation_begun_runs;
DROP INDEX automation_active_runs_owner;
ALTER TABLE automation_active_runs ADD COLUMN listen_no INTEGER;
ALTER TABLE automation_leases ADD COLUMN run_listen_no INTEGER;

UPDATE automation_active_runs SET listen_no = (
    SELECT l.no FROM automation_places p CROSS JOIN automation_listens l ON l.event_name = p.wait_event WHERE p.no = place_no)
WHERE place_no IN (SELECT no FROM automation_places WHERE wait_event <> '');

-- Places that differ in what runs wait for become one, with the least of their numbers.
ALTER TABLE automation_places RENAME TO automation_old_places;
DROP INDEX automation_places_waits;
CREATE TABLE automation_places (
    no            INTEGER PRIMARY KEY,
    automation_no INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    status        INTEGER NOT NULL, -- 0 running, 1 completed, 2 failed, 3 cancelled
    step          TEXT    NOT NULL,
    n             INTEGER NOT NULL,
    UNIQUE (automation_no, version, status, step)
) STRICT;
INSERT INTO automation_places (no, automation_no, version, status, step, n)
SELECT min(no), automation_no, version, status, step, sum(n) FROM automation_old_places GROUP BY 2, 3, 4, 5;

CREATE TABLE automation_moved_places (from_no INTEGER PRIMARY KEY, to_no INTEGER NOT NULL) STRICT;
INSERT INTO automation_moved_places
SELECT o.no, p.no FROM automation_old_places o
JOIN automation_places p ON p.automation_no = o.automation_no AND p.version = o.version AND p.status = o.status AND p.step = o.step
WHERE p.no <> o.no;
UPDATE automation_active_runs SET place_no = (SELECT to_no FROM automation_moved_places WHERE from_no = place_no)
WHERE place_no IN (SELECT from_no FROM automation_moved_places);
UPDATE automation_ended_runs SET place_no = (SELECT to_no FROM automation_moved_places WHERE from_no = place_no)
WHERE place_no IN (SELECT from_no FROM automation_moved_places);
UPDATE automation_leases SET run_place_no = (SELECT to_no FROM automation_moved_places WHERE from_no = run_place_no)
WHERE run_place_no IN (SELECT from_no FROM automation_moved_places);
DROP TABLE automation_moved_places;
DROP TABLE automation_old_places;

CREATE INDEX automation_active_runs_owner ON automation_active_runs (owner, listen_no);

CREATE VIEW automation_begun_runs AS
SELECT run_no AS no, run_id AS id, run_place_no AS place_no, owner, run_event_no AS event_no,
    run_due_at AS due_at, run_created_at AS created_at, run_state AS state, run_listen_no AS listen_no
FROM automation_leases WHERE run_no IS NOT NULL;

-- For people with a SQL prompt.
CREATE VIEW automation_runs AS
WITH runs AS (
    SELECT id, place_no, owner, event_no, 0 AS control, listen_no, due_at, created_at, NULL AS completed_at, NULL AS error FROM automation_begun_runs
    UNION ALL SELECT id, place_no, owner, event_no, control, listen_no, due_at, created_at, completed_at, error FROM automation_active_runs
    UNION ALL SELECT id, place_no, owner, event_no, control, NULL, due_at, created_at, completed_at, error FROM automation_ended_runs
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
    (SELECT s.names FROM automation_listen_sets s WHERE s.no = r.listen_no) AS listens,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.due_at / 1e6, 'unixepoch') AS due_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.created_at / 1e6, 'unixepoch') AS created_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', r.completed_at / 1e6, 'unixepoch') AS completed_at,
    r.error
FROM runs r
JOIN automation_places p ON p.no = r.place_no
JOIN automation_automations a ON a.no = p.automation_no
LEFT JOIN automation_events e ON e.no = r.event_no;
