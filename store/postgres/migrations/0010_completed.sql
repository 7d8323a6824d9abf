-- Runs by their end, for each group of runs. A list of the runs that ended in a time of the
-- day is as fast as one of those that began in it. Processes that do not know the indexes go
-- on as before, but prune more slowly.
-- floor: 4

DROP INDEX automation.ended_runs_completed;
CREATE INDEX ended_runs_completed ON automation.ended_runs (automation_no, version, status, step, completed_at);
CREATE INDEX active_runs_completed ON automation.active_runs (automation_no, version, status, step, completed_at) WHERE completed_at IS NOT NULL;
