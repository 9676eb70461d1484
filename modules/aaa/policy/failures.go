package policy

import (
	"hash/maphash"
	"sync"
	"time"
)

// failures slows down who guesses. A device may fail ten times, and then once in ten seconds. Names that are no account
// with a password (vouchers, PINs, addresses of devices that the client does not confirm, and names that are not there) may in
// addition fail 300 times at one client, and then ten times a second, whatever address the device gives itself; see
// docs/aaa.md for what that means for the length of codes.
//
// What it remembers is bounded. Of devices the ones are forgotten that failed longest ago, so that who fails under ever new
// addresses cannot use up the tries of others; clients, of which there are as many as are configured, share the places of a table.
type failures struct {
	seed    maphash.Seed
	started time.Time

	mu      sync.Mutex // guards what follows
	devices recent
	places  [1 << 10]time.Duration
}

// recent keeps when the failures of a device will be forgotten, in two generations of at most maxRecent devices: when the young one
// is full, it takes the place of the old one.
type recent struct{ young, old map[deviceKey]time.Duration }

// deviceKey is a device at a client, hashed: a table of texts from outside would be as large as they like.
type deviceKey struct{ nas, mac uint64 }

const maxRecent = 1 << 14

func (r *recent) get(key deviceKey) time.Duration {
	if until, found := r.young[key]; found {
		return until
	}
	return r.old[key]
}

func (r *recent) set(key deviceKey, until time.Duration) {
	if _, found := r.young[key]; !found && len(r.young) >= maxRecent {
		r.old, r.young = r.young, nil
	}
	if r.young == nil {
		r.young = map[deviceKey]time.Duration{}
	}
	r.young[key] = until
}

const (
	deviceBurst, devicePause = 10, 10 * time.Second
	placeBurst, placePause   = 300, 100 * time.Millisecond
)

func newFailures() *failures { return &failures{seed: maphash.MakeSeed(), started: time.Now()} }

func (f *failures) device(a *attempt) deviceKey {
	return deviceKey{maphash.String(f.seed, a.NAS), maphash.String(f.seed, a.mac)}
}

// place is what one secret reaches: who has it can send from every address of a client that is a whole network.
func (f *failures) place(a *attempt) *time.Duration {
	name := a.Client
	if name == "" {
		name = a.NAS
	}
	return &f.places[maphash.String(f.seed, name)%uint64(len(f.places))]
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
	return f.devices.get(f.device(a))-time.Since(f.started) <= (deviceBurst-1)*devicePause
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
		f.devices.set(device, max(f.devices.get(device), now)+devicePause)
	}
	place := f.place(a)
	*place = max(*place, now) + placePause
}
