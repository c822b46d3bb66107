-- name: GetReview :one
SELECT sqlc.embed(review), sqlc.embed(run), dataset.owner, CAST(COALESCE(history.version, 0) AS BIGINT) AS version
FROM review JOIN run ON run.id = review.run JOIN dataset ON dataset.name = run.dataset LEFT JOIN history ON history.dataset = run.dataset
WHERE review.run = $1;

-- name: ListReviews :many
SELECT sqlc.embed(review), sqlc.embed(run), dataset.owner, CAST(COALESCE(history.version, 0) AS BIGINT) AS version
FROM review JOIN run ON run.id = review.run JOIN dataset ON dataset.name = run.dataset LEFT JOIN history ON history.dataset = run.dataset
WHERE review.position < $1 AND run.operator <> $2 AND (run.operator = $3 OR $3 = '') AND (dataset.owner = $4 OR $4 = '')
ORDER BY review.position DESC LIMIT $5;

-- name: ListReviewsIn :many
SELECT run FROM review WHERE state = $1 ORDER BY position;

-- name: InsertReview :exec
INSERT INTO review (run, state, file, held, revision, position) VALUES ($1, $2, $3, $4, 1, $5);

-- name: UpdateReview :execrows
UPDATE review SET state = $2, file = $3, revision = revision + 1 WHERE run = $1 AND revision = $4;

-- name: ReleaseReview :execrows
UPDATE review SET state = 'released', revision = revision + 1 WHERE run = $1 AND state = 'agreed';

-- name: CloseReview :execrows
UPDATE review SET state = 'closed', revision = revision + 1 WHERE run = $1;

-- name: ListSimilar :many
SELECT run.id, run.operator, run.scenario, run.module, decision.decided, decision.by_people
FROM decision JOIN run ON run.id = decision.run
WHERE run.dataset = $1 AND run.id <> $2 AND decision.decision = 'release'
ORDER BY CASE WHEN run.module = $3 THEN 0 ELSE 1 END, decision.position DESC LIMIT $4;
