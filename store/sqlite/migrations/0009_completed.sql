-- Runs by their end, for each place. A list of the runs that ended in a time of the day is
-- as fast as one of those that began in it. Processes that do not know the indexes go on as
-- before, but prune more slowly.
-- floor: 3

DROP INDEX automation_ended_runs_completed;
CREATE INDEX automation_ended_runs_completed ON automation_ended_runs (place_no, completed_at);
CREATE INDEX automation_active_runs_completed ON automation_active_runs (place_no, completed_at) WHERE completed_at IS NOT NULL;
