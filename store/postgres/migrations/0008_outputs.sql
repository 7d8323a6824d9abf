-- Large outputs of steps, beside the states of their runs. A process that does not know the
-- table sets a run aside whose state refers to it.
-- floor: 4

CREATE TABLE automation.run_outputs (
    run_id uuid NOT NULL,
    step   int NOT NULL,
    output bytea NOT NULL,
    PRIMARY KEY (run_id, step)
);
