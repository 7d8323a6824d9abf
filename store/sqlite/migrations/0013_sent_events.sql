-- Events that steps send have a cause, and addressed events are for one automation. Processes
-- that do not know it would start other automations, and automations that start themselves.
-- Stop them before you apply this.

ALTER TABLE automation_events ADD COLUMN automation_id TEXT; -- the only automation that the event may start
ALTER TABLE automation_events ADD COLUMN cause TEXT; -- a JSON object, of an event that a run has sent
