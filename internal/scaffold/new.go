package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk/guest"
)

//go:embed templates
var templates embed.FS

// ManifestFile is the name of a module's manifest in its folder.
const ManifestFile = "darkroom.yaml"

// What a new module starts from.
const (
	Go      = "go"      // an aggregate with a guest in Go
	None    = "none"    // an aggregate that is a manifest alone, whose keys the enclave evaluates
	Program = "program" // a program in Go
)

// New writes the folder of a new module, dir, which must not exist or be empty. Name is the module's, [a-z][a-z0-9-]*; lang is Go, None
// or Program. What it writes builds as it is, without a network.
func New(dir, name, lang string) error {
	if !enclave.ValidName(name) {
		return enclave.Fail(enclave.Invalid, "SCAFFOLD_NAME", "name", name)
	}
	if lang != Go && lang != None && lang != Program {
		return enclave.Fail(enclave.Invalid, "SCAFFOLD_LANG", "lang", lang)
	}
	files, err := newFiles(name, lang)
	if err != nil {
		return err
	}
	dir = filepath.Clean(dir) // "", and "missing/..", are the current folder
	switch found, err := os.ReadDir(dir); {
	case errors.Is(err, syscall.ENOTDIR):
		return enclave.Fail(enclave.State, "SCAFFOLD_NO_FOLDER", "dir", dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return enclave.Fail(enclave.State, "SCAFFOLD_WRITE", "file", dir).Because(err)
	case len(found) > 0:
		return enclave.Fail(enclave.State, "SCAFFOLD_EXISTS", "dir", dir)
	}
	for file, content := range files {
		if err := write(filepath.Join(dir, filepath.FromSlash(file)), content); err != nil {
			return err
		}
	}
	return nil
}

// newFiles are a new module's files by slash-separated path.
func newFiles(name, lang string) (map[string][]byte, error) {
	from := map[string]string{ManifestFile: lang + ".yaml", "README.md": lang + ".md"}
	switch lang {
	case Go:
		from["main.go"], from["main_test.go"] = "main.go.txt", "main_test.go.txt"
	case Program:
		from["main.go"], from["main_test.go"] = "program.go.txt", "program_test.go.txt"
	}
	files := map[string][]byte{}
	for file, template := range from {
		text, err := templates.ReadFile(path.Join("templates", template))
		if err != nil {
			return nil, enclave.Internalf("read a template: %w", err)
		}
		files[file] = []byte(strings.ReplaceAll(string(text), "{{name}}", name))
	}
	var description bytes.Buffer
	described := synth.Dataset()
	description.WriteString("# What is known of the dataset: 'darkroom module test' makes rows of it. Put the real one here: darkroom dataset show NAME > NAME.yaml\n")
	if err := WriteDescription(&description, described); err != nil {
		return nil, err
	}
	files[DescriptionIn("", described.Name)] = description.Bytes()
	if lang == None {
		return files, nil
	}
	files["go.mod"] = []byte("module example.org/" + name + "\n\ngo 1.24\n")
	shim, err := fs.ReadDir(guest.Source, ".")
	if err != nil {
		return nil, enclave.Internalf("read the guest shim: %w", err)
	}
	for _, f := range shim {
		if files["guest/"+f.Name()], err = guest.Source.ReadFile(f.Name()); err != nil {
			return nil, enclave.Internalf("read the guest shim: %w", err)
		}
	}
	return files, nil
}

// write makes a file that was not there before, and its folder.
func write(file string, content []byte) error {
	problem := func(err error) error {
		return enclave.Fail(enclave.State, "SCAFFOLD_WRITE", "file", file).Because(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // an author's sources, readable like any others
		return problem(err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // the author says where
	if err != nil {
		return problem(err)
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return problem(err)
	}
	return nil
}
