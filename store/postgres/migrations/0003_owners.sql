-- Owners that are UUIDs become 22 characters instead of 36. All tables that name one
-- are written anew, with their indexes.

-- For people with an SQL prompt, too: the owner of a contact, and the id of an
-- owner's contact. An owner that begins with "=" or "@" is an id of another kind, or
-- an email.
CREATE FUNCTION automation.owner_of(contact text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN contact ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
        THEN translate(encode(decode(replace(contact, '-', ''), 'hex'), 'base64'),
            'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=',
            './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')
        ELSE '=' || contact END
$$;
CREATE FUNCTION automation.contact_of(owner text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN owner ~ '^[=@]' THEN owner
        ELSE encode(decode(translate(owner,
            './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
            'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') || '==', 'base64'), 'hex')::uuid::text END
$$;

DROP VIEW automation.runs;

ALTER TABLE automation.events ALTER COLUMN owner TYPE text COLLATE "C"
    USING CASE WHEN owner ~ '^[=@]' THEN owner ELSE automation.owner_of(owner) END;
ALTER TABLE automation.pending ALTER COLUMN owner TYPE text COLLATE "C"
    USING CASE WHEN owner ~ '^[=@]' THEN owner ELSE automation.owner_of(owner) END;
ALTER TABLE automation.leases ALTER COLUMN owner TYPE text COLLATE "C"
    USING CASE WHEN owner ~ '^[=@]' THEN owner ELSE automation.owner_of(owner) END;
ALTER TABLE automation.active_runs ALTER COLUMN owner TYPE text COLLATE "C"
    USING CASE WHEN owner ~ '^[=@]' THEN owner ELSE automation.owner_of(owner) END;
ALTER TABLE automation.ended_runs ALTER COLUMN owner TYPE text COLLATE "C"
    USING CASE WHEN owner ~ '^[=@]' THEN owner ELSE automation.owner_of(owner) END;

CREATE VIEW automation.runs AS
SELECT r.id, a.id AS automation_id, r.version, automation.contact_of(r.owner) AS owner, r.event_id, r.event_name,
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
