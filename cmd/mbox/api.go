package main

import (
	"mbox/modules/api"
	"mbox/modules/hotspot"
)

// newAPI makes the REST API. For the grammar alone, parts without a store will do.
func newAPI(p parts, r *rooms) *api.Module {
	deps := api.Deps{DefaultPort: defaultPort(), Location: r.clock.Location, NewCodes: hotspot.VoucherCodes, Log: p.logOf("api")}
	if p.store != nil {
		deps.Listener, deps.State, deps.Box = r.web, p.store.State("api"), p.store.Identity().BoxID()
		if p.db != nil {
			deps.DB = p.db
		}
	}
	return api.New(deps)
}
