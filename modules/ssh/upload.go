package ssh

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync"

	"github.com/pkg/sftp"
	"golang.org/x/sys/unix"
)

const (
	// maxUpload bounds one file; a backup of a million guests has some hundred megabytes.
	maxUpload = 2 << 30
	// keepFree is what uploads leave free on the file system: the databases of the box need room to go on.
	keepFree = 64 << 20
	// maxParts bounds how many pieces may lie apart; clients have some dozens of packets on their way.
	maxParts = 1024
	// checkEach is after how many written bytes the room is looked at again.
	checkEach = 4 << 20
)

// Errors that a client shows its operator.
var (
	errTooLarge = fmt.Errorf("the file is larger than %d bytes", maxUpload)
	errNoRoom   = errors.New("no space left for files")
	// errContinued is for `reput` and the like: part of a file would have to be taken from what is there.
	errContinued = errors.New("a file can only be written anew and whole, not continued")
)

// upload is a file that is being written. It takes its name when it is closed, whole, or not at all.
type upload struct {
	area       *area
	file       *os.File
	temp, name string
	free       func() (uint64, error) // bytes of the file system

	mu      sync.Mutex // guards what follows; SFTP writes from several goroutines
	size    int64
	written int64  // bytes, those written over included: what was left out may be filled later
	checked int64  // of them, when there was room
	parts   []part // what has been written, in order, joined where they touch
	failed  error  // why it will not take its name
}

// part is from a byte up to another.
type part struct{ from, to int64 }

// Filewrite begins a file. It can only be written anew, whatever the client says of truncating: what is there stays until
// the new file is whole.
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
	case flags.Append:
		return nil, errContinued
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
	a.mu.Lock()
	defer a.mu.Unlock()
	a.uploads[name] = u
	return u, nil
}

// truncate is how scp says where a file ends, behind its last byte.
func (a *area) truncate(name string, size uint64) error {
	a.mu.Lock()
	u := a.uploads[name]
	a.mu.Unlock()
	if u == nil {
		return sftp.ErrSSHFxOpUnsupported
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if size != uint64(u.size) {
		return errContinued
	}
	return nil
}

func (a *area) begin(name string) (*upload, error) {
	temp := path.Join(path.Dir(name), a.pending+rand.Text())
	file, err := a.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, plain(err)
	}
	u := &upload{area: a, file: file, temp: temp, name: name, free: func() (uint64, error) { return freeBytes(file) }, checked: -checkEach}
	if err := u.room(0); err != nil {
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
	if u.failed = u.room(len(p)); u.failed != nil {
		return 0, u.failed
	}
	u.size = max(u.size, offset+int64(len(p)))
	n, err := u.file.WriteAt(p, offset)
	if err != nil {
		u.failed = plain(err)
	}
	u.wrote(part{offset, offset + int64(n)})
	if len(u.parts) > maxParts {
		u.failed = errContinued
	}
	return n, u.failed
}

// wrote notes what is there; the caller holds mu. Clients write in order, but for what is on its way, so the list is short.
func (u *upload) wrote(p part) {
	at, _ := slices.BinarySearchFunc(u.parts, p.from, func(have part, from int64) int { return cmp.Compare(have.to, from) })
	end := at
	for end < len(u.parts) && u.parts[end].from <= p.to {
		p = part{min(p.from, u.parts[end].from), max(p.to, u.parts[end].to)}
		end++
	}
	u.parts = slices.Replace(u.parts, at, end, p)
}

// whole says whether every byte up to the last has been written; the caller holds mu.
func (u *upload) whole() bool {
	return u.size == 0 || len(u.parts) == 1 && u.parts[0] == part{0, u.size}
}

// room looks from time to time whether there is room for n bytes more; the caller holds mu or is alone.
func (u *upload) room(n int) error {
	u.written += int64(n)
	if u.written-u.checked < checkEach {
		return nil
	}
	free, err := u.free()
	switch {
	case err != nil:
		return fmt.Errorf("look for room: %w", err)
	case free < keepFree+checkEach:
		return errNoRoom
	}
	u.checked = u.written
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
	defer u.area.done(u)
	if u.failed == nil && !u.whole() {
		u.failed = errContinued
	}
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

// done forgets an upload.
func (a *area) done(u *upload) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
	if a.uploads[u.name] == u {
		delete(a.uploads, u.name)
	}
}

// drop removes what was written.
func (u *upload) drop() error {
	return errors.Join(u.file.Close(), u.area.root.Remove(u.temp))
}
