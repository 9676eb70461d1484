package sync

import (
	"context"
	"time"

	"mbox/modules/sync/auth"
)

// A follower that may send can send for ever. It is stopped while there is still room for what is written on this box: below
// roomLeast times the database's own reserve nothing is taken from followers, and again from roomAgain times on.
const (
	roomLeast  = 4
	roomAgain  = 5
	lookAtRoom = 2 * time.Second
)

// roomFor refuses a follower's changes when the disk is nearly full; its feed down goes on with the next connection.
func (m *Module) roomFor() error {
	free, reserve, err := m.deps.DB.Room()
	if err != nil {
		return err
	}
	if free >= roomLeast*reserve {
		return nil
	}
	m.setTight(true, free)
	return errCrowded
}

var errCrowded = auth.Refuse(auth.CodeSpace, "the disk of the primary is nearly full: it takes nothing from its followers until space is freed")

// watchRoom ends or allows the feeds up when the disk fills or is freed.
func (m *Module) watchRoom(ctx context.Context) {
	tick := time.NewTicker(lookAtRoom)
	defer tick.Stop()
	for {
		m.lookAtRoom()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (m *Module) lookAtRoom() {
	free, reserve, err := m.deps.DB.Room()
	if err != nil {
		m.deps.Log.Error("sync: free disk space is not known", "error", err)
		return
	}
	least := uint64(roomLeast)
	if m.tight.Load() {
		least = roomAgain
	}
	if m.setTight(free < least*reserve, free) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.review()
	}
}

func (m *Module) setTight(now bool, free uint64) (changed bool) {
	if !m.tight.CompareAndSwap(!now, now) {
		return false
	}
	if now {
		m.deps.Log.Error("sync: the disk is nearly full; nothing is taken from followers until space is freed", "free_mib", free>>20)
	} else {
		m.deps.Log.Info("sync: changes of followers are taken again", "free_mib", free>>20)
	}
	return true
}
