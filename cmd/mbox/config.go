package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mbox/configstore"
	"mbox/modules/config"
)

// archive is the config store as the config room sees it.
type archive struct{ *configstore.Store }

func (a archive) Revisions() ([]config.Revision, error) {
	revisions, err := a.Store.Revisions()
	out := make([]config.Revision, len(revisions))
	for i, r := range revisions {
		out[i] = config.Revision(r)
	}
	return out, err
}

func (a archive) Revision(n int) (string, error) {
	text, err := a.Store.Revision(n)
	if errors.Is(err, configstore.ErrNoRevision) {
		err = config.ErrNoRevision
	}
	return text, err
}

// announce tells every person at a terminal.
func (b *box) announce(text string) {
	if server := b.voice.Load(); server != nil {
		server.Announce(text)
	}
}

// eraseMark is in the data folder when the next start is to begin with an empty hotspot database.
const eraseMark = "erase-hotspot"

// EraseDatabases has the next start begin with an empty hotspot database. The one that is open is not touched.
func (b *box) EraseDatabases() error {
	file, err := os.OpenFile(b.path(eraseMark), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("mark the hotspot database: %w", err)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("mark the hotspot database: %w", err)
	}
	return syncDir(b.dir)
}

// eraseMarked removes the hotspot database if that was asked for. The mark goes last: an erasure that is cut off is done
// again.
func (b *box) eraseMarked() error {
	_, err := os.Stat(b.path(eraseMark))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.RemoveAll(b.path(hotspotDir))
	}
	if err == nil {
		err = os.Remove(b.path(eraseMark))
	}
	if err != nil {
		return fmt.Errorf("erase the hotspot database: %w", err)
	}
	b.log.Warn("the hotspot database was erased, as write erase ordered")
	return nil
}

// forgetErase drops the mark: the hotspot database is another since.
func (b *box) forgetErase() error {
	if err := os.Remove(b.path(eraseMark)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep the hotspot database: %w", err)
	}
	return nil
}

// EraseFiles empties the file area.
func (b *box) EraseFiles() error {
	entries, err := os.ReadDir(b.path("files"))
	if err != nil {
		return fmt.Errorf("read the file area: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		errs = append(errs, os.RemoveAll(filepath.Join(b.path("files"), entry.Name())))
	}
	return errors.Join(errs...)
}
