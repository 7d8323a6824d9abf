-- Where runs stand, with the events that start them, is a number in their rows and indexes
-- instead of five columns, and owners that are UUIDs are 16 bytes instead of 22 characters. The
-- tables that have them are written anew.
--
-- Processes that do not know it name columns and a sequence that go, in all claims and commits,
-- and so they fail. Stop them before you apply this.

-- Runs with the same values here have one place, which they refer to by its number. A place is
-- never changed or removed.
CREATE TABLE automation.places (
    no            int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version       int NOT NULL,
    status        smallint NOT NULL, -- 0 running, 1 completed, 2 failed, 3 cancelled
    automation_id text COLLATE "C" NOT NULL,
    step          text COLLATE "C" NOT NULL,
    event_name    text COLLATE "C" NOT NULL, -- of the events that started the runs
    CONSTRAINT places_key UNIQUE (automation_id, version, status, step, event_name)
);

DROP VIEW automation.runs;
DROP VIEW automation.begun_runs;

INSERT INTO automation.places (automation_id, version, status, step, event_name)
SELECT a.id, r.version, r.status, r.step, r.event_name
FROM (
    SELECT automation_no, version, status, step, event_name FROM automation.active_runs
    UNION SELECT automation_no, version, status, step, event_name FROM automation.ended_runs
    UNION SELECT run_automation_no, run_version, 0, run_step, run_event_name FROM automation.leases WHERE run_id IS NOT NULL
) r JOIN automation.automations a ON a.no = r.automation_no
ORDER BY a.no, r.version, r.status, r.step, r.event_name;

-- The owner of a contact whose id is a UUID is the UUID. Any other one is text in UTF-8: "=" and
-- an id, or "@" and an email in lower case, and "+" in front if it would be 16 bytes long.
--
-- The owner of a text that is an owner of the migrations before.
CREATE FUNCTION automation.new_owner(owner text) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN owner ~ '^[=@]'
        THEN CASE octet_length(convert_to(owner, 'UTF8')) WHEN 16 THEN '\x2b'::bytea ELSE ''::bytea END || convert_to(owner, 'UTF8')
        ELSE decode(translate(owner,
            './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
            'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') || '==', 'base64') END
$$;

