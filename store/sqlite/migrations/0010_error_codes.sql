-- Failed and cancelled runs by the code of their error, for each place, in the order of their
-- creation and of their ends. A run without an error is in none of these indexes.
--
-- The code of {"code":"timed_out","message":"..."} is the text from the tenth character to
-- the next quote. Processes that do not know the indexes go on as before.
-- floor: 3

CREATE INDEX automation_active_runs_code ON automation_active_runs
    (place_no, substr(error, 10, instr(substr(error, 10), '"') - 1), created_at) WHERE error IS NOT NULL;
CREATE INDEX automation_active_runs_code_completed ON automation_active_runs
    (place_no, substr(error, 10, instr(substr(error, 10), '"') - 1), completed_at) WHERE error IS NOT NULL;
CREATE INDEX automation_ended_runs_code ON automation_ended_runs
    (place_no, substr(error, 10, instr(substr(error, 10), '"') - 1), created_at) WHERE error IS NOT NULL;
CREATE INDEX automation_ended_runs_code_completed ON automation_ended_runs
    (place_no, substr(error, 10, instr(substr(error, 10), '"') - 1), completed_at) WHERE error IS NOT NULL;
