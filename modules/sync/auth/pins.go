package auth

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Store keeps pins durably.
type Store interface {
	Get(key string) ([]byte, bool, error)
	Put(key string, value []byte) error
	Delete(key string) error
}

// A Pin is a key that proved itself under a name.
type Pin struct {
	BoxID string    `json:"box_id"`
	Since time.Time `json:"since"`
}

// Pins remembers which box answered under which name. Names are those of `mbox sync primary`.
type Pins struct{ Store Store }

func (p Pins) load(name string) ([]Pin, error) {
	raw, ok, err := p.Store.Get(name)
	if err != nil || !ok {
		return nil, err
	}
	var pins []Pin
	if err := json.Unmarshal(raw, &pins); err != nil {
		return nil, fmt.Errorf("read the pins of %s: %w", name, err)
	}
	return pins, nil
}

// Check compares the key of the box that answers under name with the pins, configured (fingerprints) and remembered.
func (p Pins) Check(name, boxID string, configured []string) error {
	if len(configured) > 0 {
		if slices.Contains(configured, boxID) {
			return nil
		}
		return Refuse(CodePin, "it shows key sha256:%s, which is not the configured fingerprint; if the box was replaced, "+
			"correct `mbox sync fingerprint %s`", boxID, name)
	}
	pins, err := p.load(name)
	if err != nil {
		return err
	}
	if len(pins) == 0 || slices.ContainsFunc(pins, func(pin Pin) bool { return pin.BoxID == boxID }) {
		return nil
	}
	return Refuse(CodePin, "it shows key sha256:%s, but sha256:%s is pinned since %s; if the box was replaced, type "+
		"`clear mbox sync pin %s`; if not, somebody stands between", boxID, pins[0].BoxID, pins[0].Since.UTC().Format(time.DateOnly), name)
}

// Remember pins a key that has proved itself, if nothing is pinned under the name yet.
func (p Pins) Remember(name, boxID string, now time.Time) error {
	pins, err := p.load(name)
	if err != nil || len(pins) > 0 {
		return err
	}
	raw, err := json.Marshal([]Pin{{BoxID: boxID, Since: now.UTC()}})
	if err != nil {
		return err
	}
	return p.Store.Put(name, raw)
}

// Forget drops the pins of a name and returns them.
func (p Pins) Forget(name string) ([]Pin, error) {
	pins, err := p.load(name)
	if err != nil || len(pins) == 0 {
		return nil, err
	}
	return pins, p.Store.Delete(name)
}

// ParseFingerprint reads sha256:HEX (colons between bytes are accepted) and returns the box id.
func ParseFingerprint(text string) (string, error) {
	hexPart, ok := strings.CutPrefix(strings.ToLower(text), "sha256:")
	hexPart = strings.ReplaceAll(hexPart, ":", "")
	if !ok || len(hexPart) != 64 || strings.Trim(hexPart, "0123456789abcdef") != "" {
		return "", fmt.Errorf("expected sha256: and 64 hex digits, as `show mbox sync status` on the primary prints its box")
	}
	return hexPart, nil
}
