package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"mbox/configstore"
	"mbox/host"
	"mbox/host/linux"
	"mbox/hotspotdb"
	"mbox/modules"
	"mbox/modules/logging"
	"mbox/modules/system"
	"mbox/shell"
)

// options is what `mbox run` was asked to do.
type options struct {
	dir     string
	startup string // file for a box without a configuration of its own
	record  bool   // leave the machine alone
	log     *slog.Logger
	hub     *logging.Hub // what log writes to; it outlives a reload
	failed  chan error   // gets why the storage cannot go on; it has room for one
}

// box is one life of a box, from start to stop or reload.
type box struct {
	options
	store    *configstore.Store
	db       *hotspotdb.DB
	engine   *modules.Engine
	rooms    *rooms
	voice    atomic.Pointer[shell.Server] // for announcements and SSH, once it serves
	console  net.Listener
	started  time.Time
	rescue   string     // why the box runs without its config store; empty if it does not
	nodb     string     // why there is no hotspot database; empty if there is
	damage   []string   // what was wrong with it, for the operator and for modules
	damageMu sync.Mutex // guards damage once the box is open
	stop     context.CancelCauseFunc
}

// errReload ends a life that is followed by another.
var errReload = errors.New("reload")

// live runs a box until ctx ends or it is told to reload; the cause says which. Everything it opened is closed.
func live(ctx context.Context, o options) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	b := &box{options: o, started: time.Now(), stop: stop}
	err := b.open(ctx)
	if err == nil {
		err = b.serve(ctx)
	}
	err = errors.Join(err, b.close())
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

// open brings up what the rooms stand on, the rooms, and their configuration.
func (b *box) open(ctx context.Context) error {
	restored, err := configstore.ApplyStaged(b.dir)
	if err != nil {
		return fmt.Errorf("bring back the backup: %w", err)
	}
	if restored {
		b.log.Info("a backup was restored")
		err = b.forgetErase()
	} else {
		err = b.eraseMarked()
	}
	if err != nil {
		return err
	}
	if err := openFileArea(b.path("files")); err != nil {
		return err
	}
	if err := b.openStore(); err != nil {
		return err
	}
	b.openDatabase(ctx)
	b.engine = modules.NewEngine(b.store, b.log.With("module", "config"))
	b.engine.OnAnnounce(b.announce)
	p := parts{config: b.engine, store: b.store, db: b.db, follow: b.db, host: b.host(), box: b, log: b.log}
	if b.rescue != "" {
		p.follow = nil
	}
	b.rooms = newRooms(p)
	if err := b.engine.Register(b.rooms.list()...); err != nil {
		return err
	}
	text, typed, err := b.startupText()
	if err != nil {
		return err
	}
	boot := b.engine.Boot
	if typed {
		boot = b.engine.BootTyped
	}
	b.report(boot(ctx, text))
	b.console, err = shell.Listen(b.dir)
	return err
}

// openStore opens the config store. A damaged one is left as it is, for whoever may mend it; with a configuration from a
// file the box can then do without, in rescue.
func (b *box) openStore() error {
	store, err := configstore.Open(b.path(configstore.FileName), configstore.Options{Log: b.log})
	switch {
	case err == nil:
		b.store = store
		return nil
	case b.startup == "":
		return fmt.Errorf("%w. To start without it: mbox run --data %s --startup-config FILE", err, b.dir)
	}
	b.rescue = err.Error()
	b.store = configstore.OpenMemory("the box is in rescue: " + b.rescue)
	b.log.Error("the box is in rescue: nothing can be saved, the hotspot database is read-only, sync is off", "err", err)
	return nil
}

// openDatabase opens the hotspot database; see quarantine.go for a damaged one. A box without one still has its console.
func (b *box) openDatabase(ctx context.Context) {
	if b.rescue != "" {
		if _, err := os.Stat(b.path(hotspotDir)); err != nil {
			b.nodb = err.Error()
			return
		}
	}
	err := b.openHotspot()
	if errors.Is(err, hotspotdb.ErrDamaged) && b.rescue == "" {
		if aside := b.setAside(err); aside != nil {
			err = fmt.Errorf("%w; %w", err, aside)
		} else {
			err = b.openHotspot()
		}
	}
	if err != nil {
		b.nodb = err.Error()
		b.log.Error("there is no hotspot database: hotspot commands and sync are off", "err", err)
		return
	}
	if b.rescue == "" {
		b.readBack(ctx)
		b.checkDatabase()
	}
}

func (b *box) openHotspot() (err error) {
	b.db, err = hotspotdb.Open(hotspotdb.Options{
		Dir: b.path(hotspotDir), DigestKey: b.store.Keyring().Domain().DigestKey, Sealer: b.store.Keyring(),
		ReadOnly: b.rescue != "", Built: readBuild().time, Fatal: b.storageFailed, Log: b.log.With("module", "hotspotdb"),
	})
	return err
}

// storageFailed ends the box: it cannot confirm writes any more.
func (b *box) storageFailed(err error) {
	err = fmt.Errorf("hotspot database: %w", err)
	select {
	case b.failed <- err:
	default: // it was said
	}
	b.stop(err)
}

