package hotspotdb

import (
	"fmt"
	"math/bits"

	"google.golang.org/protobuf/encoding/protowire"
)

// mergeUsage joins two versions of a usage record: the result has the greater stamp and, of each counter, the maximum.
// Both are joins of a lattice, so every box arrives at the same stamp and counters in whatever order it receives the
// versions, and since the rest of the body is taken from the version with the greater stamp, at the same bytes. A
// result that equals one of the two is that one, as its origin encoded it; any other is written in field order and is
// a change made here, so that it travels on. A deleted record stays deleted.
func (tx *Tx) mergeUsage(in *incoming, source Source, old record, op int32, result *Result) error {
	order := in.Stamp.Compare(tx.stamp(old))
	wasDeleted := old.flags&flagDeleted != 0
	switch {
	case in.Deleted != wasDeleted && wasDeleted, in.Deleted && wasDeleted && order <= 0:
		result.Ignored++
		return nil
	case in.Deleted:
		return tx.accept(in, source, result)
	}
	raw, err := tx.load(in.ds, old, op)
	if err != nil {
		return err
	}
	var stored Change
	if err := stored.decode(raw); err != nil {
		return fmt.Errorf("%w: stored version of record %x: %v", ErrDamaged, in.Key, err)
	}
	ours, theirs := countersOf(stored.Body), countersOf(in.Body)
	joined := ours.join(theirs)
	newer := order > 0 || order == 0 && joined == ours && joined == theirs && old.contribution.less(in.contribution)
	switch {
	case joined == theirs && (newer || order == 0 && joined != ours):
		return tx.accept(in, source, result)
	case joined == ours && !newer:
		result.Ignored++
		return nil
	}
	base := &stored
	if newer {
		base = &in.Change
	}
	return tx.storeJoined(in, base, joined, result)
}

// storeJoined writes base with other counters as a change made here. What else base has is left out if the counters would
// make it longer than peers accept.
func (tx *Tx) storeJoined(in *incoming, base *Change, joined counters, result *Result) error {
	c := Change{Key: in.Key, Stamp: base.Stamp, Body: joined.replaceIn(base.Body)}
	if len(c.Body) > maxUsage {
		c.Body = joined.replaceIn(nil)
	}
	var merged incoming
	if err := merged.prepare(tx.db.index, &tx.db.hasher, in.ds, AppendChange(nil, &c)); err != nil {
		return err
	}
	result.Stored++
	return tx.store(&merged, Source{})
}

func countersOf(usage []byte) (c counters) {
	for b := usage; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			break
		}
		b = b[n:]
		if i := int(num - firstCounter); typ == protowire.VarintType && i >= 0 && i < len(c) {
			c[i], n = protowire.ConsumeVarint(b)
		} else {
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			break
		}
		b = b[n:]
	}
	return c
}

func (c counters) join(o counters) counters {
	for i := range c {
		c[i] = max(c[i], o[i])
	}
	return c
}

// add stops at the greatest number: a counter that wrapped would be lost in the next join.
func (c counters) add(o counters) counters {
	for i := range c {
		sum, carry := bits.Add64(c[i], o[i], 0)
		c[i] = max(sum, -carry)
	}
	return c
}

// replaceIn returns a usage body with these counters: what else there is as it was, then the counters in order.
func (c counters) replaceIn(usage []byte) []byte {
	for i, v := range c {
		num := firstCounter + protowire.Number(i)
		usage = withoutField(usage, num)
		if v != 0 {
			usage = protowire.AppendVarint(protowire.AppendTag(usage, num, protowire.VarintType), v)
		}
	}
	return usage
}
