-- Entry and exit: automations with several triggers, decisions about events, counts of starts,
-- and why a run ended early. Processes that do not know them would start runs that must not
-- start: they name the column that goes, and so they fail. Stop them before you apply this.

-- The events that start runs of an automation's newest version.
CREATE TABLE automation.triggers (
    event_name    text COLLATE "C" NOT NULL,
    automation_no bigint NOT NULL,
    PRIMARY KEY (event_name, automation_no)
);
INSERT INTO automation.triggers (event_name, automation_no) SELECT event_name, no FROM automation.automations WHERE deleted_at IS NULL;

DROP INDEX automation.automations_events;
ALTER TABLE automation.automations ALTER COLUMN event_name TYPE text[] USING ARRAY[event_name];
ALTER TABLE automation.automations RENAME COLUMN event_name TO event_names;
ALTER TABLE automation.automations ADD COLUMN gathers boolean NOT NULL DEFAULT false;

-- Why an event did not start a run, or did not end one.
CREATE TABLE automation.decisions (
    event_id      uuid NOT NULL,
    automation_id text COLLATE "C" NOT NULL,
    code          text COLLATE "C" NOT NULL,
    at            timestamptz NOT NULL,
    evidence      text, -- a JSON object
    PRIMARY KEY (event_id, automation_id, code)
);

-- How often an automation has started for a contact, or for a contact and a key. A start
-- changes no indexed column of a count that is kept for good: room is left for it on the page.
CREATE TABLE automation.entries (
    owner         text COLLATE "C" NOT NULL,
    automation_no bigint NOT NULL,
    key           text COLLATE "C" NOT NULL, -- a hash, or ''
    n             int NOT NULL,
    starts        text NOT NULL, -- the times of the last ones in microseconds, separated by spaces
    expires_at    timestamptz,
    PRIMARY KEY (owner, automation_no, key)
) WITH (fillfactor = 85);
CREATE INDEX entries_automation ON automation.entries (automation_no);
CREATE INDEX entries_expiry ON automation.entries (expires_at) WHERE expires_at IS NOT NULL;

-- Runs of a version that events with several names start: true, or NULL. A list of the runs
-- that events with one name started seeks them by their names. All runs of any other version
-- were started by events with the same name.
ALTER TABLE automation.versions ADD COLUMN many_names boolean;
ALTER TABLE automation.leases ADD COLUMN run_many_names boolean;
ALTER TABLE automation.active_runs ADD COLUMN many_names boolean;
ALTER TABLE automation.ended_runs ADD COLUMN many_names boolean, ADD COLUMN exit text; -- a JSON object

-- Name and step are one column, because the planner could take the indexes of all runs of a
-- group for as cheap as these if those served the same conditions.
CREATE INDEX active_runs_event ON automation.active_runs
    (automation_no, version, status, ((step || ' ' || event_name) COLLATE "C"), created_at) WHERE many_names;
CREATE INDEX active_runs_event_completed ON automation.active_runs
    (automation_no, version, status, ((step || ' ' || event_name) COLLATE "C"), completed_at) WHERE many_names AND completed_at IS NOT NULL;
CREATE INDEX ended_runs_event ON automation.ended_runs
    (automation_no, version, status, ((step || ' ' || event_name) COLLATE "C"), created_at) WHERE many_names;
CREATE INDEX ended_runs_event_completed ON automation.ended_runs
    (automation_no, version, status, ((step || ' ' || event_name) COLLATE "C"), completed_at) WHERE many_names;

CREATE OR REPLACE VIEW automation.runs AS
SELECT r.id, a.id AS automation_id, r.version, automation.contact_of(r.owner) AS owner, r.event_id, r.event_name,
    (ARRAY['running', 'completed', 'failed', 'cancelled'])[r.status + 1] AS status,
    (ARRAY['', 'cancel', 'retry'])[r.control + 1] AS control,
    r.step, (SELECT s.names FROM automation.listen_sets s WHERE s.no = r.listen_no) AS listens,
    r.due_at, r.created_at, r.completed_at, r.error, r.exit
FROM (
    SELECT id, automation_no, version, owner, event_id, event_name, status, control, step, listen_no, due_at, created_at, completed_at, error, NULL::text AS exit
    FROM automation.begun_runs
    UNION ALL
    SELECT id, automation_no, version, owner, event_id, event_name, status, control, step, listen_no, due_at, created_at, completed_at, error, NULL
    FROM automation.active_runs
    UNION ALL
    SELECT id, automation_no, version, owner, event_id, event_name, status, 0, step, NULL, due_at, created_at, completed_at, error, exit
    FROM automation.ended_runs
) r JOIN automation.automations a ON a.no = r.automation_no;
