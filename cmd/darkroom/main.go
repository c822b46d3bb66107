// Command darkroom is the enclave, its demonstration, and the client of both.
package main

import (
	"context"
	"os"

	"github.com/darkroom-project/darkroom/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
