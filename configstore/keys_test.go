package configstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestType6(t *testing.T) {
	id, other := OpenMemory("").Identity(), OpenMemory("").Identity()
	const label = "mbox sync primary mboxprimary.ransnet.com"
	text, err := id.Seal6([]byte("securemboxpass"), label)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "secure") || strings.ContainsAny(text, " \t\"\\!|?") {
		t.Errorf("not one safe word: %q", text)
	}
	if plain, err := id.Open6(text, label); string(plain) != "securemboxpass" || err != nil {
		t.Errorf("open: %q, %v", plain, err)
	}
	if again, _ := id.Seal6([]byte("securemboxpass"), label); again == text {
		t.Error("sealing twice gives the same text")
	}
	for name, open := range map[string]func() ([]byte, error){
		"another box":   func() ([]byte, error) { return other.Open6(text, label) },
		"another label": func() ([]byte, error) { return id.Open6(text, label+"x") },
		"cut":           func() ([]byte, error) { return id.Open6(text[:len(text)-1], label) },
		"empty":         func() ([]byte, error) { return id.Open6("", label) },
		"not base64":    func() ([]byte, error) { return id.Open6("!"+text[1:], label) },
		"long":          func() ([]byte, error) { return id.Open6(strings.Repeat("A", 1<<20), label) },
		"one bit": func() ([]byte, error) {
			changed := []byte(text)
			changed[len(changed)/2] ^= 1
			return id.Open6(string(changed), label)
		},
		"another scheme": func() ([]byte, error) { return id.Open6("Ag"+text[2:], label) },
	} {
		if plain, err := open(); !errors.Is(err, ErrSealed) || plain != nil {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
	if _, err := id.Seal6(make([]byte, maxSecret+1), label); err == nil {
		t.Error("a long secret was sealed")
	}
}

func TestKeyringSealsForTheDomain(t *testing.T) {
	a, b := OpenMemory("").Keyring(), OpenMemory("").Keyring()
	sealed, err := a.Seal([]byte("guest"), []byte("account 1"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := a.Open(sealed, []byte("account 1")); string(plain) != "guest" || err != nil {
		t.Errorf("open: %q, %v", plain, err)
	}
	if _, err := b.Open(sealed, []byte("account 1")); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("with another domain's keys: %v", err)
	}
	if _, err := a.Open(sealed, []byte("account 2")); !errors.Is(err, ErrTampered) {
		t.Errorf("for another account: %v", err)
	}
	if _, err := a.Open(sealed[:10], []byte("account 1")); !errors.Is(err, ErrTampered) {
		t.Errorf("cut: %v", err)
	}
	if err := b.Adopt(a.Domain(), a.Keys()); err != nil {
		t.Fatal(err)
	}
	if plain, err := b.Open(sealed, []byte("account 1")); string(plain) != "guest" || err != nil {
		t.Errorf("after adopting: %q, %v", plain, err)
	}
}

func TestAdoptKeepsOldKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s, other := open(t, path), OpenMemory("").Keyring()
	k := s.Keyring()
	mine, err := k.Seal([]byte("old"), nil)
	if err != nil {
		t.Fatal(err)
	}
	changed := k.Changed()
	if err := k.Adopt(other.Domain(), other.Keys()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	default:
		t.Error("nobody was told")
	}
	k = reopen(t, s, path).Keyring()
	if k.Domain() != other.Domain() {
		t.Error("the domain was not kept")
	}
	if plain, err := k.Open(mine, nil); string(plain) != "old" || err != nil {
		t.Errorf("with the old key: %q, %v", plain, err)
	}
	sealed, err := k.Seal([]byte("new"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := other.Open(sealed, nil); string(plain) != "new" || err != nil {
		t.Errorf("the new key seals: %q, %v", plain, err)
	}
}

func TestMerge(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path)
	k := s.Keyring()
	before, changed := k.Keys(), k.Changed()
	key := DomainKey{ID: 9, Key: [32]byte{9}, Created: time.Unix(9, 0).UTC()}
	conflict := before[0]
	conflict.Key[0] ^= 1
	for name, keys := range map[string][]DomainKey{
		"conflict":        {key, conflict},
		"conflict inside": {key, {ID: 9, Key: [32]byte{8}}},
		"no id":           {key, {Key: [32]byte{1}}},
		"too many":        manyKeys(MaxDomainKeys),
	} {
		if err := k.Merge(keys); err == nil || !slices.Equal(k.Keys(), before) {
			t.Errorf("%s: %v, then %d keys", name, err, len(k.Keys()))
		}
	}
	if err := k.Merge([]DomainKey{conflict}); !errors.Is(err, ErrKeyConflict) {
		t.Errorf("conflict: %v", err)
	}
	if err := k.Merge(before); err != nil {
		t.Error(err)
	}
	select {
	case <-changed:
		t.Error("told of a change that was none")
	default:
	}
	if err := k.Merge([]DomainKey{key}); err != nil {
		t.Fatal(err)
	}
	<-changed
	if got := reopen(t, s, path).Keyring().Keys(); !slices.Contains(got, key) || len(got) != 2 {
		t.Errorf("after reopening: %d keys", len(got))
	}
}

func manyKeys(n int) []DomainKey {
	keys := make([]DomainKey, n)
	for i := range keys {
		keys[i].ID = uint32(i + 1)
	}
	return keys
}

func TestAdoptRefuses(t *testing.T) {
	k, other := OpenMemory("").Keyring(), OpenMemory("").Keyring()
	before := k.Domain()
	if err := k.Adopt(other.Domain(), nil); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("without the active key: %v", err)
	}
	if err := k.Adopt(Domain{Active: other.Domain().Active}, other.Keys()); err == nil {
		t.Error("a domain without an id was adopted")
	}
	if k.Domain() != before || len(k.Keys()) != 1 {
		t.Error("something was kept of what was refused")
	}
}

// TestKeyringIsNotChangedInMemoryOnly: what is not durable is not used.
func TestKeyringIsNotChangedInMemoryOnly(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), FileName))
	s.Close()
	if err := s.Keyring().Merge([]DomainKey{{ID: 9}}); !errors.Is(err, os.ErrClosed) || len(s.Keyring().Keys()) != 1 {
		t.Fatalf("%v, %d keys", err, len(s.Keyring().Keys()))
	}
}

