package hotspotdb

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// zeroStep is how far a log is written with zeros ahead of its end, in octets.
const zeroStep = 128 << 10

// zeroAhead is a file system whose logs lie in space that was written before: a sync then writes nothing but the data. Where a log
// grows with each write, its inode is to be synced as well, which takes nearly as long again. The storage engine writes a log that it
// uses again in the same way, and PostgreSQL fills its own with zeros (wal_init_zero).
//
// A log ends at its last record: zeros, or the records of an older log, are what is behind that in any case.
type zeroAhead struct{ vfs.FS }

// Create opens a new file; a log with space ahead.
func (fs zeroAhead) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := fs.FS.Create(name, category)
	if err != nil || !strings.HasSuffix(name, ".log") || file.Fd() == vfs.InvalidFd { // not a disk's
		return file, err
	}
	return &zeroedFile{File: file}, nil
}

// zeroedFile is a log, written by one goroutine.
type zeroedFile struct {
	vfs.File
	end    int64 // of what was written
	zeroed int64 // of the zeros
	failed bool  // the disk is full, or the file system does not let write ahead: then the log grows with each write
}

var zeroes [zeroStep]byte

// Write appends.
func (f *zeroedFile) Write(p []byte) (int, error) {
	for !f.failed && f.zeroed < f.end+int64(len(p)) {
		_, err := f.WriteAt(zeroes[:], f.zeroed)
		f.failed = err != nil
		f.zeroed += zeroStep
	}
	n, err := f.File.Write(p)
	f.end += int64(n)
	return n, err
}
