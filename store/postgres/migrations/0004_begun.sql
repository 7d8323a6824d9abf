-- A run that was started under a lease and has not slept since is in the row of the
-- lease: whoever has the lease is at work on it. It is in no other table. Most runs
-- are over, or asleep, milliseconds after they were started.

ALTER TABLE automation.leases
    ADD COLUMN run_id uuid,
    ADD COLUMN run_automation_no bigint,
    ADD COLUMN run_version int,
    ADD COLUMN run_event_id uuid,
    ADD COLUMN run_event_name text COLLATE "C",
    ADD COLUMN run_step text COLLATE "C",
    ADD COLUMN run_due_at timestamptz,
    ADD COLUMN run_created_at timestamptz,
    ADD COLUMN run_state bytea;
-- Whoever looks for these runs must not read what is left of all leases that there were
-- since the last vacuum. By owner, and so in no order of time: pages are used again.
CREATE INDEX leases_begun ON automation.leases (owner) WHERE run_id IS NOT NULL;

CREATE VIEW automation.begun_runs AS
SELECT run_id AS id, run_automation_no AS automation_no, run_version AS version, owner, run_event_id AS event_id, run_event_name AS event_name,
    0::smallint AS status, 0::smallint AS control, 0 AS setbacks, run_step AS step, NULL::text AS wait_event, run_due_at AS due_at,
    run_created_at AS created_at, NULL::timestamptz AS completed_at, NULL::text AS error, run_state AS state
FROM automation.leases WHERE run_id IS NOT NULL;

DROP VIEW automation.runs;
CREATE VIEW automation.runs AS
SELECT r.id, a.id AS automation_id, r.version, automation.contact_of(r.owner) AS owner, r.event_id, r.event_name,
    (ARRAY['running', 'completed', 'failed', 'cancelled'])[r.status + 1] AS status,
    (ARRAY['', 'cancel', 'retry'])[r.control + 1] AS control,
    r.step, r.wait_event, r.due_at, r.created_at, r.completed_at, r.error
FROM (
    SELECT id, automation_no, version, owner, event_id, event_name, status, control, step, wait_event, due_at, created_at, completed_at, error
    FROM automation.begun_runs
    UNION ALL
    SELECT id, automation_no, version, owner, event_id, event_name, status, control, step, wait_event, due_at, created_at, completed_at, error
    FROM automation.active_runs
    UNION ALL
    SELECT id, automation_no, version, owner, event_id, event_name, status, 0, step, wait_event, due_at, created_at, completed_at, error
    FROM automation.ended_runs
) r JOIN automation.automations a ON a.no = r.automation_no;
