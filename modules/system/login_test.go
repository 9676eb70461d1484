package system

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"mbox/modules"
)

const (
	guest     = "10.1.0.66"
	operator2 = "10.9.0.5"
	alices    = "$1$mERr$hx5rVt7rPNoS4wqbXKX7m0" // cisco: quick to check
)

func (b *box) login(name, secret, from string) error {
	_, err := b.module.Authenticate(context.Background(), name, secret, from)
	return err
}

func (b *box) logins(want error, name, secret, from string) {
	b.t.Helper()
	if err := b.login(name, secret, from); !errors.Is(err, want) {
		b.t.Errorf("%s from %s: %v, want %v", name, from, err, want)
	}
}

func TestAuthenticate(t *testing.T) {
	b := newBox(t, "username alice privilege 15 secret 5 "+alices, "username box role sync secret cisco", "username new secret mboxadmin")
	account, err := b.module.Authenticate(context.Background(), "alice", "cisco", guest)
	if err != nil || account.Name != "alice" || account.Level != 15 || account.MustChange {
		t.Errorf("%+v, %v", account, err)
	}
	if account, err = b.module.Authenticate(context.Background(), "new", FactoryPassword, guest); err != nil || !account.MustChange {
		t.Errorf("the factory's: %+v, %v", account, err)
	}
	if account, err = b.module.Authenticate(context.Background(), "new", "mbox\u00adadmin", guest); err != nil || !account.MustChange {
		t.Errorf("the factory's, with a soft hyphen, which SASLprep drops: %+v, %v", account, err)
	}
	if account, err = b.module.Admit("new", guest); err != nil || !account.MustChange {
		t.Errorf("the factory's, with a key: %+v, %v", account, err)
	}
	if account, err = b.module.Admit("alice", guest); err != nil || account.MustChange || account.Level != 15 {
		t.Errorf("with a key: %+v, %v", account, err)
	}
	b.logins(ErrRefused, "alice", "secret2", guest)
	b.logins(ErrRefused, "alice", "", guest)
	b.logins(ErrRefused, "Alice", "cisco", guest)
	b.logins(ErrRefused, "nobody", "cisco", guest)
	b.logins(ErrRefused, "box", "cisco", guest)
	if _, err := b.module.Admit("box", guest); !errors.Is(err, ErrRefused) {
		t.Errorf("a box logs in as an operator: %v", err)
	}
	if _, err := b.module.Admit("nobody", guest); !errors.Is(err, ErrRefused) {
		t.Errorf("nobody: %v", err)
	}
	if err := newBox(t).login("nobody", "", guest); !errors.Is(err, ErrRefused) {
		t.Errorf("a box without accounts: %v", err)
	}
}

// counting says how many secrets it was compared with.
type counting struct{ n *int }

func (c counting) Matches(string) bool { *c.n++; return true }
func (counting) String() string        { return "" }

// TestUnknownNameCostsTheSame: for a name that nobody has, the secret is compared with the hash of somebody, and what
// comes of it does not count.
func TestUnknownNameCostsTheSame(t *testing.T) {
	b := newBox(t, "username alice secret 5 "+alices)
	compared := 0
	b.module.applied.Load().standIns[0] = counting{&compared}
	for i := range 10 {
		b.logins(ErrRefused, fmt.Sprint("nobody", i), "cisco", guest)
	}
	if compared != 10 {
		t.Errorf("%d of 10 secrets were compared", compared)
	}
}

func TestSourceIsBlocked(t *testing.T) {
	b := newBox(t, "username alice secret 5 "+alices, "login block-for 100 attempts 3 within 60", "login quiet-mode access-class 10.9.0.0/16 2001:db8:9::1")
	b.logins(ErrRefused, "alice", "x", guest)
	b.logins(ErrRefused, "alice", "x", guest)
	b.later += 60 * time.Second // the first two do not count any more
	b.logins(ErrRefused, "alice", "x", guest)
	b.logins(ErrRefused, "alice", "x", guest)
	b.logins(nil, "alice", "cisco", guest) // does not free: who knows one account may guess another
	b.logins(ErrRefused, "nobody", "x", guest)
	b.logins(ErrBlocked, "alice", "cisco", guest)
	if _, err := b.module.Admit("alice", guest); !errors.Is(err, ErrBlocked) {
		t.Errorf("a key opens a blocked address: %v", err)
	}
	b.logins(nil, "alice", "cisco", "10.1.0.67")
	b.later += 99 * time.Second
	err := b.login("alice", "cisco", guest+":4711")
	var blocked *BlockedError
	if !errors.As(err, &blocked) || blocked.Left != time.Second || !strings.Contains(err.Error(), "in 1 second") {
		t.Errorf("with a port, a second before the end: %v", err)
	}
	if text := b.text("show login"); !strings.Contains(text, guest) || !strings.Contains(text, "Quiet mode is off") {
		t.Errorf("show login:\n%s", text)
	}
	b.later += time.Second
	b.logins(nil, "alice", "cisco", guest)
	if !strings.Contains(b.log.String(), "%SEC_LOGIN-1-SOURCE_BLOCKED") {
		t.Errorf("log:\n%s", b.log)
	}
	for range 20 {
		b.logins(ErrRefused, "alice", "x", "console")
		b.logins(ErrRefused, "alice", "x", operator2)
		b.logins(ErrRefused, "alice", "x", "2001:db8:9::1")
	}
	for i := range 3 { // one customer has all of a /64
		b.logins(ErrRefused, "alice", "x", fmt.Sprintf("2001:db8:7::%d", i))
	}
	b.logins(ErrBlocked, "alice", "cisco", "2001:db8:7::ffff")
	b.logins(ErrBlocked, "alice", "cisco", "[2001:db8:7::2]:22")
	b.logins(nil, "alice", "cisco", "2001:db8:8::1")
}

