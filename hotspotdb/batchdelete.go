package hotspotdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Where vouchers and uses name their batch.
const (
	fieldBatchOfVoucher = protowire.Number(1)
	fieldBatchOfUse     = protowire.Number(2)
)

// deleteChunk bounds how many vouchers one transaction deletes, so that writers need not wait for long.
const deleteChunk = 1000

// DeleteBatch deletes a batch with its vouchers and their uses, and says how many vouchers there were. It disables the batch
// first and deletes it last, in chunks: one that was cut off is disabled, and the next call goes on with it.
func (db *DB) DeleteBatch(ctx context.Context, name string, a Author) (codes int, err error) {
	err = db.Update(ctx, func(tx *Tx) error {
		pb, err := tx.batchMessage(name)
		if err != nil || pb.Disabled {
			return err
		}
		b := batchOf(pb)
		b.Disabled = true
		_, err = tx.putBatch(pb, &b, a.Name)
		return err
	})
	if err != nil && !errors.Is(err, ErrUnconfirmed) { // the last write waits for the peers as well
		return 0, err
	}
	keys, err := db.batchKeys(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("delete batch %s: %w", name, err)
	}
	for len(keys) > 0 {
		chunk := keys[:min(len(keys), deleteChunk)]
		keys = keys[len(chunk):]
		n, err := db.deleteVouchers(ctx, chunk)
		if codes += n; err != nil {
			return codes, fmt.Errorf("delete the vouchers of batch %s: %w", name, err)
		}
	}
	err = db.Update(ctx, func(tx *Tx) error {
		if _, err := tx.batchMessage(name); err != nil {
			return err
		}
		tx.By(a)
		if err := tx.Delete(Vouchers, BatchKey(name)); err != nil {
			return err
		}
		return tx.record(a.Name, "batch", name, 0, "deleted", func() []AuditField {
			return appendNumber(nil, "codes", uint64(codes), 0)
		})
	})
	if err != nil {
		return codes, fmt.Errorf("delete batch %s: %w", name, err)
	}
	return codes, nil
}

// batchKeys lists the vouchers of a batch and their uses.
func (db *DB) batchKeys(ctx context.Context, batch string) (keys [][]byte, err error) {
	view := db.View()
	defer view.Close()
	for kind, field := range map[byte]protowire.Number{KindVoucher: fieldBatchOfVoucher, KindUse: fieldBatchOfUse} {
		err := view.scanLive(ctx, Vouchers, kind, func(c *Change) error {
			if string(lastBytes(c.Body, field)) == batch {
				keys = append(keys, bytes.Clone(c.Key))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func (db *DB) deleteVouchers(ctx context.Context, keys [][]byte) (codes int, err error) {
	err = db.UpdateHere(ctx, func(tx *Tx) error {
		codes = 0
		for _, key := range keys {
			if err := tx.Delete(Vouchers, key); err != nil && !errors.Is(err, ErrErased) {
				return err
			}
			if key[0] == KindVoucher {
				codes++
			}
		}
		return nil
	})
	return codes, err
}
