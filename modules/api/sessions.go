package api

import (
	"cmp"
	"container/heap"
	"iter"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"

	"mbox/hotspotdb"
)

// session is one that has ended, or the part of it that one box served. Input is what the user received: the reverse of RFC 2866
// section 5.3, in whose sense the database keeps it.
type session struct {
	ID              uint64  `json:"radacctid"`
	MultiSessionID  *string `json:"multisessionid" doc:"The same for all parts of one session"`
	Segment         uint32  `json:"segment" doc:"Number of the part; each counts only its own"`
	Hotspot         *string `json:"hotspot" doc:"NAS-Identifier"`
	Username        string  `json:"username"`
	NAS             *string `json:"nas"`
	MAC             *string `json:"macaddress"`
	CalledStationID *string `json:"calledstationid"`
	IPAddress       *string `json:"ipaddress"`
	Start           *stamp  `json:"acctstarttime"`
	Stop            *stamp  `json:"acctstoptime"`
	SessionTime     uint64  `json:"acctsessiontime" doc:"Seconds"`
	InputOctets     uint64  `json:"acctinputoctets" doc:"What the user received (download)"`
	OutputOctets    uint64  `json:"acctoutputoctets" doc:"What the user sent (upload)"`
	TerminateCause  *string `json:"acctterminatecause"`
}

func (c *call) showSession(s hotspotdb.Segment) session {
	return session{
		ID: s.ID, MultiSessionID: known(s.MultiSessionID), Segment: s.Number, Hotspot: known(s.Hotspot), Username: s.Username,
		NAS: known(s.NAS), MAC: known(s.MAC), CalledStationID: known(s.CalledStationID), IPAddress: known(s.IPAddress),
		Start: c.at(s.Start), Stop: c.at(s.Stop), SessionTime: s.SessionTime(),
		InputOctets: s.OutputOctets(), OutputOctets: s.InputOctets(),
		TerminateCause: known(s.TerminateCause),
	}
}

// online is a session that goes on.
type online struct {
	ID              uint64  `json:"radacctid"`
	Hotspot         *string `json:"hotspot" doc:"NAS-Identifier"`
	Username        string  `json:"username"`
	Name            *string `json:"name" doc:"First and last name of the guest"`
	NAS             *string `json:"nas"`
	MAC             *string `json:"macaddress"`
	CalledStationID *string `json:"calledstationid"`
	IPAddress       *string `json:"ipaddress"`
	Start           *stamp  `json:"starttime"`
	TotalTime       uint64  `json:"totaltime" doc:"Seconds"`
	Traffic         uint64  `json:"traffic" doc:"Bytes, both ways"`
	InputOctets     uint64  `json:"acctinputoctets" doc:"What the user received (download)"`
	OutputOctets    uint64  `json:"acctoutputoctets" doc:"What the user sent (upload)"`
}

func (c *call) showOnline(s hotspotdb.Segment) (online, error) {
	in, out := s.OutputOctets(), s.InputOctets()
	traffic, carry := bits.Add64(in, out, 0)
	if carry != 0 {
		traffic = math.MaxUint64 // a NAS may report any number
	}
	o := online{
		ID: s.ID, Hotspot: known(s.Hotspot), Username: s.Username, NAS: known(s.NAS), MAC: known(s.MAC),
		CalledStationID: known(s.CalledStationID), IPAddress: known(s.IPAddress), Start: c.at(s.Start),
		TotalTime: s.SessionTime(), Traffic: traffic, InputOctets: in, OutputOctets: out,
	}
	if s.Account == 0 {
		return o, nil
	}
	a, err := c.DB.AccountByID(s.Account)
	if isNotFound(err) { // deleted, or a voucher
		return o, nil
	}
	o.Name = known(strings.TrimSpace(a.Info["firstname"] + " " + a.Info["lastname"]))
	return o, err
}

// guestQuery is when, who, with what and where: sessions and login attempts have it in common.
var guestQuery = []parameter{
	since(), until(),
	byUsername,
	text("hotspot", "The whole NAS-Identifier"),
	text("nas", "The whole name or address of the NAS"),
	device("macaddress", "The device"),
	text("calledstationid", "The whole Called-Station-Id"),
}

var sessionQuery = slices.Concat(guestQuery, []parameter{
	text("ipaddress", "The address of the device"),
	search("username, hotspot, nas, macaddress, calledstationid or ipaddress"),
})

