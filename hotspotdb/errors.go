package hotspotdb

import "errors"

// More errors of the database, for the states of a whole store.
var (
	ErrClosed  = errors.New("the database is closed")
	ErrDamaged = errors.New("the database is damaged")
	ErrFuture  = errors.New("the database was written by a newer version of the software")
)
