package feed

import (
	"mbox/hotspotdb"
)

// A primary holds more than one follower sends, so what flows only upwards is proved in parts: what the follower would send
// is summed up over the entries that did not come from above, what the primary has of it over the entries that came from this
// follower. Where the dataset also flows down, the follower compares for both.

// fromBelow picks what a follower sends: what did not come from above, nor from the receiver.
func (s *sender) fromBelow(source hotspotdb.Source) bool {
	return source.Kind != hotspotdb.Above && (source.Kind == hotspotdb.Local || source.Database != s.remote)
}

// options are for a view that proof is taken from.
func (s *sender) options(datasets ...hotspotdb.Dataset) []hotspotdb.ViewOption {
	if s.up {
		return []hotspotdb.ViewOption{hotspotdb.WithSources(datasets...)}
	}
	return nil
}

// total sums up what this direction carries of a dataset.
func (s *sender) total(view *hotspotdb.View, ds hotspotdb.Dataset) (hotspotdb.Sum, error) {
	if s.up {
		return view.SourceTotal(ds, s.fromBelow)
	}
	return view.Total(ds), nil
}

func (s *sender) sums(view *hotspotdb.View, ds hotspotdb.Dataset) ([]hotspotdb.Sum, error) {
	if s.up {
		return view.SourceSums(ds, s.fromBelow)
	}
	return view.Sums(ds)
}

// The same for the receiver.

func (r *receiver) upwards() bool { return r.kind == hotspotdb.Below }

func (r *receiver) options(ds hotspotdb.Dataset) []hotspotdb.ViewOption {
	if r.upwards() {
		return []hotspotdb.ViewOption{hotspotdb.WithSources(ds)}
	}
	return nil
}

func (r *receiver) total(view *hotspotdb.View, ds hotspotdb.Dataset) (hotspotdb.Sum, error) {
	if r.upwards() {
		return view.SourceTotal(ds, r.theirs)
	}
	return view.Total(ds), nil
}

func (r *receiver) sumsOf(view *hotspotdb.View, ds hotspotdb.Dataset) ([]hotspotdb.Sum, error) {
	if r.upwards() {
		return view.SourceSums(ds, r.theirs)
	}
	return view.Sums(ds)
}
