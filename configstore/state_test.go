package configstore

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestStateIsDurable(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path)
	pins, peers := s.State("pins"), s.State("peers")
	for key, value := range map[string]string{"a": "1", "a/b": "2", "ключ": "", "z": strings.Repeat("x", MaxStateValue)} {
		if err := pins.Put(key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := peers.Put("a", []byte("other")); err != nil {
		t.Fatal(err)
	}
	if err := pins.Put("a", []byte("3")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := pins.Delete("z"); err != nil {
			t.Fatal(err)
		}
	}
	pins = reopen(t, s, path).State("pins")
	all, err := pins.All()
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(slices.Sorted(maps.Keys(all))); got != "[a a/b ключ]" {
		t.Errorf("keys %s", got)
	}
	if v, found, err := pins.Get("a"); string(v) != "3" || !found || err != nil {
		t.Errorf("a: %q, %t, %v", v, found, err)
	}
	if v, found, err := pins.Get("ключ"); len(v) != 0 || !found || err != nil {
		t.Errorf("an empty value is one: %q, %t, %v", v, found, err)
	}
	if _, found, err := pins.Get("z"); found || err != nil {
		t.Errorf("z: %t, %v", found, err)
	}
}

func TestStateIsBounded(t *testing.T) {
	st := OpenMemory("").State("peers")
	for name, err := range map[string]error{
		"empty key":       st.Put("", nil),
		"long key":        st.Put(strings.Repeat("k", MaxStateKey+1), nil),
		"control":         st.Put("a\nb", nil),
		"not UTF-8":       st.Put("\xff", nil),
		"long value":      st.Put("k", make([]byte, MaxStateValue+1)),
		"largest allowed": nil,
	} {
		if (err == nil) != (name == "largest allowed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := st.All(); len(all) != 0 || err != nil {
		t.Errorf("something was kept: %d, %v", len(all), err)
	}
}

func TestStateHasARoomLimit(t *testing.T) {
	s := OpenMemory("")
	err := s.records.update(func(tx *tx) error {
		for i := range MaxStateEntries {
			if err := tx.put(fmt.Sprintf("%speers/%d", keyStates, i), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.State("peers").Put("one more", nil); err == nil {
		t.Error("there was room for one more")
	}
	if err := s.State("peers").Put("17", []byte("new")); err != nil {
		t.Errorf("a known key: %v", err)
	}
	if err := s.State("pins").Put("one more", nil); err != nil {
		t.Errorf("another name: %v", err)
	}
}
