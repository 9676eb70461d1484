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

// queue is where jobs wait for the committer. Whoever holds turn is the committer.
type queue struct {
	turn   sync.Mutex
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
	return nil
}

// rest wakes the committer's goroutine if there is something to do.
func (q *queue) rest() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.jobs) > 0 {
		q.signal()
	}
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

// wait returns when there may be jobs; false when the queue is closed and empty.
func (q *queue) wait() bool {
	for {
		q.mu.Lock()
		jobs, closed := len(q.jobs), q.closed
		q.mu.Unlock()
		if jobs > 0 || closed {
			return jobs > 0
		}
		<-q.wake
	}
}

// take returns all jobs that wait.
func (q *queue) take() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs := q.jobs
	q.jobs = nil
	return jobs
}

// do has a job committed and waits for it. The context only ends the waiting for its turn: a job that was begun is waited
// for, because what it refers to belongs to the caller.
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
	if err := db.submit(j); err != nil {
		return err
	}
	select {
	case <-j.done:
	case <-db.failed.happened: // nobody may be left who would finish the job
		return db.failed.get()
	case <-ctx.Done():
		if j.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		select {
		case <-j.done:
		case <-db.failed.happened:
			return db.failed.get()
		}
	}
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

// submit queues a job. A caller who finds nobody at work is the committer himself for once: handing the job to a goroutine
// that sleeps costs more than the work.
func (db *DB) submit(j *job) error {
	if !db.queue.turn.TryLock() {
		defer db.queue.rest()
		return db.queue.push(j)
	}
	if err := db.queue.push(j); err != nil {
		db.queue.turn.Unlock()
		return err
	}
	mine := db.commitAll(db.queue.take(), true)
	db.queue.turn.Unlock()
	db.queue.rest()
	if mine != nil {
		db.settle([]*group{mine})
		db.syncing.Unlock()
	}
	return nil
}

// UpdateHere is Update for writes that nobody waits for at a keyboard: it returns once they are durable on this box.
func (db *DB) UpdateHere(ctx context.Context, fn func(*Tx) error) error {
	return db.do(ctx, &job{run: fn, durable: true})
}

// commitLoop is the committer for all who found another at work.
func (db *DB) commitLoop() {
	defer close(db.groups)
	for db.queue.wait() {
		db.queue.turn.Lock()
		db.commitAll(db.queue.take(), false)
		db.queue.turn.Unlock()
	}
}

// commitAll gathers jobs into groups, each one batch of the storage engine, and hands them to the syncer. With inline, a
// group that would be alone there is returned instead, for the caller to settle, with db.syncing locked.
func (db *DB) commitAll(jobs []*job, inline bool) (mine *group) {
	for len(jobs) > 0 {
		g := db.newGroup()
		for len(jobs) > 0 && g.bytes < groupBytes && !(jobs[0].alone && len(g.parts) > 0) {
			if jobs[0].taken.CompareAndSwap(false, true) {
				g.run(jobs[0])
			}
			jobs = jobs[1:]
		}
		if len(g.jobs) > 0 {
			g.writeAudit()
		}
		if !db.commit(g) {
			continue
		}
		if inline && len(jobs) == 0 && g.sync && db.unsettled.Load() == 0 && db.syncing.TryLock() {
			return g
		}
		db.unsettled.Add(1)
		db.groups <- g
	}
	return nil
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
	err := j.run(tx)
	if err == nil {
		tx.finish()
		err = tx.putLife()
	}
	if err != nil {
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
	g.last = tx
	g.jobs = append(g.jobs, j)
	g.sync = g.sync || j.durable
}

func (j *job) finish(err error) {
	j.err = err
	close(j.done)
}

// commit applies a group to engine and index together; false if there was nothing to apply.
func (db *DB) commit(g *group) bool {
	if len(g.jobs) == 0 {
		return false
	}
	if err := db.space.take(g.bytes); err != nil {
		g.abandon(err)
		return false
	}
	batch, err := g.assemble()
	if err != nil {
		g.abandon(fmt.Errorf("assemble a group of changes: %w", err))
		return false
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
	return true
}

// syncLoop is the syncer: it settles groups in their order. A group that
// nobody waits for was not asked to be synced; one sync then covers all that have come in the meantime.
func (db *DB) syncLoop() {
	for g := range db.groups {
		groups := []*group{g}
		if !g.sync {
			groups = db.gather(groups)
		}
		db.syncing.Lock()
		db.settle(groups)
		db.unsettled.Add(-int64(len(groups)))
		db.syncing.Unlock()
	}
}

// settle waits until groups are on disk, advances the watermark and wakes the writers. The caller holds db.syncing.
func (db *DB) settle(groups []*group) {
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
	if err == nil {
		if err := db.mark.advance(groups[len(groups)-1].state.seq); err != nil {
			db.opts.Log.Warn("the next start cannot tell whether confirmed changes are missing", "err", err)
		}
	}
	for _, g := range groups {
		if err == nil {
			db.durable.advance(g.state)
		}
		g.release(err)
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
