package hotspotdb

import (
	"context"
	"fmt"
)

// Batch is a part of another database's feed.
type Batch struct {
	Dataset  Dataset
	From     DatabaseID
	Kind     SourceKind // Above or Below
	Position Position   // how far the feed is stored with this batch; zero leaves the position alone (a re-send)
	Changes  [][]byte   // as their origins encoded them
	Seqs     []uint64   // sequence of each at From
}

// Result says what became of the changes of a batch.
type Result struct {
	// Seq is the own sequence to wait for: once Durable() >= Seq, everything of the batch and its position are durable.
	Seq       uint64
	Stored    int
	Ignored   int // what is stored here is the same or newer
	SetAside  int // ahead of this box's clock; kept until it is time
	Conflicts int // concurrent edits found
	Refused   int // years ahead of this box's clock, or too many were set aside: dropped
}

// incoming is a change with everything about it that can be computed before its turn.
type incoming struct {
	Change       // without Version
	ds           Dataset
	raw          []byte
	hash         keyHash
	contribution u128
	traits       traits
}

func (in *incoming) prepare(x *index, h *hasher, ds Dataset, raw []byte) error {
	if err := in.decode(raw); err != nil {
		return err
	}
	if err := checkKey(ds, in.Key); err != nil {
		return err
	}
	in.ds, in.raw = ds, raw
	in.hash = h.key(in.Key)
	in.contribution = h.contribution(&in.Change)
	in.traits = x.traitsOf(&in.Change)
	return nil
}

// admit is prepare for a change that is not stored yet: its body must be one that can be read.
func (in *incoming) admit(x *index, h *hasher, ds Dataset, raw []byte) error {
	if err := in.prepare(x, h, ds, raw); err != nil {
		return err
	}
	return checkBody(&in.Change)
}

// Apply merges a batch from another box. It returns when the batch is applied, which may be before it is durable, unless
// nothing of it had to be stored but its position: then it returns when that is durable. A malformed change fails all of
// it with ErrInvalid and changes nothing, and so do more than 64 databases at once that nothing was heard of before. The batch must not be changed until Apply returns.
func (db *DB) Apply(ctx context.Context, b Batch) (Result, error) {
	if err := b.check(); err != nil {
		return Result{}, fmt.Errorf("apply %s from %s: %w", b.Dataset, b.From, err)
	}
	db.mu.RLock()
	x := db.index
	db.mu.RUnlock()
	prepared, err := b.prepare(x)
	if err != nil {
		return Result{}, fmt.Errorf("apply %s from %s: %w", b.Dataset, b.From, err)
	}
	var result Result
	j := &job{}
	j.run = func(tx *Tx) error {
		if tx.db.index != x { // the digest key was changed in between
			if prepared, err = b.prepare(tx.db.index); err != nil {
				return err
			}
		}
		if result, err = tx.apply(b, prepared); err != nil {
			return err
		}
		j.durable = result.Stored == 0
		return nil
	}
	if err := db.do(ctx, j); err != nil {
		return Result{}, fmt.Errorf("apply %s from %s: %w", b.Dataset, b.From, err)
	}
	if result.Refused > 0 {
		db.opts.Log.Warn("refused changes that are too far ahead of the clock", "dataset", b.Dataset, "from", b.From, "changes", result.Refused)
	}
	return result, nil
}

func (b *Batch) check() error {
	switch {
	case !b.Dataset.valid():
		return fmt.Errorf("%w batch: %s", ErrInvalid, b.Dataset)
	case b.From.IsZero() || b.Kind != Above && b.Kind != Below:
		return fmt.Errorf("%w batch: source %s of kind %d", ErrInvalid, b.From, b.Kind)
	case len(b.Seqs) != len(b.Changes):
		return fmt.Errorf("%w batch: %d changes with %d sequences", ErrInvalid, len(b.Changes), len(b.Seqs))
	}
	return nil
}

func (b *Batch) prepare(x *index) ([]incoming, error) {
	h := newHasher(x.digestKey)
	prepared := make([]incoming, len(b.Changes))
	for i, raw := range b.Changes {
		if err := prepared[i].admit(x, &h, b.Dataset, raw); err != nil {
			return nil, fmt.Errorf("change %d: %w", i, err)
		}
	}
	return prepared, nil
}

func (tx *Tx) apply(b Batch, prepared []incoming) (Result, error) {
	if err := tx.checkOrigins(prepared); err != nil {
		return Result{}, err
	}
	var result Result
	for i := range prepared {
		source := Source{Kind: b.Kind, Database: b.From, Seq: b.Seqs[i]}
		if err := tx.merge(&prepared[i], source, &result); err != nil {
			return Result{}, fmt.Errorf("change %d: %w", i, err)
		}
	}
	if b.Position != (Position{}) {
		if err := tx.setPosition(b.From, b.Dataset, b.Position); err != nil {
			return Result{}, err
		}
	}
	result.Seq = tx.g.next
	return result, nil
}

// maxNewOrigins bounds the databases that one batch may be the first to speak of: what memory keeps of them is never
// forgotten while the database is open. An honest batch of 2,000 changes in a large domain may bring as many.
const maxNewOrigins = 4096

func (tx *Tx) checkOrigins(prepared []incoming) error {
	var last DatabaseID
	fresh := map[DatabaseID]struct{}{}
	for i := range prepared {
		id := prepared[i].Stamp.Origin
		if id == last {
			continue
		}
		last = id
		if _, known := tx.db.origins.numbers[id]; known {
			continue
		}
		if fresh[id] = struct{}{}; len(fresh) > maxNewOrigins {
			return fmt.Errorf("%w batch: more than %d unknown origins", ErrInvalid, maxNewOrigins)
		}
	}
	return nil
}
