package sync_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"mbox/boxtest"
	"mbox/hotspotdb"
	"mbox/proto/hotspotpb"
)

// truth is everything that was ever confirmed to a writer, and how the versions of each record follow each other.
type truth struct {
	records map[recordKey][]*version
	listed  map[recordKey]map[hotspotdb.Stamp]bool // the losers that some conflict list has shown
	// replaced are the databases that were set back or erased: what they counted afterwards may count something again.
	replaced  map[hotspotdb.DatabaseID]bool
	invented  []string // conflicts between a version and its own successor
	conflicts int
}

type recordKey struct {
	dataset hotspotdb.Dataset
	key     string
}

func (k recordKey) String() string { return fmt.Sprintf("%s %q", k.dataset, k.key) }

// kind is the first byte of the key.
func (k recordKey) kind() byte { return k.key[0] }

// versioned says whether several boxes may write the record.
func (k recordKey) versioned() bool {
	return k.dataset == hotspotdb.Users || k.dataset == hotspotdb.Profiles || k.kind() == hotspotdb.KindBatch
}

// version is what one confirmed write made of a record.
type version struct {
	hotspotdb.Change
	box    *boxtest.Box
	parent *version // that it replaced where it was made
	lost   bool     // no disk holds it any more, nor anything that came after it
}

func (v *version) String() string {
	return fmt.Sprintf("the version of %s at %d (deleted: %v)", v.box.Name, v.Stamp.Clock, v.Deleted)
}

func newTruth() *truth {
	return &truth{records: map[recordKey][]*version{}, listed: map[recordKey]map[hotspotdb.Stamp]bool{}, replaced: map[hotspotdb.DatabaseID]bool{}}
}

// notes is what one transaction did to the records that it may have touched.
type notes struct {
	tx      *hotspotdb.Tx
	records []noted
}

type noted struct {
	key           recordKey
	before, after hotspotdb.Change // zero: there was none
}

func (n *notes) reset(tx *hotspotdb.Tx) { n.tx, n.records = tx, nil }

func (n *notes) before(ds hotspotdb.Dataset, keys ...[]byte) {
	for _, key := range keys {
		c, _ := n.tx.Get(ds, key) // none: zero
		n.records = append(n.records, noted{recordKey{ds, string(key)}, clone(c), hotspotdb.Change{}})
	}
}

// fresh notes records that were not there before.
func (n *notes) fresh(ds hotspotdb.Dataset, keys ...[]byte) {
	for _, key := range keys {
		n.records = append(n.records, noted{key: recordKey{ds, string(key)}})
	}
}

func (n *notes) after() error {
	for i := range n.records {
		r := &n.records[i]
		c, err := n.tx.Get(r.key.dataset, []byte(r.key.key))
		if err != nil && !errors.Is(err, hotspotdb.ErrNotFound) {
			return err
		}
		r.after = clone(c)
	}
	return nil
}

func clone(c hotspotdb.Change) hotspotdb.Change {
	c.Key, c.Body = bytes.Clone(c.Key), bytes.Clone(c.Body)
	return c
}

func same(a, b hotspotdb.Change) bool {
	return a.Stamp == b.Stamp && a.Deleted == b.Deleted && bytes.Equal(a.Body, b.Body)
}

// confirm takes over what a transaction wrote.
func (t *truth) confirm(box *boxtest.Box, n *notes) {
	for _, r := range n.records {
		if r.after.Stamp.Clock != 0 && !same(r.before, r.after) {
			t.records[r.key] = append(t.records[r.key], &version{Change: r.after, box: box, parent: t.find(r.key, r.before)})
		}
	}
}

func (t *truth) find(key recordKey, c hotspotdb.Change) *version {
	for _, v := range t.records[key] {
		if same(v.Change, c) {
			return v
		}
	}
	return nil
}

// at is the version of a record with a stamp; zero if nobody wrote it.
func (t *truth) at(key recordKey, stamp hotspotdb.Stamp) hotspotdb.Change {
	for _, v := range t.records[key] {
		if v.Stamp == stamp {
			return v.Change
		}
	}
	return hotspotdb.Change{}
}

// covers says whether a box that holds c has lost nothing of v: it is there, or superseded.
func covers(key recordKey, c hotspotdb.Change, v *version) bool {
	if key.kind() != hotspotdb.KindUsage {
		return c.Stamp.Compare(v.Stamp) >= 0
	}
	return octets(c) >= octets(v.Change)
}

