package hotspotdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// mark is a file beside the tables with the highest sequence that was ever confirmed. Damage in the last blocks of the log
// looks like what a power cut leaves, and the storage engine drops it without a word; the mark tells them apart.
//
// It is written after each sync of the log and before anybody is told of it, and is not synced itself. So it is never
// ahead of what was durable, and behind it only after a power cut.
type mark struct {
	mu   sync.Mutex // guards the rest
	file vfs.File   // nil: not kept
	id   DatabaseID
	seq  uint64
}

const (
	markName  = "confirmed"
	markMagic = "MBOXMRK1"
	markLen   = len(markMagic) + 16 + 8 + 4 // id, sequence, CRC-32C of all before
)

func appendMark(dst []byte, id DatabaseID, seq uint64) []byte {
	dst = append(append(dst, markMagic...), id[:]...)
	dst = binary.BigEndian.AppendUint64(dst, seq)
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst, crc32.MakeTable(crc32.Castagnoli)))
}

// readMark returns what was confirmed in the database id; 0 if that is not known.
func readMark(fs vfs.FS, dir string, id DatabaseID) (uint64, error) {
	file, err := fs.Open(fs.PathJoin(dir, markName))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer file.Close()
	b := make([]byte, markLen)
	switch _, err := io.ReadFull(file, b); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return 0, nil
	case err != nil:
		return 0, err
	}
	at := len(markMagic) + len(id)
	seq := binary.BigEndian.Uint64(b[at:])
	if string(b) != string(appendMark(nil, id, seq)) { // torn by a power cut, or of another database
		return 0, nil
	}
	return seq, nil
}

// open begins to keep the mark, at seq.
func (m *mark) open(fs vfs.FS, dir string, id DatabaseID, seq uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	file, err := fs.OpenReadWrite(fs.PathJoin(dir, markName), vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("open the mark of what is confirmed: %w", err)
	}
	_, err = file.WriteAt(appendMark(nil, id, seq), 0)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = syncFolder(fs, dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the mark of what is confirmed: %w", err), file.Close())
	}
	m.file, m.id, m.seq = file, id, seq
	return nil
}

func syncFolder(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// advance moves the mark on. If that fails it stays behind, which is as after a power cut, and is not kept any more.
func (m *mark) advance(seq uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file == nil || seq <= m.seq {
		return nil
	}
	m.seq = seq
	if _, err := m.file.WriteAt(appendMark(make([]byte, 0, markLen), m.id, seq), 0); err != nil {
		err = errors.Join(err, m.file.Close())
		m.file = nil
		return fmt.Errorf("write the mark of what is confirmed: %w", err)
	}
	return nil
}

func (m *mark) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file == nil {
		return nil
	}
	err := m.file.Close()
	m.file = nil
	return err
}