func TestQuietMode(t *testing.T) {
	b := newBox(t, "username alice secret 5 "+alices, "login block-for 100 attempts 2 within 60", "login quiet-mode access-class 10.9.0.0/16")
	for i := range quietFactor * 2 {
		b.logins(ErrRefused, "alice", "x", fmt.Sprintf("10.1.0.%d", i))
	}
	b.logins(ErrBlocked, "alice", "cisco", "10.2.0.1")
	b.logins(nil, "alice", "cisco", operator2)
	b.logins(nil, "alice", "cisco", "console")
	if text := b.text("show login"); !strings.Contains(text, "Quiet mode is on for 100 more seconds") || !strings.Contains(text, "Never blocked: 10.9.0.0/16") {
		t.Errorf("show login:\n%s", text)
	}
	b.later += 100 * time.Second
	b.logins(nil, "alice", "cisco", "10.2.0.1")
	for _, want := range []string{"QUIET_MODE_ON", "QUIET_MODE_OFF"} {
		if strings.Count(b.log.String(), want) != 1 {
			t.Errorf("%s is not once in the log:\n%s", want, b.log)
		}
	}
	b.must("no login quiet-mode access-class 10.9.0.0/16")
	for i := range quietFactor * 2 {
		b.logins(ErrRefused, "alice", "x", fmt.Sprintf("10.3.0.%d", i))
	}
	b.logins(ErrBlocked, "alice", "cisco", operator2)
	b.text("clear login failures")
	b.logins(nil, "alice", "cisco", operator2)
	if text := b.text("show login failures"); text != "No login has failed\n" {
		t.Errorf("after clear:\n%s", text)
	}
}

// TestOneAddressCannotLockOutTheBox: however often a guest fails, others log in.
func TestOneAddressCannotLockOutTheBox(t *testing.T) {
	b := newBox(t, "username alice secret 5 "+alices, "login block-for 3600 attempts 3 within 3600")
	for range 10 * quietFactor {
		if err := b.login("alice", "x", guest); err == nil {
			t.Fatal("a wrong secret")
		}
	}
	b.logins(nil, "alice", "cisco", "10.2.0.1")
	for range 10 * quietFactor {
		b.module.Failed("alice", guest, "no key of the account") // which nobody refuses beforehand
	}
	b.logins(nil, "alice", "cisco", "10.2.0.1")
	b.text("clear login failures " + guest)
	b.logins(nil, "alice", "cisco", guest)
	b.refused("clear login failures 10.7.7.7", nil, "No login has failed from 10.7.7.7")
}

func TestWithoutBlockForNobodyIsLockedOut(t *testing.T) {
	b := newBox(t, "username alice secret 5 "+alices, "login block-for 100 attempts 1 within 60")
	b.logins(ErrRefused, "alice", "x", guest)
	b.logins(ErrBlocked, "alice", "cisco", guest)
	b.must("no login block-for")
	b.logins(nil, "alice", "cisco", guest)
	if text := b.text("show login"); !strings.Contains(text, "not configured") {
		t.Errorf("show login:\n%s", text)
	}
}

// TestSteppedClock: the locks go by the monotonic clock, which setting the box's clock does not touch.
func TestSteppedClock(t *testing.T) {
	m := New(Deps{})
	for _, at := range []time.Time{m.guard.start, m.guard.now()} {
		if !strings.Contains(at.String(), " m=") {
			t.Errorf("%v has no monotonic reading", at)
		}
	}
	m.guard.configure(loginSettings{block: time.Hour, attempts: 1, within: time.Minute})
	m.guard.failed("", guest, "")
	_, key, _ := sourceOf(guest)
	if until := m.guard.sources[key].blocked; until < time.Hour || until > 2*time.Hour {
		t.Errorf("the lock ends %v after the start: it is no time of the monotonic clock", until)
	}
}

