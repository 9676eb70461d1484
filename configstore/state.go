package configstore

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of State.
const (
	MaxStateKey     = 256      // bytes
	MaxStateValue   = 64 << 10 // bytes
	MaxStateEntries = 10_000   // for each name
)

// State is a small durable map for what a module must remember and is neither configuration nor hotspot data.
type State struct {
	store  *Store
	prefix string
}

// State returns the map of that name, which needs no other act to exist. Names are fixed words of the program.
func (s *Store) State(name string) *State {
	if name == "" || strings.Contains(name, "/") {
		panic("configstore: bad state name " + name)
	}
	return &State{s, keyStates + name + "/"}
}

// Get returns the value of a key, and whether there is one.
func (st *State) Get(key string) (value []byte, found bool, err error) {
	err = st.store.records.view(func(tx *tx) error {
		value, found, err = tx.get(st.prefix + key)
		return err
	})
	return value, found, st.wrap("read", key, err)
}

// Put stores a value durably. A key is text of 1 to MaxStateKey bytes without control characters.
func (st *State) Put(key string, value []byte) error {
	if err := checkStateKey(key); err != nil {
		return st.wrap("store", key, err)
	}
	if len(value) > MaxStateValue {
		return st.wrap("store", key, fmt.Errorf("more than %d bytes", MaxStateValue))
	}
	err := st.store.records.update(func(tx *tx) error {
		if err := st.checkRoom(tx, key); err != nil {
			return err
		}
		return tx.put(st.prefix+key, value)
	})
	return st.wrap("store", key, err)
}

func checkStateKey(key string) error {
	if key == "" || len(key) > MaxStateKey || !utf8.ValidString(key) || strings.ContainsFunc(key, unicode.IsControl) {
		return errors.New("bad key")
	}
	return nil
}

func (st *State) checkRoom(tx *tx, key string) error {
	if _, found, err := tx.get(st.prefix + key); found || err != nil {
		return err
	}
	n := 0
	err := tx.scan(st.prefix, func(string, []byte) error { n++; return nil })
	if err == nil && n >= MaxStateEntries {
		err = fmt.Errorf("more than %d entries", MaxStateEntries)
	}
	return err
}

// Delete forgets a key, durably. It is no error if there is none.
func (st *State) Delete(key string) error {
	err := st.store.records.update(func(tx *tx) error { return tx.delete(st.prefix + key) })
	return st.wrap("delete", key, err)
}

// All returns everything, by key.
func (st *State) All() (map[string][]byte, error) {
	out := map[string][]byte{}
	err := st.store.records.view(func(tx *tx) error {
		return tx.scan(st.prefix, func(key string, value []byte) error {
			out[strings.TrimPrefix(key, st.prefix)] = append([]byte{}, value...)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read state %s: %w", st.prefix, err)
	}
	return out, nil
}

func (st *State) wrap(verb, key string, err error) error {
	if err != nil {
		return fmt.Errorf("%s state %s%s: %w", verb, st.prefix, key, err)
	}
	return nil
}
