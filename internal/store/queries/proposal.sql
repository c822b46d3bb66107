-- name: InsertProposal :exec
INSERT INTO proposal (
    id, operator, proposer, role, module, name, version, dataset, source, archive, state, votes, views, note, created, decided, revision, position
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18);

-- name: UpdateProposal :execrows
UPDATE proposal SET state = $2, votes = $3, views = $4, note = $5, decided = $6, revision = revision + 1 WHERE id = $1 AND revision = $7;

-- name: GetProposal :one
SELECT * FROM proposal WHERE id = $1;

-- name: FindProposal :one
SELECT * FROM proposal WHERE operator = $1 AND module = $2 AND dataset = $3;

-- name: ListProposals :many
SELECT * FROM proposal WHERE position < $1 ORDER BY position DESC LIMIT $2;

-- name: ListProposalsOf :many
SELECT * FROM proposal WHERE operator = $1 AND position < $2 ORDER BY position DESC LIMIT $3;

-- name: ProposalsOfModule :many
SELECT * FROM proposal WHERE module = $1 ORDER BY position DESC LIMIT 100;
