// Package hotspotdb is the replicated hotspot database: accounts, profiles, sessions and sticky bindings, each record with
// a stamp that decides which version wins, and each dataset with a feed of changes in the order in which they were
// stored here. It knows nothing of the network: package feed under modules/sync carries feeds between boxes.
//
// docs/adr/0001 explains the layout on disk.
package hotspotdb

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// Dataset is a part of the database that is replicated or not as a whole.
type Dataset uint8

// The datasets. Their numbers are on disk; their names are on the wire and in the configuration.
const (
	Profiles Dataset = iota + 1
	Users
	Sessions
	Sticky
	Vouchers
	Portal
	Audit
)

var datasetNames = []string{"profiles", "users", "sessions", "sticky", "vouchers", "portal", "audit"}

// Datasets lists all of them; profiles come first because accounts refer to them.
func Datasets() []Dataset {
	return []Dataset{Profiles, Users, Sessions, Sticky, Vouchers, Portal, Audit}
}

func (d Dataset) String() string {
	if d < Profiles || d > Audit {
		return fmt.Sprintf("dataset(%d)", uint8(d))
	}
	return datasetNames[d-1]
}

// MarshalText makes a Dataset its name in JSON, also as a key.
func (d Dataset) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// ParseDataset finds a dataset by its name.
func ParseDataset(name string) (Dataset, error) {
	i := slices.Index(datasetNames, name)
	if i < 0 {
		return 0, fmt.Errorf("no dataset %q", name)
	}
	return Dataset(i + 1), nil
}

// DatabaseID names a database for its whole life; it is random.
type DatabaseID [16]byte

func (id DatabaseID) String() string { return hex.EncodeToString(id[:]) }

// IsZero says whether the id names no database.
func (id DatabaseID) IsZero() bool { return id == DatabaseID{} }

// Stamp orders the versions of one record: the greater one wins everywhere.
type Stamp struct {
	Clock  uint64 // microseconds since 1970 UTC, or more if the replaced version's clock was ahead
	Origin DatabaseID
}

// Compare orders by clock, then by origin.
func (s Stamp) Compare(o Stamp) int {
	if c := cmp.Compare(s.Clock, o.Clock); c != 0 {
		return c
	}
	return bytes.Compare(s.Origin[:], o.Origin[:])
}

// Incarnation is one opening of a database: its sequences begin at First. A copy of the folder that is opened later has
// another incarnation from where the copy was made, which is how a peer notices that history was forgotten.
type Incarnation struct {
	ID    uint64
	First uint64
}

// Position is how far a feed was read: everything up to Seq, which lies in Incarnation. The zero Position is the beginning.
type Position struct {
	Incarnation uint64
	Seq         uint64
}

// SourceKind says how an entry came here.
type SourceKind uint8

const (
	Local SourceKind = iota // made here, or lost by the box it came from
	Above                   // from the feed of a box that we follow
	Below                   // from the feed of a box that follows us
)

// Source is where an entry came from. Database and Seq are zero for Local.
type Source struct {
	Kind     SourceKind
	Database DatabaseID
	Seq      uint64 // in that database
}

// Sum is a keyed 128-bit sum over live records: of one bucket, or of a whole dataset.
type Sum [16]byte

// Buckets is how many sums a dataset is cut into.
const Buckets = 4096

// Errors of the database. They are wrapped with the object they speak of.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	ErrInvalid  = errors.New("invalid")
	ErrNoSpace  = errors.New("the disk is full")
	ErrReadOnly = errors.New("the database is read-only")
	ErrInUse    = errors.New("the database is open in another process")
)
