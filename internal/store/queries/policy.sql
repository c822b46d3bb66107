-- name: InsertPolicyChange :exec
INSERT INTO policy_change (id, revision, base, archive, state, proposer, decider, note, difference, proposed, decided, position)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: GetPolicyChange :one
SELECT * FROM policy_change WHERE id = $1;

-- name: GetActivePolicyChange :one
SELECT * FROM policy_change WHERE state = 'active';

-- name: ListPolicyChanges :many
SELECT * FROM policy_change WHERE position < $1 ORDER BY position DESC LIMIT $2;

-- name: ReplaceActivePolicy :execrows
UPDATE policy_change SET state = 'replaced' WHERE state = 'active' AND revision = $1;

-- name: DecidePolicyChange :execrows
UPDATE policy_change SET state = $2, decider = $3, decided = $4 WHERE id = $1 AND state = 'waiting';
