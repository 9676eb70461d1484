package hotspotdb

import (
	"fmt"
	"math"
	"slices"
)

// sources numbers where entries came from, so that a record holds 2 bytes instead of 17. A number that no record has any
// more is given to the next source. Beyond 65,534 sources at a time the newest share one number: nothing is lost but the
// shortcut, and totals by source are computed by a scan for as long as records have that number.
type sources struct {
	ids     []Source // by number; Seq is 0
	uses    []int
	numbers map[Source]uint16
	free    []uint16
	last    Source // the source of the last take,
	lastNum uint16 // and its number
	limit   uint16
}

const sharedSource = math.MaxUint16

func newSources() *sources {
	return &sources{ids: []Source{{}}, uses: []int{1}, numbers: map[Source]uint16{{}: 0}, limit: sharedSource}
}

// take returns the number of a source and counts one more record that has it.
func (s *sources) take(source Source) uint16 {
	source.Seq = 0
	if source != s.last || s.uses[s.lastNum] == 0 || s.lastNum == s.limit {
		s.last, s.lastNum = source, s.number(source)
	}
	s.uses[s.lastNum]++
	return s.lastNum
}

func (s *sources) number(source Source) uint16 {
	if n, known := s.numbers[source]; known {
		return n
	}
	n := uint16(min(len(s.ids), int(s.limit)))
	switch last := len(s.free) - 1; {
	case last >= 0:
		n, s.free = s.free[last], s.free[:last]
	case n == s.limit:
		for len(s.ids) <= int(n) {
			s.ids, s.uses = append(s.ids, Source{}), append(s.uses, 0)
		}
		return n
	default:
		s.ids, s.uses = append(s.ids, Source{}), append(s.uses, 0)
	}
	s.ids[n], s.numbers[source] = source, n
	return n
}

// drop counts one record less.
func (s *sources) drop(n uint16) {
	if s.uses[n]--; s.uses[n] == 0 && n != s.limit {
		delete(s.numbers, s.ids[n])
		s.ids[n] = Source{}
		s.free = append(s.free, n)
	}
}

// exact says whether every record has a number that only its source has.
func (s *sources) exact() bool { return len(s.uses) <= int(s.limit) || s.uses[s.limit] == 0 }

// sourceTotals are the sums of a dataset by source, as of a view.
type sourceTotals struct {
	ids  []Source
	sums []u128
}

// WithSources keeps the totals of datasets by source with the view. Without it SourceTotal is as exact, but has to read
// the whole dataset.
func WithSources(datasets ...Dataset) ViewOption {
	return func(v *View) {
		x := v.db.index
		if !x.sources.exact() {
			return
		}
		for _, ds := range datasets {
			v.sources[ds] = &sourceTotals{slices.Clone(x.sources.ids), slices.Clone(x.datasets[ds].sources)}
		}
	}
}

// SourceTotal sums up the live entries whose source matches. match is called with a source without its Seq.
func (v *View) SourceTotal(ds Dataset, match func(Source) bool) (Sum, error) {
	kept := v.sources[ds]
	if kept == nil {
		var total Sum
		sums, err := v.SourceSums(ds, match)
		for _, s := range sums {
			total = AddSum(total, s)
		}
		return total, err
	}
	var total u128
	for n, sum := range kept.sums {
		if sum != (u128{}) && match(kept.ids[n]) {
			total = total.add(sum)
		}
	}
	return total.sum(), nil
}

// SourceSums are the sums of the buckets over the live entries whose source matches; it reads the dataset.
func (v *View) SourceSums(ds Dataset, match func(Source) bool) ([]Sum, error) {
	sums := make([]Sum, Buckets)
	h := newHasher(v.digestKey())
	err := v.Scan(ds, 0, v.Seq, func(e Entry) (bool, error) {
		source := e.Source
		if source.Seq = 0; !match(source) {
			return true, nil
		}
		var c Change
		if err := c.decode(e.Change); err != nil {
			return false, err
		}
		bucket := h.key(c.Key).bucket()
		sums[bucket] = AddSum(sums[bucket], h.contribution(&c).sum())
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("sum up %s by source: %w", ds, err)
	}
	return sums, nil
}
