package configstore

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// pageSize is the same on every machine, whatever its memory pages are.
const pageSize = 4096

var bucketName = []byte("mbox")

// boltEngine keeps the records in one bucket of a bbolt file.
type boltEngine struct {
	db      *bolt.DB
	file    *os.File
	writing sync.Mutex  // held by an update: nobody waits inside bbolt, whose own lock a panic may leave behind
	broken  atomic.Bool // bbolt panicked and must not be called again: it may hold any of its locks
}

// openBolt opens a file that is locked already; an empty one is initialised. On an error the caller closes the file.
func openBolt(f *os.File) (*boltEngine, error) {
	e := &boltEngine{file: f}
	err := e.contain(func() (err error) {
		e.db, err = bolt.Open(f.Name(), 0o600, &bolt.Options{
			PageSize: pageSize,
			OpenFile: func(string, int, os.FileMode) (*os.File, error) { return f, nil },
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

func (e *boltEngine) view(fn func(kv) error) error {
	return e.contain(func() error {
		return e.db.View(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketName)
			if b == nil {
				return fmt.Errorf("%w: no bucket", ErrDamaged)
			}
			return fn(boltKV{b})
		})
	})
}

// update commits fn, and then an empty transaction: bbolt alternates between two header pages, and so both name the same
// content. If one cannot be read later, the other loses nothing.
func (e *boltEngine) update(fn func(kv) error) error {
	e.writing.Lock()
	defer e.writing.Unlock()
	if err := e.commit(fn); err != nil {
		return err
	}
	// The content is durable already: a failure here costs only the second header, so it is not reported as one.
	_ = e.contain(func() error { return e.db.Update(func(*bolt.Tx) error { return nil }) })
	return nil
}

func (e *boltEngine) commit(fn func(kv) error) error {
	return e.contain(func() error {
		return e.db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(bucketName)
			if err != nil {
				return err
			}
			return fn(boltKV{b})
		})
	})
}

// close lets go of the file. After a panic only the file is closed; the memory map stays.
func (e *boltEngine) close() error {
	if e.broken.Load() {
		return release(e.file)
	}
	return e.contain(e.db.Close)
}

// contain turns what bbolt does on torn pages or unreadable disk blocks (panics and faults of its memory map) into an error.
func (e *boltEngine) contain(fn func() error) (err error) {
	if e.broken.Load() {
		return fmt.Errorf("%w: it could not be read before", ErrDamaged)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			e.broken.Store(true)
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	err = fn()
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return os.ErrClosed
	}
	return err
}

type boltKV struct{ b *bolt.Bucket }

func (k boltKV) get(key string) []byte              { return k.b.Get([]byte(key)) }
func (k boltKV) put(key string, value []byte) error { return k.b.Put([]byte(key), value) }
func (k boltKV) delete(key string) error            { return k.b.Delete([]byte(key)) }

func (k boltKV) scan(prefix string, fn func(string, []byte) error) error {
	c := k.b.Cursor()
	for key, value := c.Seek([]byte(prefix)); key != nil && strings.HasPrefix(string(key), prefix); key, value = c.Next() {
		if err := fn(string(key), value); err != nil {
			return err
		}
	}
	return nil
}
