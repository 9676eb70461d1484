package shell

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"mbox/modules"
)

// fileFilters end a pipe in a file of the box's file area. They need full privilege.
var fileFilters = []modules.Candidate{
	{Text: "append", Help: "Add the result to the end of a file"},
	{Text: "redirect", Help: "Write the result to a file instead of showing it"},
	{Text: "tee", Help: "Show the result, and write it to a file"},
}

// toFile is where a pipe ends that writes a file.
type toFile struct {
	how  string // append, redirect or tee; empty: nowhere
	name string
}

// allowed refuses those without the privilege to write files.
func (f toFile) allowed(level int) error {
	if f.how != "" && level < fullLevel {
		return &modules.Error{Message: fmt.Sprintf("%s writes a file, and that needs privilege level %d", f.how, fullLevel), Hint: "type enable first"}
	}
	return nil
}

// fileSink writes lines to a file that takes its name when all of them are there.
type fileSink struct {
	screen sink // of tee; nil: nothing is shown
	file   modules.PendingFile
	w      *bufio.Writer
}

// open begins the file.
func (f toFile) open(files modules.Files, screen sink) (*fileSink, error) {
	if files == nil {
		return nil, modules.Errorf("This box has no file area")
	}
	pending, err := files.Create(f.name)
	if err != nil {
		return nil, err
	}
	out := &fileSink{file: pending, w: bufio.NewWriter(pending)}
	switch f.how {
	case "tee":
		out.screen = screen
	case "append":
		if err := out.copyOf(files, f.name); err != nil {
			return nil, errors.Join(err, pending.Abort())
		}
	}
	return out, nil
}

// copyOf begins with what the file holds, if there is one.
func (f *fileSink) copyOf(files modules.Files, name string) error {
	if _, err := files.Stat(name); err != nil {
		return nil // Create would have said what else is wrong with the name
	}
	old, err := files.Open(name)
	if err != nil {
		return err
	}
	defer old.Close()
	if _, err := io.Copy(f.w, old); err != nil {
		return fmt.Errorf("append to %s: %w", name, err)
	}
	return nil
}

func (f *fileSink) line(text []byte) error {
	if f.screen != nil {
		err := f.screen.line(text)
		if errors.Is(err, errEnough) { // of the screen; the file gets all of it
			f.screen, err = nil, nil
		}
		if err != nil {
			return err
		}
	}
	f.w.Write(text)
	return f.w.WriteByte('\n')
}

// end gives the file its name.
func (f *fileSink) end() error {
	if err := f.w.Flush(); err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	if err := f.file.Commit(); err != nil {
		return err
	}
	if f.screen != nil {
		return f.screen.end()
	}
	return nil
}
