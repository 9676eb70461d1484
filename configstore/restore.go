package configstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// FileName is the name of the store in the data folder of a box.
const FileName = "config.db"

// Folders of a restore, in the data folder.
const (
	partialFolder = "restore.partial" // being verified
	pendingFolder = "restore.pending" // verified; takes effect at the next start
	oldFolder     = "restore.old"     // what the last restore replaced
)

// Stage reads and verifies all of a backup and leaves it in the data folder for ApplyStaged. Until then nothing of the
// box changes, and if the backup is refused nothing of it stays. The errors of reading a backup are ErrPassphrase,
// ErrBackupDamaged, ErrBackupFuture and ErrNotBackup.
func Stage(ctx context.Context, dir string, r io.Reader, passphrase string, parts ...Part) error {
	partial, pending := filepath.Join(dir, partialFolder), filepath.Join(dir, pendingFolder)
	err := os.RemoveAll(partial)
	if err == nil {
		err = os.Mkdir(partial, 0o700)
	}
	if err == nil {
		err = unpack(ctx, partial, r, passphrase, parts)
	}
	if err != nil {
		return fmt.Errorf("read backup: %w", errors.Join(err, os.RemoveAll(partial)))
	}
	err = errors.Join(os.RemoveAll(pending), os.RemoveAll(filepath.Join(dir, oldFolder)), syncDir(partial))
	if err == nil {
		err = os.Rename(partial, pending)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("stage backup: %w", err)
	}
	return nil
}

// unpack makes a data folder of a backup.
func unpack(ctx context.Context, dir string, r io.Reader, passphrase string, parts []Part) error {
	b, err := openBackup(r, passphrase)
	if err != nil {
		return err
	}
	for {
		name, stream, more := b.part()
		if !more {
			break
		}
		if err := unpackPart(ctx, dir, name, stream, parts); err != nil {
			return err
		}
	}
	records, err := b.records(ctx)
	if err != nil {
		return err
	}
	if err := importInto(filepath.Join(dir, FileName), records); err != nil {
		return fmt.Errorf("config store: %w", err)
	}
	return nil
}

func unpackPart(ctx context.Context, dir, name string, stream io.Reader, parts []Part) error {
	i := slices.IndexFunc(parts, func(p Part) bool { return p.Name == name })
	if i < 0 {
		return fmt.Errorf("%w: it holds %q", ErrBackupFuture, name)
	}
	err := parts[i].Import(ctx, filepath.Join(dir, name), stream)
	if err == nil {
		_, err = io.Copy(io.Discard, stream) // what it did not read is verified all the same
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// ApplyStaged puts what Stage left in its place, before anything in the data folder is opened, and says whether there was
// something. What it replaces moves to the folder restore.old, until the next Stage. After a crash it goes on where it was.
func ApplyStaged(dir string) (bool, error) {
	if err := os.RemoveAll(filepath.Join(dir, partialFolder)); err != nil {
		return false, fmt.Errorf("apply restore: %w", err)
	}
	pending := filepath.Join(dir, pendingFolder)
	entries, err := os.ReadDir(pending)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("apply restore: %w", err)
	}
	for _, entry := range entries {
		if err := swap(dir, entry.Name()); err != nil {
			return false, fmt.Errorf("apply restore of %s: %w", entry.Name(), err)
		}
	}
	if err := errors.Join(os.Remove(pending), syncDir(dir)); err != nil {
		return false, fmt.Errorf("apply restore: %w", err)
	}
	return true, nil
}

// swap moves one name of the data folder aside and the restored one in. Between both renames the name is missing, which
// the next start finds and mends, because the restored one is still pending.
func swap(dir, name string) error {
	present, old := filepath.Join(dir, name), filepath.Join(dir, oldFolder)
	if err := os.MkdirAll(old, 0o700); err != nil {
		return err
	}
	err := os.Rename(present, filepath.Join(old, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := errors.Join(syncDir(old), syncDir(dir)); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, pendingFolder, name), present); err != nil {
		return err
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Join(dir, pendingFolder)))
}
