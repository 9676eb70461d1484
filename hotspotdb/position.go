package hotspotdb

import (
	"context"
	"encoding/binary"
	"fmt"
)

// Position is how far the feed of a dataset of another database was applied here, durably or not.
func (db *DB) Position(from DatabaseID, ds Dataset) Position {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.positions[positionID{from, ds}]
}

// DurablePosition is how far the feed was stored so that it survives a power cut: what may be acknowledged.
func (db *DB) DurablePosition(from DatabaseID, ds Dataset) Position {
	db.durable.mu.Lock()
	defer db.durable.mu.Unlock()
	return db.durable.positions[positionID{from, ds}]
}

// SetPosition replaces a position, also by an earlier one, and returns once that is durable.
func (db *DB) SetPosition(ctx context.Context, from DatabaseID, ds Dataset, p Position) error {
	return db.UpdateHere(ctx, func(tx *Tx) error { return tx.setPosition(from, ds, p) })
}

func (tx *Tx) setPosition(from DatabaseID, ds Dataset, p Position) error {
	if from.IsZero() || !ds.valid() {
		return fmt.Errorf("%w position: database %s, %s", ErrInvalid, from, ds)
	}
	value := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, p.Incarnation), p.Seq)
	if err := tx.batch.Set(positionKey(from, ds), value, nil); err != nil {
		return err
	}
	tx.g.state.positions = append(tx.g.state.positions, positionOp{positionID{from, ds}, p})
	return nil
}
