package configstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a file that another process holds is tried again: flock(2) can wait, but not with a limit.
const lockPoll = 20 * time.Millisecond

// openLocked opens a regular file and takes its lock, as bbolt does, so that nobody writes while it is probed.
func openLocked(path string, flags int, timeout time.Duration) (*os.File, error) {
	deadline := time.Now().Add(timeout)
	for {
		f, err := os.OpenFile(path, flags|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o600) // NONBLOCK: a FIFO here must not hang us
		if err != nil {
			return nil, err
		}
		if err := lock(f, deadline); err != nil {
			f.Close()
			return nil, err
		}
		same, err := sameFile(f, path)
		if err != nil {
			f.Close()
			return nil, err
		}
		if same {
			return f, nil
		}
		f.Close() // renamed or removed while we waited: look again
	}
}

func lock(f *os.File, deadline time.Time) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
		case !errors.Is(err, unix.EWOULDBLOCK):
			return fmt.Errorf("lock: %w", err)
		case !time.Now().Before(deadline):
			return ErrInUse
		default:
			time.Sleep(lockPoll)
		}
	}
}

// release closes a file whose memory map may have been left behind: the map would keep the lock.
func release(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

func sameFile(f *os.File, path string) (bool, error) {
	have, err := f.Stat()
	if err != nil {
		return false, err
	}
	if !have.Mode().IsRegular() {
		return false, fmt.Errorf("%w: it is not a file", ErrDamaged)
	}
	want, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(have, want), err
}

// renameNew gives a file a name that nobody has; fs.ErrExist otherwise.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // a filesystem without this flag
		if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
			return fs.ErrExist
		}
		err = os.Rename(from, to)
	}
	if err != nil {
		return fmt.Errorf("rename %s to %s: %w", from, to, err)
	}
	return nil
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