func octets(usage hotspotdb.Change) uint64 {
	var pb hotspotpb.Usage
	_ = proto.Unmarshal(usage.Body, &pb)
	return pb.InputOctets
}

// held reads what a box has of a record; zero if nothing.
func held(b *boxtest.Box, key recordKey) hotspotdb.Change {
	c, _ := b.DB.Get(key.dataset, []byte(key.key))
	return c
}

// forget notes what is on no disk any more after the disk of a box was replaced: no box holds it or what came after it.
func (t *truth) forget(boxes []*boxtest.Box) {
	for key, versions := range t.records {
		alive := t.alive(key, boxes)
		for _, v := range versions {
			v.lost = v.lost || !alive[v]
		}
	}
}

// gone counts the versions that no disk holds any more.
func (t *truth) gone() (n int) {
	for _, versions := range t.records {
		for _, v := range versions {
			if v.lost {
				n++
			}
		}
	}
	return n
}

// alive are the versions of a record that boxes hold, and those that they were made from.
func (t *truth) alive(key recordKey, boxes []*boxtest.Box) map[*version]bool {
	alive := map[*version]bool{}
	for _, b := range boxes {
		c := held(b, key)
		if key.kind() != hotspotdb.KindUsage {
			trace(alive, t.find(key, c))
			continue
		}
		for _, v := range t.records[key] {
			alive[v] = alive[v] || covers(key, c, v)
		}
	}
	return alive
}

// trace adds a version and what it was made from.
func trace(into map[*version]bool, v *version) {
	for ; v != nil && !into[v]; v = v.parent {
		into[v] = true
	}
}

// missing says which confirmed version of a dataset a box should hold, and holds neither it nor a later one (G1). from are
// the boxes whose changes come to this one.
func (t *truth) missing(ds hotspotdb.Dataset, b *boxtest.Box, from map[*boxtest.Box]bool) string {
	for key, versions := range t.records {
		if key.dataset != ds {
			continue
		}
		c := held(b, key)
		for _, v := range versions {
			if !v.lost && from[v.box] && !covers(key, c, v) {
				return fmt.Sprintf("%s lacks %s of %s; it holds that of %d", b.Name, v, key, c.Stamp.Clock)
			}
		}
	}
	return ""
}

// listConflicts remembers what a box's conflict list shows: the list itself goes when the disk is replaced.
func (t *truth) listConflicts(b *boxtest.Box) error {
	return b.DB.Conflicts(func(c hotspotdb.Conflict) bool {
		key := recordKey{c.Dataset, string(c.Loser.Key)}
		if t.listed[key] == nil {
			t.listed[key] = map[hotspotdb.Stamp]bool{}
		}
		if !t.listed[key][c.Loser.Stamp] && bytes.Equal(c.Winner.Key, c.Loser.Key) {
			t.conflicts++
			if t.follows(key, c.Winner.Stamp, c.Loser.Stamp) {
				t.invented = append(t.invented, fmt.Sprintf("%s: a conflict was listed of %d with its own successor %d", key, c.Loser.Stamp.Clock, c.Winner.Stamp.Clock))
			}
		}
		t.listed[key][c.Loser.Stamp] = true
		return true
	})
}

// follows says whether one version was made from the other. Two versions with one stamp say nothing.
func (t *truth) follows(key recordKey, later, earlier hotspotdb.Stamp) bool {
	at := func(s hotspotdb.Stamp) (found []*version) {
		for _, v := range t.records[key] {
			if v.Stamp == s {
				found = append(found, v)
			}
		}
		return found
	}
	from, to := at(later), at(earlier)
	if len(from) != 1 || len(to) != 1 || later == earlier {
		return false
	}
	for v := from[0]; v != nil; v = v.parent {
		if v == to[0] {
			return true
		}
	}
	return false
}

