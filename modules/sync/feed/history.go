package feed

import (
	"encoding/binary"
	"errors"
	"slices"

	"mbox/hotspotdb"
	"mbox/proto/syncpb"
)

// maxHistory bounds how many incarnations, the newest, are told and accepted. Who stands in an older one starts again at 0,
// where equal buckets are not sent.
const maxHistory = 2000

var errHistory = errors.New("the peer's history of incarnations is not in order")

// history is the incarnations of one database, oldest first.
type history []hotspotdb.Incarnation

func historyOf(list []*syncpb.Incarnation) (history, error) {
	if len(list) == 0 || len(list) > maxHistory {
		return nil, errHistory
	}
	out := make(history, len(list))
	for i, inc := range list {
		out[i] = hotspotdb.Incarnation{ID: inc.Id, First: inc.First}
		if i > 0 && inc.First < out[i-1].First {
			return nil, errHistory
		}
	}
	return out, nil
}

func (h history) proto() []*syncpb.Incarnation {
	h = h[max(0, len(h)-maxHistory):]
	out := make([]*syncpb.Incarnation, len(h))
	for i, inc := range h {
		out[i] = &syncpb.Incarnation{Id: inc.ID, First: inc.First}
	}
	return out
}

// marshal keeps 16 bytes an incarnation.
func (h history) marshal() []byte {
	out := make([]byte, 0, 16*len(h))
	for _, inc := range h {
		out = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(out, inc.ID), inc.First)
	}
	return out
}

func unmarshalHistory(raw []byte) (history, error) {
	if len(raw)%16 != 0 {
		return nil, errHistory
	}
	var h history
	for ; len(raw) > 0; raw = raw[16:] {
		h = append(h, hotspotdb.Incarnation{ID: binary.BigEndian.Uint64(raw), First: binary.BigEndian.Uint64(raw[8:])})
	}
	return h, nil
}

// at returns the incarnation that gave out seq.
func (h history) at(seq uint64) uint64 {
	for i := len(h) - 1; i > 0; i-- {
		if h[i].First <= seq {
			return h[i].ID
		}
	}
	return h[0].ID
}

// end returns the last sequence that an incarnation can have given out; the newest one has no end yet.
func (h history) end(id uint64) (seq uint64, found bool) {
	switch i := h.index(id); i {
	case -1:
		return 0, false
	case len(h) - 1:
		return ^uint64(0), true
	default:
		return h[i+1].First - 1, true
	}
}

// rewind says from where to go on reading a database whose history is now current, when it was old at pos. lost is true
// if the database has forgotten something between the returned position and pos.
func rewind(pos hotspotdb.Position, old, current history) (from hotspotdb.Position, lost bool) {
	if pos == (hotspotdb.Position{}) {
		return pos, false
	}
	if end, ok := current.end(pos.Incarnation); ok && pos.Seq <= end {
		return pos, false
	}
	if end, ok := current.end(pos.Incarnation); ok {
		return hotspotdb.Position{Incarnation: pos.Incarnation, Seq: end}, true
	}
	if _, ok := old.end(pos.Incarnation); !ok {
		return hotspotdb.Position{}, true
	}
	for i := old.index(pos.Incarnation); i >= 0; i-- {
		if now, ok := current.end(old[i].ID); ok {
			then, _ := old.end(old[i].ID)
			return hotspotdb.Position{Incarnation: old[i].ID, Seq: min(now, then, pos.Seq)}, true
		}
	}
	return hotspotdb.Position{}, true
}

func (h history) index(id uint64) int {
	return slices.IndexFunc(h, func(inc hotspotdb.Incarnation) bool { return inc.ID == id })
}
