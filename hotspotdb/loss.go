package hotspotdb

import (
	"context"
	"fmt"
)

// Loss says what is missing at the end of the log: damage there was taken for the end of it.
type Loss struct {
	Changes  uint64 // how many changes were confirmed and are not in the log any more
	ReadBack int    // records that were found behind the damage and are there again
}

func (l Loss) String() string {
	return fmt.Sprintf("the end of its log was damaged: %d confirmed changes are gone, %d were read back", l.Changes-min(l.Changes, uint64(l.ReadBack)), l.ReadBack)
}

// Lost is what this opening of the database found to be missing; zero if nothing was. Peers notice it by the incarnation,
// and what they have of it is theirs to return.
func (db *DB) Lost() Loss { return db.loss }

// checkMark compares what was read with what was confirmed. If something is missing it looks for what is left of it, before
// the storage engine drops the log.
func (db *DB) checkMark() []find {
	confirmed, err := readMark(db.opts.FS, db.opts.Dir, db.id)
	if err != nil {
		db.opts.Log.Warn("cannot tell whether confirmed changes are missing", "err", err)
	}
	if confirmed <= db.last {
		return nil
	}
	db.loss.Changes = confirmed - db.last
	db.opts.Log.Error("confirmed changes are missing at the end of the log", "last", db.last, "confirmed", confirmed)
	if db.opts.ReadOnly {
		return nil
	}
	var tail []find
	ctx := context.Background()
	w, err := db.openWreck(ctx, db.opts.Dir)
	if err == nil {
		err = w.finds(ctx, db.last, func(f find) error {
			if f.tag == tagRecord {
				tail = append(tail, f)
			}
			return nil
		})
	}
	if err != nil {
		db.opts.Log.Error("cannot look for changes behind the damage", "err", err)
	}
	return tail
}

// startMark puts back what was found, if anything, and begins to keep the mark. The database can do without: nothing that
// fails here ends it.
func (db *DB) startMark(tail []find) {
	if db.loss.Changes > 0 {
		ctx := context.Background()
		var got Salvaged
		err := db.mergeFinds(ctx, tail, &got)
		if err == nil {
			err = db.Flush(ctx)
		}
		db.loss.ReadBack = got.Records
		db.opts.Log.Error("the hotspot database has lost changes", "loss", db.loss.String(), "err", err)
	}
	db.mu.RLock()
	last := db.last
	db.mu.RUnlock()
	if err := db.mark.open(db.opts.FS, db.opts.Dir, db.id, last); err != nil {
		db.opts.Log.Error("the next start cannot tell whether confirmed changes are missing", "err", err)
	}
}
