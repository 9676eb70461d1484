// Package dbtest gives tests a disk that can lose power (what a database had not synced is gone) or be slow to sync.
package dbtest

import (
	"math/rand/v2"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"mbox/hotspotdb"
)

// Disk is a disk in memory.
type Disk struct {
	fs *vfs.MemFS

	syncs sync.RWMutex // held for writing while nothing may be synced
}

// NewDisk returns an empty disk.
func NewDisk() *Disk { return &Disk{fs: vfs.NewCrashableMem()} }

// Use makes a database live on the disk.
func (d *Disk) Use(o *hotspotdb.Options) {
	o.FS, o.Dir = errorfs.Wrap(d.fs, errorfs.InjectorFunc(d.beforeSync)), "/hotspot"
	o.FreeSpace = func() (uint64, error) { return 1 << 40, nil }
}

func (d *Disk) beforeSync(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		d.syncs.RLock()
		defer d.syncs.RUnlock()
	}
	return nil
}

// HoldSyncs makes every sync wait until release is called.
func (d *Disk) HoldSyncs() (release func()) {
	d.syncs.Lock()
	return d.syncs.Unlock
}

// Crash returns the disk as it is after a power cut: what was synced is there, of the rest the given percentage of
// blocks, chosen by seed. The database on the old disk lives on in a world of its own; close it when convenient.
func (d *Disk) Crash(unsyncedPercent int, seed uint64) *Disk {
	return &Disk{fs: d.fs.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: unsyncedPercent, RNG: rand.New(rand.NewPCG(seed, seed)),
	})}
}