func TestKeyringUnderConcurrentChange(t *testing.T) {
	k := OpenMemory("").Keyring()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := k.Merge([]DomainKey{{ID: uint32(i + 1), Key: [32]byte{byte(i)}}}); err != nil {
				t.Error(err)
			}
			for range 100 {
				sealed, err := k.Seal([]byte("x"), nil)
				if err != nil {
					t.Error(err)
				}
				if _, err := k.Open(sealed, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(k.Keys()); n != 9 {
		t.Errorf("%d keys", n)
	}
}

// TestNoSecretInClearOnDisk searches the file for what may only be there wrapped.
func TestNoSecretInClearOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s := open(t, path)
	text, err := s.Identity().Seal6([]byte("securemboxpass"), "mbox sync primary p")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SaveStartup("mbox sync primary p password 6 "+text, "", ""); err != nil {
		t.Fatal(err)
	}
	key, err := json.Marshal(s.Keyring().Keys()[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := json.Marshal(s.Keyring().Domain().DigestKey)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{
		"type 6": []byte("securemboxpass"), "domain key": key, "digest key": digest,
	} {
		if bytes.Contains(raw, secret) {
			t.Errorf("%s is in the file", name)
		}
	}
}

func BenchmarkKeyringSeal(b *testing.B) {
	k := OpenMemory("").Keyring()
	for b.Loop() {
		if _, err := k.Seal([]byte("guest password"), []byte("12345678")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKeyringOpen(b *testing.B) {
	k := OpenMemory("").Keyring()
	sealed, err := k.Seal([]byte("guest password"), []byte("12345678"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := k.Open(sealed, []byte("12345678")); err != nil {
			b.Fatal(err)
		}
	}
}
