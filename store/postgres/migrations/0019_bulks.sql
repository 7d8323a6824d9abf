-- Bulks, with the contacts that they have started. A process that does not know them goes on with a
-- bulk by idempotency keys, which newer processes do not write for bulks, and would start its contacts
-- again. Stop such processes before you apply this.

CREATE TABLE automation.bulks (
    id           text COLLATE "C" PRIMARY KEY,
    content_hash text NOT NULL,
    begun_at     timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    step         bigint NOT NULL -- how many steps it has had
);

-- The marks are hashes, which do not compress.
CREATE TABLE automation.bulk_marks (
    bulk_id text COLLATE "C" NOT NULL,
    step    bigint NOT NULL,
    marks   bytea NOT NULL, -- 12 bytes for each contact
    PRIMARY KEY (bulk_id, step)
);
ALTER TABLE automation.bulk_marks ALTER COLUMN marks SET STORAGE EXTERNAL;
