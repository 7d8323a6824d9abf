-- What became of an event that started no run, and whether the sender of an event could
-- inform the Observer. Processes that do not know the columns go on as before.
-- floor: 3

ALTER TABLE automation_pending ADD COLUMN unannounced INTEGER; -- 1, or NULL
ALTER TABLE automation_loose_events ADD COLUMN reason INTEGER; -- why it matched nothing; NULL: unknown
ALTER TABLE automation_loose_events ADD COLUMN resumed TEXT; -- the ids of the runs that it resumed, separated by spaces
CREATE INDEX automation_loose_events_no ON automation_loose_events (event_no);

-- Automations by event, whether they are enabled or not.
CREATE INDEX automation_automations_events ON automation_automations (event_name, no) WHERE deleted_at IS NULL;
DROP INDEX automation_automations_triggers;
