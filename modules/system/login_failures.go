package system

import (
	"slices"
	"time"
)

// maxFailures bounds what `show login failures` has, by account and address.
const maxFailures = 100

// maxFrom bounds an address that is kept, in bytes.
const maxFrom = 64

// failure is what is kept of failed logins with one name from one address.
type failure struct {
	Name   *string   `json:"username"` // null: no account has the name; it may have been a secret
	From   string    `json:"from"`
	Count  int       `json:"count"`
	Last   time.Time `json:"last"`
	Reason string    `json:"reason"` // of the last
}

// failureList is the failures by the time of their last, oldest first.
type failureList []failure

func (l *failureList) add(name, from, reason string, at time.Time) {
	if len(from) > maxFrom {
		from = from[:maxFrom]
	}
	f := failure{From: from, Count: 1, Last: at.UTC().Round(0), Reason: reason}
	if name != "" {
		f.Name = &name
	}
	same := func(other failure) bool {
		return other.From == from && (other.Name == nil) == (f.Name == nil) && (f.Name == nil || *other.Name == name)
	}
	if i := slices.IndexFunc(*l, same); i >= 0 {
		f.Count += (*l)[i].Count
		*l = slices.Delete(*l, i, i+1)
	}
	*l = append(*l, f)
	if extra := len(*l) - maxFailures; extra > 0 {
		*l = slices.Delete(*l, 0, extra)
	}
}
