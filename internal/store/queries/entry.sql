-- name: LastPosition :one
SELECT CAST(COALESCE(MAX(position), 0) AS BIGINT) AS last FROM entry;

-- name: InsertEntry :exec
INSERT INTO entry (position, id, body, salt, commitment) VALUES ($1, $2, $3, $4, $5);

-- name: PendingEntries :many
SELECT id, commitment FROM entry WHERE log_index IS NULL ORDER BY position LIMIT $1;

-- name: MarkAppended :execrows
UPDATE entry SET log_index = $2 WHERE id = $1 AND (log_index IS NULL OR log_index = $2);

-- name: GetEntry :one
SELECT * FROM entry WHERE id = $1;

-- name: GetEntryByIndex :one
SELECT * FROM entry WHERE log_index = $1;
