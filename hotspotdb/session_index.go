package hotspotdb

import (
	"hash/maphash"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// sessionIndex finds the segments that are active, and those that closed a short while ago, because reports of a session may
// come late: by what the NAS calls the session, by account, and by NAS. DB.mu guards it as the rest of the index.
type sessionIndex struct {
	refs     map[uint64]sessionRef          // by segment
	named    idSets                         // segments by sessionName
	accounts idSets                         // active ones by account
	nases    map[uint64]map[uint64]struct{} // active ones by hash of the NAS

	// Closed ones in the order in which they closed here; those before first are forgotten.
	closed []closedRef
	first  int

	elapsed func() time.Duration // running time
	now     func() time.Time
	loading bool
}

// sessionRef is what is known of a segment without reading it.
type sessionRef struct {
	name, account, nas uint64
	level              uint64 // see sessionTraits
	heard              uint32 // running time to which the last change of level belongs, seconds
	active             bool
	told               bool // another box said so, or it was read when the database was opened: it may have been heard long before
}

type closedRef struct {
	id uint64
	at uint32 // running time, seconds
}

const (
	// keepClosed is how long reports of a closed session are told from those of a new one.
	keepClosed = 48 * time.Hour
	// maxClosed bounds the memory that this takes: about 130 octets for each.
	maxClosed = 1 << 20
)

func newSessionIndex() sessionIndex {
	return sessionIndex{
		refs: map[uint64]sessionRef{}, named: idSets{}, accounts: idSets{}, nases: map[uint64]map[uint64]struct{}{},
		elapsed: func() time.Duration { return 0 }, now: time.Now,
	}
}

// begin is called before anything is put.
func (s *sessionIndex) begin(o *Options) {
	s.elapsed, s.now = o.Elapsed, o.Now
}

// sessionTraits is what the index wants to know of a live segment.
type sessionTraits struct {
	name, account, nas uint64
	stop               int64  // microseconds since 1970; 0 while it is active
	level              uint64 // of its counters: another one means that something was heard
	updated            int64  // when it was, by the clock of the box that wrote it; microseconds since 1970
}

// sessionTraitsOf reads a segment's body once.
func (c *claims) sessionTraitsOf(body []byte) (t sessionTraits) {
	var nas, session []byte
	for b := body; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			break
		}
		b = b[n:]
		switch {
		case typ == protowire.VarintType:
			var v uint64
			v, n = protowire.ConsumeVarint(b)
			switch num {
			case fieldAccount:
				t.account = v
			case fieldStop:
				t.stop = int64(v)
			case fieldUpdated:
				t.updated = int64(v)
			case fieldInputTo, fieldOutputTo, fieldTimeTo:
				t.level += v
			}
		case typ == protowire.BytesType && (num == fieldNAS || num == fieldAcctSession):
			var v []byte
			if v, n = protowire.ConsumeBytes(b); num == fieldNAS {
				nas = v
			} else {
				session = v
			}
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			break
		}
		b = b[n:]
	}
	t.nas, t.name = c.hash(nas), c.sessionName(nas, session)
	return t
}

// Field numbers of hotspotpb.Segment.
const (
	fieldNAS         = protowire.Number(6)
	fieldAcctSession = protowire.Number(7)
	fieldUpdated     = protowire.Number(12)
	fieldInputTo     = protowire.Number(15)
	fieldOutputTo    = protowire.Number(17)
	fieldTimeTo      = protowire.Number(19)
)

// sessionName is a hash of what names a session. Whoever finds a segment by it looks whether it is the one.
func (c *claims) sessionName(nas, session []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	_, _ = h.Write(nas)
	_ = h.WriteByte(0) // in no text that the database keeps
	_, _ = h.Write(session)
	return h.Sum64()
}

