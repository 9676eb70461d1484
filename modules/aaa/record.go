package aaa

import (
	"strings"
	"sync"
	"time"

	"mbox/hotspotdb"
)

// maxRecords is how many entries the radius log keeps, in memory.
const maxRecords = 10_000

// Record is one entry of the radius log. It never holds a password. What is not known is empty.
type Record struct {
	Time      time.Time
	Type      string // authentication, accounting, disconnect, coa, drop
	Result    string
	Client    string // name of the client line
	Address   string // of the other side
	Username  string
	MAC       string
	Hotspot   string
	Session   string // Acct-Session-Id
	Reason    string // one word
	Message   string
	Forwarded string // address of the servers that a realm was sent to
	Micros    int64  // from the arrival of the request to its end
	Count     int    // more than 1: so many like this since the one before
}

// Results of a Record.
const (
	resultAccept    = "accept"
	resultReject    = "reject"
	resultChallenge = "challenge"
	resultStart     = "start"
	resultUpdate    = "interim"
	resultStop      = "stop"
	resultNAS       = "nas" // Accounting-On and Accounting-Off
	resultDone      = "done"
	resultFailed    = "failed"
	resultDrop      = "drop"
)

// journal is the radius log: the newest entries of it.
type journal struct {
	mu   sync.Mutex // guards what follows
	ring []Record
	next int // where the next one goes, once the ring is full
}

func (j *journal) add(r Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ring) < maxRecords {
		j.ring = append(j.ring, r)
		return
	}
	j.ring[j.next] = r
	j.next = (j.next + 1) % maxRecords
}

// find returns the newest limit entries that match, the newest last.
func (j *journal) find(match func(*Record) bool, limit int) []Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := []Record{}
	for i := len(j.ring) - 1; i >= 0 && len(out) < limit; i-- {
		r := &j.ring[(j.next+i)%len(j.ring)]
		if match(r) {
			out = append(out, *r)
		}
	}
	for i, k := 0, len(out)-1; i < k; i, k = i+1, k-1 {
		out[i], out[k] = out[k], out[i]
	}
	return out
}

func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ring, j.next = nil, 0
}

// recordFilter says which entries are wanted; what is empty matches all.
type recordFilter struct{ username, mac, client, result string }

func (f recordFilter) match(r *Record) bool {
	return (f.username == "" || sameName(f.username, r.Username)) && (f.mac == "" || f.mac == r.MAC) &&
		(f.client == "" || f.client == r.Client || f.client == r.Address) && (f.result == "" || f.result == r.Result)
}

// sameName compares two names as they were typed: clients write an address or a voucher's code in any of its forms.
func sameName(a, b string) bool {
	if strings.EqualFold(a, b) || hotspotdb.NormalCode(a) == hotspotdb.NormalCode(b) {
		return true
	}
	x, err := hotspotdb.ParseMAC(a)
	y, other := hotspotdb.ParseMAC(b)
	return err == nil && other == nil && x == y
}

// occasions lets one of many through in each interval and counts the others, so that who floods does not write the log. What
// is spoken of is bounded by the configuration: clients, servers, and why.
type occasions struct {
	mu   sync.Mutex // guards what follows
	seen map[string]*occasion
}

type occasion struct {
	last   time.Time
	missed int
}

const occasionInterval = 10 * time.Second

// take says whether to speak now, and for how many times.
func (o *occasions) take(what string, now time.Time) (speak bool, times int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	one := o.seen[what]
	if one == nil {
		if o.seen == nil {
			o.seen = map[string]*occasion{}
		}
		one = &occasion{}
		o.seen[what] = one
	}
	if !one.last.IsZero() && now.Sub(one.last) < occasionInterval {
		one.missed++
		return false, 0
	}
	times = one.missed + 1
	one.last, one.missed = now, 0
	return true, times
}
