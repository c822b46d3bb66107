-- name: GetModule :one
SELECT * FROM module WHERE owner = $1 AND digest = $2;

-- name: GetModuleOfAny :one
SELECT * FROM module WHERE digest = $1 ORDER BY position LIMIT 1;

-- name: ListModules :many
SELECT * FROM module WHERE position < $1 ORDER BY position DESC LIMIT $2;

-- name: ListModulesOf :many
SELECT * FROM module WHERE owner = $1 AND position < $2 ORDER BY position DESC LIMIT $3;

-- name: CountModulesOf :one
SELECT count(*) FROM module WHERE owner = $1;

-- name: InsertModule :exec
INSERT INTO module (owner, digest, manifest, has_code, size, created, position) VALUES ($1, $2, $3, $4, $5, $6, $7);
