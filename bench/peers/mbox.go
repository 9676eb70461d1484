package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"mbox/bench/servers"
	"mbox/boxtest"
	"mbox/hotspotdb"
)

// mbox is a primary in this process, whose services would write to it without a socket too, and a backup in another.
type mbox struct {
	backupProfile string // file for a CPU profile of the backup; empty: none
}

func (mbox) Name() string { return "mbox" }

func (mbox) Version() (string, error) {
	out, err := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return "unknown", nil // built outside a checkout
	}
	return strings.TrimSpace(string(out)), nil
}

func (mbox) Settings() string {
	return "as shipped: fsync before each confirmation, TLS 1.3; an account is two records, and each change has an entry of the audit; primary and writers are one process, the backup is another and is polled through a Unix socket"
}

func (m mbox) Start(at *site, by route) (pair, error) {
	p := &mboxPair{t: &harness{root: at.Dir}}
	err := attempt(func() {
		p.primary = boxtest.NewLAN(p.t).Box("primary")
		p.primary.Must("mbox sync allow 127.0.0.0/8")
	})
	if err == nil {
		err = p.startBackup(at, m.backupProfile)
	}
	if err == nil {
		p.address, err = by(p.primary.ListenAddr())
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// mboxPair is two boxes.
type mboxPair struct {
	t       *harness
	primary *boxtest.Box
	dir     string // of the backup
	process *servers.Process
	backup  *respConn
	address string // of the primary, for the backup
}

func (p *mboxPair) startBackup(at *site, profile string) (err error) {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if p.dir, err = os.MkdirTemp(at.Dir, "b"); err != nil {
		return err
	}
	args := []string{backupWord, p.dir}
	if profile != "" {
		args = append(args, profile)
	}
	here := &servers.Site{} // as we are: the backup runs as the primary does
	if p.process, err = here.Start(p.dir, syscall.SIGTERM, program, args...); err != nil {
		return err
	}
	at.Add(p.process)
	return p.process.Ready(func() (err error) {
		p.backup, err = p.dial()
		return err
	})
}

// typed runs a configuration line at the backup.
func (p *mboxPair) typed(format string, args ...any) error {
	_, err := p.backup.do("TYPE", fmt.Sprintf(format, args...))
	return err
}

func (p *mboxPair) Load(n int) error {
	const chunk = 5000
	for at := 0; at < n; at += chunk {
		err := p.primary.DB.Update(context.Background(), func(tx *hotspotdb.Tx) error {
			for i := at; i < min(at+chunk, n); i++ {
				if err := addAccount(tx, numbered(i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func addAccount(tx *hotspotdb.Tx, r row) error {
	info, values := make(map[string]string, len(columns)), r.values()
	const infoFrom = 3 // behind username, password, profile
	for i := infoFrom; i < len(columns); i++ {
		info[columns[i]] = values[i]
	}
	_, err := tx.AddAccount(hotspotdb.Account{Username: r.Username, Profiles: []string{r.Profile}, Info: info}, r.Password, "bench")
	return err
}

func (p *mboxPair) Attach() error {
	at, err := netip.ParseAddrPort(p.address)
	if err != nil {
		return err
	}
	return p.typed("mbox sync primary %s port %d username mboxadmin password %s", at.Addr(), at.Port(), boxtest.Password)
}

func (p *mboxPair) Detach() error {
	at, err := netip.ParseAddrPort(p.address)
	if err != nil {
		return err
	}
	return p.typed("no mbox sync primary %s", at.Addr())
}

func (p *mboxPair) Relax(bool) error { return nil } // it is quick enough

func (p *mboxPair) Acknowledge() error {
	if err := p.primary.Typed("mbox sync acknowledge 1 timeout 5000 block"); err != nil {
		return fmt.Errorf("%w: %w", servers.ErrMissing, err)
	}
	return nil
}

func (p *mboxPair) Same() error {
	there, err := p.backup.do("DIGEST")
	if at := p.primary.Digest(hotspotdb.Users); err == nil && at != there {
		err = fmt.Errorf("the primary box has digest %s, the backup %s", at, there)
	}
	return err
}

func (p *mboxPair) Close() error {
	var err error
	if p.backup != nil {
		err = p.backup.Close()
	}
	return errors.Join(err, p.process.Stop(), attempt(p.t.cleanUp))
}

// mboxWriter calls the store like the box's own services do.
type mboxWriter struct{ db *hotspotdb.DB }

func (p *mboxPair) Writer() (writer, error) { return mboxWriter{p.primary.DB}, nil }

func (w mboxWriter) Put(r row) error {
	return w.db.Update(context.Background(), func(tx *hotspotdb.Tx) error { return addAccount(tx, r) })
}

func (w mboxWriter) Disable(username string) error {
	return w.db.Update(context.Background(), func(tx *hotspotdb.Tx) error {
		_, err := tx.EditAccount(username, "bench", func(e *hotspotdb.AccountEdit) error {
			e.Disabled = !e.Disabled
			return nil
		})
		return err
	})
}

func (mboxWriter) Close() error { return nil }

// mboxReader asks the backup through a Unix socket.
type mboxReader struct{ *respConn }

func (p *mboxPair) dial() (*respConn, error) { return dialRESP(filepath.Join(p.dir, backupSocket)) }

func (p *mboxPair) Reader() (reader, error) {
	conn, err := p.dial()
	return mboxReader{conn}, err
}

func (r mboxReader) Has(username string) (bool, error) {
	n, err := r.do("EXISTS", username)
	return n == "1", err
}

// Watch waits where the backup tells of what is durable there.
func (p *mboxPair) Watch() (wait func(string) error, stop func(), err error) {
	conn, err := p.dial()
	if err != nil {
		return nil, nil, err
	}
	wait = func(username string) error {
		_, err := conn.do("WAIT", username)
		return err
	}
	return wait, func() { conn.Close() }, nil
}
