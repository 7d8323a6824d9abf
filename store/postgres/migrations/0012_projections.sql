-- Where the sources of projections are. Processes that do not know the table go on as before.
-- floor: 4

CREATE TABLE automation.projections (
    source   text COLLATE "C" PRIMARY KEY,
    sequence bigint NOT NULL
);
