/** Marks a SQLite file as ours: `RNLT` in ASCII. */
export const APPLICATION_ID = 0x52_4e_4c_54;

/**
 * Every step from an empty file to the schema of this version, in order: step n brings `user_version` from n to n + 1
 * and runs in one transaction with the others that are due. A released step never changes; a new one is added.
 *
 * Large texts are the last columns, so that reading the others does not walk through them.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE runs (
    id            TEXT PRIMARY KEY NOT NULL,
    principal     TEXT NOT NULL,
    status        TEXT NOT NULL,
    source        TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    started_at_ms INTEGER,
    ended_at_ms   INTEGER,
    metadata_json TEXT,
    request_json  TEXT NOT NULL,
    outcome_json  TEXT
  ) STRICT;
  CREATE INDEX runs_by_principal ON runs (principal, id);
  CREATE INDEX runs_by_principal_status ON runs (principal, status, id);
  CREATE INDEX runs_by_status ON runs (status, id);
  CREATE INDEX runs_by_end ON runs (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

  CREATE TABLE calls (
    run_id         TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq            INTEGER NOT NULL,
    server         TEXT NOT NULL,
    tool           TEXT NOT NULL,
    started_at_ms  INTEGER NOT NULL,
    outcome        TEXT NOT NULL,
    settled_at_ms  INTEGER,
    error_json     TEXT,
    arguments_json TEXT NOT NULL,
    result_json    TEXT,
    PRIMARY KEY (run_id, seq)
  ) STRICT;
  `,
  `
  CREATE TABLE observations (
    principal  TEXT NOT NULL,
    server     TEXT NOT NULL,
    tool       TEXT NOT NULL,
    digest     TEXT NOT NULL,
    seen_at_ms INTEGER NOT NULL,
    shape      TEXT NOT NULL,
    PRIMARY KEY (principal, server, tool)
  ) STRICT;
  CREATE INDEX observations_by_age ON observations (seen_at_ms);
  `,
  `
  CREATE TABLE results (
    run_id TEXT PRIMARY KEY NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    bytes  INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE result_parts (
    run_id  TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    part    INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (run_id, part)
  ) STRICT;
  `,
  `
  CREATE TABLE pins (
    server      TEXT NOT NULL,
    kind        TEXT NOT NULL,
    digest      TEXT NOT NULL,
    at_ms       INTEGER NOT NULL,
    approved_by TEXT,
    listing     TEXT NOT NULL,
    PRIMARY KEY (server, kind)
  ) STRICT;
  `,
  `
  ALTER TABLE runs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE runs ADD COLUMN state_json TEXT;
  CREATE TABLE claims (
    principal TEXT NOT NULL,
    key       TEXT NOT NULL,
    digest    TEXT NOT NULL,
    run_id    TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (principal, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX claims_by_run ON claims (run_id);

  ALTER TABLE calls ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE calls ADD COLUMN kind TEXT NOT NULL DEFAULT 'tool';
  ALTER TABLE calls ADD COLUMN key TEXT NOT NULL DEFAULT '';
  ALTER TABLE calls ADD COLUMN settled_order INTEGER;
  ALTER TABLE calls ADD COLUMN asked_at_ms INTEGER;
  ALTER TABLE calls ADD COLUMN expires_at_ms INTEGER;
  ALTER TABLE calls ADD COLUMN decision_json TEXT;
  CREATE INDEX calls_undecided ON calls (expires_at_ms) WHERE outcome = 'awaiting' AND decision_json IS NULL;
  `,
];
