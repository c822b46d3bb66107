-- Types are BIGINT and TEXT only, so that SQLite and PostgreSQL read the same file. Times are Unix milliseconds, digests are
-- hexadecimal, structured parts are JSON. A row's position is that of the entry of the act that made it: one order for everything.

-- +goose Up

-- Every act, in the order of its transaction. log_index is empty until the ledger has taken the commitment up; a body can be
-- destroyed without breaking a proof.
CREATE TABLE entry (
    position   BIGINT NOT NULL PRIMARY KEY,
    id         TEXT   NOT NULL UNIQUE,
    body       TEXT   NOT NULL,
    salt       TEXT   NOT NULL,
    commitment TEXT   NOT NULL,
    log_index  BIGINT UNIQUE
);
CREATE INDEX entry_pending ON entry (position) WHERE log_index IS NULL;

-- Which side an organisation that was ever given a credential is on: 1 asks, 0 decides.
CREATE TABLE side (
    org  TEXT   NOT NULL PRIMARY KEY,
    asks BIGINT NOT NULL
);

CREATE TABLE dataset (
    name     TEXT   NOT NULL PRIMARY KEY,
    owner    TEXT   NOT NULL,
    digest   TEXT   NOT NULL,
    body     TEXT   NOT NULL,
    created  BIGINT NOT NULL,
    revision BIGINT NOT NULL
);

CREATE TABLE snapshot (
    dataset     TEXT   NOT NULL REFERENCES dataset (name),
    digest      TEXT   NOT NULL,
    description TEXT   NOT NULL,
    row_count   BIGINT NOT NULL,
    subjects    BIGINT NOT NULL,
    loaded      BIGINT NOT NULL,
    position    BIGINT NOT NULL,
    PRIMARY KEY (dataset, digest)
);
CREATE INDEX snapshot_newest ON snapshot (dataset, position);

-- grant is a word of SQL.
CREATE TABLE permit (
    id            TEXT   NOT NULL PRIMARY KEY,
    operator      TEXT   NOT NULL,
    scenario      TEXT   NOT NULL,
    purpose       TEXT   NOT NULL,
    scopes        TEXT   NOT NULL,
    forms         TEXT   NOT NULL,
    not_before    BIGINT NOT NULL,
    not_after     BIGINT NOT NULL,
    state         TEXT   NOT NULL,
    confirmations TEXT   NOT NULL,
    waiting       TEXT   NOT NULL,
    note          TEXT   NOT NULL,
    revision      BIGINT NOT NULL,
    position      BIGINT NOT NULL UNIQUE,
    -- position of the act that last resumed it, 0 if none did: denials of runs before it no longer count
    resumed       BIGINT NOT NULL
);
CREATE INDEX permit_operator ON permit (operator, position);

-- One row for each organisation that submitted the bytes, so that nobody learns of another's module.
CREATE TABLE module (
    owner    TEXT   NOT NULL,
    digest   TEXT   NOT NULL,
    manifest TEXT   NOT NULL,
    has_code BIGINT NOT NULL,
    size     BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    position BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (owner, digest)
);
CREATE INDEX module_digest ON module (digest);

-- What operators ask people to let run: a module on a dataset. archive is the digest of the file with the module's
-- source, '' if it was not handed in.
CREATE TABLE proposal (
    id       TEXT   NOT NULL PRIMARY KEY,
    operator TEXT   NOT NULL,
    proposer TEXT   NOT NULL,
    role     TEXT   NOT NULL,
    module   TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    version  TEXT   NOT NULL,
    dataset  TEXT   NOT NULL REFERENCES dataset (name),
    source   TEXT   NOT NULL,
    archive  TEXT   NOT NULL,
    state    TEXT   NOT NULL,
    votes    TEXT   NOT NULL,
    views    TEXT   NOT NULL,
    note     TEXT   NOT NULL,
    created  BIGINT NOT NULL,
    decided  BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    position BIGINT NOT NULL UNIQUE,
    UNIQUE (operator, module, dataset),
    FOREIGN KEY (operator, module) REFERENCES module (owner, digest)
);
CREATE INDEX proposal_operator ON proposal (operator, position);
CREATE INDEX proposal_module ON proposal (module, position);
CREATE INDEX proposal_archive ON proposal (archive);

