package modules

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

// OpenFile opens a regular file for reading. Its errors are meant for the operator.
func OpenFile(area Files, name string) (*os.File, error) {
	file, err := area.Open(name)
	if err != nil {
		return nil, FileError("read", name, err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = Errorf("%s is not a file", name)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// FileError tells the operator what is wrong with a file; an *Error of the file area is passed on.
func FileError(verb, name string, err error) error {
	var told *Error
	switch {
	case errors.As(err, &told):
		return told
	case errors.Is(err, fs.ErrNotExist):
		return Errorf("There is no file %s", name)
	case errors.Is(err, context.Canceled):
		return Errorf("Stopped; %s was not written", name)
	}
	return Errorf("Cannot %s %s: %v", verb, name, err)
}
