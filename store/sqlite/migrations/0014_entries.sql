-- Entry and exit: automations with several triggers, decisions about events, counts of starts,
-- and why a run ended early. Processes that do not know them would start runs that must not
-- start: they name the column that goes, and so they fail. Stop them before you apply this.

-- The events that start runs of an automation's newest version. automation_automations has
-- their names in order, as a JSON array.
CREATE TABLE automation_triggers (
    event_name    TEXT    NOT NULL,
    automation_no INTEGER NOT NULL,
    PRIMARY KEY (event_name, automation_no)
) STRICT, WITHOUT ROWID;
INSERT INTO automation_triggers (event_name, automation_no) SELECT event_name, no FROM automation_automations WHERE deleted_at IS NULL;

DROP INDEX automation_automations_events;
ALTER TABLE automation_automations RENAME COLUMN event_name TO event_names;
UPDATE automation_automations SET event_names = json_array(event_names);
ALTER TABLE automation_automations ADD COLUMN gathers INTEGER NOT NULL DEFAULT 0;
ALTER TABLE automation_versions ADD COLUMN many_names INTEGER; -- 1 if events with several names start its runs, or NULL

-- Why an event did not start a run, or did not end one.
CREATE TABLE automation_decisions (
    event_no      INTEGER NOT NULL,
    automation_id TEXT    NOT NULL,
    code          TEXT    NOT NULL,
    at            INTEGER NOT NULL,
    evidence      TEXT, -- a JSON object
    PRIMARY KEY (event_no, automation_id, code)
) STRICT, WITHOUT ROWID;

-- How often an automation has started for a contact, or for a contact and a key.
CREATE TABLE automation_entries (
    owner         ANY     NOT NULL,
    automation_no INTEGER NOT NULL,
    key           TEXT    NOT NULL, -- a hash, or ''
    n             INTEGER NOT NULL,
    starts        TEXT    NOT NULL, -- the times of the last ones, separated by spaces
    expires_at    INTEGER,
    PRIMARY KEY (owner, automation_no, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX automation_entries_automation ON automation_entries (automation_no);
CREATE INDEX automation_entries_expiry ON automation_entries (expires_at) WHERE expires_at IS NOT NULL;

DROP VIEW automation_runs;
ALTER TABLE automation_ended_runs ADD COLUMN exit TEXT; -- a JSON object

-- All runs at one place were started by events with one name. That is so for all runs of a
-- version that only one event starts. For the other versions a place has the name.
ALTER TABLE automation_places RENAME TO automation_old_places;
CREATE TABLE automation_places (
    no            INTEGER PRIMARY KEY,
    automation_no INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    status        INTEGER NOT NULL, -- 0 running, 1 completed, 2 failed, 3 cancelled
    step          TEXT    NOT NULL,
    event_name    TEXT    NOT NULL, -- or ''
    n             INTEGER NOT NULL,
    UNIQUE (automation_no, version, status, step, event_name)
) STRICT;
INSERT INTO automation_places (no, automation_no, version, status, step, event_name, n)
SELECT no, automation_no, version, status, step, '', n FROM automation_old_places;
DROP TABLE automation_old_places;

-- For people with a SQL prompt.
CREATE VIEW automation_runs AS
WITH runs AS (
    SELECT id, place_no, owner, event_no, 0 AS control, listen_no, due_at, created_at, NULL AS completed_at, NULL AS error, NULL AS exit FROM automation_begun_runs
    UNION ALL SELECT id, place_no, owner, event_no, control, listen_no, due_at, created_at, completed_at, error, NULL FROM automation_active_runs
    UNION ALL SELECT id, place_no, owner, event_no, control, NULL, due_at, created_at, completed_at, error, exit FROM automation_ended_runs
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
    r.error,
    r.exit
FROM runs r
JOIN automation_places p ON p.no = r.place_no
JOIN automation_automations a ON a.no = p.automation_no
LEFT JOIN automation_events e ON e.no = r.event_no;
