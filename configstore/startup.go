package configstore

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is saved.
const (
	MaxRevisions    = 200      // the oldest give way
	MaxRevisionsSum = 64 << 20 // bytes of all texts together; the oldest give way
	MaxText         = 16 << 20 // bytes of one text
	maxNote         = 1024     // bytes of author or comment
)

// ErrNoRevision is returned for a number that was never given or has been dropped.
var ErrNoRevision = errors.New("no such revision")

// Revision is one saved configuration.
type Revision struct {
	Number  int       `json:"number"`
	Time    time.Time `json:"time"`
	Author  string    `json:"author"`
	Comment string    `json:"comment"`
	SHA256  string    `json:"sha256"` // of the text, hexadecimal
	Size    int       `json:"size"`   // of the text, bytes
}

// Startup returns startup-config, and whether there is one.
func (s *Store) Startup() (text string, found bool, err error) {
	err = s.records.view(func(tx *tx) error {
		text, found, err = startup(tx)
		return err
	})
	if err != nil {
		return "", false, fmt.Errorf("read startup-config: %w", err)
	}
	return text, found, nil
}

func startup(tx *tx) (text string, found bool, err error) {
	raw, found, err := tx.get(keyStartup)
	if err != nil || !found {
		return "", false, err
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil {
		return "", false, fmt.Errorf("%w: startup-config is revision %q", ErrDamaged, raw)
	}
	value, found, err := tx.get(numbered(keyTexts, n))
	if err == nil && !found {
		err = fmt.Errorf("%w: startup-config is revision %d, which is missing", ErrDamaged, n)
	}
	return string(value), found, err
}

func checkStartup(tx *tx) error {
	_, _, err := startup(tx)
	return err
}

// SaveStartup makes text startup-config and its newest revision, in one transaction.
func (s *Store) SaveStartup(text, author, comment string) (int, error) {
	return s.Write(Batch{Startup: &Text{text, author, comment}})
}

// addRevision makes a text startup-config and its newest revision.
func (s *Store) addRevision(tx *tx, t Text) (int, error) {
	digest := sha256.Sum256([]byte(t.Text))
	rev := Revision{
		Number: 1, Time: s.now().UTC(), Author: note(t.Author), Comment: note(t.Comment),
		SHA256: hex.EncodeToString(digest[:]), Size: len(t.Text),
	}
	revs, err := revisions(tx)
	if err != nil {
		return 0, err
	}
	if len(revs) > 0 {
		rev.Number = revs[len(revs)-1].Number + 1
	}
	return rev.Number, saveRevision(tx, append(revs, rev), t.Text)
}

// saveRevision writes the last of revs and drops the first ones beyond the bounds.
func saveRevision(tx *tx, revs []Revision, text string) error {
	rev := revs[len(revs)-1]
	info, err := json.Marshal(rev)
	if err != nil {
		return err
	}
	err = errors.Join(
		tx.put(numbered(keyRevisions, rev.Number), info),
		tx.put(numbered(keyTexts, rev.Number), []byte(text)),
		tx.put(keyStartup, fmt.Append(nil, rev.Number)),
	)
	if err != nil {
		return err
	}
	total := 0
	for i := len(revs) - 1; i >= 0; i-- {
		total += revs[i].Size
		if len(revs)-i <= MaxRevisions && total <= MaxRevisionsSum {
			continue
		}
		n := revs[i].Number
		if err := errors.Join(tx.delete(numbered(keyRevisions, n)), tx.delete(numbered(keyTexts, n))); err != nil {
			return err
		}
	}
	return nil
}

// note keeps a remark on one line and within bounds.
func note(s string) string {
	s = strings.ToValidUTF8(s, "�")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return shorten(s, maxNote)
}

// shorten cuts a text behind the last character that is within the limit, in bytes.
func shorten(s string, limit int) string {
	for len(s) > limit {
		_, n := utf8.DecodeLastRuneInString(s[:min(len(s), limit+utf8.UTFMax)])
		s = s[:min(len(s), limit+utf8.UTFMax)-n]
	}
	return s
}

// EraseStartup removes startup-config; its revisions stay.
func (s *Store) EraseStartup() error {
	if s.rescue != "" {
		return fmt.Errorf("erase startup-config: %s", s.rescue)
	}
	if err := s.records.update(func(tx *tx) error { return tx.delete(keyStartup) }); err != nil {
		return fmt.Errorf("erase startup-config: %w", err)
	}
	return nil
}

// Revisions lists what was saved, oldest first.
func (s *Store) Revisions() (revs []Revision, err error) {
	err = s.records.view(func(tx *tx) error {
		revs, err = revisions(tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list revisions: %w", err)
	}
	return revs, nil
}

func revisions(tx *tx) ([]Revision, error) {
	revs := []Revision{}
	err := tx.scan(keyRevisions, func(key string, value []byte) error {
		var rev Revision
		if err := json.Unmarshal(value, &rev); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrDamaged, key, err)
		}
		revs = append(revs, rev)
		return nil
	})
	return revs, err
}

// Revision returns the text of one revision, or ErrNoRevision.
func (s *Store) Revision(n int) (text string, err error) {
	err = s.records.view(func(tx *tx) error {
		value, found, err := tx.get(numbered(keyTexts, n))
		if err == nil && !found {
			err = ErrNoRevision
		}
		text = string(value)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read revision %d: %w", n, err)
	}
	return text, nil
}

// numbered makes keys whose order is that of the numbers.
func numbered(prefix string, n int) string { return fmt.Sprintf("%s%010d", prefix, n) }
