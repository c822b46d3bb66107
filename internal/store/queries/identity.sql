-- name: TakeSide :exec
INSERT INTO side (org, asks) VALUES ($1, $2) ON CONFLICT (org) DO NOTHING;

-- name: SideOf :one
SELECT asks FROM side WHERE org = $1;
