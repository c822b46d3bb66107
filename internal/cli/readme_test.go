package cli

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

// TestReadme: every darkroom command that the README shows, in its blocks of shell and in its sentences, is one that the command line
// takes: the command, its flags, and how many arguments it has. What the commands do is shown by the scripts of testdata/script.
func TestReadme(t *testing.T) {
	for _, name := range []string{"../../README.md", "../../README.zh-CN.md"} {
		lines := commandLines(read(t, name))
		if len(lines) < 25 {
			t.Errorf("%s: found %d command lines: the search is broken", name, len(lines))
		}
		for _, line := range lines {
			if err := parses(line); err != nil {
				t.Errorf("%s: %s\n%v", name, line, err)
			}
		}
	}
}

func TestReadmeCheckNotices(t *testing.T) {
	for _, line := range []string{
		"run fetsh RUN", "run fetch", "run fetch RUN more", "run fetch RUN --into x", "run submit x.wasm", "grant suspend GRANT", "demo --keep", "dataset",
	} {
		if parses(line) == nil {
			t.Errorf("darkroom %s was taken for good", line)
		}
	}
}

// commandLines are what follows "darkroom" in a text's blocks of shell and code spans.
func commandLines(text string) (lines []string) {
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", "")) {
			line, _, _ = strings.Cut(line, " #") // a comment
			line, _, _ = strings.Cut(line, " >") // where the output goes
			for _, start := range []string{"darkroom ", "go run ./cmd/darkroom "} {
				if rest, ok := strings.CutPrefix(line, start); ok {
					lines = append(lines, strings.TrimSpace(rest))
				}
			}
		}
	}
	for _, span := range regexp.MustCompile("`(?:go run ./cmd/)?darkroom ([^`]+)`").FindAllStringSubmatch(text, -1) {
		lines = append(lines, span[1])
	}
	return lines
}

// parses reads a command line as the program does, up to the point where it would act.
func parses(line string) error {
	sh := &shell{}
	quoted := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(line, "quoted")
	cmd, args, err := sh.root().Find(strings.Fields(quoted))
	if err != nil {
		return err
	}
	if cmd.HasSubCommands() {
		return errors.New("not a command that does something")
	}
	if err := cmd.ParseFlags(args); err != nil {
		return err
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		return err
	}
	return sh.checkFlags(cmd, nil)
}
