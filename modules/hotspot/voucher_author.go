package hotspot

import (
	"mbox/hotspotdb"
	"mbox/modules"
)

// author is an operator as the audit log names him.
func author(a modules.Actor) hotspotdb.Author {
	via := "ssh"
	if a.From == "console" {
		via = "console"
	}
	return hotspotdb.Author{Name: a.Name, From: a.From, Via: via}
}
