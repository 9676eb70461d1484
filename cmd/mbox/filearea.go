package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"mbox/modules"
)

// This file is what operators do with names in the file area; files.go has what they do with the content.

// List returns what is in a folder; "" is the area itself.
func (a fileArea) List(name string) (modules.Folder, error) {
	root, within, err := a.place(path.Join(name, "."))
	if err != nil {
		return modules.Folder{}, err
	}
	defer root.Close()
	dir, err := root.OpenFile(within, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ENOTDIR) {
		return modules.Folder{}, modules.Errorf("%s is not a folder", name)
	}
	if err != nil {
		return modules.Folder{}, fileMistake(name, err)
	}
	defer dir.Close()
	return readFolder(dir)
}

// readFolder sorts the entries. What vanishes while it reads is left out, as is what is still being written.
func readFolder(dir *os.File) (out modules.Folder, err error) {
	for len(out.Entries) <= modules.MaxEntries {
		var some []fs.FileInfo
		some, err = dir.Readdir(256)
		out.Entries = append(out.Entries, slices.DeleteFunc(some, func(info fs.FileInfo) bool {
			return strings.HasPrefix(info.Name(), pendingMark)
		})...)
		if err != nil {
			break
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return out, fmt.Errorf("read a folder: %w", err)
	}
	slices.SortFunc(out.Entries, func(a, b fs.FileInfo) int { return strings.Compare(a.Name(), b.Name()) })
	if out.More = len(out.Entries) > modules.MaxEntries; out.More {
		out.Entries = out.Entries[:modules.MaxEntries]
	}
	var st unix.Statfs_t
	if unix.Fstatfs(int(dir.Fd()), &st) == nil {
		free := st.Bavail * uint64(st.Bsize)
		out.Free = &free
	}
	return out, nil
}

// Stat describes a file, a folder, or a link itself.
func (a fileArea) Stat(name string) (fs.FileInfo, error) {
	root, within, err := a.place(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Lstat(within)
	if err != nil {
		return nil, fileMistake(name, err)
	}
	return info, nil
}

// inArea opens the area for a name that must lie in it, whoever asks, and is not the area itself.
func (a fileArea) inArea(name string) (*os.Root, string, error) {
	clean := path.Clean(name)
	switch {
	case filepath.IsAbs(name):
		return nil, "", &modules.Error{Message: name + " is outside of the file area", Hint: "Only files of the area can be removed or renamed."}
	case clean == ".":
		return nil, "", modules.Errorf("%q is not the name of a file", name)
	}
	return a.place(clean)
}

// Remove takes away a file, a link, or an empty folder.
func (a fileArea) Remove(name string) error {
	root, within, err := a.inArea(name)
	if err != nil {
		return err
	}
	defer root.Close()
	switch err := root.Remove(within); {
	case errors.Is(err, unix.ENOTEMPTY):
		return &modules.Error{Message: fmt.Sprintf("the folder %s is not empty", name), Hint: "Delete what is in it first."}
	case err != nil:
		return fileMistake(name, err)
	}
	return syncFolder(root, within)
}

// Rename gives a file or folder another name.
func (a fileArea) Rename(from, to string, replace bool) error {
	root, old, err := a.inArea(from)
	if err != nil {
		return err
	}
	defer root.Close()
	other, within, err := a.inArea(strings.TrimSuffix(to, "/"))
	if err != nil {
		return err
	}
	defer other.Close()
	if _, err := root.Lstat(old); err != nil {
		return fileMistake(from, err)
	}
	switch info, err := root.Lstat(within); {
	case err == nil && info.IsDir():
		return &modules.Error{Message: fmt.Sprintf("there is a folder %s", to), Hint: fmt.Sprintf("To put it there: rename %s %s", from, path.Join(to, path.Base(from)))}
	case err == nil && !replace:
		return &modules.Error{Message: fmt.Sprintf("there is a file %s already", to), Hint: "Add force to replace it."}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fileMistake(to, err)
	}
	if err := root.MkdirAll(path.Dir(within), 0o700); err != nil {
		return fileMistake(to, err)
	}
	switch err := root.Rename(old, within); {
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EINVAL):
		return modules.Errorf("the folder %s cannot become %s", from, to)
	case err != nil:
		return fileMistake(from, err)
	}
	return errors.Join(syncFolder(root, old), syncFolder(root, within))
}

// syncFolder makes a change of names in the folder of name durable.
func syncFolder(root *os.Root, name string) error {
	dir, err := root.Open(path.Dir(name))
	if err != nil {
		return fmt.Errorf("sync the folder of %s: %w", name, err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
