package policy

import (
	"hash/maphash"
	"sync"
	"time"
)

// failures slows down who guesses. A device may fail ten times, and then once in ten seconds. Names that are no account
// with a password (vouchers, PINs, and names that are not there) may in addition fail 300 times at one client, and then ten times
// a second, whatever address the device gives itself; see docs/aaa.md for what that means for the length of codes.
//
// It remembers in tables of a fixed size: devices that share a place share its count.
type failures struct {
	seed    maphash.Seed
	started time.Time

	mu      sync.Mutex // guards what follows
	devices [1 << 14]time.Duration
	places  [1 << 10]time.Duration
}

const (
	deviceBurst, devicePause = 10, 10 * time.Second
	placeBurst, placePause   = 300, 100 * time.Millisecond
)

func newFailures() *failures { return &failures{seed: maphash.MakeSeed(), started: time.Now()} }

func (f *failures) device(a *attempt) *time.Duration {
	return &f.devices[maphash.String(f.seed, a.NAS+"\x00"+a.mac)%uint64(len(f.devices))]
}

func (f *failures) place(a *attempt) *time.Duration {
	return &f.places[maphash.String(f.seed, a.NAS)%uint64(len(f.places))]
}

// byItself says whether a device logs in without its guest, as each does when it comes near: it does not guess.
func (a *attempt) byItself() bool { return a.device != "" && (a.vouched() || a.mac == a.device) }

// admitDevice says whether a device may try; one that is not known may.
func (f *failures) admitDevice(a *attempt) bool {
	if a.mac == "" || a.byItself() {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return *f.device(a)-time.Since(f.started) <= (deviceBurst-1)*devicePause
}

// admitPlace says whether a code may be tried at a client.
func (f *failures) admitPlace(a *attempt) bool {
	if a.byItself() {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return *f.place(a)-time.Since(f.started) <= (placeBurst-1)*placePause
}

// settle counts what failed for want of a proof.
func (f *failures) settle(a *attempt, reason Reason) {
	if reason != UnknownUser && reason != WrongPassword || a.byItself() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Since(f.started)
	if a.mac != "" {
		device := f.device(a)
		*device = max(*device, now) + devicePause
	}
	place := f.place(a)
	*place = max(*place, now) + placePause
}
