//go:build !race

package hotspotdb

const raceEnabled = false
