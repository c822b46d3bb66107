package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestServeAgain: a service that was stopped starts again on its data, and its credentials go on working.
func TestServeAgain(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	address, stopped := serve(t, data)
	credential := filepath.Join(data, "credentials", "authority.json")
	want := "data-authority"
	if status, out, errs := command(t, "identity", "show", "--lang", "en", "--credential", credential); status != exitDone || !strings.Contains(out, want) {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	stopped()
	if status, _, errs := command(t, "identity", "show", "--lang", "en", "--credential", credential); status != exitFailed ||
		reasonIn(errs) != "SERVER_UNREACHABLE" || !strings.Contains(errs, address) {
		t.Errorf("of a service that is stopped: status %d: %s", status, errs)
	}
	again, _ := serve(t, data, "--listen", address)
	if again != address {
		t.Errorf("it listens on %s, not on %s", again, address)
	}
	if status, out, errs := command(t, "identity", "show", "--lang", "en", "--credential", credential); status != exitDone || !strings.Contains(out, want) {
		t.Errorf("after the start: status %d: %s%s", status, out, errs)
	}
}

// TestServeRefuses: what keeps a service from starting is said with its field or its place.
func TestServeRefuses(t *testing.T) {
	for _, c := range []struct{ config, reason, says string }{
		{"workers: -1", "CONFIG_FIELD", "workers"},
		{"call_seconds: 601", "CONFIG_FIELD", "call_seconds must be 1 to 600"},
		{"memory_mib: 8", "CONFIG_FIELD", "memory_mib"},
		{"upload_gib: 5000", "CONFIG_FIELD", "upload_gib"},
		{"memory_mib: lots", "CONFIG_UNREADABLE", "memory_mib: lots"},
		{"colour: red", "CONFIG_UNREADABLE", "colour"},
		{"listen: [", "CONFIG_UNREADABLE", "listen"},
		{"listen: nowhere", "LISTEN_FAILED", "nowhere"},
		{"origin: a b", "LEDGER_ORIGIN_INVALID", "origin"},
	} {
		data := t.TempDir()
		if err := os.WriteFile(filepath.Join(data, "darkroom.yaml"), []byte(c.config+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"serve", "--lang", "en", "--data", data}
		if !strings.HasPrefix(c.config, "listen") {
			args = append(args, "--listen", "127.0.0.1:0")
		}
		status, out, errs := command(t, args...)
		if status != exitFailed || out != "" || reasonIn(errs) != c.reason || !strings.Contains(errs, c.says) {
			t.Errorf("%s: status %d\n%s%s", c.config, status, out, errs)
		}
	}

	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "keys"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errs := command(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	if status != exitFailed || out != "" || reasonIn(errs) != "DATA_DIR_UNUSABLE" {
		t.Errorf("a file where a folder belongs: status %d\n%s%s", status, out, errs)
	}
	if os.Geteuid() == 0 {
		return // may write anywhere
	}
	if err := os.Chmod(data, 0o500); err != nil { //nolint:gosec // a directory
		t.Fatal(err)
	}
	if status, _, errs := command(t, "serve", "--data", data, "--listen", "127.0.0.1:0"); status != exitFailed || reasonIn(errs) != "DATA_DIR_UNUSABLE" {
		t.Errorf("a directory that cannot be written: status %d\n%s", status, errs)
	}
}

// TestServeToldToStop: a signal that comes before the service has started ends it as well as any later one.
func TestServeToldToStop(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var out, errs bytes.Buffer
	if status := Main(ctx, []string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0"}, strings.NewReader(""), &out, &errs); status != exitDone {
		t.Errorf("status %d: %s", status, errs.String())
	}
}

// TestDemoKept: a demonstration that is kept prints commands that work as they stand; interrupted, it ends well; and serve takes its
// directory up with the same credentials.
func TestDemoKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "domain")
	cmd := exec.Command("darkroom", "demo", "--lang", "en", "--keep", dir, "--listen", "127.0.0.1:0") //nolint:gosec,noctx // this binary itself, stopped by a signal
	var errs bytes.Buffer
	cmd.Stderr = &errs
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	lines := bufio.NewScanner(io.TeeReader(pipe, &said))
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Stop it with Ctrl-C") { // the last line
	}
	last := lines.Text()
	commands := regexp.MustCompile(`(?m)^  (darkroom .*)$`).FindAllStringSubmatch(said.String(), -1)
	if len(commands) < 6 {
		t.Errorf("it printed %d commands:\n%s%s", len(commands), said.String(), errs.String())
	}
	t.Run("commands", func(t *testing.T) {
		t.Chdir(t.TempDir())
		t.Setenv("DARKROOM_CREDENTIAL", filepath.Join(dir, "credentials", "operator.json"))
		for _, line := range commands {
			for one := range strings.SplitSeq(line[1], " && ") {
				if status, out, errs := command(t, strings.Fields(one)[1:]...); status != exitDone {
					t.Errorf("%s: status %d\n%s%s", one, status, out, errs)
				}
			}
		}
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	_, _ = io.Copy(io.Discard, pipe)
	if err := cmd.Wait(); err != nil {
		t.Errorf("interrupted: %v\n%s", err, errs.String())
	}

	address := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(last)
	if _, _, err := net.SplitHostPort(address); err != nil || !strings.Contains(last, "darkroom serve --data "+dir) {
		t.Fatalf("it does not say how to start it again: %s", last)
	}
	serve(t, dir, "--listen", address)
	for _, role := range []string{"authority", "source", "operator", "reviewer", "auditor"} {
		status, out, errs := command(t, "identity", "show", "--lang", "en", "--credential", filepath.Join(dir, "credentials", role+".json"))
		if status != exitDone || !strings.Contains(out, role) {
			t.Errorf("%s: status %d\n%s%s", role, status, out, errs)
		}
	}
}
