package hotspotdb

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
)

// keepEmpty is how many incarnations are kept although they never gave out a sequence. Older ones are dropped, so that a
// box that restarts every minute does not gather a long history.
const keepEmpty = 64

// History lists the incarnations of this database, the present one last.
func (db *DB) History() []Incarnation {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return slices.Clone(db.history)
}

// PositionAt is the position of a follower that has stored everything up to seq: it names the incarnation in which seq
// lies, which is the present one only if seq was given out since the database was opened.
func (db *DB) PositionAt(seq uint64) Position {
	db.mu.RLock()
	defer db.mu.RUnlock()
	for _, incarnation := range slices.Backward(db.history) {
		if seq >= incarnation.First {
			return Position{incarnation.ID, seq}
		}
	}
	return Position{}
}

// extendHistory appends a new incarnation, whose sequences follow last.
func extendHistory(history []Incarnation, last uint64) []Incarnation {
	var next []Incarnation
	for i, incarnation := range history {
		end := last
		if i+1 < len(history) {
			end = history[i+1].First - 1
		}
		if empty := end < incarnation.First; empty && i < len(history)-keepEmpty {
			continue
		}
		next = append(next, incarnation)
	}
	var id [8]byte
	rand.Read(id[:])
	return append(next, Incarnation{ID: binary.BigEndian.Uint64(id[:]) | 1, First: last + 1})
}

func encodeHistory(history []Incarnation) []byte {
	var b []byte
	for _, incarnation := range history {
		b = binary.BigEndian.AppendUint64(b, incarnation.ID)
		b = binary.BigEndian.AppendUint64(b, incarnation.First)
	}
	return b
}

func decodeHistory(b []byte) ([]Incarnation, error) {
	if len(b) == 0 || len(b)%16 != 0 {
		return nil, fmt.Errorf("%w: incarnations of %d bytes", ErrDamaged, len(b))
	}
	var history []Incarnation
	for ; len(b) > 0; b = b[16:] {
		history = append(history, Incarnation{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])})
	}
	return history, nil
}
