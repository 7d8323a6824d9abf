-- The tables of a store. Every statement names them with their schema, so that
-- they can live beside the host's own, and behind a pooler that shares sessions.
--
-- Text that is a key compares by bytes: a database's own collation would be
-- slower and may change with its operating system. Times are NULL where they are
-- not set.

CREATE TABLE automation.migrations (
    number     int PRIMARY KEY,
    name       text NOT NULL,
    floor      int NOT NULL, -- the oldest migration a process must know to work with these tables
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- Automations are numbered in the order of their creation. The row of one that was
-- deleted stays, without its definitions, so that no version is ever used twice.
CREATE TABLE automation.automations (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text COLLATE "C" NOT NULL CONSTRAINT automations_id UNIQUE,
    name       text NOT NULL,
    status     text NOT NULL, -- enabled, disabled
    event_name text COLLATE "C" NOT NULL,
    version    int NOT NULL,
    revision   int NOT NULL,
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz
);
CREATE INDEX automations_listening ON automation.automations (event_name, no)
    WHERE status = 'enabled' AND deleted_at IS NULL;

-- A version is kept while it is the current one or runs of it are kept.
CREATE TABLE automation.versions (
    automation_no bigint NOT NULL,
    version       int NOT NULL,
    definition    bytea NOT NULL,
    PRIMARY KEY (automation_no, version)
);

-- Everything about a contact is kept under its owner: the contact's id if that is
-- a UUID, "=" and the id if it is another, "@" and the email in lower case while
-- no contact has it.
--
-- Handling an event does not touch its row: rows that are only ever appended cost
-- half of what rows that change do.
CREATE TABLE automation.events (
    id          uuid PRIMARY KEY,
    owner       text COLLATE "C" NOT NULL,
    email       text, -- as it was sent, while no contact has it
    name        text COLLATE "C" NOT NULL,
    payload     text, -- byte for byte, which jsonb would not keep
    key         text, -- idempotency key
    occurred_at timestamptz,
    accepted_at timestamptz NOT NULL
);
CREATE INDEX events_owner ON automation.events (owner, accepted_at);

-- Events that were not handled yet. Those of an owner are handled in the order of
-- accepted_at and, among equals, of no.
--
-- The tables that live from being emptied (pending, leases, active_runs) are
-- vacuumed by a count of dead rows instead of a share of the table, and without
-- pausing: their dead rows are in the way of every claim.
CREATE TABLE automation.pending (
    owner       text COLLATE "C" NOT NULL,
    event_id    uuid NOT NULL,
    accepted_at timestamptz NOT NULL,
    no          bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (owner, event_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX pending_accepted ON automation.pending (accepted_at);

-- Handled events that have started no run when they were handled. Pruning finds
-- them here; those that have started runs go with the last of them.
CREATE TABLE automation.loose_events (
    handled_at timestamptz NOT NULL,
    event_id   uuid NOT NULL,
    PRIMARY KEY (handled_at, event_id)
);

CREATE TABLE automation.idempotency_keys (
    name       text COLLATE "C" NOT NULL, -- of the event
    key        text COLLATE "C" NOT NULL,
    hash       text NOT NULL,
    event_id   uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (name, key)
);
CREATE INDEX idempotency_keys_expiry ON automation.idempotency_keys (expires_at);

-- Runs that are running, and failed ones that are asked to go on.
CREATE TABLE automation.active_runs (
    id            uuid PRIMARY KEY,
    automation_no bigint NOT NULL,
    version       int NOT NULL,
    owner         text COLLATE "C" NOT NULL,
    event_id      uuid,
    event_name    text COLLATE "C" NOT NULL,
    status        smallint NOT NULL, -- 0 running, 1 completed, 2 failed, 3 cancelled
    control       smallint NOT NULL DEFAULT 0, -- asked for: 0 nothing, 1 cancel, 2 retry
    setbacks      int NOT NULL,
    step          text COLLATE "C" NOT NULL,
    wait_event    text COLLATE "C",
    due_at        timestamptz,
    created_at    timestamptz NOT NULL,
    completed_at  timestamptz,
    error         text, -- a JSON object
    state         bytea
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX active_runs_place ON automation.active_runs (automation_no, version, status, step, created_at);
CREATE INDEX active_runs_owner ON automation.active_runs (owner, wait_event);
CREATE INDEX active_runs_due ON automation.active_runs (due_at);

-- Runs that have ended lie apart: the history may grow without weighing on what is
-- searched for every event.
CREATE TABLE automation.ended_runs (
    id            uuid PRIMARY KEY,
    automation_no bigint NOT NULL,
    version       int NOT NULL,
    owner         text COLLATE "C" NOT NULL,
    event_id      uuid,
    event_name    text COLLATE "C" NOT NULL,
    status        smallint NOT NULL,
    setbacks      int NOT NULL,
    step          text COLLATE "C" NOT NULL,
    wait_event    text COLLATE "C",
    due_at        timestamptz,
    created_at    timestamptz NOT NULL,
    completed_at  timestamptz,
    error         text,
    state         bytea
);
CREATE INDEX ended_runs_place ON automation.ended_runs (automation_no, version, status, step, created_at);
CREATE INDEX ended_runs_owner ON automation.ended_runs (owner, event_id);
CREATE INDEX ended_runs_completed ON automation.ended_runs (completed_at);

-- How many runs stand where. Each process adds to a slot of its own choice, so that
-- several do not queue for one row; a count is the sum of its slots. Rows are
-- updated all the time: room for that is left on their page.
CREATE TABLE automation.run_counts (
    automation_no bigint NOT NULL,
    version       int NOT NULL,
    status        smallint NOT NULL,
    step          text COLLATE "C" NOT NULL,
    slot          smallint NOT NULL,
    n             bigint NOT NULL,
    PRIMARY KEY (automation_no, version, status, step, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- The row of a contact that was deleted stays, emptied: its id is never used again.
-- Room is left on the pages, so that a change stays on its page and touches no
-- index.
CREATE TABLE automation.contacts (
    id           text COLLATE "C" PRIMARY KEY,
    no           bigint GENERATED ALWAYS AS IDENTITY, -- in the order of creation
    email        text NOT NULL,
    email_key    text COLLATE "C" CONSTRAINT contacts_email UNIQUE, -- NULL when deleted
    first_name   text NOT NULL,
    last_name    text NOT NULL,
    unsubscribed boolean NOT NULL,
    properties   text NOT NULL, -- a JSON object, or empty
    segments     text NOT NULL, -- a JSON array, or empty
    created_at   timestamptz,
    deleted_at   timestamptz
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX contacts_no ON automation.contacts (no);

CREATE TABLE automation.contact_segments (
    segment    text COLLATE "C" NOT NULL,
    contact_no bigint NOT NULL,
    PRIMARY KEY (segment, contact_no)
);

CREATE TABLE automation.event_definitions (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in the order of creation
    id         text COLLATE "C" NOT NULL CONSTRAINT event_definitions_id UNIQUE,
    name       text COLLATE "C" NOT NULL CONSTRAINT event_definitions_name UNIQUE,
    schema     text,
    created_at timestamptz,
    updated_at timestamptz
);

-- A row exists while somebody works on a contact, or has stopped to without saying
-- so. Extending a lease changes no indexed column: room is left for it on the page.
CREATE TABLE automation.leases (
    owner text COLLATE "C" PRIMARY KEY,
    token bigint NOT NULL,
    until timestamptz NOT NULL
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
CREATE SEQUENCE automation.tokens;

-- For people with an SQL prompt.
CREATE VIEW automation.runs AS
SELECT r.id, a.id AS automation_id, r.version, r.owner, r.event_id, r.event_name,
    (ARRAY['running', 'completed', 'failed', 'cancelled'])[r.status + 1] AS status,
    (ARRAY['', 'cancel', 'retry'])[r.control + 1] AS control,
    r.step, r.wait_event, r.due_at, r.created_at, r.completed_at, r.error
FROM (
    SELECT id, automation_no, version, owner, event_id, event_name, status, control, step, wait_event, due_at, created_at, completed_at, error
    FROM automation.active_runs
    UNION ALL
    SELECT id, automation_no, version, owner, event_id, event_name, status, 0, step, wait_event, due_at, created_at, completed_at, error
    FROM automation.ended_runs
) r JOIN automation.automations a ON a.no = r.automation_no;
