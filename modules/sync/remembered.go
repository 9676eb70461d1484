package sync

import (
	"fmt"
	"strings"
	stdsync "sync"
)

// maxHistories is how many histories of other databases are remembered, one for each database and dataset; the store has
// room for 10,000 small things in all. Whose history is forgotten is only rewound less cleverly if it was restored from a
// backup: from the beginning, where equal buckets are not sent again.
const maxHistories = 8000

const historyPrefix = "history/"

// remembered is a State that makes room for the histories of databases by forgetting those of the one that was not seen for
// longest, so that a peer with ever new databases, or years of replaced boxes, do not fill it. After a restart nobody was seen yet.
type remembered struct {
	State
	most int

	mu        stdsync.Mutex // guards what follows
	databases map[string]*rememberedDatabase
	entries   int
	clock     uint64 // counts uses
}

type rememberedDatabase struct {
	keys map[string]bool
	used uint64
}

func newRemembered(s State, most int) (*remembered, error) {
	all, err := s.All()
	if err != nil {
		return nil, fmt.Errorf("read the histories of other databases: %w", err)
	}
	r := &remembered{State: s, most: most, databases: map[string]*rememberedDatabase{}}
	for key := range all {
		if name, ok := historyOwner(key); ok {
			r.database(name).keys[key] = true
			r.entries++
		}
	}
	return r, nil
}

// historyOwner reads the database from history/DATABASE/DATASET.
func historyOwner(key string) (database string, ok bool) {
	rest, ok := strings.CutPrefix(key, historyPrefix)
	database, _, found := strings.Cut(rest, "/")
	return database, ok && found
}

// database is called with mu held.
func (r *remembered) database(name string) *rememberedDatabase {
	d := r.databases[name]
	if d == nil {
		d = &rememberedDatabase{keys: map[string]bool{}}
		r.databases[name] = d
	}
	return d
}

// Put stores a value. A new history may cost the oldest one its place.
func (r *remembered) Put(key string, value []byte) error {
	name, ok := historyOwner(key)
	if !ok {
		return r.State.Put(key, value)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.database(name)
	r.clock++
	d.used = r.clock
	if !d.keys[key] && r.entries >= r.most {
		if err := r.forgetOldest(name); err != nil {
			return err
		}
	}
	if err := r.State.Put(key, value); err != nil {
		return err
	}
	if !d.keys[key] {
		d.keys[key] = true
		r.entries++
	}
	return nil
}

// forgetOldest is called with mu held.
func (r *remembered) forgetOldest(but string) error {
	oldest := ""
	for name, d := range r.databases {
		if name != but && (oldest == "" || d.used < r.databases[oldest].used) {
			oldest = name
		}
	}
	if oldest == "" {
		return nil
	}
	for key := range r.databases[oldest].keys {
		if err := r.State.Delete(key); err != nil {
			return fmt.Errorf("forget the history of database %s: %w", oldest, err)
		}
		delete(r.databases[oldest].keys, key)
		r.entries--
	}
	delete(r.databases, oldest)
	return nil
}

// Delete forgets a value.
func (r *remembered) Delete(key string) error {
	if err := r.State.Delete(key); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if name, ok := historyOwner(key); ok && r.databases[name] != nil && r.databases[name].keys[key] {
		delete(r.databases[name].keys, key)
		r.entries--
	}
	return nil
}
