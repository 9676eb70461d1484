package config

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mbox/modules"
)

// maxInput bounds a configuration from a file, in bytes; it is as much as the store saves.
const maxInput = 16 << 20

// source is a configuration by the name that an operator gives it.
type source struct {
	name  string
	text  string
	typed bool // it may hold secrets in clear: it is no configuration that the box wrote for itself
}

// sourceType is the type of such a name.
func (m *Module) sourceType() modules.Type {
	return sourceType{modules.Word("Number of a revision, startup-config, running-config, or a file", nil), m}
}

type sourceType struct {
	modules.Type
	module *Module
}

// The names that are no files.
const (
	running = "running-config"
	startup = "startup-config"
)

// List offers what was saved.
func (t sourceType) List(prefix string) []modules.Candidate {
	all := []modules.Candidate{{Text: running, Help: words[running]}, {Text: startup, Help: words[startup]}}
	if t.module.deps.Archive != nil {
		if revisions, err := t.module.deps.Archive.Revisions(); err == nil {
			for _, r := range revisions {
				all = append(all, modules.Candidate{
					Text: strconv.Itoa(r.Number), Help: fmt.Sprintf("Saved by %s at %s", r.Author, r.Time.UTC().Format("2006-01-02 15:04:05")),
				})
			}
		}
	}
	var out []modules.Candidate
	for _, c := range all {
		if strings.HasPrefix(c.Text, prefix) {
			out = append(out, c)
		}
	}
	return out
}

// source reads a configuration. Numbers are revisions; the two names may be shortened to three letters.
func (m *Module) source(call modules.Call, name string) (source, error) {
	s := source{name: name}
	var err error
	number, numeric := strconv.Atoi(name)
	switch {
	case numeric == nil:
		s.name = "revision " + name
		s.text, err = m.deps.Archive.Revision(number)
		if errors.Is(err, ErrNoRevision) {
			err = &modules.Error{Message: "There is no revision " + name, Hint: "show archive lists them"}
		}
	case len(name) >= 3 && strings.HasPrefix(startup, name):
		var found bool
		s.name = startup
		s.text, found, err = m.deps.Archive.Startup()
		if err == nil && !found {
			err = errNothingSaved
		}
	case len(name) >= 3 && strings.HasPrefix(running, name):
		s.name, s.text = running, m.deps.Engine.SavedText()
	default:
		s.typed = true
		s.text, err = readFile(call.Files, name)
	}
	return s, err
}

func readFile(files modules.Files, name string) (string, error) {
	file, err := modules.OpenFile(files, name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxInput+1))
	switch {
	case err != nil:
		return "", modules.FileError("read", name, err)
	case len(raw) > maxInput:
		return "", modules.Errorf("%s is longer than %d bytes", name, maxInput)
	}
	return string(raw), nil
}
