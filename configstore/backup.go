package configstore

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Bounds of what a backup may hold of a config store.
const (
	maxBackupRecords = 100_000
	maxBackupBytes   = 256 << 20
	maxBackupRecord  = MaxText + 1<<10
	pieceSize        = 1 << 20 // a part is cut into entries, because tar wants to know the size of each beforehand
)

const aboutEntry = "about"

// About is the first entry of a backup.
type About struct {
	Format  int       `json:"format"`
	BoxID   string    `json:"box"`
	Created time.Time `json:"created"`
}

// Part is what a backup holds besides the config store. Its name is also that of its folder in the data folder of the box.
type Part struct {
	Name   string // letters, not the name of a record of the config store
	Export func(ctx context.Context, w io.Writer) error
	Import func(ctx context.Context, dir string, r io.Reader) error // dir does not exist yet
}

// WriteBackup writes the parts and all of a store to w, encrypted under the passphrase: a tar of
//
//	about, PART/N..., config/revisions/N, config/startup, config/texts/N, format, identity, keyring, state/NAME/KEY
//
// The store comes last, because its keys only ever become more: the keyring opens whatever the parts hold.
func WriteBackup(ctx context.Context, w io.Writer, passphrase string, s *Store, parts ...Part) error {
	if err := writeBackup(ctx, w, passphrase, backupCost, s, parts); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	return nil
}

func writeBackup(ctx context.Context, w io.Writer, passphrase string, cost argon, s *Store, parts []Part) error {
	sealed, err := newSealWriter(w, passphrase, cost)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(sealed)
	if err := s.exportAbout(archive); err != nil {
		return err
	}
	for _, part := range parts {
		pieces := &pieceWriter{ctx: ctx, archive: archive, name: part.Name}
		if err := part.Export(ctx, pieces); err != nil {
			return fmt.Errorf("%s: %w", part.Name, err)
		}
		if err := pieces.flush(); err != nil {
			return err
		}
	}
	if err := s.export(ctx, archive); err != nil {
		return err
	}
	return errors.Join(archive.Close(), sealed.Close())
}

func (s *Store) exportAbout(archive *tar.Writer) error {
	about, err := json.Marshal(About{Format: Format, BoxID: s.identity.boxID, Created: s.now().UTC()})
	if err != nil {
		return err
	}
	return addEntry(archive, aboutEntry, about)
}

// export writes all records as they are at one moment.
func (s *Store) export(ctx context.Context, archive *tar.Writer) error {
	return s.records.view(func(tx *tx) error {
		return tx.scan("", func(key string, value []byte) error {
			switch key {
			case keySum, keyRevert, keyRevertOld, keyRevertNew: // a change that waits to be confirmed is of this life only
				return ctx.Err()
			}
			return errors.Join(ctx.Err(), addEntry(archive, entryName(key), value))
		})
	})
}

// entryName makes a key safe as the name of a tar entry.
func entryName(key string) string {
	words := strings.Split(key, "/")
	for i, word := range words {
		words[i] = url.PathEscape(word)
	}
	return strings.Join(words, "/")
}

func addEntry(archive *tar.Writer, name string, data []byte) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(data)), Format: tar.FormatPAX}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := archive.Write(data)
	return err
}

// pieceWriter cuts a stream into entries NAME/0, NAME/1, ...
type pieceWriter struct {
	ctx     context.Context
	archive *tar.Writer
	name    string
	buf     bytes.Buffer
	number  int
}

func (p *pieceWriter) Write(data []byte) (int, error) {
	p.buf.Write(data)
	for p.buf.Len() >= pieceSize {
		if err := p.entry(p.buf.Next(pieceSize)); err != nil {
			return 0, err
		}
	}
	return len(data), nil
}

// flush writes the last entry; there is always one, so that an empty part is not a missing one.
func (p *pieceWriter) flush() error { return p.entry(p.buf.Bytes()) }

func (p *pieceWriter) entry(data []byte) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	name := fmt.Sprintf("%s/%d", p.name, p.number)
	p.number++
	return addEntry(p.archive, name, data)
}

