// Package configstore keeps what a box must not lose and what is not hotspot data: startup-config and its numbered
// revisions, the box's identity and keys, and small durable state of modules. All of it lies in one file, and every
// change is one transaction: after a crash the file holds the old content or the new, never neither.
//
// Each record carries a SHA-256, and a running sum over all records shows when one is missing, so a flipped bit is found
// when the store is opened. A store that is damaged, or was written by a later firmware, is refused and left as it is.
//
// The file holds private keys in clear and has mode 0600. It never holds a guest's password or a peer's password in clear.
package configstore

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Format is the version of the layout. A store with a greater one is refused with ErrFuture.
const Format = 1

// Errors of Open. They are wrapped with the path and the detail.
var (
	ErrDamaged = errors.New("the config store is damaged")
	ErrFuture  = errors.New("the config store was written by a later firmware")
	ErrInUse   = errors.New("the config store is open in another process")
)

// Options of Open; the zero value will do.
type Options struct {
	Timeout time.Duration    // how long to wait for another process to let go; 0: not at all
	Log     *slog.Logger     // nil: discard
	Now     func() time.Time // nil: time.Now
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Store is an open config store. Its methods may be called from many goroutines.
type Store struct {
	records  records
	identity *Identity
	keyring  *Keyring
	now      func() time.Time
	rescue   string // not empty: why startup-config cannot be saved
}

// Open opens the store at path, or creates it with a new identity if there is no such file. The folder must exist. A store
// that is refused (ErrDamaged, ErrFuture, ErrInUse) is left untouched.
func Open(path string, o Options) (*Store, error) {
	o = o.withDefaults()
	s, err := openExisting(path, o)
	if errors.Is(err, fs.ErrNotExist) {
		s, err = create(path, o, initialize)
		if errors.Is(err, fs.ErrExist) { // another process was faster
			s, err = openExisting(path, o)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open config store %s: %w", path, err)
	}
	return s, nil
}

// OpenMemory makes a store that forgets everything at its end, for a box whose own store cannot be used. SaveStartup and
// EraseStartup fail with the reason.
func OpenMemory(reason string) *Store {
	if reason == "" {
		reason = "this box runs without a config store"
	}
	s := &Store{records: records{newMemory()}, now: time.Now}
	err := s.records.update(func(tx *tx) error { return initialize(tx, time.Now()) })
	if err == nil {
		err = s.load()
	}
	if err != nil { // nothing here depends on input or on the system, except its random numbers, which do not fail
		panic(fmt.Sprintf("configstore: make an identity: %v", err))
	}
	s.rescue = reason
	return s
}

// Close lets go of the file. Methods that need it fail afterwards.
func (s *Store) Close() error { return s.records.close() }

// Identity is who this box is.
func (s *Store) Identity() *Identity { return s.identity }

// Keyring holds the keys of the replication domain.
func (s *Store) Keyring() *Keyring { return s.keyring }

// openExisting opens a file that must be there, and reads all of it once.
func openExisting(path string, o Options) (*Store, error) {
	f, err := openLocked(path, os.O_RDWR, o.Timeout)
	if err != nil {
		return nil, err
	}
	if err := probe(f, o.Log); err != nil {
		f.Close()
		return nil, err
	}
	b, err := openBolt(f)
	if err != nil {
		release(f)
		return nil, err
	}
	s := &Store{records: records{b}, now: o.Now}
	if err := s.verify(); err != nil {
		b.close()
		return nil, err
	}
	return s, nil
}

// create makes a store beside path, fills it in one transaction, and gives it its name when it is whole: path never names
// a store that is half made.
func create(path string, o Options, fill func(*tx, time.Time) error) (s *Store, err error) {
	temp := path + ".new"
	f, err := openLocked(temp, os.O_RDWR|os.O_CREATE, o.Timeout)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.Remove(temp)
			release(f)
		}
	}()
	if err := f.Truncate(0); err != nil { // the rest of a creation that was cut off
		return nil, err
	}
	b, err := openBolt(f)
	if err != nil {
		return nil, err
	}
	s = &Store{records: records{b}, now: o.Now}
	err = s.records.update(func(tx *tx) error { return fill(tx, o.Now()) })
	if err == nil {
		err = s.verify()
	}
	if err == nil {
		err = renameNew(temp, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return s, nil
}

// initialize writes what a new store holds: its format, a new identity, a new replication domain.
func initialize(tx *tx, now time.Time) error {
	if err := tx.put(keyFormat, fmt.Append(nil, Format)); err != nil {
		return err
	}
	id, err := newIdentity(now)
	if err != nil {
		return fmt.Errorf("make an identity: %w", err)
	}
	if err := tx.put(keyIdentity, id.encode()); err != nil {
		return err
	}
	return newRing(now).write(tx, id)
}

// verify reads every record and everything that is made of them.
func (s *Store) verify() error {
	if err := s.records.view(checkFormat); err != nil {
		return err
	}
	if err := s.records.view((*tx).verifyAll); err != nil {
		return err
	}
	return s.load()
}

func checkFormat(tx *tx) error {
	raw, found, err := tx.get(keyFormat)
	if err != nil {
		return err
	}
	var format int
	if _, scanErr := fmt.Sscan(string(raw), &format); !found || scanErr != nil || format < 1 {
		return fmt.Errorf("%w: it does not say its format", ErrDamaged)
	}
	if format > Format {
		return fmt.Errorf("%w: format %d, this firmware knows %d", ErrFuture, format, Format)
	}
	return nil
}

// load takes identity and keyring into memory.
func (s *Store) load() error {
	return s.records.view(func(tx *tx) error {
		raw, found, err := tx.get(keyIdentity)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("%w: no identity", ErrDamaged)
		}
		if s.identity, err = decodeIdentity(raw); err != nil {
			return fmt.Errorf("%w: identity: %w", ErrDamaged, err)
		}
		s.keyring, err = loadKeyring(tx, s)
		if err != nil {
			return err
		}
		return checkStartup(tx)
	})
}
