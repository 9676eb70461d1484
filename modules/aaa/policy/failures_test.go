package policy

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"mbox/hotspotdb"
)

// A device that guesses is slowed down; others, and the account that it guesses at, are not.
func TestADeviceThatGuesses(t *testing.T) {
	w := newWorld(t)
	w.user("alice", nil)
	for range deviceBurst {
		w.expect(w.pap("alice", "guess"), WrongPassword)
	}
	w.expect(w.pap("alice", "wonderland"), TooManyAttempts)
	w.expect(w.pap("bob", "guess"), TooManyAttempts)
	w.expect(w.login(Login{Username: "alice", MAC: laptop, Proof: PAP{"wonderland"}}), OK)
	w.expect(w.login(Login{Username: "alice", MAC: phone, NAS: "ap2", Proof: PAP{"wonderland"}}), OK)
	w.expect(w.login(Login{Username: "alice", Proof: PAP{"wonderland"}}), OK) // a client that knows no devices
}

// Codes are guessed at with ever new addresses: what counts then is the client.
func TestCodesGuessedFromManyDevices(t *testing.T) {
	w := newWorld(t)
	w.batch(hotspotdb.VoucherBatch{Name: "day"}, "ABCD2345")
	w.user("48151623", func(a *hotspotdb.Account) { a.UserType = hotspotdb.UserPIN })
	w.user("alice", nil)
	refused := 0
	for i := range 2 * placeBurst {
		d := w.login(Login{Username: fmt.Sprintf("GUESS%03d", i), MAC: fmt.Sprintf("02000000%04x", i), Proof: PAP{""}})
		if d.Reason == TooManyAttempts {
			refused++
		}
	}
	if refused < placeBurst/2 || refused > placeBurst {
		t.Errorf("%d of %d guesses were refused unseen", refused, 2*placeBurst)
	}
	w.expect(w.login(Login{Username: "ABCD2345", MAC: laptop, Proof: PAP{""}}), TooManyAttempts)
	w.expect(w.login(Login{Username: "48151623", MAC: laptop, Proof: PAP{""}}), TooManyAttempts)
	w.expect(w.login(Login{Username: "alice", MAC: laptop, Proof: PAP{"wonderland"}}), OK)
	w.expect(w.login(Login{Username: "ABCD2345", MAC: laptop, NAS: "ap2", Proof: PAP{""}}), OK)
}

// Devices that come by themselves do not guess, however many there are.
func TestDevicesThatComeByThemselves(t *testing.T) {
	w := newWorld(t)
	for i := range 2 * placeBurst {
		mac := fmt.Sprintf("02000000%04x", i%4)
		w.expect(w.login(Login{Username: mac, MAC: mac, Proof: PAP{mac}}), UnknownUser)
	}
}

func TestFailuresAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFailures()
		a := &attempt{Login: Login{Username: "x", NAS: ap}, mac: phone}
		for range 10_000 {
			f.settle(a, WrongPassword)
		}
		if f.admitDevice(a) || f.admitPlace(a) {
			t.Error("still admitted")
		}
		f.settle(a, OK)
		time.Sleep(10_000 * placePause)
		if !f.admitPlace(a) {
			t.Error("a client is refused for longer than its failures were apart")
		}
		time.Sleep(10_000 * devicePause)
		if !f.admitDevice(a) {
			t.Error("a device is refused for longer than its failures were apart")
		}
	})
}

// Who guesses under ever new addresses, at one client, does not use up the tries of devices elsewhere, and what is remembered of him is
// bounded.
func TestFailuresOfOneAreNotThoseOfOthers(t *testing.T) {
	f := newFailures()
	honest := func(n int) *attempt {
		return &attempt{Login: Login{Username: "victim", NAS: "ap2"}, mac: fmt.Sprintf("02-00-00-00-%02X-%02X", n>>8, n&255)}
	}
	guesser := &attempt{Login: Login{Username: "alice", NAS: ap}, mac: phone}
	for n := range 4 * maxRecent {
		a := &attempt{Login: Login{Username: "alice", NAS: ap}, mac: fmt.Sprint("guest ", n)}
		for range deviceBurst {
			f.settle(a, WrongPassword)
		}
	}
	for range deviceBurst {
		f.settle(guesser, WrongPassword)
	}
	for n := range 1000 {
		if !f.admitDevice(honest(n)) {
			t.Fatal("a device that never failed is refused")
		}
	}
	if f.admitDevice(guesser) {
		t.Error("who has just failed is forgotten")
	}
	if n := len(f.devices.young) + len(f.devices.old); n > 2*maxRecent {
		t.Errorf("%d devices are remembered", n)
	}
}

// A guesser is not forgotten because as many others as are remembered at a time fail after him.
func TestFailuresOutliveThoseOfOthers(t *testing.T) {
	f := newFailures()
	guesser := &attempt{Login: Login{Username: "alice", NAS: ap}, mac: phone}
	for range deviceBurst {
		f.settle(guesser, WrongPassword)
	}
	for n := range maxRecent {
		f.settle(&attempt{Login: Login{Username: "alice", NAS: ap}, mac: fmt.Sprint("guest ", n)}, WrongPassword)
	}
	if f.admitDevice(guesser) {
		t.Error("forgotten")
	}
}

// Behind a client that is a network, guesses count together, from whichever of its addresses they come.
func TestCodesGuessedFromManyNAS(t *testing.T) {
	w := newWorld(t)
	for i := range 2 * placeBurst {
		nas := fmt.Sprintf("2001:db8:7::%x", i)
		w.login(Login{Username: fmt.Sprintf("GUESS%03d", i), Client: "branches", NAS: nas, Proof: PAP{""}})
	}
	w.expect(w.login(Login{Username: "GUESS", Client: "branches", NAS: "2001:db8:7::ffff", Proof: PAP{""}}), TooManyAttempts)
	w.expect(w.login(Login{Username: "GUESS", Client: "lobby", NAS: "lobby", Proof: PAP{""}}), UnknownUser)
}

// At a client that does not say which device it is, addresses are guessed like codes; a device that the client knows is not refused.
func TestAddressesGuessedWithoutADevice(t *testing.T) {
	w := newWorld(t)
	w.user(phone, func(a *hotspotdb.Account) { a.UserType = hotspotdb.UserMAC })
	w.expect(w.login(Login{Username: phone, Proof: PAP{phone}}), OK)
	for i := range 2 * placeBurst {
		mac := fmt.Sprintf("0200000%05x", i)
		w.login(Login{Username: mac, Proof: PAP{mac}})
	}
	w.expect(w.login(Login{Username: phone, Proof: PAP{phone}}), TooManyAttempts)
	w.expect(w.login(Login{Username: phone, MAC: phone, Proof: PAP{phone}}), OK)
	w.expect(w.login(Login{Username: phone, Proof: MAC{}}), OK)
}