// backup is an archive that is being read.
type backup struct {
	plain   *openReader
	archive *tar.Reader
	entry   *tar.Header // read but not used yet; nil at the end
}

// openBackup checks header, passphrase and format.
func openBackup(r io.Reader, passphrase string) (*backup, error) {
	plain, err := newOpenReader(r, passphrase)
	if err != nil {
		return nil, err
	}
	b := &backup{plain: plain, archive: tar.NewReader(plain)}
	if err := b.next(); err != nil {
		return nil, err
	}
	return b, b.about()
}

// next goes to the next entry. Behind the last one, the rest of the stream is verified.
func (b *backup) next() (err error) {
	b.entry, err = b.archive.Next()
	if errors.Is(err, io.EOF) {
		b.entry = nil
		_, err = io.Copy(io.Discard, b.plain)
	}
	return classify(err)
}

// classify calls a malformed archive damaged, and leaves what the medium or the stream says.
func classify(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", ErrBackupDamaged, err)
	}
	return err
}

// records reads the entries of the config store, which are the last.
func (b *backup) records(ctx context.Context) (map[string][]byte, error) {
	records, total := map[string][]byte{}, int64(0)
	for b.entry != nil && isRecord(b.entry.Name) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		key, err := url.PathUnescape(b.entry.Name)
		total += b.entry.Size
		if err != nil || b.entry.Size > maxBackupRecord || total > maxBackupBytes || len(records) == maxBackupRecords {
			return nil, ErrBackupDamaged
		}
		if records[key], err = b.read(); err != nil {
			return nil, err
		}
	}
	if b.entry != nil {
		return nil, ErrBackupDamaged
	}
	return records, nil
}

func (b *backup) about() error {
	if b.entry == nil || b.entry.Name != aboutEntry || b.entry.Size > 1<<10 {
		return ErrBackupDamaged
	}
	raw, err := b.read()
	if err != nil {
		return err
	}
	var about About
	if err := json.Unmarshal(raw, &about); err != nil {
		return ErrBackupDamaged
	}
	if about.Format > Format {
		return ErrBackupFuture
	}
	return nil
}

// read takes the whole present entry and goes on to the next.
func (b *backup) read() ([]byte, error) {
	data, err := io.ReadAll(b.archive)
	if err != nil {
		return nil, classify(err)
	}
	return data, b.next()
}

func isRecord(name string) bool {
	switch name {
	case keyFormat, keyIdentity, keyKeyring:
		return true
	}
	return strings.HasPrefix(name, "config/") || strings.HasPrefix(name, keyStates)
}

// part returns the stream of the next part, and its name; not ok behind the last.
func (b *backup) part() (name string, r *pieceReader, ok bool) {
	if b.entry == nil || isRecord(b.entry.Name) {
		return "", nil, false
	}
	name, _, _ = strings.Cut(b.entry.Name, "/")
	return name, &pieceReader{backup: b, name: name}, true
}

// pieceReader joins the entries of one part.
type pieceReader struct {
	backup *backup
	name   string
	number int
}

func (p *pieceReader) Read(buf []byte) (int, error) {
	for p.backup.entry != nil && strings.HasPrefix(p.backup.entry.Name, p.name+"/") {
		if p.backup.entry.Name != fmt.Sprintf("%s/%d", p.name, p.number) {
			return 0, ErrBackupDamaged
		}
		n, err := p.backup.archive.Read(buf)
		if !errors.Is(err, io.EOF) {
			return n, classify(err)
		}
		p.number++
		if err := p.backup.next(); err != nil || n > 0 {
			return n, err
		}
	}
	return 0, io.EOF
}

// importInto makes a store at path of the records, in one transaction, and verifies it.
func importInto(path string, records map[string][]byte) error {
	s, err := create(path, Options{}.withDefaults(), func(tx *tx, _ time.Time) error {
		for _, key := range slices.Sorted(maps.Keys(records)) {
			if err := tx.put(key, records[key]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.Close()
}
