package hotspotdb

import "fmt"

// Room says how many octets are free where the database lies, and how many must stay free for a write to be accepted. Who
// writes for others stops earlier, so that the box itself can go on.
func (db *DB) Room() (free, reserve uint64, err error) {
	free, err = db.space.free()
	if err != nil {
		err = fmt.Errorf("ask for free disk space: %w", err)
	}
	return free, db.space.reserve, err
}
