package hotspotdb

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fakeClock is a clock that tests move.
type fakeClock struct{ us atomic.Int64 }

func newFakeClock() *fakeClock {
	c := &fakeClock{}
	c.us.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *fakeClock) Now() time.Time      { return time.UnixMicro(c.us.Load()) }
func (c *fakeClock) Add(d time.Duration) { c.us.Add(d.Microseconds()) }
func (c *fakeClock) micros() uint64      { return uint64(c.us.Load()) }
func plenty() (uint64, error)            { return 1 << 40, nil }
func ctxOf(t testing.TB) context.Context { return t.Context() }
func key16(b byte) (k [16]byte)          { k[0] = b; return k }
func dbID(b byte) (id DatabaseID)        { id[0] = b; return id }

// testSealer "encrypts" so that a clear password cannot be found, and notices a wrong account.
type testSealer struct{}

func (testSealer) Seal(plain, aad []byte) ([]byte, error) {
	out := append([]byte{}, aad...)
	for _, b := range plain {
		out = append(out, b^0x5a)
	}
	return out, nil
}

func (testSealer) Open(sealed, aad []byte) ([]byte, error) {
	if !bytes.HasPrefix(sealed, aad) {
		return nil, errors.New("sealed for another account")
	}
	var out []byte
	for _, b := range sealed[len(aad):] {
		out = append(out, b^0x5a)
	}
	return out, nil
}

func memOptions(fs vfs.FS) Options {
	return Options{Dir: "db", FS: fs, FreeSpace: plenty, DigestKey: key16(7), Sealer: testSealer{}, CacheBytes: 4 << 20}
}

func mustOpen(t testing.TB, o Options) *DB {
	t.Helper()
	db, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
	return db
}

func openMem(t testing.TB) *DB { return mustOpen(t, memOptions(vfs.NewMem())) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes a record of no known kind.
func put(t testing.TB, db *DB, key, body string) {
	t.Helper()
	must(t, db.Update(ctxOf(t), func(tx *Tx) error { return tx.Put(Users, []byte(key), []byte(body)) }))
}

// feedOf is the feed of db after a sequence as a batch for another database.
func feedOf(t testing.TB, db *DB, ds Dataset, after uint64) Batch {
	t.Helper()
	v := db.View()
	defer v.Close()
	b := Batch{Dataset: ds, From: db.ID(), Kind: Above, Position: db.PositionAt(v.Seq)}
	must(t, v.Scan(ds, after, v.Seq, func(e Entry) (bool, error) {
		b.Changes = append(b.Changes, bytes.Clone(e.Change))
		b.Seqs = append(b.Seqs, e.Seq)
		return true, nil
	}))
	return b
}

func total(db *DB, ds Dataset) Sum {
	v := db.View()
	defer v.Close()
	return v.Total(ds)
}

// recompute sums a dataset up from its entries.
func recompute(t testing.TB, v *View, ds Dataset, digestKey [16]byte) Sum {
	t.Helper()
	h := newHasher(digestKey)
	var sum Sum
	must(t, v.Scan(ds, 0, v.Seq, func(e Entry) (bool, error) {
		c, err := e.Decode()
		if err == nil {
			sum = AddSum(sum, h.contribution(&c).sum())
		}
		return true, err
	}))
	return sum
}

func change(key string, clock uint64, origin DatabaseID, body string) []byte {
	return AppendChange(nil, &Change{Key: []byte(key), Stamp: Stamp{clock, origin}, Body: []byte(body)})
}

func randomBatch(n int, ds Dataset, bodyLen int) [][]byte {
	out := make([][]byte, n)
	body := make([]byte, bodyLen)
	rand.Read(body)
	for i := range out {
		binary.BigEndian.PutUint64(body, uint64(i))
		out[i] = change(fmt.Sprintf("x%08d", i), uint64(1e15)+uint64(i), dbID(9), string(body))
	}
	return out
}
