package hotspotdb

import (
	"path/filepath"
	"testing"
)

// A commit does not make the log longer, but for one in many: a sync has only the data to write.
func TestLogsAreWrittenAhead(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, Options{Dir: dir})
	grew := 0
	var before int64
	for range 100 {
		put(t, db, "k", "some body")
		if now := logSize(t, dir); now != before {
			before, grew = now, grew+1
		}
	}
	if grew > 3 {
		t.Errorf("the log grew with %d of 100 commits", grew)
	}
}

// logSize is the length of all logs together.
func logSize(t *testing.T, dir string) (sum int64) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	must(t, err)
	for _, name := range logs {
		sum += size(t, name)
	}
	return sum
}
