package app

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/darkroom-project/darkroom/enclave"
)

// Config is what an operator of the service may set, in DIR/darkroom.yaml. Every field may be left out; the zero value is safe and
// unknown fields are refused.
type Config struct {
	// Listen is the address that serves gRPC. Default 127.0.0.1:7443; port 0 chooses a free one.
	Listen string `yaml:"listen"`
	// Hosts are the names and addresses in the server's certificate, besides localhost. Clients must dial one of them.
	Hosts []string `yaml:"hosts"`
	// Origin is the ledger's name in checkpoints and receipts. It MUST NOT change later. Default "darkroom.local".
	Origin string `yaml:"origin"`
	// Workers is how many runs execute at once. Default: one for each core, at least 4: an operator never has all of them, so that long
	// runs of one do not hold up the others.
	Workers int `yaml:"workers"`
	// CallSeconds stops a module whose call on one batch takes longer, 1 to 600, for the machine's sake: its fuel ends it before, unless the
	// machine is far too busy. Default 60.
	CallSeconds int `yaml:"call_seconds"`
	// RunMinutes stops a run that takes longer from its admission to its record, 1 to 1440. Default 30.
	RunMinutes int `yaml:"run_minutes"`
	// MemoryMiB is the most memory of one module instance, 16 to 4096. Default 512. Of all runs together there are at most so many
	// instances at once as there are cores, and one more.
	MemoryMiB int `yaml:"memory_mib"`
	// CompileSeconds is how much processor time the compilation of one module may take, 1 to 600. Default 20. An honest module of 2 MB takes
	// about one.
	CompileSeconds int `yaml:"compile_seconds"`
	// CompileMiB is how much memory the compilation of one module may take, 256 to 16384. Default 1024. As many modules are compiled at
	// once as half of the cores, and two at least.
	CompileMiB int `yaml:"compile_mib"`
	// UploadGiB is the largest dataset file accepted. Default 16.
	UploadGiB int `yaml:"upload_gib"`

	// Compiler is the command that compiles modules in a process of its own, see sandbox.ThisProgram. It is the program's to set, not the
	// file's. nil compiles in this process, where a hostile module may take minutes and all memory: for tests.
	Compiler []string `yaml:"-"`
}

const configFile = "darkroom.yaml"

// ReadConfig reads DIR/darkroom.yaml, or returns the defaults if there is none.
func ReadConfig(dir string) (Config, error) {
	var c Config
	raw, err := os.ReadFile(filepath.Join(dir, configFile)) //nolint:gosec // the directory is the administrator's own
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, enclave.Fail(enclave.Invalid, "CONFIG_UNREADABLE", "problem", err.Error())
	}
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.DisallowUnknownField()).Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, enclave.Fail(enclave.Invalid, "CONFIG_UNREADABLE", "problem", yaml.FormatError(err, false, true))
	}
	return c, nil
}

// filled returns c with its defaults, or says which field is out of range.
func (c Config) filled() (Config, error) {
	def := func(v *int, fallback int) {
		if *v == 0 {
			*v = fallback
		}
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:7443"
	}
	if c.Origin == "" {
		c.Origin = "darkroom.local"
	}
	def(&c.Workers, max(4, runtime.NumCPU()))
	def(&c.CallSeconds, 60)
	def(&c.RunMinutes, 30)
	def(&c.MemoryMiB, 512)
	def(&c.CompileSeconds, 20)
	def(&c.CompileMiB, 1024)
	def(&c.UploadGiB, 16)
	for _, f := range []struct {
		name           string
		value, low, up int
	}{
		{"workers", c.Workers, 1, 1024},
		{"call_seconds", c.CallSeconds, 1, 600},
		{"run_minutes", c.RunMinutes, 1, 1440},
		{"memory_mib", c.MemoryMiB, 16, 4096},
		{"compile_seconds", c.CompileSeconds, 1, 600},
		{"compile_mib", c.CompileMiB, 256, 16384},
		{"upload_gib", c.UploadGiB, 1, 4096},
	} {
		if f.value < f.low || f.value > f.up {
			return c, enclave.Fail(enclave.Invalid, "CONFIG_FIELD", "field", f.name, "low", strconv.Itoa(f.low), "high", strconv.Itoa(f.up))
		}
	}
	return c, nil
}

func (c Config) callTimeout() time.Duration { return time.Duration(c.CallSeconds) * time.Second }

func (c Config) runLimit() time.Duration { return time.Duration(c.RunMinutes) * time.Minute }
