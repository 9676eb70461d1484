package main

import (
	"context"

	"mbox/host"
	"mbox/modules"
	"mbox/modules/diag"
	"mbox/modules/hosts"
)

// diagnostics is what the diagnostics need of the rest of the box.
func (p parts) diagnostics(names *hosts.Module) diag.Deps {
	deps := diag.Deps{
		Resolver: names, Names: names.Names, Files: p.area(),
		Interfaces: func(ctx context.Context) ([]host.Interface, error) { return p.host.Interfaces(ctx) },
	}
	if p.box != nil {
		deps.Started = p.box.started
	}
	return deps
}

// area is the file area whose names `?` shows; nil for the grammar alone.
func (p parts) area() modules.Files {
	if p.box == nil {
		return nil
	}
	return fileArea{dir: p.box.path("files")}
}
