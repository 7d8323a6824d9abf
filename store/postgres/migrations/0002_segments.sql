-- Names of segments. Processes that do not know them go on as before.
-- floor: 1

CREATE TABLE automation.segments (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in order of creation
    id         text COLLATE "C" NOT NULL CONSTRAINT segments_id UNIQUE,
    name       text NOT NULL,
    created_at timestamptz
);
