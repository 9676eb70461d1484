package main

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"

	"mbox/configstore"
	"mbox/host"
	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/hosts"
	"mbox/modules/hotspot"
	boxsync "mbox/modules/sync"
	"mbox/modules/system"
	"mbox/modules/web"
	"mbox/shell"
)

// parts is what the rooms stand on. For the grammar alone, log is enough.
type parts struct {
	config *modules.Engine
	store  *configstore.Store
	db     *hotspotdb.DB // nil: hotspot commands are not there
	follow *hotspotdb.DB // what sync replicates; nil: sync is off
	host   host.Host
	box    *box
	log    *slog.Logger
}

// rooms are the modules of a box.
type rooms struct {
	system  *system.Module
	hosts   *hosts.Module
	hotspot *hotspot.Module // nil without a database, but for the grammar
	web     *web.Module
	sync    *boxsync.Module
}

// list is the order in which modules apply, and in which running-config shows their lines: names before who dials,
// accounts and the listener before sync.
func (r *rooms) list() []modules.Module {
	list := []modules.Module{shell.Builtins(), r.system, r.hosts}
	if r.hotspot != nil {
		list = append(list, r.hotspot)
	}
	return append(list, r.web, r.sync)
}

func newRooms(p parts) *rooms {
	r := &rooms{hosts: hosts.New()}
	r.system = system.New(system.Deps{Config: p.config, Archive: archive{p.store}, Box: p.box, Backups: backups{p}, Host: p.host, Log: p.log})
	if p.db != nil || p.store == nil {
		r.hotspot = hotspot.New(p.db, p.log)
	}
	deps := boxsync.Deps{
		DB: p.follow, Account: r.account, Dial: r.dial, Hostname: r.system.Hostname, Software: version,
		DefaultPort: defaultPort(), Log: p.log,
	}
	if p.store != nil {
		identity := p.store.Identity()
		r.web = web.New(identity.Certificate, p.log)
		deps.Identity, deps.Keyring = identity, keyring{p.store.Keyring()}
		deps.Pins, deps.Peers, deps.Memory = p.store.State("sync-pins"), p.store.State("sync-peers"), p.store.State("sync-memory")
		deps.Notice = func() string { return strings.Join(p.box.storageNotices(), "\n") }
		deps.Events = p.store.State("sync-events")
	} else {
		r.web = web.New(nil, p.log)
	}
	deps.Listener = r.web
	r.sync = boxsync.New(deps)
	r.web.Metrics(defaultPort(), r.sync.Collector())
	r.system.OnChange(r.sync.AccountsChanged)
	return r
}

func (r *rooms) account(name string) (boxsync.Account, bool) {
	a, known := r.system.Account(name)
	return boxsync.Account{Role: a.Role, Verifier: a.Verifier}, known
}

func (r *rooms) dial(ctx context.Context, source netip.Addr, address string) (net.Conn, error) {
	return r.hosts.Dialer(source).DialContext(ctx, "tcp", address)
}

// The HTTPS listener's port unless a line says otherwise; an ordinary user may not open the first.
const (
	httpsPort     = 443
	userHTTPSPort = 8443
)

func defaultPort() uint16 {
	if os.Geteuid() == 0 {
		return httpsPort
	}
	return userHTTPSPort
}
