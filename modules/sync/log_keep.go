package sync

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"
)

const (
	// saveEvery is the least time between two writes: an event storm costs the disk no more than this. Killed, a box loses
	// the entries of that long.
	saveEvery = 10 * time.Second
	// maxKept is how much is written, in bytes after compression; the oldest entries give way.
	maxKept = 60 << 10
	logKey  = "log"
)

// keeper is how the log outlives the box.
type keeper struct {
	store State // nil: it does not
	dirty bool
	next  time.Time // not before
}

func newJournal(store State, log *slog.Logger, now func() time.Time) *journal {
	j := &journal{log: log, now: now, total: map[kind]uint64{}, keep: keeper{store: store}}
	if err := j.load(); err != nil {
		log.Warn("sync: the log of before cannot be read; it begins anew", "error", err)
		j.list, j.bytes = nil, 0
	}
	return j
}

func (j *journal) load() error {
	if j.keep.store == nil {
		return nil
	}
	raw, found, err := j.keep.store.Get(logKey)
	if err != nil || !found {
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(z, 4*maxEventBytes))
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	if err := json.Unmarshal(text, &j.list); err != nil {
		return err
	}
	j.list = last(j.list, maxEvents)
	for _, e := range j.list {
		j.bytes += size(e)
	}
	return nil
}

// save writes the log if it has changed and the last time is long enough ago. Only one goroutine at a time may call it.
func (j *journal) save(now time.Time) {
	events := j.due(now)
	if events == nil {
		return
	}
	raw, err := pack(events)
	if err == nil {
		err = j.keep.store.Put(logKey, raw)
	}
	if err != nil {
		j.log.Warn("sync: the log cannot be kept for after a restart", "error", err)
	}
}

// due returns what is to be written; nil if nothing is. The lock is not held while the disk is waited for.
func (j *journal) due(now time.Time) []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.keep.dirty || j.keep.store == nil || now.Before(j.keep.next) {
		return nil
	}
	j.keep.dirty, j.keep.next = false, now.Add(saveEvery)
	return append([]Event{}, j.list...)
}

// flush writes the log at the end of the box.
func (j *journal) flush() {
	j.mu.Lock()
	j.keep.next = time.Time{}
	j.mu.Unlock()
	j.save(time.Now())
}

// pack compresses as many of the newest events as fit.
func pack(events []Event) ([]byte, error) {
	for {
		text, err := json.Marshal(events)
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		if _, err := z.Write(text); err != nil {
			return nil, err
		}
		if err := z.Close(); err != nil {
			return nil, err
		}
		if out.Len() <= maxKept {
			return out.Bytes(), nil
		}
		events = events[(len(events)+3)/4:]
	}
}
