package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mbox/modules"
)

// fileArea is where operators keep files: relative names lie inside it and cannot leave it, not through links either.
// Absolute names are for the console, whose user could read and write those files anyway.
type fileArea struct {
	dir     string
	console bool
}

// pendingMark is in the names of files that are not complete yet.
const pendingMark = ".mbox-pending-"

// openFileArea makes the area and removes what a box that died was still writing.
func openFileArea(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the file area: %w", err)
	}
	return filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read the file area: %w", err)
		}
		if strings.HasPrefix(entry.Name(), pendingMark) && entry.Type().IsRegular() {
			return os.Remove(name)
		}
		return nil
	})
}

// elsewhere refuses what names another machine or a device on other systems. Taken for a file it would be made here, and
// who typed it would believe that it is there.
func elsewhere(name string) error {
	switch place, _, found := strings.Cut(strings.ToLower(name), ":"); {
	case !found:
	case slices.Contains([]string{"tftp", "ftp", "scp", "sftp", "http", "https", "rcp"}, place):
		return &modules.Error{
			Message: fmt.Sprintf("the box does not copy to or from %s:", place),
			Hint:    "Use a file of the box, and fetch or put it from the other machine: scp USER@BOX:FILE .",
		}
	case slices.Contains([]string{"flash", "bootflash", "nvram", "disk0", "slot0", "usb0", "system", "null"}, place):
		return &modules.Error{
			Message: fmt.Sprintf("there is no %s: here, the box has one file area", place),
			Hint:    "Type the name of the file alone.",
		}
	}
	return nil
}

// place opens the folder that a name is relative to, and returns the name within.
func (a fileArea) place(name string) (*os.Root, string, error) {
	if err := elsewhere(name); err != nil {
		return nil, "", err
	}
	dir := a.dir
	switch {
	case name == "" || strings.HasSuffix(name, "/"):
		return nil, "", modules.Errorf("%q is not the name of a file", name)
	case strings.HasPrefix(path.Base(name), pendingMark):
		return nil, "", modules.Errorf("there is no file %s", name)
	case filepath.IsAbs(name) && !a.console:
		return nil, "", &modules.Error{Message: name + " is outside of the file area", Hint: "Only the console may use absolute names."}
	case filepath.IsAbs(name):
		dir, name = filepath.Split(filepath.Clean(name))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", fileMistake(dir, err)
	}
	return root, name, nil
}

// Open opens a regular file for reading.
func (a fileArea) Open(name string) (*os.File, error) {
	root, within, err := a.place(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := root.OpenFile(within, os.O_RDONLY|unix.O_NONBLOCK, 0) // a FIFO must not hold the session up
	if err != nil {
		return nil, fileMistake(name, err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = modules.Errorf("%s is a directory", name)
	case !info.Mode().IsRegular():
		err = modules.Errorf("%s is not a regular file", name)
	default:
		return file, nil
	}
	return nil, errors.Join(err, file.Close())
}

// Create begins a file that takes its name on Commit.
func (a fileArea) Create(name string) (modules.PendingFile, error) {
	root, within, err := a.place(name)
	if err != nil {
		return nil, err
	}
	pending, err := createIn(root, within)
	if err != nil {
		return nil, errors.Join(fileMistake(name, err), root.Close())
	}
	return pending, nil
}

func createIn(root *os.Root, name string) (*pendingFile, error) {
	switch info, err := root.Stat(name); {
	case err == nil && !info.Mode().IsRegular():
		return nil, modules.Errorf("%s is a directory, or no regular file", name)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	dir := path.Dir(name)
	if err := root.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	temp := path.Join(dir, pendingMark+rand.Text())
	file, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &pendingFile{File: file, root: root, temp: temp, name: name}, nil
}

// fileMistake words what the operating system says; other errors pass as they are.
func fileMistake(name string, err error) error {
	var told *modules.Error
	switch {
	case errors.As(err, &told):
		return told
	case errors.Is(err, fs.ErrNotExist):
		return modules.Errorf("there is no file %s", name)
	case errors.Is(err, fs.ErrPermission):
		return modules.Errorf("no permission for %s", name)
	case strings.Contains(err.Error(), "escapes from parent"): // os.Root has no exported error for it
		return &modules.Error{Message: name + " is outside of the file area", Hint: "Use a name below it."}
	}
	return fmt.Errorf("open %s: %w", name, err)
}

// pendingFile replaces its name whole or not at all.
type pendingFile struct {
	*os.File
	root       *os.Root
	temp, name string
	done       bool
}

// Commit makes the content durable and gives it its name.
func (p *pendingFile) Commit() error {
	if p.done {
		return fmt.Errorf("commit %s: %w", p.name, fs.ErrClosed)
	}
	if err := p.File.Sync(); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", p.name, err), p.Abort())
	}
	p.done = true
	defer p.root.Close()
	if err := errors.Join(p.File.Close(), p.root.Rename(p.temp, p.name)); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", p.name, err), p.root.Remove(p.temp))
	}
	dir, err := p.root.Open(path.Dir(p.name))
	if err != nil {
		return fmt.Errorf("sync the folder of %s: %w", p.name, err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Abort drops the content.
func (p *pendingFile) Abort() error {
	if p.done {
		return nil
	}
	p.done = true
	return errors.Join(p.File.Close(), p.root.Remove(p.temp), p.root.Close())
}
