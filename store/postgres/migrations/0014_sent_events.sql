-- Events that steps send have a cause, and addressed events are for one automation. Processes
-- that do not know it would start other automations, and automations that start themselves.
-- Stop them before you apply this.

ALTER TABLE automation.events
    ADD COLUMN automation_id text, -- the only automation that the event may start
    ADD COLUMN cause text; -- a JSON object, of an event that a run has sent
