// Package api is the REST API of the hotspot: accounts, access attributes, profiles, sessions, login attempts, quotas,
// vouchers and the audit log, at /mbox/api/hotspot/, for customer and crew management systems.
//
// One table of routes (routes.go) says what is served, who may ask for it, and what the OpenAPI document says of it.
// Everything is read and changed through the hotspot database; this package keeps no data of guests. docs/rest.md
// describes the API for those who use it.
package api

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// Database is what the API needs of the hotspot database.
type Database interface {
	Update(ctx context.Context, fn func(*hotspotdb.Tx) error) error

	Account(username string) (hotspotdb.Account, error)
	AccountByID(id uint64) (hotspotdb.Account, error)
	AccountVersion(id uint64) (hotspotdb.AccountVersion, error)
	AccountPage(ctx context.Context, s hotspotdb.AccountSelect, after uint64, skip, n int) ([]hotspotdb.Account, bool, error)
	Profile(name string) (hotspotdb.Profile, error)
	Profiles() ([]hotspotdb.Profile, error)

	Segment(id uint64) (hotspotdb.Segment, error)
	ActiveSegments(ctx context.Context) iter.Seq2[hotspotdb.Segment, error]
	AllSegments(ctx context.Context) iter.Seq2[hotspotdb.Segment, error]
	Attempts(ctx context.Context, f hotspotdb.AttemptFilter) ([]hotspotdb.Attempt, error)
	Purchases(ctx context.Context, f hotspotdb.PurchaseFilter) ([]hotspotdb.Purchase, error)
	AuditEntries(ctx context.Context, f hotspotdb.AuditFilter) ([]hotspotdb.AuditEntry, error)

	Batch(name string) (hotspotdb.VoucherBatch, error)
	Batches() ([]hotspotdb.VoucherBatch, error)
	Voucher(code string) (hotspotdb.Voucher, hotspotdb.VoucherBatch, error)
	Vouchers(ctx context.Context, f hotspotdb.VoucherFilter) iter.Seq2[hotspotdb.Voucher, error]
}

// Listener is the HTTPS listener of the box.
type Listener interface {
	// Handle binds a handler to a pattern of http.ServeMux, where the owner listens.
	Handle(owner, pattern string, handler http.Handler)
	// Listen makes it listen on exactly these addresses for this owner.
	Listen(owner string, addrs []netip.AddrPort) error
}

// State is a small durable map.
type State interface {
	Get(key string) (value []byte, found bool, err error)
	Put(key string, value []byte) error
}

// Deps is what the module stands on. For the grammar alone, Log is enough.
type Deps struct {
	DB          Database // nil: there is none
	Listener    Listener
	State       State  // keeps the key of tokens
	Box         string // id of the box: its tokens are of no use elsewhere
	DefaultPort uint16
	Location    func() *time.Location    // in which times are written and read; nil: UTC
	Now         func() time.Time         // nil: time.Now
	NewCodes    func(count int) []string // draws codes for vouchers
	Log         *slog.Logger
}

// owner is the name under which the API listens, and base where its paths begin.
const (
	owner    = "api"
	base     = "/mbox/api/hotspot"
	specPath = "/mbox/api/openapi.json"
)

// Module is the REST API.
type Module struct {
	Deps
	metrics  *metrics
	tokens   *tokens
	lockout  *lockout
	checker  *checker
	limits   *limits
	scans    chan struct{} // held while all of a dataset is read
	spec     []byte        // the OpenAPI document
	settings atomic.Pointer[settings]

	mu    sync.Mutex // guards what follows
	users map[string]*usage
}

// New makes the API; nothing is served before a line `web api` is applied.
func New(d Deps) *Module {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Location == nil {
		d.Location = func() *time.Location { return time.UTC }
	}
	m := &Module{
		Deps: d, metrics: newMetrics(), checker: newChecker(), lockout: newLockout(d.Now), limits: newLimits(),
		scans: make(chan struct{}, maxScans), users: map[string]*usage{},
	}
	m.tokens = &tokens{state: d.State, box: d.Box, now: d.Now}
	m.settings.Store(&settings{})
	m.spec = document()
	if d.Listener != nil {
		handler := m.handler()
		d.Listener.Handle(owner, base+"/", handler)
		d.Listener.Handle(owner, specPath, handler)
	}
	return m
}

// Name is "api".
func (m *Module) Name() string { return "api" }

// Grammar is `web api ...`.
func (m *Module) Grammar() modules.Grammar {
	return modules.Grammar{Statements: m.statements(), Commands: []modules.Command{m.showCommand()}}
}
