// Package config is the life of the configuration: showing, saving, copying, comparing, replacing and undoing it, who
// may change it and who did, and the restart of the box.
package config

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"mbox/modules"
)

// Archive is what was saved.
type Archive interface {
	Startup() (text string, found bool, err error)
	Revisions() ([]Revision, error) // oldest first
	Revision(n int) (text string, err error)
	EraseArchive() error // all revisions but the one that is startup-config
}

// Revision is one saved configuration.
type Revision struct {
	Number  int       `json:"number"`
	Time    time.Time `json:"time"`
	Author  string    `json:"author"`
	Comment string    `json:"comment"`
	SHA256  string    `json:"sha256"` // of the text, hexadecimal
	Size    int       `json:"size"`   // of the text, bytes
}

// ErrNoRevision is what an Archive returns for a number that was never given or has been dropped.
var ErrNoRevision = errors.New("no such revision")

// Box is the program around the modules.
type Box interface {
	Reload() // ends everything and starts again; returns at once
	// ClearDamaged removes the damaged databases that are kept, and says which there were.
	ClearDamaged() ([]string, error)
	EraseDatabases() error // has the next start begin with empty databases
	EraseFiles() error     // empties the file area
}

// Deps is what the module needs of the rest of the box.
type Deps struct {
	Engine   *modules.Engine
	Archive  Archive
	Box      Box
	Announce func(text string) // tells every operator; nil: nobody
	Files    modules.Files     // whose names `?` shows; may be nil
	Clock    modules.Clock     // nil: the machine's
	Log      *slog.Logger      // nil: discard
}

// Module has the commands about the configuration as a whole. Its methods may be called from many goroutines.
type Module struct {
	deps Deps

	mu      sync.Mutex // guards planned
	planned *plan
}

var (
	_ modules.Configured = (*Module)(nil)
	_ modules.Runner     = (*Module)(nil)
)

// New makes the module.
func New(deps Deps) *Module {
	if deps.Clock == nil {
		deps.Clock = modules.RealClock()
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Announce == nil {
		deps.Announce = func(string) {}
	}
	return &Module{deps: deps}
}

// Name is "config".
func (*Module) Name() string { return "config" }

// Grammar has the lines of `archive` and all commands.
func (m *Module) Grammar() modules.Grammar {
	return modules.Grammar{
		Statements: archiveStatements(),
		Commands: slices.Concat(
			m.showCommands(), m.compareCommands(), m.logCommands(), m.saveCommands(), m.copyCommands(), m.replaceCommands(),
			m.revertCommands(), m.lockCommands(), m.eraseCommands(), m.reloadCommands(),
		),
	}
}

// words is the help of words that several commands share.
var words = map[string]string{
	"show": "Show running system information", "clear": "Reset something", "copy": "Copy a configuration",
	"configure": "Change the configuration", "configuration": "The configuration as a whole",
	"running-config": "Configuration in force", "startup-config": "Configuration that the box starts with",
	"all": "All of it", "archive": "Saved configurations, and who changed what", "config": "Saved configurations",
	"log": "Who changed what", "force": "Without asking",
	"write": "Save the configuration in force", "memory": "Save the configuration in force", "comment": "Why, for show archive",
}

// with adds help of words to the shared ones.
func with(more map[string]string) map[string]string {
	out := map[string]string{}
	for word, help := range words {
		out[word] = help
	}
	for word, help := range more {
		out[word] = help
	}
	return out
}

const (
	archiveSyntax = "archive"
	logSyntax     = "log config"
	sizeSyntax    = "logging size ENTRIES"
)

// maxLogSize is what the store keeps at most.
const maxLogSize = 1000

// archiveStatements are those of IOS. The log of changes is always on and never holds a secret; the lines that say so
// are taken because they are in configurations of other routers.
func archiveStatements() []modules.Statement {
	logging := map[string]string{"logging": "The log of configuration changes"}
	return []modules.Statement{
		{Syntax: archiveSyntax, Help: "Saved configurations, and who changed what", Mode: "archive", Default: archiveSyntax},
		{In: archiveSyntax, Syntax: logSyntax, Help: "Who changed what", Mode: "archive-log-cfg", Default: logSyntax},
		{In: logSyntax, Syntax: "logging enable", Help: "Log who changes which line (always on)", Words: logging, Default: "logging enable"},
		{In: logSyntax, Syntax: sizeSyntax, Help: "Changes that are remembered", Words: logging, Default: "logging size 1000",
			Args: map[string]modules.Type{"ENTRIES": modules.Int(1, maxLogSize, "Changes that are remembered")}},
		{In: logSyntax, Syntax: "hidekeys", Help: "Keep secrets out of the log (always so)", Default: "hidekeys"},
	}
}

// Check has nothing to refuse.
func (*Module) Check(*modules.Tree) error { return nil }

// Apply sets the size of the config log.
func (m *Module) Apply(_ context.Context, tree *modules.Tree) error {
	size := 0
	for _, archive := range tree.All(archiveSyntax) {
		for _, log := range archive.All(logSyntax) {
			for _, n := range log.All(sizeSyntax) {
				size = modules.Get[int](n.Values, "ENTRIES")
			}
		}
	}
	if m.deps.Engine != nil {
		m.deps.Engine.SetLogSize(size)
	}
	return nil
}

// Run ends a planned reload with the box.
func (m *Module) Run(ctx context.Context) error {
	<-ctx.Done()
	m.cancelPlan()
	return nil
}
