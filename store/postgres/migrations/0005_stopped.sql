-- When an operator stopped an automation. Who stopped those that are disabled is unknown:
-- they stay so until an operator enables them. Processes that do not know the column go
-- on as before.
-- floor: 4

ALTER TABLE automation.automations ADD COLUMN stopped_at timestamptz;
UPDATE automation.automations SET stopped_at = coalesce(updated_at, now()) WHERE status = 'disabled' AND deleted_at IS NULL;
