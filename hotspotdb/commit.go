package hotspotdb

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// groupBytes ends a group: more would make views wait for long.
const groupBytes = 4 << 20

// job is one write: a function that runs in the committer, and who waits for it.
type job struct {
	run func(*Tx) error
	// durable: done is closed once the job is on disk; otherwise once it is applied. run may set it.
	durable bool
	alone   bool // must not share its group
	taken   atomic.Bool
	done    chan struct{}
	err     error // set before done is closed
	panic   any
}

// queue is where jobs wait for the committer.
type queue struct {
	mu     sync.Mutex // guards jobs and closed
	jobs   []*job
	closed bool
	wake   chan struct{}
}

func (q *queue) init() { q.wake = make(chan struct{}, 1) }

func (q *queue) push(j *job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.jobs = append(q.jobs, j)
	q.signal()
	return nil
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

// take waits for jobs and returns all of them; false when the queue is closed and empty.
func (q *queue) take() ([]*job, bool) {
	for {
		q.mu.Lock()
		jobs, closed := q.jobs, q.closed
		q.jobs = nil
		q.mu.Unlock()
		if len(jobs) > 0 || closed {
			return jobs, len(jobs) > 0
		}
		<-q.wake
	}
}

// do hands a job to the committer and waits for it. The context only ends the waiting for its turn: a job that was begun
// is waited for, because what it refers to belongs to the caller.
func (db *DB) do(ctx context.Context, j *job) error {
	if db.opts.ReadOnly {
		return ErrReadOnly
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := db.gate.enter(); err != nil {
		return err
	}
	defer db.gate.leave()
	j.done = make(chan struct{})
	if err := db.queue.push(j); err != nil {
		return err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		<-j.done
	}
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

// Update runs fn as one transaction and returns once it is durable, or with fn's error, and then nothing of it is stored.
// fn runs in the committer: it must be quick, must not wait, and must not call other methods of the database that write.
// If storing failed after fn ran, the error wraps ErrNoSpace (nothing is stored) or the error that ended all writing.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	return db.do(ctx, &job{run: fn, durable: true})
}

// commitLoop is the committer: it gathers the waiting jobs into groups, each one batch of the storage engine.
func (db *DB) commitLoop() {
	defer close(db.groups)
	for {
		jobs, ok := db.queue.take()
		if !ok {
			return
		}
		for len(jobs) > 0 {
			g := db.newGroup()
			for len(jobs) > 0 && g.bytes < groupBytes && !(jobs[0].alone && len(g.parts) > 0) {
				if jobs[0].taken.CompareAndSwap(false, true) {
					g.run(jobs[0])
				}
				jobs = jobs[1:]
			}
			db.commit(g)
		}
	}
}

// run executes one job; if it fails, nothing of it remains in the group.
func (g *group) run(j *job) {
	if err := g.db.failed.get(); err != nil {
		j.finish(err)
		return
	}
	tx := g.begin()
	defer func() {
		if r := recover(); r != nil {
			j.panic = fmt.Sprintf("%v\n%s", r, debug.Stack())
			tx.rollback()
			j.finish(nil)
		}
	}()
	if err := j.run(tx); err != nil {
		tx.rollback()
		j.finish(err)
		return
	}
	if tx.batch.Empty() { // nothing to write: what it saw may not be durable, but neither was anything promised
		tx.rollback()
		j.finish(nil)
		return
	}
	tx.end()
	g.jobs = append(g.jobs, j)
	g.sync = g.sync || j.durable
}

func (j *job) finish(err error) {
	j.err = err
	close(j.done)
}

// commit applies a group to engine and index together and hands it to the syncer.
func (db *DB) commit(g *group) {
	if len(g.jobs) == 0 {
		return
	}
	if err := db.space.take(g.bytes); err != nil {
		g.abandon(err)
		return
	}
	batch, err := g.assemble()
	if err != nil {
		g.abandon(fmt.Errorf("assemble a group of changes: %w", err))
		return
	}
	db.mu.Lock()
	g.applyToIndex()
	if g.sync {
		err = db.engn.ApplyNoSyncWait(batch, pebble.Sync)
	} else {
		err = db.engn.Apply(batch, pebble.NoSync)
	}
	g.state.seq = db.last
	for _, ds := range Datasets() {
		g.state.heads[ds] = db.index.datasets[ds].head
	}
	db.mu.Unlock()
	if err != nil {
		db.fail(fmt.Errorf("apply a group of changes to %s: %w", db.opts.Dir, err))
	}
	g.batch = batch
	g.finishApplied()
	db.groups <- g
}

// syncLoop is the syncer: it waits until groups are on disk, advances the watermark and wakes the writers. A group that
// nobody waits for was not asked to be synced; one sync then covers all that have come in the meantime.
func (db *DB) syncLoop() {
	for g := range db.groups {
		groups := []*group{g}
		if !g.sync {
			groups = db.gather(groups)
		}
		err := db.failed.get()
		switch {
		case err != nil:
		case groups[len(groups)-1].sync:
			err = groups[len(groups)-1].batch.SyncWait()
		default:
			err = db.engn.LogData(nil, pebble.Sync)
		}
		if err != nil {
			db.fail(fmt.Errorf("sync the log of %s: %w", db.opts.Dir, err))
		}
		if failed := db.failed.get(); failed != nil {
			err = failed
		}
		for _, g := range groups {
			if err == nil {
				db.durable.advance(g.state)
			}
			g.release(err)
		}
	}
}

// gather takes the groups that are there already, up to one whose sync was asked for: that covers the ones before it.
func (db *DB) gather(groups []*group) []*group {
	for {
		select {
		case g, ok := <-db.groups:
			if !ok {
				return groups
			}
			groups = append(groups, g)
			if g.sync {
				return groups
			}
		default:
			return groups
		}
	}
}
