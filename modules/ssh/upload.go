package ssh

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"

	"github.com/pkg/sftp"
	"golang.org/x/sys/unix"
)

const (
	// maxUpload bounds one file; a backup of a million guests has some hundred megabytes.
	maxUpload = 2 << 30
	// keepFree is what uploads leave free on the file system: the databases of the box need room to go on.
	keepFree = 64 << 20
	// checkEach is after how many new bytes the room is looked at again.
	checkEach = 4 << 20
)

// Errors that a client shows its operator.
var (
	errTooLarge = fmt.Errorf("the file is larger than %d bytes", maxUpload)
	errNoRoom   = errors.New("no space left for files")
)

// upload is a file that is being written. It takes its name when it is closed, whole, or not at all.
type upload struct {
	area       *area
	file       *os.File
	temp, name string
	free       func() (uint64, error) // bytes of the file system

	mu      sync.Mutex // guards what follows; SFTP writes from several goroutines
	size    int64
	checked int64 // size at which there was room
	failed  error // why it will not take its name
}

// Filewrite begins a file. It can only be written anew: what is there stays until the new file is whole.
func (a *area) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	name, err := a.inside(r.Filepath)
	if err != nil {
		return nil, err
	}
	flags := r.Pflags()
	info, err := a.root.Stat(name)
	switch exists := err == nil; {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, plain(err)
	case exists && !info.Mode().IsRegular():
		return nil, fs.ErrPermission
	case exists && flags.Excl:
		return nil, fs.ErrExist
	case exists && (!flags.Trunc || flags.Append):
		return nil, errors.New("a file can only be written anew, not continued")
	case !exists && !flags.Creat:
		return nil, fs.ErrNotExist
	}
	if err := a.take(); err != nil {
		return nil, err
	}
	u, err := a.begin(name)
	if err != nil {
		a.give()
		return nil, err
	}
	return u, nil
}

func (a *area) begin(name string) (*upload, error) {
	temp := path.Join(path.Dir(name), a.pending+rand.Text())
	file, err := a.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, plain(err)
	}
	u := &upload{area: a, file: file, temp: temp, name: name, free: func() (uint64, error) { return freeBytes(file) }, checked: -checkEach}
	if err := u.grow(0); err != nil {
		return nil, errors.Join(err, u.drop())
	}
	return u, nil
}

// WriteAt writes within the bounds.
func (u *upload) WriteAt(p []byte, offset int64) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.failed != nil {
		return 0, u.failed
	}
	if offset < 0 || offset > maxUpload-int64(len(p)) {
		u.failed = errTooLarge
		return 0, u.failed
	}
	if u.failed = u.grow(offset + int64(len(p))); u.failed != nil {
		return 0, u.failed
	}
	n, err := u.file.WriteAt(p, offset)
	if err != nil {
		u.failed = plain(err)
	}
	return n, u.failed
}

// grow looks whether there is room for a size; the caller holds mu or is alone.
func (u *upload) grow(size int64) error {
	u.size = max(u.size, size)
	if u.size-u.checked < checkEach {
		return nil
	}
	free, err := u.free()
	switch {
	case err != nil:
		return fmt.Errorf("look for room: %w", err)
	case free < keepFree+checkEach:
		return errNoRoom
	}
	u.checked = u.size
	return nil
}

func freeBytes(file *os.File) (uint64, error) {
	var st unix.Statfs_t
	err := unix.Fstatfs(int(file.Fd()), &st)
	return st.Bavail * uint64(st.Bsize), err
}

// TransferError is called when the client is gone before it has closed the file.
func (u *upload) TransferError(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.failed = errors.Join(u.failed, err)
}

// Close gives the file its name, if all of it has been written.
func (u *upload) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	defer u.area.give()
	if u.failed != nil {
		return errors.Join(u.failed, u.drop())
	}
	if err := u.file.Sync(); err != nil {
		return errors.Join(plain(err), u.drop())
	}
	if err := u.area.root.Rename(u.temp, u.name); err != nil {
		return errors.Join(plain(err), u.drop())
	}
	u.area.tell("written", u.name, "bytes", u.size)
	return errors.Join(u.file.Close(), syncFolder(u.area.root, u.name))
}

// drop removes what was written.
func (u *upload) drop() error {
	return errors.Join(u.file.Close(), u.area.root.Remove(u.temp))
}