func (b *box) host() host.Host {
	switch {
	case b.record:
		b.log.Info("the machine is left alone: changes to it are recorded only")
	case !linux.Privileged():
		b.log.Warn("without CAP_NET_ADMIN the machine is left alone: changes to it are recorded only")
	default:
		return linux.New()
	}
	return host.NewRecorder(linux.New())
}

// maxStartup bounds a configuration from a file, in bytes.
const maxStartup = configstore.MaxText

// startupText is the box's own configuration, or for a box that has none, that of the file it was given: then it is as an operator
// typed it.
func (b *box) startupText() (text string, typed bool, err error) {
	text, found, err := b.store.Startup()
	if err != nil || found || b.startup == "" {
		return text, false, err
	}
	file, err := os.Open(b.startup)
	if err != nil {
		return "", false, fmt.Errorf("read the startup-config: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxStartup+1))
	switch {
	case err != nil:
		return "", false, fmt.Errorf("read the startup-config: %w", err)
	case len(data) > maxStartup:
		return "", false, fmt.Errorf("read the startup-config: %s is longer than %d bytes", b.startup, maxStartup)
	}
	b.log.Info("configuration taken from a file", "file", b.startup)
	return string(data), true, nil
}

func (b *box) report(r modules.BootReport) {
	if port := defaultPort(); port != httpsPort {
		b.log.Info("an ordinary user cannot open the usual ports: HTTPS and sync, and SSH, listen on others unless configured", "port", port, "ssh", defaultSSHPort())
	}
	for _, s := range r.SetAside {
		where := []any{"line", strings.Join(s.Lines, "\n"), "reason", s.Reason}
		if s.Number > 0 { // a line that a module refused is known by its text only
			where = append([]any{"number", s.Number}, where...)
		}
		b.log.Warn("a line of startup-config was set aside", where...)
	}
	b.log.Info("the box is up", "box", b.store.Identity().BoxID(), "version", version, "set_aside", len(r.SetAside),
		"degraded", slices.Sorted(maps.Keys(r.Degraded)))
}

// serve runs the modules and the console until ctx ends.
func (b *box) serve(ctx context.Context) error {
	server := &shell.Server{
		Engine: b.engine, Hostname: b.rooms.system.Hostname, Banner: b.greeting, Log: b.log.With("module", "shell"),
		Monitor: b.rooms.logging.Subscribe,
		Enable:  b.rooms.system, Welcome: b.rooms.system.Welcome,
		Files: func(actor modules.Actor) modules.Files {
			return fileArea{dir: b.path("files"), console: actor.From == "console"}
		},
	}
	server.Left = b.engine.Left
	b.voice.Store(server)
	var group errgroup.Group
	group.Go(func() error { return b.engine.Run(ctx) })
	group.Go(func() error {
		err := server.Serve(ctx, b.console)
		if err != nil {
			b.stop(err) // a box without a console is of no use
		}
		return err
	})
	return group.Wait()
}

// close closes what open opened, in reverse order.
func (b *box) close() error {
	var errs []error
	if b.console != nil {
		if err := b.console.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if b.db != nil {
		errs = append(errs, b.db.Close())
	}
	if b.store != nil {
		errs = append(errs, b.store.Close())
	}
	return errors.Join(errs...)
}

// Describe says what runs here.
func (b *box) Describe() system.Description {
	built := readBuild()
	return system.Description{
		Version: version, Commit: built.commit, Built: built.time, BoxID: b.store.Identity().BoxID(), Started: b.started,
		Notice: b.notice(), Storage: b.volumes,
	}
}

// maxGreeted bounds the notices that greet an operator; `show version` has all of them.
const maxGreeted = 3

// greeting is what a person sees first: the banners, and what is wrong with the box.
func (b *box) greeting() string {
	var lines []string
	for _, banner := range []string{b.rooms.system.Banner(), b.rooms.system.ExecBanner()} {
		if banner != "" {
			lines = append(lines, banner)
		}
	}
	if notice := b.notice(); notice != "" {
		notes := strings.Split(notice, "\n")
		for _, note := range notes[:min(len(notes), maxGreeted)] {
			lines = append(lines, "Notice: "+note)
		}
		if more := len(notes) - maxGreeted; more > 0 {
			lines = append(lines, fmt.Sprintf("Notice: %d more, see show version", more))
		}
	}
	return strings.Join(lines, "\n")
}

// notice is what an operator must know of the state of the box.
func (b *box) notice() string {
	var notes []string
	if b.rescue != "" {
		notes = append(notes, "the box is in rescue: "+b.rescue)
	}
	if b.nodb != "" {
		notes = append(notes, "there is no hotspot database: "+b.nodb)
	}
	notes = append(notes, b.storageNotices()...)
	for _, s := range b.engine.Running().SetAside {
		notes = append(notes, fmt.Sprintf("set aside: %s (%s)", b.engine.Book().MaskLine(s.Lines[0]), s.Reason))
	}
	notes = append(notes, b.engine.Notices()...)
	degraded := b.engine.Degraded()
	for _, name := range slices.Sorted(maps.Keys(degraded)) {
		notes = append(notes, fmt.Sprintf("module %s is degraded: %v", name, degraded[name]))
	}
	return strings.Join(notes, "\n")
}

// Reload ends this life and begins another; it returns at once.
func (b *box) Reload() { b.stop(errReload) }
