package hotspotdb

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
)

// importChunk bounds the memory that an import takes.
const importChunk = 4 << 20

// Import makes a database in dir, which must not exist, from what Export wrote. It is checked from end to end, and read as
// Open reads it, before it gets its name; a damaged stream leaves nothing behind. The database keeps its id and history:
// the next Open appends an incarnation, which is how peers notice that it has forgotten what came after the export.
func Import(ctx context.Context, dir string, r io.Reader) error {
	return importWith(ctx, dir, r, nil)
}

func importWith(ctx context.Context, dir string, r io.Reader, erased []erasedRecord) error {
	if err := importInto(ctx, dir, r, erased); err != nil {
		return fmt.Errorf("import database into %s: %w", dir, err)
	}
	return nil
}

func importInto(ctx context.Context, dir string, r io.Reader, erased []erasedRecord) (err error) {
	if _, err := os.Lstat(dir); err == nil {
		return ErrExists
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(filepath.Clean(dir))
	partial, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+"-import-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(partial))
		}
	}()
	if err := writeImport(ctx, partial, r); err != nil {
		return err
	}
	if len(erased) > 0 {
		if err := eraseIn(ctx, partial, erased); err != nil {
			return err
		}
	}
	check, err := Open(Options{Dir: partial, ReadOnly: true})
	if err != nil {
		return err
	}
	if err := check.Close(); err != nil {
		return err
	}
	if err := os.Rename(partial, dir); err != nil {
		return err
	}
	return syncDir(parent)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func writeImport(ctx context.Context, dir string, r io.Reader) (err error) {
	o, err := Options{Dir: dir}.withDefaults()
	if err != nil {
		return err
	}
	db := &DB{opts: o}
	opts := db.engine(false)
	opts.Logger = quietLog{}
	engine, err := pebble.Open(dir, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	in := newImporter(r)
	if err := in.magic(); err != nil {
		return err
	}
	batch := engine.NewBatch()
	for {
		key, value, err := in.frame()
		if err != nil {
			return errors.Join(err, batch.Close())
		}
		if key == nil {
			break
		}
		if err := batch.Set(key, value, nil); err != nil {
			return err
		}
		if batch.Len() >= importChunk {
			if err := errors.Join(ctx.Err(), batch.Commit(pebble.NoSync)); err != nil {
				return err
			}
			batch = engine.NewBatch()
		}
	}
	if err := in.checksum(); err != nil {
		return errors.Join(err, batch.Close())
	}
	return batch.Commit(pebble.Sync)
}

// quietLog lets an import fail by its error alone.
type quietLog struct{}

func (quietLog) Infof(string, ...any)  {}
func (quietLog) Errorf(string, ...any) {}
func (quietLog) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("import: "+format, args...))
}

type importer struct {
	r      *bufio.Reader
	sum    hash.Hash
	frames uint64
	last   []byte // the key before
	buf    [2][]byte
}

func newImporter(r io.Reader) *importer {
	return &importer{r: bufio.NewReaderSize(r, 256<<10), sum: sha256.New()}
}

func (in *importer) read(b []byte) error {
	if _, err := io.ReadFull(in.r, b); err != nil {
		return fmt.Errorf("%w: the export is cut off: %v", ErrDamaged, err)
	}
	in.sum.Write(b)
	return nil
}

func (in *importer) magic() error {
	b := make([]byte, len(exportMagic))
	if err := in.read(b); err != nil {
		return err
	}
	if string(b) != exportMagic {
		return fmt.Errorf("%w: not an export of a hotspot database", ErrDamaged)
	}
	return nil
}

// field reads one length and as many bytes, if they are not more than limit.
func (in *importer) field(i, limit int) ([]byte, error) {
	var size [4]byte
	if err := in.read(size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if uint64(n) > uint64(limit) {
		return nil, fmt.Errorf("%w: a field of %d bytes in the export", ErrDamaged, n)
	}
	if cap(in.buf[i]) < int(n) {
		in.buf[i] = make([]byte, n)
	}
	b := in.buf[i][:n]
	return b, in.read(b)
}

// maxImportValue is more than any value has: a conflict holds two changes, the incarnations take 16 bytes each.
const maxImportValue = 16 << 20

// frame returns the next key and value, both good until the next call; a nil key ends them.
func (in *importer) frame() (key, value []byte, err error) {
	key, err = in.field(0, 64)
	if err != nil || len(key) == 0 {
		return nil, nil, err
	}
	if bytes.Compare(key, in.last) <= 0 || !bytes.ContainsRune([]byte{tagAside, tagConflict, tagMeta, tagPosition, tagRecord}, rune(key[0])) {
		return nil, nil, fmt.Errorf("%w: key %x in the export", ErrDamaged, key)
	}
	in.last = append(in.last[:0], key...)
	in.frames++
	value, err = in.field(1, maxImportValue)
	return key, value, err
}

func (in *importer) checksum() error {
	var count [8]byte
	if err := in.read(count[:]); err != nil {
		return err
	}
	want := in.sum.Sum(nil)
	got := make([]byte, sha256.Size)
	if err := in.read(got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) || binary.BigEndian.Uint64(count[:]) != in.frames {
		return fmt.Errorf("%w: the checksum of the export is wrong", ErrDamaged)
	}
	return nil
}
