-- When an operator stopped an automation. Who stopped those that are disabled is unknown:
-- they stay so until an operator enables them. Processes that do not know the column go
-- on as before.
-- floor: 3

ALTER TABLE automation_automations ADD COLUMN stopped_at INTEGER;
UPDATE automation_automations SET stopped_at = updated_at WHERE status = 'disabled' AND deleted_at IS NULL;
