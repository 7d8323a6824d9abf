-- Large outputs of steps, beside the states of their runs. A process that does not know the
-- table sets a run aside whose state refers to it.
-- floor: 3

CREATE TABLE automation_run_outputs (
    run_id ANY     NOT NULL,
    step   INTEGER NOT NULL,
    output BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX automation_run_outputs_run ON automation_run_outputs (run_id, step);
