-- name: GetRun :one
SELECT * FROM run WHERE id = $1;

-- name: ListRuns :many
SELECT * FROM run WHERE position < $1 ORDER BY position DESC LIMIT $2;

-- name: ListRunsOf :many
SELECT * FROM run WHERE operator = $1 AND position < $2 ORDER BY position DESC LIMIT $3;

-- name: ListRunsIn :many
SELECT * FROM run WHERE progress = $1 ORDER BY position;

-- name: ListHeld :many
SELECT * FROM run WHERE progress = 'ended' AND outcome = 'held' ORDER BY position;

-- name: InsertRun :exec
INSERT INTO run (
    id, environment, sample_rows, sample_subjects, permit, scenario, module, dataset, snapshot, params, policy, role, operator, submitter, submitted,
    progress, attempts, stage, outcome, reasons, result, finished, revision, position, question, sees_rows, fuel
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'queued', 0, 'queued', '', '[]', '', 0, 1, $16, '', $17, $18);

-- name: CountRowRuns :one
SELECT COUNT(*) FROM run WHERE permit = $1 AND dataset = $2 AND sees_rows = 1;

-- name: CountRuns :one
SELECT COUNT(*) FROM run WHERE permit = $1 AND dataset = $2 AND environment = 'prod';

-- name: CountQuestions :one
SELECT COUNT(*) FROM (
    SELECT DISTINCT module, params FROM run WHERE permit = $1 AND dataset = $2 AND environment = 'prod' AND params <> '{}'
) AS asked;

-- name: CountAsked :one
SELECT COUNT(*) FROM run WHERE permit = $1 AND dataset = $2 AND environment = 'prod' AND module = $3 AND params = $4;

-- name: CountDenials :one
SELECT COUNT(*) FROM run JOIN permit ON permit.id = run.permit
WHERE run.permit = $1 AND run.dataset = $2 AND run.environment = 'prod' AND run.outcome = 'denied' AND run.position > permit.resumed;

-- name: BeginRun :execrows
UPDATE run SET progress = 'running', attempts = attempts + 1, revision = revision + 1
WHERE id = $1 AND progress IN ('queued', 'running');

-- name: YieldRun :execrows
UPDATE run SET progress = 'queued', attempts = attempts - 1, revision = revision + 1
WHERE id = $1 AND progress = 'running';

-- name: EndRun :execrows
UPDATE run SET progress = 'ended', stage = $2, outcome = $3, reasons = $4, finished = $5, revision = revision + 1
WHERE id = $1 AND progress IN ('queued', 'running');

-- name: DecideRun :execrows
UPDATE run SET progress = $2, stage = $3, outcome = $4, reasons = $5, result = $6, finished = $7, revision = revision + 1
WHERE id = $1 AND progress = 'running' AND environment = 'prod';

-- name: ReleaseRun :execrows
UPDATE run SET progress = 'ended', stage = 'release', outcome = 'released', finished = $2, revision = revision + 1
WHERE id = $1 AND progress = 'recorded';

-- name: EndHeldRun :execrows
UPDATE run SET outcome = $2, reasons = $3, finished = $4, question = '', revision = revision + 1
WHERE id = $1 AND progress = 'ended' AND outcome = 'held';

-- name: RecordHeldRun :execrows
UPDATE run SET progress = 'recorded', stage = 'release', outcome = '', reasons = '[]', finished = 0, question = '', revision = revision + 1
WHERE id = $1 AND progress = 'ended' AND outcome = 'held';

-- name: AskRun :exec
UPDATE run SET question = $2, revision = revision + 1
WHERE id = $1 AND progress = 'ended' AND outcome = 'held' AND question <> $2;

-- name: InsertReport :exec
INSERT INTO report (run, body) VALUES ($1, $2);

-- name: GetReport :one
SELECT body FROM report WHERE run = $1;

-- name: InsertDecision :exec
INSERT INTO decision (run, act, decision, reasons, policy, profile, facts, result, format, history, footprint, by_people, decided, position)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- name: ListFootprints :many
SELECT decision.footprint FROM decision JOIN run ON run.id = decision.run
WHERE run.dataset = $1 AND decision.decision = 'release' ORDER BY decision.history;

-- name: ListReleased :many
SELECT decision.run FROM decision JOIN run ON run.id = decision.run
WHERE run.dataset = $1 AND decision.decision = 'release' ORDER BY decision.history;

-- name: GetDecision :one
SELECT * FROM decision WHERE run = $1 ORDER BY position DESC LIMIT 1;

-- name: GetFirstDecision :one
SELECT * FROM decision WHERE run = $1 ORDER BY position LIMIT 1;

-- name: ListJudged :many
SELECT run FROM decision WHERE by_people = 0 ORDER BY position DESC LIMIT $1;

-- name: NamesFile :one
SELECT CAST(
    (SELECT COUNT(*) FROM decision JOIN run ON run.id = decision.run WHERE (decision.result = $1 OR decision.footprint = $1)
        AND (decision.decision = 'release' OR decision.decision = 'hold' AND run.outcome = 'held'))
    + (SELECT COUNT(*) FROM proposal WHERE proposal.archive = $1)
    + (SELECT COUNT(*) FROM policy_change WHERE policy_change.archive = $1)
    + (SELECT COUNT(*) FROM module WHERE module.digest = $1) AS BIGINT
) AS names;

-- name: HistoryVersion :one
SELECT version FROM history WHERE dataset = $1;

-- name: OpenHistory :exec
INSERT INTO history (dataset, version) VALUES ($1, 0) ON CONFLICT (dataset) DO NOTHING;

-- name: AdvanceHistory :execrows
UPDATE history SET version = version + 1 WHERE dataset = $1 AND version = $2;