// silentlyLost says which versions are neither in force, nor the base of one that is, nor on a conflict list (G4); and which
// conflicts are none.
func (t *truth) silentlyLost(boxes []*boxtest.Box) []string {
	out := slices.Clone(t.invented)
	for key, versions := range t.records {
		if !key.versioned() {
			continue
		}
		known := t.alive(key, boxes)
		for _, v := range versions {
			if t.listed[key][v.Stamp] {
				trace(known, v)
			}
		}
		for _, v := range slices.Backward(versions) { // two who did the same are not in conflict
			if !known[v] && slices.ContainsFunc(versions, func(w *version) bool { return known[w] && alike(v, w) }) {
				trace(known, v)
			}
		}
		for _, v := range versions {
			if !v.lost && !known[v] {
				out = append(out, fmt.Sprintf("%s: %s was lost without a trace", key, v))
			}
		}
	}
	return out
}

// alike says whether two versions say the same.
func alike(v, w *version) bool { return v.Deleted == w.Deleted && bytes.Equal(v.Body, w.Body) }

// unknown lists what a box holds that nobody has written.
func (t *truth) unknown(b *boxtest.Box) (out []string) {
	view := b.DB.View()
	defer view.Close()
	for _, ds := range hotspotdb.Datasets() {
		err := view.Scan(ds, 0, view.Seq, func(e hotspotdb.Entry) (bool, error) {
			c, err := e.Decode()
			key := recordKey{ds, string(c.Key)}
			// Written with others, or for a guest who got no answer; model.soldWell has a look at both.
			derived := key.kind() == hotspotdb.KindUsage || key.kind() == hotspotdb.KindAudit || key.kind() == hotspotdb.KindUse && !c.Deleted
			if err == nil && !derived && t.find(key, c) == nil {
				out = append(out, fmt.Sprintf("%s holds a version of %s that nobody has written", b.Name, key))
			}
			return true, err
		})
		if err != nil {
			out = append(out, fmt.Sprintf("%s: %v", b.Name, err))
		}
	}
	return out
}

// names checks that every live account has one name of its own and is found by it, and that an account which did not get
// the name that it claims is on a conflict list.
func (t *truth) names(b *boxtest.Box) (out []string) {
	seen := map[string]bool{}
	for a, err := range b.DB.Accounts(bg, hotspotdb.AccountFilter{}) {
		if err != nil {
			return append(out, fmt.Sprintf("%s: %v", b.Name, err))
		}
		if seen[a.Username] {
			out = append(out, fmt.Sprintf("%s has two accounts %s", b.Name, a.Username))
		}
		seen[a.Username] = true
		if found, err := b.DB.Account(a.Username); err != nil || found.ID != a.ID {
			out = append(out, fmt.Sprintf("%s finds %d (%v) under the name %s of %d", b.Name, found.ID, err, a.Username, a.ID))
		}
		if a.NameTaken && len(t.listed[recordKey{hotspotdb.Users, string(hotspotdb.AccessKey(a.ID))}]) == 0 {
			out = append(out, fmt.Sprintf("%s: account %s lost its name without a trace", b.Name, a.Username))
		}
	}
	return out
}

// usage checks that nothing was counted twice, and what was counted by boxes that kept their disk exactly.
func (t *truth) usage(b *boxtest.Box, from map[*boxtest.Box]bool, sessions []*session) (out []string) {
	type counter struct {
		account uint64
		origin  hotspotdb.DatabaseID
	}
	want, got := map[counter]uint64{}, map[counter]uint64{}
	for _, s := range sessions {
		if from[s.box] {
			want[counter{s.account, s.origin}] += s.octets
		}
	}
	for key := range t.records {
		if key.kind() != hotspotdb.KindUsage {
			continue
		}
		c := held(b, key)
		var pb hotspotpb.Usage
		if err := proto.Unmarshal(c.Body, &pb); err != nil {
			out = append(out, fmt.Sprintf("%s: %s: %v", b.Name, key, err))
			continue
		}
		if c.Stamp.Clock == 0 {
			continue
		}
		who := counter{pb.Account, hotspotdb.DatabaseID(pb.Origin)}
		got[who] += pb.InputOctets
		if pb.InputOctets > want[who] && from[t.records[key][0].box] {
			out = append(out, fmt.Sprintf("%s counts %d octets of account %d on one day, of %d ever", b.Name, pb.InputOctets, who.account, want[who]))
		}
	}
	for who, octets := range want {
		if !t.replaced[who.origin] && got[who] != octets {
			out = append(out, fmt.Sprintf("%s counts %d octets of account %d, expected %d", b.Name, got[who], who.account, octets))
		}
	}
	return out
}
