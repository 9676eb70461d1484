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