// TestMemoryOfLoginsIsBounded: a flood of addresses and names costs no more than the tables hold.
func TestMemoryOfLoginsIsBounded(t *testing.T) {
	b := newBox(t, "login block-for 100 attempts 100 within 60")
	g := b.module.guard
	g.failed("", guest, "")
	for i := range maxSources + 100 {
		b.later += time.Millisecond
		g.failed("", fmt.Sprintf("2001:db8:%x:%x::1", i>>8, i&0xff), strings.Repeat("x", 10))
	}
	if len(g.sources) != maxSources || len(g.failures) != maxFailures || len(g.all) > quietFactor*maxLoginAttempts {
		t.Errorf("%d sources, %d failures, %d counted", len(g.sources), len(g.failures), len(g.all))
	}
	if _, key, _ := sourceOf(guest); g.sources[key] != nil {
		t.Error("the oldest is still there")
	}
}

// TestFailuresKeepNoSecret: what was typed as a name is shown only if somebody has the name.
func TestFailuresKeepNoSecret(t *testing.T) {
	b := newBox(t, "username alice secret 5 "+alices, "enable secret topsecret")
	b.logins(ErrRefused, "alice", "x", guest)
	b.logins(ErrRefused, "alice", "x", guest)
	b.logins(ErrRefused, "hunter2", "x", guest)
	b.module.Failed("hunter2", strings.Repeat("y", 1000), "no key")
	if b.module.Prove(context.Background(), modules.Actor{Name: "alice", From: guest}, 15, "hunter2") == nil {
		t.Error("a wrong enable secret")
	}
	text, raw := b.text("show login failures"), b.json("show login failures")
	if strings.Contains(text+raw+b.log.String(), "hunter2") {
		t.Errorf("a name that may be a secret is shown:\n%s%s", text, raw)
	}
	for _, want := range []string{"alice", "(unknown)", guest} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing:\n%s", want, text)
		}
	}
	if !strings.Contains(raw, `"username":null`) || !strings.Contains(raw, `"count":3`) || !strings.Contains(raw, "wrong enable secret") {
		t.Errorf("as JSON: %s", raw)
	}
}

// TestEnableFailuresCount: who guesses the enable secret is locked out as who guesses a login.
func TestEnableFailuresCount(t *testing.T) {
	b := newBox(t, "username alice secret 5 "+alices, "enable secret topsecret", "login block-for 100 attempts 2 within 60")
	alice := modules.Actor{Name: "alice", From: guest, Level: 1}
	for range 2 {
		if err := b.module.Prove(context.Background(), alice, 15, "x"); !errors.Is(err, errWrongSecret) {
			t.Errorf("%v", err)
		}
	}
	b.logins(ErrBlocked, "alice", "cisco", guest)
	var told *modules.Error
	if err := b.module.Prove(context.Background(), alice, 15, "topsecret"); !errors.As(err, &told) {
		t.Errorf("enable goes on: %v", err)
	}
}

// slow is a hash whose comparison ends when it is let go.
type slow struct{ begun, end chan struct{} }

func (s slow) Matches(string) bool { s.begun <- struct{}{}; <-s.end; return true }
func (slow) String() string        { return "" }

// TestChecksAreBounded: no more secrets are compared at once than there are slots, and no more wait than there is room.
func TestChecksAreBounded(t *testing.T) {
	c := newChecker()
	hash := slow{make(chan struct{}, maxChecks+maxWaiting), make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	for range maxChecks {
		done.Go(func() {
			if ok, err := c.matches(ctx, hash, ""); !ok || err != nil {
				t.Errorf("%t, %v", ok, err)
			}
		})
	}
	for range maxChecks {
		<-hash.begun
	}
	waiting := make(chan error, maxWaiting)
	for range maxWaiting {
		done.Go(func() {
			_, err := c.matches(ctx, hash, "")
			waiting <- err
		})
	}
	for len(c.waiting) < maxChecks+maxWaiting {
		time.Sleep(time.Millisecond) // nothing tells that a goroutine waits
	}
	if _, err := c.matches(ctx, hash, ""); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	if len(hash.begun) != 0 {
		t.Errorf("%d more are compared at once", len(hash.begun))
	}
	cancel()
	for range maxWaiting {
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			t.Errorf("who waited: %v", err)
		}
	}
	close(hash.end)
	done.Wait()
}
