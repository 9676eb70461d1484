package hotspotdb

// spare is what a group leaves to the next one: to grow these for each group anew costs as much as to fill them. Only the
// committer uses it.
type spare struct {
	ops     []op
	audit   []stagedEntry
	entries []byte
	latest  map[recordID]int32
	claims  map[uint64]int32
	named   map[uint64][]uint64
	usages  map[uint64][]usageRef
}

// Larger ones are given up, so that one import does not hold memory for ever.
const (
	maxSpareOps     = 4096
	maxSpareEntries = 256 << 10
)

func (db *DB) newGroup() *group {
	s := db.spare
	db.spare = spare{}
	if s.latest == nil {
		s.latest, s.claims, s.named, s.usages = map[recordID]int32{}, map[uint64]int32{}, map[uint64][]uint64{}, map[uint64][]usageRef{}
	}
	return &group{
		db: db, ops: s.ops, audit: s.audit, entries: s.entries, latest: s.latest, claims: s.claims,
		named: s.named, usages: s.usages, next: db.last, life: db.life, tally: db.tally,
	}
}

// leave gives up what was staged, and keeps the room that it took.
func (g *group) leave() {
	if cap(g.ops) <= maxSpareOps && cap(g.entries) <= maxSpareEntries {
		clear(g.ops)
		clear(g.latest)
		clear(g.claims)
		clear(g.named)
		clear(g.usages)
		g.db.spare = spare{g.ops[:0], g.audit[:0], g.entries[:0], g.latest, g.claims, g.named, g.usages}
	}
	g.ops, g.audit, g.entries, g.traced, g.latest, g.claims, g.named, g.usages, g.undo = nil, nil, nil, nil, nil, nil, nil, nil, nil
}
