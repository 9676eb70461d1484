package policy

import (
	"context"
	"errors"
	"testing"
	"time"

	"mbox/hotspotdb"
)

// kept says how the password of an account is kept.
func (w *world) kept(name string) (hashed bool) {
	w.t.Helper()
	_, err := w.db.Password(name)
	if err != nil && !errors.Is(err, hotspotdb.ErrHashed) {
		w.t.Fatal(err)
	}
	return err != nil
}

// A clear password stays until its guest proves it with PAP; then only its hash is left, which PAP alone can be checked with.
func TestHashedAtAPAPLogin(t *testing.T) {
	w := newWorld(t)
	w.user("alice", nil)
	w.expect(w.pap("alice", "wonderland"), OK)
	w.db.SetHashedPasswords(true)
	w.expect(w.login(Login{Username: "alice", Proof: chap("wonderland")}), OK)
	w.expect(w.pap("alice", "x"), WrongPassword)
	if w.kept("alice") {
		t.Fatal("hashed without a proof")
	}
	w.expect(w.pap("alice", "wonderland"), OK)
	if !w.kept("alice") {
		t.Fatal("not hashed")
	}
	w.expect(w.pap("alice", "wonderland"), OK)
	w.expect(w.pap("alice", "x"), WrongPassword)
	for _, proof := range []Proof{chap("wonderland"), mschap2(t, "alice", "wonderland"), chap("x")} {
		d := w.login(Login{Username: "alice", Proof: proof})
		w.expect(d, NeedsPAP)
		if nobody := w.login(Login{Username: "nobody", Proof: proof}); nobody.Message != d.Message {
			t.Errorf("%q for a hashed account, %q for nobody", d.Message, nobody.Message)
		}
	}
	w.db.SetHashedPasswords(false)
	w.expect(w.pap("alice", "wonderland"), OK)
	w.edit("alice", func(e *hotspotdb.AccountEdit) { p := "clear again"; e.Password = &p })
	w.expect(w.login(Login{Username: "alice", Proof: chap("clear again")}), OK)
}

// While passwords are hashed, whoever guesses waits as long whether there is such an account or not, and whatever it keeps.
func TestEveryPAPLoginCostsOneHash(t *testing.T) {
	w := newWorld(t)
	w.user("clear", nil)
	w.update(func(tx *hotspotdb.Tx) error {
		_, err := tx.AddAccount(hotspotdb.Account{Username: "none"}, "", "test")
		return err
	})
	w.user(phone, func(a *hotspotdb.Account) { a.UserType = hotspotdb.UserMAC })
	w.batch(hotspotdb.VoucherBatch{Name: "day"}, "ABCD2345")
	w.user("hashed", nil)
	w.db.SetHashedPasswords(true)
	w.expect(w.pap("hashed", "wonderland"), OK)
	for _, name := range []string{"clear", "none", "hashed", "nobody", "ABCD2345", "ABCD2346", phone} {
		before := w.p.hashing.done.Load()
		d := w.login(Login{Username: name, Proof: PAP{"guess"}})
		if n := w.p.hashing.done.Load() - before; n != 1 || d.Accept {
			t.Errorf("%s: %d hashes, %+v", name, n, d)
		}
	}
	// Nor when too many codes were guessed at the client: who is refused unseen waits as long as an account's wrong password takes.
	w.user("48151623", func(a *hotspotdb.Account) { a.UserType = hotspotdb.UserPIN })
	for _, name := range []string{"clear", "nobody", "ABCD2345", "48151623"} {
		for range 2 * placeBurst { // they are forgotten while passwords are compared
			w.p.failures.settle(&attempt{Login: Login{NAS: ap}}, UnknownUser)
		}
		before := w.p.hashing.done.Load()
		d := w.login(Login{Username: name, MAC: laptop, Proof: PAP{"guess"}})
		if n := w.p.hashing.done.Load() - before; n != 1 || d.Accept || d.Message != stranger {
			t.Errorf("%s, when too many were guessed: %d hashes, %+v", name, n, d)
		}
	}
}

// Passwords that are set while passwords are hashed do not stay clear.
func TestHashedWhenSet(t *testing.T) {
	w := newWorld(t)
	w.user("before", nil)
	w.p = New(Options{DB: w.db, Now: w.now})
	w.db.SetHashedPasswords(true)
	w.run()
	w.user("alice", nil)
	w.await(func() bool { return w.kept("alice") })
	w.expect(w.pap("alice", "wonderland"), OK)
	w.edit("alice", func(e *hotspotdb.AccountEdit) { p := "other"; e.Password = &p })
	w.await(func() bool { return w.kept("alice") })
	w.expect(w.pap("alice", "other"), OK)
	if w.kept("before") {
		t.Error("a password that nobody touched was hashed")
	}
}

// Guests cannot make the box compute without bound: who comes when the queue is full is turned away at once.
func TestHashingIsBounded(t *testing.T) {
	h := newHashing()
	release, started := make(chan struct{}), make(chan struct{}, cap(h.turn))
	results := make(chan error, maxWaiting)
	for range maxWaiting {
		go func() {
			results <- h.do(t.Context(), func() { started <- struct{}{}; <-release })
		}()
	}
	for range cap(h.turn) {
		<-started
	}
	for h.waiting.Load() < maxWaiting {
		time.Sleep(time.Millisecond)
	}
	if err := h.do(t.Context(), func() { t.Error("one too many is computed") }); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	close(release)
	for range maxWaiting {
		if err := <-results; err != nil {
			t.Error(err)
		}
		select {
		case <-started:
		default:
		}
	}
	given, cancel := context.WithCancel(t.Context())
	cancel()
	for range cap(h.turn) {
		h.turn <- struct{}{}
	}
	if err := h.do(given, func() { t.Error("computed for nobody") }); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}
