package configstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Bounds of the config log.
const (
	MaxLog     = 1000 // entries; the oldest give way
	maxLogLine = 1024 // bytes of one text of an entry
)

// Keys of what a firmware before this one does not know. It leaves them alone: what it saves makes a Revert void.
const (
	keyRevert    = "config/revert"     // Revert as JSON, without its texts
	keyRevertOld = "config/revert-old" // the text to go back to
	keyRevertNew = "config/revert-new" // the text in force until then
	keyLog       = "config/log/"       // + number: LogEntry as JSON
)

// Revert is a change of the configuration that undoes itself unless it is confirmed.
type Revert struct {
	Old, New string        `json:"-"`        // configuration texts: before the change, and in force
	Deadline time.Time     `json:"deadline"` // by the wall clock
	Left     time.Duration `json:"left"`     // of the box's own time, as noted last
	Length   time.Duration `json:"length"`   // that was asked for
	Armed    time.Time     `json:"armed"`
	Author   string        `json:"author"`
	From     string        `json:"from"`
	Startup  int           `json:"startup"` // revision that was startup-config when it was armed; 0: none
	Void     bool          `json:"-"`       // startup-config was written since, by a firmware that knows nothing of it
}

// LogEntry is one line of configuration that was changed.
type LogEntry struct {
	Number  int       `json:"number"` // from 1, never given again
	Time    time.Time `json:"time"`
	Name    string    `json:"name"`
	From    string    `json:"from"`
	Session int       `json:"session"` // line of the session, 0: none
	Context string    `json:"context"` // lines that hold it, outermost first, joined by " / "
	Line    string    `json:"line"`    // secrets masked
}

// Text is a configuration to save.
type Text struct{ Text, Author, Comment string }

// Batch is what one transaction writes.
type Batch struct {
	Startup *Text // becomes startup-config and the newest revision

	Revert *Revert // replaces the present one
	Texts  bool    // with its texts; else those of the present one stay
	Disarm bool    // removes it

	Log     []LogEntry // appended; numbers and bounds are seen to here
	LogSize int        // entries that are kept; 0: MaxLog
}

// Write makes all of a batch durable, or nothing. With Startup it returns the number of the revision.
func (s *Store) Write(b Batch) (revision int, err error) {
	if b.Startup != nil {
		if s.rescue != "" {
			return 0, fmt.Errorf("save startup-config: %s", s.rescue)
		}
		if len(b.Startup.Text) > MaxText {
			return 0, fmt.Errorf("save startup-config: %d bytes, at most %d can be saved", len(b.Startup.Text), MaxText)
		}
	}
	err = s.records.update(func(tx *tx) error {
		if b.Startup != nil {
			if revision, err = s.addRevision(tx, *b.Startup); err != nil {
				return fmt.Errorf("save startup-config: %w", err)
			}
		}
		return errors.Join(writeRevert(tx, b), appendLog(tx, b))
	})
	if err != nil {
		return 0, fmt.Errorf("write configuration: %w", err)
	}
	return revision, nil
}

func writeRevert(tx *tx, b Batch) error {
	if b.Disarm {
		return errors.Join(tx.delete(keyRevert), tx.delete(keyRevertOld), tx.delete(keyRevertNew))
	}
	if b.Revert == nil {
		return nil
	}
	r := *b.Revert
	r.Startup = 0
	if raw, found, err := tx.get(keyStartup); err != nil {
		return err
	} else if found {
		r.Startup, _ = strconv.Atoi(string(raw)) // checked when the store was opened
	}
	r.Author, r.From = note(r.Author), note(r.From)
	raw, err := json.Marshal(r)
	if err == nil {
		err = tx.put(keyRevert, raw)
	}
	if err != nil || !b.Texts {
		return err
	}
	if len(r.Old) > MaxText || len(r.New) > MaxText {
		return fmt.Errorf("the configuration is longer than %d bytes", MaxText)
	}
	return errors.Join(tx.put(keyRevertOld, []byte(r.Old)), tx.put(keyRevertNew, []byte(r.New)))
}

// Pending returns the change that waits to be confirmed, and whether there is one.
func (s *Store) Pending() (r Revert, found bool, err error) {
	err = s.records.view(func(tx *tx) error {
		var raw []byte
		if raw, found, err = tx.get(keyRevert); err != nil || !found {
			return err
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrDamaged, keyRevert, err)
		}
		before, hasOld, err := tx.get(keyRevertOld)
		after, hasNew, err2 := tx.get(keyRevertNew)
		now, saved, err3 := tx.get(keyStartup)
		if err := errors.Join(err, err2, err3); err != nil {
			return err
		}
		if !hasOld || !hasNew {
			return fmt.Errorf("%w: %s without its texts", ErrDamaged, keyRevert)
		}
		r.Old, r.New = string(before), string(after)
		was := ""
		if r.Startup > 0 {
			was = strconv.Itoa(r.Startup)
		}
		r.Void = saved != (r.Startup > 0) || string(now) != was
		return nil
	})
	if err != nil {
		return Revert{}, false, fmt.Errorf("read the unconfirmed change: %w", err)
	}
	return r, found, nil
}

func appendLog(tx *tx, b Batch) error {
	if len(b.Log) == 0 {
		return nil
	}
	keep := MaxLog
	if b.LogSize > 0 {
		keep = min(b.LogSize, MaxLog)
	}
	var numbers []int
	err := tx.scan(keyLog, func(key string, _ []byte) error {
		n, err := strconv.Atoi(key[len(keyLog):])
		numbers = append(numbers, n)
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: config log: %w", ErrDamaged, err)
	}
	next := 1
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	for i, entry := range b.Log {
		entry.Number = next + i
		numbers = append(numbers, entry.Number)
		if len(b.Log)-i > keep {
			continue // it would give way at once
		}
		entry.Name, entry.From = note(entry.Name), note(entry.From)
		entry.Line, entry.Context = shorten(entry.Line, maxLogLine), shorten(entry.Context, maxLogLine)
		raw, err := json.Marshal(entry)
		if err != nil {
			return err
		}
		if err := tx.put(numbered(keyLog, entry.Number), raw); err != nil {
			return err
		}
	}
	for _, n := range numbers[:max(0, len(numbers)-keep)] {
		if err := tx.delete(numbered(keyLog, n)); err != nil {
			return err
		}
	}
	return nil
}

// Log returns the config log, oldest first.
func (s *Store) Log() (entries []LogEntry, err error) {
	err = s.records.view(func(tx *tx) error {
		return tx.scan(keyLog, func(key string, value []byte) error {
			var entry LogEntry
			if err := json.Unmarshal(value, &entry); err != nil {
				return fmt.Errorf("%w: %s: %w", ErrDamaged, key, err)
			}
			entries = append(entries, entry)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the config log: %w", err)
	}
	return entries, nil
}

// EraseArchive removes all revisions but the one that is startup-config.
func (s *Store) EraseArchive() error {
	err := s.records.update(func(tx *tx) error {
		current, _, err := tx.get(keyStartup)
		if err != nil {
			return err
		}
		revs, err := revisions(tx)
		if err != nil {
			return err
		}
		for _, rev := range revs {
			if strconv.Itoa(rev.Number) == string(current) {
				continue
			}
			if err := errors.Join(tx.delete(numbered(keyRevisions, rev.Number)), tx.delete(numbered(keyTexts, rev.Number))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("erase the archive: %w", err)
	}
	return nil
}
