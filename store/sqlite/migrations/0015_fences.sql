-- A process that does not know entry and exit names the column that 0014 took away only when it
-- handles events. Runs that are due it would go on with, without their rules. All claims and all
-- commits name this column, and so they fail. Stop such processes before you apply this.

ALTER TABLE automation_leases RENAME COLUMN token TO fence;