-- The columns with a fixed width come first, from the widest on, so that nothing is lost between
-- them. What is usual is NULL, which takes no room.
--
-- Runs that are running, and failed ones that are asked to go on.
CREATE TABLE automation.new_active_runs (
    due_at       timestamptz,
    created_at   timestamptz NOT NULL,
    completed_at timestamptz,
    place_no     int NOT NULL,
    listen_no    int,
    id           uuid NOT NULL,
    event_id     uuid,
    control      smallint, -- asked for: 1 cancel, 2 retry
    setbacks     smallint, -- how often the run could not be decoded
    owner        bytea NOT NULL,
    state        bytea,
    error        text -- a JSON object
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- Runs that have ended lie apart: the history may grow without weighing on what is
-- searched for every event.
CREATE TABLE automation.new_ended_runs (
    due_at       timestamptz,
    created_at   timestamptz NOT NULL,
    completed_at timestamptz,
    place_no     int NOT NULL,
    id           uuid NOT NULL,
    event_id     uuid,
    setbacks     smallint,
    owner        bytea NOT NULL,
    state        bytea,
    error        text,
    exit         text -- a JSON object
);

-- A row exists while somebody works on a contact, or has stopped to without saying
-- so. Extending a lease changes no indexed column: room is left for it on the page.
CREATE TABLE automation.new_leases (
    fence          bigint NOT NULL,
    until          timestamptz NOT NULL,
    run_due_at     timestamptz,
    run_created_at timestamptz,
    run_place_no   int,
    run_listen_no  int,
    run_id         uuid,
    run_event_id   uuid,
    owner          bytea NOT NULL,
    run_state      bytea
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

INSERT INTO automation.new_active_runs (due_at, created_at, completed_at, place_no, listen_no, id, event_id, control, setbacks, owner, state, error)
SELECT r.due_at, r.created_at, r.completed_at, p.no, r.listen_no, r.id, r.event_id, nullif(r.control, 0), nullif(least(r.setbacks, 32767), 0),
    automation.new_owner(r.owner), r.state, r.error
FROM automation.active_runs r JOIN automation.automations a ON a.no = r.automation_no
JOIN automation.places p ON (p.automation_id, p.version, p.status, p.step, p.event_name) = (a.id, r.version, r.status, r.step, r.event_name);

INSERT INTO automation.new_ended_runs (due_at, created_at, completed_at, place_no, id, event_id, setbacks, owner, state, error, exit)
SELECT r.due_at, r.created_at, r.completed_at, p.no, r.id, r.event_id, nullif(least(r.setbacks, 32767), 0),
    automation.new_owner(r.owner), r.state, r.error, r.exit
FROM automation.ended_runs r JOIN automation.automations a ON a.no = r.automation_no
JOIN automation.places p ON (p.automation_id, p.version, p.status, p.step, p.event_name) = (a.id, r.version, r.status, r.step, r.event_name);

INSERT INTO automation.new_leases (fence, until, run_due_at, run_created_at, run_place_no, run_listen_no, run_id, run_event_id, owner, run_state)
SELECT l.fence, l.until, l.run_due_at, l.run_created_at, p.no, l.run_listen_no, l.run_id, l.run_event_id, automation.new_owner(l.owner), l.run_state
FROM automation.leases l LEFT JOIN automation.automations a ON a.no = l.run_automation_no
LEFT JOIN automation.places p ON (p.automation_id, p.version, p.status, p.step, p.event_name) = (a.id, l.run_version, 0, l.run_step, l.run_event_name);

DROP TABLE automation.active_runs, automation.ended_runs, automation.leases, automation.run_counts;
ALTER TABLE automation.new_active_runs RENAME TO active_runs;
ALTER TABLE automation.new_ended_runs RENAME TO ended_runs;
ALTER TABLE automation.new_leases RENAME TO leases;
ALTER SEQUENCE automation.tokens RENAME TO fences;

ALTER TABLE automation.active_runs ADD CONSTRAINT active_runs_pkey PRIMARY KEY (id);
CREATE INDEX active_runs_place ON automation.active_runs (place_no, created_at);
CREATE INDEX active_runs_owner ON automation.active_runs (owner, listen_no);
CREATE INDEX active_runs_due ON automation.active_runs (due_at);
CREATE INDEX active_runs_completed ON automation.active_runs (place_no, completed_at) WHERE completed_at IS NOT NULL;

ALTER TABLE automation.ended_runs ADD CONSTRAINT ended_runs_pkey PRIMARY KEY (id);
CREATE INDEX ended_runs_place ON automation.ended_runs (place_no, created_at);
CREATE INDEX ended_runs_owner ON automation.ended_runs (owner, event_id);
CREATE INDEX ended_runs_completed ON automation.ended_runs (place_no, completed_at);

-- Failed and cancelled runs by the code of their error, for each place. 0011_error_codes.sql has
-- the reasons. Code and place are one column, because the planner could take the indexes of all
-- runs of a place for as cheap as these if those served the same conditions.
CREATE INDEX active_runs_code ON automation.active_runs
    (((split_part(error, '"', 4) || '"' || place_no::text) COLLATE "C"), created_at) WHERE error IS NOT NULL;
CREATE INDEX active_runs_code_completed ON automation.active_runs
    (((split_part(error, '"', 4) || '"' || place_no::text) COLLATE "C"), completed_at) WHERE error IS NOT NULL;
CREATE INDEX ended_runs_code ON automation.ended_runs
    (((split_part(error, '"', 4) || '"' || place_no::text) COLLATE "C"), created_at) WHERE error IS NOT NULL;
CREATE INDEX ended_runs_code_completed ON automation.ended_runs
    (((split_part(error, '"', 4) || '"' || place_no::text) COLLATE "C"), completed_at) WHERE error IS NOT NULL;

ALTER TABLE automation.leases ADD CONSTRAINT leases_pkey PRIMARY KEY (owner);
-- Whoever looks for these runs must not read what is left of all leases that there were
-- since the last vacuum. By owner, and so in no order of time: pages are used again.
CREATE INDEX leases_begun ON automation.leases (owner) WHERE run_id IS NOT NULL;

-- How many runs stand where. Each process adds to a slot of its own choice, so that
-- several do not queue for one row; a count is the sum of its slots. Rows are
-- updated all the time: room for that is left on their page.
CREATE TABLE automation.run_counts (
    n        bigint NOT NULL,
    place_no int NOT NULL,
    slot     smallint NOT NULL,
    PRIMARY KEY (place_no, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
INSERT INTO automation.run_counts (place_no, slot, n)
SELECT place_no, 0, count(*) FROM (
    SELECT place_no FROM automation.active_runs
    UNION ALL SELECT place_no FROM automation.ended_runs
    UNION ALL SELECT run_place_no FROM automation.leases WHERE run_id IS NOT NULL
) r GROUP BY place_no;

ALTER TABLE automation.events ALTER COLUMN owner TYPE bytea USING automation.new_owner(owner);
ALTER TABLE automation.pending ALTER COLUMN owner TYPE bytea USING automation.new_owner(owner);
ALTER TABLE automation.entries ALTER COLUMN owner TYPE bytea USING automation.new_owner(owner);
ALTER TABLE automation.versions DROP COLUMN many_names; -- places have the names
DROP FUNCTION automation.new_owner(text);

-- For people with an SQL prompt, too: the owner of a contact, and the id of an
-- owner's contact. What begins with "=" or "@" is an id that is no UUID, or an email.
DROP FUNCTION automation.owner_of(text);
DROP FUNCTION automation.contact_of(text);
CREATE FUNCTION automation.owner_of(contact text) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN contact ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
        THEN decode(replace(contact, '-', ''), 'hex')
        ELSE CASE octet_length(convert_to(contact, 'UTF8')) WHEN 15 THEN '\x2b'::bytea ELSE ''::bytea END || convert_to('=' || contact, 'UTF8') END
$$;
CREATE FUNCTION automation.contact_of(owner bytea) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN octet_length(owner) = 16 THEN encode(owner, 'hex')::uuid::text
        WHEN get_byte(owner, 0) = 43 THEN convert_from(substr(owner, 2), 'UTF8')
        ELSE convert_from(owner, 'UTF8') END
$$;

CREATE VIEW automation.begun_runs AS
SELECT run_due_at AS due_at, run_created_at AS created_at, NULL::timestamptz AS completed_at, run_place_no AS place_no, run_listen_no AS listen_no,
    run_id AS id, run_event_id AS event_id, NULL::smallint AS control, NULL::smallint AS setbacks, owner, run_state AS state, NULL::text AS error
FROM automation.leases WHERE run_id IS NOT NULL;

CREATE VIEW automation.runs AS
SELECT r.id, p.automation_id, p.version, automation.contact_of(r.owner) AS owner, r.event_id, p.event_name,
    (ARRAY['running', 'completed', 'failed', 'cancelled'])[p.status + 1] AS status,
    (ARRAY['', 'cancel', 'retry'])[coalesce(r.control, 0) + 1] AS control,
    p.step, (SELECT s.names FROM automation.listen_sets s WHERE s.no = r.listen_no) AS listens,
    r.due_at, r.created_at, r.completed_at, r.error, r.exit
FROM (
    SELECT id, place_no, owner, event_id, control, listen_no, due_at, created_at, completed_at, error, NULL::text AS exit
    FROM automation.begun_runs
    UNION ALL
    SELECT id, place_no, owner, event_id, control, listen_no, due_at, created_at, completed_at, error, NULL
    FROM automation.active_runs
    UNION ALL
    SELECT id, place_no, owner, event_id, NULL, NULL, due_at, created_at, completed_at, error, exit
    FROM automation.ended_runs
) r JOIN automation.places p ON p.no = r.place_no;
