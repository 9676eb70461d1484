package hotspotdb

import (
	dto "github.com/prometheus/client_model/go"
)

// Metrics is what the storage engine has counted since the database was opened.
type Metrics struct {
	DiskBytes    int64  // that the database takes on disk
	LogBytes     uint64 // written to the write-ahead log
	Compactions  uint64
	Sequence     uint64 // highest sequence given out, ever: it grows with every change stored
	Fsyncs       uint64 // of the write-ahead log
	FsyncSeconds float64
	FsyncWithin  map[float64]uint64 // how many took at most that many seconds
}

// fsyncBounds is how many of the engine's hundred bounds are passed over for each one that is told.
const fsyncBounds = 8

// Metrics asks the storage engine; it takes about ten microseconds. A closed database has none.
func (db *DB) Metrics() (m Metrics, ok bool) {
	if db.gate.enter() != nil {
		return m, false
	}
	defer db.gate.leave()
	e := db.engn.Metrics()
	m = Metrics{
		DiskBytes: int64(e.DiskSpaceUsage()), LogBytes: e.WAL.BytesWritten, Compactions: uint64(e.Compact.Count), FsyncWithin: map[float64]uint64{},
	}
	db.mu.RLock()
	m.Sequence = db.last
	db.mu.RUnlock()
	var fsyncs dto.Metric
	if e.LogWriter.FsyncLatency == nil || e.LogWriter.FsyncLatency.Write(&fsyncs) != nil {
		return m, true
	}
	h := fsyncs.GetHistogram()
	const second = 1e9 // the engine counts nanoseconds
	m.Fsyncs, m.FsyncSeconds = h.GetSampleCount(), h.GetSampleSum()/second
	for i, b := range h.GetBucket() {
		if i%fsyncBounds == fsyncBounds-1 {
			m.FsyncWithin[b.GetUpperBound()/second] = b.GetCumulativeCount()
		}
	}
	return m, true
}
