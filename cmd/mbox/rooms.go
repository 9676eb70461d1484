package main

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"mbox/configstore"
	"mbox/host"
	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/aaa"
	"mbox/modules/aaa/policy"
	"mbox/modules/api"
	"mbox/modules/clock"
	"mbox/modules/config"
	"mbox/modules/diag"
	"mbox/modules/hosts"
	"mbox/modules/hotspot"
	"mbox/modules/logging"
	"mbox/modules/ssh"
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
	clock   *clock.Module
	logging *logging.Module
	diag    *diag.Module
	config  *config.Module
	hotspot *hotspot.Module // nil without a database, but for the grammar
	policy  *policy.Policy
	aaa     *aaa.Module
	web     *web.Module
	api     *api.Module
	sync    *boxsync.Module
	ssh     *ssh.Module
}

// list is the order in which modules apply, and in which running-config shows their lines: names before who dials,
// accounts and the listener before sync.
func (r *rooms) list() []modules.Module {
	list := []modules.Module{shell.Builtins(), r.system, r.hosts, r.clock, r.logging, r.diag, r.config}
	if r.hotspot != nil {
		list = append(list, r.hotspot)
	}
	return append(list, r.policy, r.aaa, r.web, r.api, r.sync, r.ssh, shell.Lines())
}

func newRooms(p parts) *rooms {
	r := &rooms{hosts: hosts.New()}
	r.clock = clock.New(clock.Deps{Host: p.host, Dial: r.dialAny, Built: readBuild().time, Log: p.logOf("clock")})
	r.logging = logging.New(logging.Deps{
		Hub: p.hub(), Dial: r.dialAny, Hostname: func() string { return r.system.Hostname() }, Location: r.clock.Location,
		Synced: r.clock.Synced, Facilities: r.names, Private: []string{"hotspot", "aaa"},
	})
	r.clock.OnChange(r.logging.Relocate)
	r.system = system.New(system.Deps{
		Config: p.config, Box: p.box, Backups: backups{p}, Host: p.host, Files: p.area(), Log: p.logOf("system"),
		Book: p.config.Book, Commit: p.config.Commit, Memory: p.memory(),
	})
	r.config = config.New(config.Deps{Engine: p.config, Archive: archive{p.store}, Box: p.box, Announce: p.box.announce, Files: p.area(), Log: p.logOf("config")})
	r.diag = diag.New(p.diagnostics(r.hosts))
	if p.db != nil || p.store == nil {
		r.hotspot = hotspot.New(p.db, r.clock.Now, p.log)
		r.hotspot.ListFiles(p.area())
	}
	r.policy, r.aaa = newAAA(p, r)
	if r.hotspot != nil {
		r.hotspot.UseQuotas(quotas{r.policy})
	}
	deps := boxsync.Deps{
		DB: p.follow, Account: r.account, Dial: r.dial, Hostname: r.system.Hostname, Software: version,
		DefaultPort: defaultPort(), Partition: r.partition, Log: p.logOf("sync"),
	}
	if p.store != nil {
		identity := p.store.Identity()
		r.web = web.New(identity.Certificate, p.logOf("web"))
		deps.Identity, deps.Keyring = identity, keyring{p.store.Keyring()}
		deps.Pins, deps.Peers, deps.Memory = p.store.State("sync-pins"), p.store.State("sync-peers"), p.store.State("sync-memory")
		deps.Notice = func() string { return strings.Join(p.box.storageNotices(), "\n") }
		deps.Events = p.store.State("sync-events")
	} else {
		r.web = web.New(nil, p.log)
	}
	deps.Listener = r.web
	r.api = newAPI(p, r)
	r.sync = boxsync.New(deps)
	if r.hotspot != nil && p.follow != nil {
		r.hotspot.NameBoxes(r.sync)
	}
	r.web.Metrics(defaultPort(), r.sync.Collector(), r.api.Collector(), r.aaa.Collector())
	r.system.OnChange(r.sync.AccountsChanged)
	r.ssh = newSSH(p, r.system)
	return r
}

func (r *rooms) account(name string) (boxsync.Account, bool) {
	a, known := r.system.Account(name)
	return boxsync.Account{Role: a.Role, Verifier: a.Verifier}, known
}

// memory keeps earlier secrets of accounts; there is none where only the grammar is wanted.
func (p parts) memory() system.Memory {
	if p.store == nil {
		return nil
	}
	return p.store.State("password-history")
}

// logOf is the log under a module's name, by which its debugging is switched.
func (p parts) logOf(module string) *slog.Logger { return p.log.With("module", module) }

// hub is nil where only the grammar is wanted.
func (p parts) hub() *logging.Hub {
	if p.box == nil {
		return nil
	}
	return p.box.hub
}

// names are what can be debugged: the modules, and what the box keeps its data in.
func (r *rooms) names() []string {
	names := []string{"config", "hotspotdb"}
	for _, mod := range r.list() {
		names = append(names, mod.Name())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (r *rooms) dialAny(ctx context.Context, source netip.Addr, network, address string) (net.Conn, error) {
	return r.hosts.Dialer(source).DialContext(ctx, network, address)
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
