-- name: GetDataset :one
SELECT * FROM dataset WHERE name = $1;

-- name: ListDatasets :many
SELECT * FROM dataset WHERE name > $1 ORDER BY name LIMIT $2;

-- name: InsertDataset :exec
INSERT INTO dataset (name, owner, digest, body, created, revision) VALUES ($1, $2, $3, $4, $5, 1);

-- name: ReplaceDataset :execrows
UPDATE dataset SET digest = $2, body = $3, created = $4, revision = revision + 1
WHERE name = $1 AND owner = $5
    AND NOT EXISTS (SELECT 1 FROM snapshot WHERE snapshot.dataset = dataset.name);

-- name: PutSnapshot :exec
INSERT INTO snapshot (dataset, digest, description, row_count, subjects, loaded, position)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (dataset, digest) DO UPDATE SET loaded = excluded.loaded, position = excluded.position;

-- name: GetSnapshot :one
SELECT * FROM snapshot WHERE dataset = $1 AND digest = $2;

-- name: ListSnapshots :many
SELECT * FROM snapshot WHERE dataset = $1 AND position < $2 ORDER BY position DESC LIMIT $3;
