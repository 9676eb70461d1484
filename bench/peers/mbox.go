package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"mbox/boxtest"
	"mbox/hotspotdb"
)

// mbox is two boxes in this process.
type mbox struct{}

func (mbox) Name() string { return "mbox" }

func (mbox) Version() (string, error) {
	out, err := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return "unknown", nil // built outside a checkout
	}
	return strings.TrimSpace(string(out)), nil
}

func (mbox) Settings() string {
	return "as shipped: fsync before each confirmation, TLS 1.3; an account is two records; both boxes and the writers in one process, polled through a Unix socket"
}

func (mbox) Start(at *site, by route) (pair, error) {
	p := &mboxPair{site: at, t: &harness{root: at.dir}}
	err := attempt(func() {
		lan := boxtest.NewLAN(p.t)
		p.primary, p.backup = lan.Box("primary"), lan.Box("backup")
		p.primary.Must(fmt.Sprintf("mbox sync allow %s", p.backup.Addr))
	})
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.address, err = by(p.primary.ListenAddr())
	return p, err
}

// mboxPair is two boxes.
type mboxPair struct {
	site            *site
	t               *harness
	primary, backup *boxtest.Box
	address         string // of the primary, for the backup
	servers         sync.WaitGroup
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
	return p.backup.Typed(fmt.Sprintf("mbox sync primary %s port %d username mboxadmin password %s", at.Addr(), at.Port(), boxtest.Password))
}

func (p *mboxPair) Detach() error {
	at, err := netip.ParseAddrPort(p.address)
	if err != nil {
		return err
	}
	return p.backup.Typed("no mbox sync primary " + at.Addr().String())
}

func (p *mboxPair) Relax(bool) error { return nil } // it is quick enough

func (p *mboxPair) Acknowledge() error {
	if err := p.primary.Typed("mbox sync acknowledge 1 timeout 5000 block"); err != nil {
		return fmt.Errorf("%w: %w", errMissing, err)
	}
	return nil
}

func (p *mboxPair) Same() error {
	var err error
	if at, there := p.primary.Digest(hotspotdb.Users), p.backup.Digest(hotspotdb.Users); at != there {
		err = fmt.Errorf("the primary box has digest %s, the backup %s", at, there)
	}
	return err
}

func (p *mboxPair) Close() error {
	err := attempt(p.t.cleanUp)
	p.servers.Wait()
	return err
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

func has(db *hotspotdb.DB, username string) (bool, error) {
	_, err := db.Account(username)
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// mboxReader asks through a Unix socket, so that polling costs what it costs with the others.
type mboxReader struct {
	*respConn
	listener net.Listener
}

func (p *mboxPair) Reader() (reader, error) {
	dir, err := p.site.folder()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		return nil, err
	}
	p.servers.Go(func() { answer(listener, p.backup.DB) })
	conn, err := dialRESP(listener.Addr().String())
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return &mboxReader{conn, listener}, nil
}

// answer serves `EXISTS username` to one client until it hangs up.
func answer(listener net.Listener, db *hotspotdb.DB) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	c := newRESP(conn)
	for {
		args, err := c.command()
		if err != nil || len(args) != 2 {
			return
		}
		reply := ":0\r\n"
		if found, err := has(db, args[1]); err != nil {
			reply = "-ERR " + err.Error() + "\r\n"
		} else if found {
			reply = ":1\r\n"
		}
		if _, err := conn.Write([]byte(reply)); err != nil {
			return
		}
	}
}

func (r *mboxReader) Has(username string) (bool, error) {
	n, err := r.do("EXISTS", username)
	return n == "1", err
}

func (r *mboxReader) Close() error { return errors.Join(r.respConn.Close(), r.listener.Close()) }

// Watch tells by the change feed, which brings what is durable on the backup, and then reads.
func (p *mboxPair) Watch() (wait func(string) error, stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	moved := make(chan struct{}, 1)
	ended := make(chan error, 1)
	db := p.backup.DB
	go func() {
		ended <- db.Watch(ctx, []hotspotdb.Dataset{hotspotdb.Users}, db.Durable(), func(hotspotdb.Event) error {
			select {
			case moved <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	wait = func(username string) error {
		for {
			if found, err := has(db, username); found || err != nil {
				return err
			}
			select {
			case <-moved:
			case err := <-ended:
				return err
			}
		}
	}
	return wait, func() { cancel(); <-ended }, nil
}