// sessionFilter is what the query asks for. The times are those of the start.
type sessionFilter struct {
	since, until                                   time.Time
	username, hotspot, nas, mac, calledStation, ip string
	part                                           string // of any of them, in lower case
	active                                         bool
}

func (c *call) sessionFilter(active bool) sessionFilter {
	return sessionFilter{
		since: value[time.Time](c, "startTime"), until: value[time.Time](c, "endTime"), username: value[string](c, "username"),
		hotspot: value[string](c, "hotspot"), nas: value[string](c, "nas"), mac: value[string](c, "macaddress"),
		calledStation: value[string](c, "calledstationid"), ip: value[string](c, "ipaddress"),
		part: strings.ToLower(value[string](c, "search")), active: active,
	}
}

func (f *sessionFilter) selects(s *hotspotdb.Segment) bool {
	found := f.part == ""
	for _, p := range [][2]string{
		{f.username, s.Username}, {f.hotspot, s.Hotspot}, {f.nas, s.NAS}, {f.mac, s.MAC}, {f.calledStation, s.CalledStationID}, {f.ip, s.IPAddress},
	} {
		if p[0] != "" && p[0] != p[1] {
			return false
		}
		found = found || strings.Contains(strings.ToLower(p[1]), f.part)
	}
	return found && s.Active() == f.active && (f.since.IsZero() || !s.Start.Before(f.since)) && (f.until.IsZero() || s.Start.Before(f.until))
}

func listHistory(c *call) (any, error) {
	out := []session{}
	err := c.sessions(c.sessionFilter(false), c.DB.AllSegments(c.ctx()), func(s hotspotdb.Segment) error {
		out = append(out, c.showSession(s))
		return nil
	})
	return out, err
}

func listOnline(c *call) (any, error) {
	out := []online{}
	err := c.sessions(c.sessionFilter(true), c.DB.ActiveSegments(c.ctx()), func(s hotspotdb.Segment) error {
		o, err := c.showOnline(s)
		out = append(out, o)
		return err
	})
	return out, err
}

// maxKept bounds what is held of earlier pages: 16 bytes for each session.
const maxKept = 1 << 20

// sessions calls take with the sessions of the page, the newest first. Of the others only the start and the id are held.
func (c *call) sessions(f sessionFilter, all iter.Seq2[hotspotdb.Segment, error], take func(hotspotdb.Segment) error) error {
	first := newestKeys{limit: c.skip() + c.perPage() + 1}
	if first.limit > maxKept {
		return refuse("page: is too far from the first one; ask for a shorter time with startTime and endTime")
	}
	err := c.scan(func() error {
		for s, err := range all {
			if err != nil {
				return err
			}
			if f.selects(&s) {
				first.add(sessionKey{s.Start.UnixMicro(), s.ID})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(first.keys, compareKeys)
	c.last = len(first.keys) < first.limit
	keys := first.keys[min(c.skip(), len(first.keys)):]
	for _, key := range keys[:min(c.perPage(), len(keys))] {
		s, err := c.DB.Segment(key.id)
		if isNotFound(err) || err == nil && !f.selects(&s) {
			continue // it has ended since
		}
		if err == nil {
			err = take(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sessionKey is where a session stands in a list.
type sessionKey struct {
	start int64 // microseconds
	id    uint64
}

func compareKeys(a, b sessionKey) int {
	return cmp.Or(cmp.Compare(b.start, a.start), cmp.Compare(a.id, b.id))
}

// newestKeys keeps the first keys of a list: a heap with the last of them on top.
type newestKeys struct {
	limit int
	keys  []sessionKey
}

func (n *newestKeys) Len() int           { return len(n.keys) }
func (n *newestKeys) Less(i, j int) bool { return compareKeys(n.keys[i], n.keys[j]) > 0 }
func (n *newestKeys) Swap(i, j int)      { n.keys[i], n.keys[j] = n.keys[j], n.keys[i] }
func (n *newestKeys) Push(x any)         { n.keys = append(n.keys, x.(sessionKey)) }
func (n *newestKeys) Pop() any           { panic("nothing is popped") }

func (n *newestKeys) add(key sessionKey) {
	switch {
	case len(n.keys) < n.limit:
		heap.Push(n, key)
	case compareKeys(key, n.keys[0]) < 0:
		n.keys[0] = key
		heap.Fix(n, 0)
	}
}
