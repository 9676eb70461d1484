package policy

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"mbox/hotspotdb"
)

// world is a box with a policy, whose clock the test sets.
type world struct {
	t   testing.TB
	db  *hotspotdb.DB
	p   *Policy
	log *bytes.Buffer

	mu sync.Mutex // guards at
	at time.Time
}

// noon is a Wednesday, in UTC and, unless a test says otherwise, on the box.
var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func newWorld(t testing.TB) *world { return newWorldWith(t, nil) }

func newWorldWith(t testing.TB, edit func(*Options)) *world {
	t.Helper()
	w := &world{t: t, at: noon, log: &bytes.Buffer{}}
	db, err := hotspotdb.Open(hotspotdb.Options{
		Dir: "db", FS: vfs.NewMem(), FreeSpace: func() (uint64, error) { return 1 << 40, nil }, Sealer: newSealer(t), Now: w.now,
	})
	w.must(err)
	t.Cleanup(func() { w.must(db.Close()) })
	w.db = db
	o := Options{DB: db, Now: w.now, Log: slog.New(slog.NewTextHandler(w.log, nil))}
	if edit != nil {
		edit(&o)
	}
	w.p = New(o)
	db.SetUsageDay(w.p.UsageDay)
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) set(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = at
}

func (w *world) pass(d time.Duration) { w.set(w.now().Add(d)) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// run lets the policy follow the database until the test ends.
func (w *world) run() {
	w.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.p.Run(ctx) }()
	w.t.Cleanup(func() {
		stop()
		w.must(<-done)
	})
}

// await waits for changes of the database until something is so.
func (w *world) await(so func() bool) {
	w.t.Helper()
	for head := uint64(0); !so(); {
		var err error
		head, err = w.db.Wait(w.t.Context(), head)
		w.must(err)
	}
}

func (w *world) update(fn func(tx *hotspotdb.Tx) error) {
	w.t.Helper()
	w.must(w.db.Update(w.t.Context(), fn))
}

func attributes(pairs ...string) (list []hotspotdb.Attribute) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, hotspotdb.Attribute{Name: pairs[i], Value: pairs[i+1]})
	}
	return list
}

// user adds an account whose password is "wonderland".
func (w *world) user(name string, edit func(*hotspotdb.Account)) (added hotspotdb.Account) {
	w.t.Helper()
	a := hotspotdb.Account{Username: name}
	password := "wonderland"
	if edit != nil {
		edit(&a)
	}
	if a.UserType != hotspotdb.UserPassword {
		password = ""
	}
	w.update(func(tx *hotspotdb.Tx) (err error) { added, err = tx.AddAccount(a, password, "test"); return err })
	return added
}

func (w *world) edit(name string, edit func(*hotspotdb.AccountEdit)) {
	w.t.Helper()
	w.update(func(tx *hotspotdb.Tx) error {
		_, err := tx.EditAccount(name, "test", func(e *hotspotdb.AccountEdit) error { edit(e); return nil })
		return err
	})
}

func (w *world) profile(name string, pairs ...string) {
	w.t.Helper()
	w.update(func(tx *hotspotdb.Tx) error {
		return tx.PutProfile(hotspotdb.Profile{Name: name, Attributes: attributes(pairs...)}, "test")
	})
}

// Where guests are unless a test says otherwise.
const (
	phone  = "3A-71-B4-E9-F7-99"
	laptop = "3A-71-B4-E9-F7-AA"
	lobby  = "lobby"
	ap     = "ap1"
)

func (w *world) login(l Login) Decision {
	w.t.Helper()
	if l.NAS == "" {
		l.NAS = ap
	}
	if l.Hotspot == "" {
		l.Hotspot = lobby
	}
	d, err := w.p.Login(w.t.Context(), l)
	w.must(err)
	if d.Accept != (d.Reason == OK) || d.Accept != (d.Message == "") {
		w.t.Errorf("decision %+v contradicts itself", d)
	}
	return d
}

// pap is a login with a password, from the phone.
func (w *world) pap(name, password string) Decision {
	w.t.Helper()
	return w.login(Login{Username: name, Proof: PAP{password}, MAC: phone})
}

func (w *world) expect(d Decision, want Reason) {
	w.t.Helper()
	if d.Reason != want {
		w.t.Errorf("reason %q, want %q (message %q)", d.Reason, want, d.Message)
	}
}

// session opens a session of an account as accounting does.
func (w *world) session(account uint64, mac string) (s hotspotdb.Segment) {
	w.t.Helper()
	id := rand.Text()
	w.update(func(tx *hotspotdb.Tx) (err error) {
		s, err = tx.OpenSegment(hotspotdb.Segment{
			MultiSessionID: id, Number: 1, Account: account, Username: "x", Hotspot: lobby, NAS: ap, AcctSessionID: id[:8], MAC: mac,
		})
		return err
	})
	return s
}

// used is a session of an account in which so much was used, and which has ended.
func (w *world) used(account uint64, octets, seconds uint64) {
	w.t.Helper()
	s := w.session(account, phone)
	s = w.grow(s, octets, seconds)
	w.update(func(tx *hotspotdb.Tx) error { return tx.CloseSegment(s.ID, "User-Request", w.now()) })
}

// grow is an interim report of what a session has used altogether, charged as accounting does.
func (w *world) grow(s hotspotdb.Segment, octets, seconds uint64) hotspotdb.Segment {
	w.t.Helper()
	w.update(func(tx *hotspotdb.Tx) error {
		moreOctets, moreSeconds := octets-s.OutputOctetsTo, seconds-s.SessionTimeTo
		o, t, err := w.p.PurchasedPart(tx, s.Account, w.now(), moreOctets, moreSeconds)
		if err != nil {
			return err
		}
		if err := tx.UpdateSegment(s.ID, func(g *hotspotdb.Segment) error {
			g.OutputOctetsTo, g.SessionTimeTo = octets, seconds
			return nil
		}); err != nil {
			return err
		}
		return tx.ChargePurchased(s.Account, w.now(), o, t)
	})
	s, err := w.db.Segment(s.ID)
	w.must(err)
	return s
}

func (w *world) buy(account, octets, seconds uint64) {
	w.t.Helper()
	w.update(func(tx *hotspotdb.Tx) error {
		_, err := tx.AddPurchase(hotspotdb.Purchase{Account: account, Username: "x", Octets: octets, Seconds: seconds})
		return err
	})
}

func chap(password string) CHAP {
	c := CHAP{ID: 7, Challenge: []byte("challenge of any length")}
	sum := md5.Sum(append(append([]byte{c.ID}, password...), c.Challenge...))
	c.Response = sum[:]
	return c
}

// sealer seals with AES-GCM, as a box does.
type sealer struct{ aead cipher.AEAD }

func newSealer(t testing.TB) sealer {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return sealer{aead}
}

func (s sealer) Seal(plain, aad []byte) ([]byte, error) {
	nonce := make([]byte, s.aead.NonceSize())
	rand.Read(nonce)
	return s.aead.Seal(nonce, nonce, plain, aad), nil
}

func (s sealer) Open(sealed, aad []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("too short")
	}
	return s.aead.Open(nil, sealed[:n], sealed[n:], aad)
}
