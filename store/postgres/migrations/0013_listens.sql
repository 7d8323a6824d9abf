-- What a run listens to is a set of names of events. Each set is kept once, and runs have its
-- number. Processes that do not know it would wake no run by an event: they name the column
-- that goes, and so they fail. Stop them before you apply this.

CREATE TABLE automation.listen_sets (
    no     int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL CONSTRAINT listen_sets_digest UNIQUE, -- SHA-256 of names
    names  text NOT NULL -- a JSON array, sorted
);
CREATE TABLE automation.listens (
    event_name text COLLATE "C" NOT NULL,
    no         int NOT NULL,
    PRIMARY KEY (event_name, no)
);

INSERT INTO automation.listen_sets (digest, names)
SELECT sha256(convert_to(w.names, 'UTF8')), w.names
FROM (SELECT '[' || to_json(wait_event)::text || ']' AS names FROM automation.active_runs WHERE wait_event IS NOT NULL GROUP BY wait_event) w;
INSERT INTO automation.listens (event_name, no) SELECT names::json ->> 0, no FROM automation.listen_sets;

DROP VIEW automation.runs;
DROP VIEW automation.begun_runs;

-- The column is converted in its place, so that the table is written once, and
-- active_runs_owner with it.
CREATE FUNCTION automation.listen_no_of(name text) RETURNS int LANGUAGE sql STABLE AS $$
    SELECT no FROM automation.listens WHERE event_name = name
$$;
ALTER TABLE automation.active_runs ALTER COLUMN wait_event TYPE int USING automation.listen_no_of(wait_event);
ALTER TABLE automation.active_runs RENAME COLUMN wait_event TO listen_no;
DROP FUNCTION automation.listen_no_of(text);

ALTER TABLE automation.ended_runs DROP COLUMN wait_event; -- a run that has ended listens to nothing
ALTER TABLE automation.leases ADD COLUMN run_listen_no int;

CREATE VIEW automation.begun_runs AS
SELECT run_id AS id, run_automation_no AS automation_no, run_version AS version, owner, run_event_id AS event_id, run_event_name AS event_name,
    0::smallint AS status, 0::smallint AS control, 0 AS setbacks, run_step AS step, run_listen_no AS listen_no, run_due_at AS due_at,
    run_created_at AS created_at, NULL::timestamptz AS completed_at, NULL::text AS error, run_state AS state
FROM automation.leases WHERE run_id IS NOT NULL;

CREATE VIEW automation.runs AS
SELECT r.id, a.id AS automation_id, r.version, automation.contact_of(r.owner) AS owner, r.event_id, r.event_name,
    (ARRAY['running', 'completed', 'failed', 'cancelled'])[r.status + 1] AS status,
    (ARRAY['', 'cancel', 'retry'])[r.control + 1] AS control,
    r.step, (SELECT s.names FROM automation.listen_sets s WHERE s.no = r.listen_no) AS listens,
    r.due_at, r.created_at, r.completed_at, r.error
FROM (
    SELECT id, automation_no, version, owner, event_id, event_name, status, control, step, listen_no, due_at, created_at, completed_at, error
    FROM automation.begun_runs
    UNION ALL
    SELECT id, automation_no, version, owner, event_id, event_name, status, control, step, listen_no, due_at, created_at, completed_at, error
    FROM automation.active_runs
    UNION ALL
    SELECT id, automation_no, version, owner, event_id, event_name, status, 0, step, NULL, due_at, created_at, completed_at, error
    FROM automation.ended_runs
) r JOIN automation.automations a ON a.no = r.automation_no;
