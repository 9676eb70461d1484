// Package hotspot is the operator's side of the hotspot database: the commands that add, change, show, import and export
// accounts, profiles, sessions and sticky bindings, and the effects that a replicated change has on this box.
//
// It keeps nothing itself; docs/hotspot-data.md describes the fields and the CSV format.
package hotspot

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// Module is the room for hotspot data.
type Module struct {
	db  *hotspotdb.DB
	log *slog.Logger
	now func() time.Time // in the zone of the box, in which times are typed and shown

	files modules.Files // whose names `?` shows; may be nil
	boxes Boxes         // nil: other boxes have no names

	quotas QuotaSource // nil: not connected

	partition atomic.Pointer[string] // nil: as PartitionOwnerOnly

	// Bounds of what is held in memory at once.
	maxAtomic  int // rows of an import that are one commit
	maxJSON    int // records of a list in one JSON document
	holdRadius int // octets of users in an import from FreeRADIUS
}

// New makes the module upon an open database. now tells the time in the zone of the box.
func New(db *hotspotdb.DB, now func() time.Time, log *slog.Logger) *Module {
	return &Module{db: db, log: log.With("module", "hotspot"), now: now, maxAtomic: 1_000_000, maxJSON: 100_000, holdRadius: 128 << 20}
}

// ListFiles names the file area whose files `?` shows. It is called before the grammar is used.
func (m *Module) ListFiles(area modules.Files) { m.files = area }

// Name is the module's name in reports and in docs/commands.md.
func (m *Module) Name() string { return "hotspot" }

// audit records who changed what. It is given names and counts, never values: a value may be a password or personal.
func (m *Module) audit(ctx context.Context, actor modules.Actor, what string, args ...any) {
	m.log.InfoContext(ctx, what, append([]any{"actor", actor.Name, "from", actor.From}, args...)...)
}
