-- An event is in one row: of pending until it is handled, then of the run that it has started if
-- that is all that became of it, and of events otherwise. The id of such a run differs from that of
-- its event in the last bit.
--
-- Processes that do not know it would look for pending events, and for the payloads of runs, in
-- events. All their claims and commits name the column that is renamed first, and so they fail.
-- They cannot send either. Stop them before you apply this.

ALTER TABLE automation.leases RENAME COLUMN fence TO fence_no;

-- The id of the run that has the event in its row, and the id of the event of such a run.
CREATE FUNCTION automation.twin(id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(set_byte(uuid_send(id), 15, get_byte(uuid_send(id), 15) # 1), 'hex')::uuid
$$;

CREATE TABLE automation.new_pending (
    accepted_at   timestamptz NOT NULL,
    no            bigint GENERATED ALWAYS AS IDENTITY,
    occurred_at   timestamptz,
    event_id      uuid NOT NULL,
    unannounced   boolean, -- true, or NULL
    owner         bytea NOT NULL,
    name          text COLLATE "C" NOT NULL,
    payload       text, -- byte for byte, which jsonb would not keep
    email         text, -- as it was sent, while no contact has it
    key           text, -- idempotency key
    automation_id text, -- the only automation that the event may start
    cause         text -- a JSON object, of an event that a run has sent
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
INSERT INTO automation.new_pending (accepted_at, no, occurred_at, event_id, unannounced, owner, name, payload, email, key, automation_id, cause)
OVERRIDING SYSTEM VALUE
SELECT p.accepted_at, p.no, e.occurred_at, e.id, p.unannounced, p.owner, e.name, e.payload, e.email, e.key, e.automation_id, e.cause
FROM automation.pending p JOIN automation.events e ON e.id = p.event_id ORDER BY p.no;
SELECT setval(pg_get_serial_sequence('automation.new_pending', 'no'), (SELECT nextval(pg_get_serial_sequence('automation.pending', 'no'))));
DELETE FROM automation.events e USING automation.new_pending p WHERE e.id = p.event_id;
DROP TABLE automation.pending;
ALTER TABLE automation.new_pending RENAME TO pending;
ALTER TABLE automation.pending ADD CONSTRAINT pending_pkey PRIMARY KEY (event_id);
CREATE INDEX pending_owner ON automation.pending (owner);
CREATE INDEX pending_accepted ON automation.pending (accepted_at);

-- What a run's row has of its event. Its name is that of the place, and its owner that of the run.
-- A run whose event is in events has event_id instead.
ALTER TABLE automation.active_runs
    ADD COLUMN event_at timestamptz, -- when the event was accepted
    ADD COLUMN event_occurred_at timestamptz, ADD COLUMN event_payload text, ADD COLUMN event_key text,
    ADD COLUMN event_automation_id text, ADD COLUMN event_cause text;
ALTER TABLE automation.ended_runs
    ADD COLUMN event_at timestamptz,
    ADD COLUMN event_occurred_at timestamptz, ADD COLUMN event_payload text, ADD COLUMN event_key text,
    ADD COLUMN event_automation_id text, ADD COLUMN event_cause text;
ALTER TABLE automation.leases
    ADD COLUMN run_event_at timestamptz,
    ADD COLUMN run_event_occurred_at timestamptz, ADD COLUMN run_event_payload text, ADD COLUMN run_event_key text,
    ADD COLUMN run_event_automation_id text, ADD COLUMN run_event_cause text;

DROP VIEW automation.runs;
DROP VIEW automation.begun_runs;
CREATE VIEW automation.begun_runs AS
SELECT run_due_at AS due_at, run_created_at AS created_at, NULL::timestamptz AS completed_at, run_place_no AS place_no, run_listen_no AS listen_no,
    run_id AS id, run_event_id AS event_id, NULL::smallint AS control, NULL::smallint AS setbacks, owner, run_state AS state, NULL::text AS error,
    run_event_at AS event_at, run_event_occurred_at AS event_occurred_at, run_event_payload AS event_payload, run_event_key AS event_key,
    run_event_automation_id AS event_automation_id, run_event_cause AS event_cause
FROM automation.leases WHERE run_id IS NOT NULL;

CREATE VIEW automation.runs AS
SELECT r.id, p.automation_id, p.version, automation.contact_of(r.owner) AS owner,
    CASE WHEN r.event_at IS NULL THEN r.event_id ELSE automation.twin(r.id) END AS event_id, p.event_name,
    (ARRAY['running', 'completed', 'failed', 'cancelled'])[p.status + 1] AS status,
    (ARRAY['', 'cancel', 'retry'])[coalesce(r.control, 0) + 1] AS control,
    p.step, (SELECT s.names FROM automation.listen_sets s WHERE s.no = r.listen_no) AS listens,
    r.due_at, r.created_at, r.completed_at, r.error, r.exit
FROM (
    SELECT id, place_no, owner, event_id, event_at, control, listen_no, due_at, created_at, completed_at, error, NULL::text AS exit
    FROM automation.begun_runs
    UNION ALL
    SELECT id, place_no, owner, event_id, event_at, control, listen_no, due_at, created_at, completed_at, error, NULL
    FROM automation.active_runs
    UNION ALL
    SELECT id, place_no, owner, event_id, event_at, NULL, NULL, due_at, created_at, completed_at, error, exit
    FROM automation.ended_runs
) r JOIN automation.places p ON p.no = r.place_no;
