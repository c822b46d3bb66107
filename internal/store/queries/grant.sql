-- name: GetPermit :one
SELECT * FROM permit WHERE id = $1;

-- name: ListPermits :many
SELECT * FROM permit WHERE position < $1 ORDER BY position DESC LIMIT $2;

-- name: ListPermitsOf :many
SELECT * FROM permit WHERE operator = $1 AND position < $2 ORDER BY position DESC LIMIT $3;

-- name: InsertPermit :exec
INSERT INTO permit (
    id, operator, scenario, purpose, scopes, forms, not_before, not_after, state, confirmations, waiting, note, revision, position, resumed
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0);

-- name: UpdatePermit :execrows
UPDATE permit SET not_before = $2, not_after = $3, state = $4, confirmations = $5, waiting = $6, note = $7, revision = revision + 1
WHERE id = $1 AND revision = $8;

-- name: ResumePermit :exec
UPDATE permit SET resumed = $2 WHERE id = $1;

-- name: SuspendPermit :execrows
UPDATE permit SET state = 'suspended', note = $2, revision = revision + 1 WHERE id = $1 AND state = 'active';
