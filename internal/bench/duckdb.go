package main

import (
	"context"
	_ "embed" // DuckDB's side
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// duckPackage is the peer, pinned.
const duckPackage = "@duckdb/node-api@1.5.6-r.1"

//go:embed duckdb.mjs
var duckScript []byte

// startDuck installs DuckDB with npm into the user's cache, once, and starts its side on the rows of a CSV file.
func startDuck(ctx context.Context, file string, threads int) (*side, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, "darkroom-bench", filepath.Base(duckPackage))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@duckdb", "node-api")); err != nil {
		npm := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", duckPackage) //nolint:gosec // fixed words
		if said, err := npm.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("npm install %s: %w: %s", duckPackage, err, said)
		}
	}
	script := filepath.Join(dir, "duckdb.mjs")
	if err := os.WriteFile(script, duckScript, 0o600); err != nil {
		return nil, err
	}
	return startSide(ctx, "DuckDB", "node", script, file, strconv.Itoa(threads))
}
