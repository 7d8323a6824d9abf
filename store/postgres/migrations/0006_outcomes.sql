-- What became of an event that started no run, and whether the sender of an event could
-- inform the Observer. Processes that do not know the columns go on as before.
-- floor: 4

ALTER TABLE automation.pending ADD COLUMN unannounced boolean; -- true, or NULL
ALTER TABLE automation.loose_events
    ADD COLUMN reason smallint, -- why it matched nothing; NULL: unknown
    ADD COLUMN resumed text; -- the ids of the runs that it resumed, separated by spaces
CREATE INDEX loose_events_event ON automation.loose_events (event_id);

-- Automations by event, whether they are enabled or not.
CREATE INDEX automations_events ON automation.automations (event_name, no) WHERE deleted_at IS NULL;
DROP INDEX automation.automations_listening;