// put notes a segment. here: it was written by this box, which heard of it.
func (s *sessionIndex) put(id uint64, t sessionTraits, here bool) {
	now, at := uint32(s.elapsed()/time.Second), s.now()
	old, known := s.refs[id]
	ref := sessionRef{name: t.name, account: t.account, nas: t.nas, level: t.level, heard: now, active: t.stop == 0, told: s.loading || !here}
	if late := at.Sub(time.UnixMicro(t.updated)); !ref.told && late > 0 { // a report that the NAS could not send before
		behind := uint32(min(late, keepClosed) / time.Second)
		ref.heard, ref.told = now-min(behind, now), behind > now
	}
	if known && old.level == ref.level {
		ref.heard, ref.told = old.heard, old.told
	}
	if !known && !ref.active && (t.stop < at.Add(-keepClosed).UnixMicro() || len(s.closed)-s.first >= maxClosed) {
		return // of long ago: from the disk, a peer or an import
	}
	s.refs[id] = ref
	if !known {
		s.named.addNamed(ref.name, id)
	}
	if ref.active && !(known && old.active) {
		s.activate(id, ref)
	}
	if !ref.active && (!known || old.active) {
		s.deactivate(id, ref)
		s.closed = append(s.closed, closedRef{id, now})
	}
	s.forgetClosed(now)
}

func (s *sessionIndex) activate(id uint64, ref sessionRef) {
	if ref.account != 0 {
		s.accounts[ref.account] = append(s.accounts[ref.account], id)
	}
	if s.nases[ref.nas] == nil {
		s.nases[ref.nas] = map[uint64]struct{}{}
	}
	s.nases[ref.nas][id] = struct{}{}
}

func (s *sessionIndex) deactivate(id uint64, ref sessionRef) {
	s.accounts.remove(ref.account, id)
	if delete(s.nases[ref.nas], id); len(s.nases[ref.nas]) == 0 {
		delete(s.nases, ref.nas)
	}
}

func (s *sessionIndex) remove(id uint64) {
	ref, known := s.refs[id]
	if !known {
		return
	}
	s.deactivate(id, ref)
	s.named.remove(ref.name, id)
	delete(s.refs, id)
}

// forgetClosed lets go of what closed too long ago.
func (s *sessionIndex) forgetClosed(now uint32) {
	for s.first < len(s.closed) {
		oldest := s.closed[s.first]
		if len(s.closed)-s.first <= maxClosed && now-oldest.at < uint32(keepClosed/time.Second) {
			break
		}
		if ref := s.refs[oldest.id]; !ref.active {
			s.remove(oldest.id)
		}
		s.first++
	}
	if s.first > 1024 && 2*s.first > len(s.closed) {
		s.closed = append([]closedRef{}, s.closed[s.first:]...)
		s.first = 0
	}
}

// inherit takes over when segments were heard of from an index that this one replaces.
func (s *sessionIndex) inherit(old *sessionIndex) {
	for id, ref := range s.refs {
		if before, known := old.refs[id]; known {
			ref.heard, ref.told = before.heard, before.told
			s.refs[id] = ref
		}
	}
}

// silent is for how long nothing was heard of a segment, by running time; at least so long if heard is false.
func (s *sessionIndex) silent(id uint64) (d time.Duration, heard bool) {
	ref := s.refs[id]
	return s.elapsed() - time.Duration(ref.heard)*time.Second, !ref.told
}

// idSets are sets of ids, nearly all of which have one member.
type idSets map[uint64][]uint64

// maxNamed bounds how many segments one name is looked up in: a NAS may give all its sessions the same.
const maxNamed = 64

// addNamed adds an id that is not there yet, and lets go of the oldest if there are too many.
func (s idSets) addNamed(key, id uint64) {
	ids := append(s[key], id)
	s[key] = ids[max(0, len(ids)-maxNamed):]
}

func (s idSets) remove(key, id uint64) {
	rest := slices.DeleteFunc(s[key], func(other uint64) bool { return other == id })
	if len(rest) == 0 {
		delete(s, key)
	} else {
		s[key] = rest
	}
}