-- progress is queued, running, recorded (judged for release, checkpoint not yet signed) or ended. A run in environment dev reads synthetic
-- rows, whose digest is of no snapshot, and never has a decision.
CREATE TABLE run (
    id        TEXT   NOT NULL PRIMARY KEY,
    environment     TEXT   NOT NULL,
    sample_rows     BIGINT NOT NULL,
    sample_subjects BIGINT NOT NULL,
    fuel      BIGINT NOT NULL,
    permit    TEXT   NOT NULL REFERENCES permit (id),
    scenario  TEXT   NOT NULL,
    module    TEXT   NOT NULL,
    dataset   TEXT   NOT NULL,
    snapshot  TEXT   NOT NULL,
    params    TEXT   NOT NULL,
    policy    TEXT   NOT NULL,
    role      TEXT   NOT NULL,
    operator  TEXT   NOT NULL,
    submitter TEXT   NOT NULL,
    submitted BIGINT NOT NULL,
    progress  TEXT   NOT NULL,
    attempts  BIGINT NOT NULL,
    stage     TEXT   NOT NULL,
    outcome   TEXT   NOT NULL,
    reasons   TEXT   NOT NULL,
    result    TEXT   NOT NULL,
    finished  BIGINT NOT NULL,
    revision  BIGINT NOT NULL,
    position  BIGINT NOT NULL UNIQUE,
    -- of a held run: what a reviewer asks, until the operator answers
    question  TEXT   NOT NULL,
    -- 1: in production, of a module that sees rows (see run.Insert)
    sees_rows BIGINT NOT NULL,
    FOREIGN KEY (operator, module) REFERENCES module (owner, digest),
    FOREIGN KEY (dataset) REFERENCES dataset (name)
);
CREATE INDEX run_operator ON run (operator, position);
CREATE INDEX run_sees_rows ON run (permit, dataset) WHERE sees_rows = 1;
CREATE INDEX run_budget ON run (permit, dataset, position);
CREATE INDEX run_progress ON run (progress, position);

-- What the gate decided of a run, and from which facts: for auditors and reviewers, never for operators. An output that was held and
-- then released by people has two.
CREATE TABLE decision (
    run      TEXT   NOT NULL REFERENCES run (id),
    act      TEXT   NOT NULL REFERENCES entry (id),
    decision TEXT   NOT NULL,
    reasons  TEXT   NOT NULL,
    policy   TEXT   NOT NULL,
    profile  TEXT   NOT NULL,
    facts    TEXT   NOT NULL,
    result   TEXT   NOT NULL,
    format   TEXT   NOT NULL,
    history  BIGINT NOT NULL,
    -- digest of the file that says which row is in which cell; '' if it is denied, or a program's
    footprint TEXT  NOT NULL,
    -- 1: two people released what policy had held
    by_people BIGINT NOT NULL,
    decided  BIGINT NOT NULL,
    position BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (run, decision)
);
CREATE INDEX decision_result ON decision (result);
CREATE INDEX decision_footprint ON decision (footprint);

-- What people say of a held output. The file is JSON: votes, views, questions and answers. Private comments never leave it.
CREATE TABLE review (
    run      TEXT   NOT NULL PRIMARY KEY REFERENCES run (id),
    state    TEXT   NOT NULL,
    file     TEXT   NOT NULL,
    held     BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    position BIGINT NOT NULL UNIQUE
);
CREATE INDEX review_state ON review (state, position);

-- How a run ended without a decision: the error with its causes, and of a run in dev everything else. For auditors and the authority, and
-- in dev for the operator.
CREATE TABLE report (
    run  TEXT NOT NULL PRIMARY KEY REFERENCES run (id),
    body TEXT NOT NULL
);

-- The version of each dataset's release history: grows by one with every release.
CREATE TABLE history (
    dataset TEXT   NOT NULL PRIMARY KEY REFERENCES dataset (name),
    version BIGINT NOT NULL
);

-- Every change of the rules. archive is the digest of the file with the bundle. One change is active; waiting ones stand against base.
CREATE TABLE policy_change (
    id         TEXT   NOT NULL PRIMARY KEY,
    revision   TEXT   NOT NULL,
    base       TEXT   NOT NULL,
    archive    TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    proposer   TEXT   NOT NULL,
    decider    TEXT   NOT NULL,
    note       TEXT   NOT NULL,
    difference TEXT   NOT NULL,
    proposed   BIGINT NOT NULL,
    decided    BIGINT NOT NULL,
    position   BIGINT NOT NULL UNIQUE
);
CREATE INDEX policy_change_archive ON policy_change (archive);
CREATE UNIQUE INDEX policy_change_active ON policy_change (state) WHERE state = 'active';

-- +goose Down
DROP TABLE policy_change;
DROP TABLE history;
DROP TABLE report;
DROP TABLE review;
DROP TABLE decision;
DROP TABLE run;
DROP TABLE proposal;
DROP TABLE module;
DROP TABLE permit;
DROP TABLE snapshot;
DROP TABLE dataset;
DROP TABLE side;
DROP TABLE entry;
