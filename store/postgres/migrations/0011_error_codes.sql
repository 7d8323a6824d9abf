-- Failed and cancelled runs by the code of their error, for each group of runs, in the order
-- of their creation and of their ends. A run without an error is in none of these indexes.
--
-- The code of {"code":"timed_out","message":"..."} is the fourth part between quotes. The
-- error is not parsed as JSON: the server would refuse some of the texts that a message can
-- have. Code and step are one column, because the planner could take the indexes of all runs
-- of a group for as cheap as these if those served the same conditions. Processes that do not
-- know the indexes go on as before.
-- floor: 4

CREATE INDEX active_runs_code ON automation.active_runs
    (automation_no, version, status, ((split_part(error, '"', 4) || '"' || step) COLLATE "C"), created_at) WHERE error IS NOT NULL;
CREATE INDEX active_runs_code_completed ON automation.active_runs
    (automation_no, version, status, ((split_part(error, '"', 4) || '"' || step) COLLATE "C"), completed_at) WHERE error IS NOT NULL;
CREATE INDEX ended_runs_code ON automation.ended_runs
    (automation_no, version, status, ((split_part(error, '"', 4) || '"' || step) COLLATE "C"), created_at) WHERE error IS NOT NULL;
CREATE INDEX ended_runs_code_completed ON automation.ended_runs
    (automation_no, version, status, ((split_part(error, '"', 4) || '"' || step) COLLATE "C"), completed_at) WHERE error IS NOT NULL;
