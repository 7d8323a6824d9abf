-- Definitions of contact properties. Processes that do not know them go on as before.
-- floor: 4

CREATE TABLE automation.contact_properties (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in order of creation
    id         text COLLATE "C" NOT NULL CONSTRAINT contact_properties_id UNIQUE,
    key        text COLLATE "C" NOT NULL CONSTRAINT contact_properties_key UNIQUE,
    type       text NOT NULL,
    fallback   text, -- JSON
    created_at timestamptz
);
