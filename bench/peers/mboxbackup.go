package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"

	"mbox/boxtest"
	"mbox/hotspotdb"
)

// backupWord is the first argument that makes this program the backup box: the replicas of the others have processes of
// their own too.
const backupWord = "backup"

// backupSocket is where the backup box answers, in its folder.
const backupSocket = "s"

// runBackup is a box in the folder that args name, until SIGTERM; a second argument is the file for a CPU profile. It
// answers EXISTS username, WAIT username, DIGEST, and TYPE line, each in RESP.
func runBackup(args []string) (err error) {
	dir := args[0]
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if len(args) > 1 {
		f, err := os.Create(args[1])
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	t := &harness{root: dir}
	defer func() { err = errors.Join(err, attempt(t.cleanUp)) }()
	var box *boxtest.Box
	if err := attempt(func() { box = boxtest.NewLAN(t).Box("backup") }); err != nil {
		return err
	}
	return serveBackup(ctx, filepath.Join(dir, backupSocket), box)
}

func serveBackup(ctx context.Context, socket string, box *boxtest.Box) error {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	var clients sync.WaitGroup
	defer clients.Wait()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		clients.Go(func() {
			defer conn.Close()
			hangUp := context.AfterFunc(ctx, func() { conn.Close() })
			defer hangUp()
			answer(ctx, newRESP(conn), box)
		})
	}
}

// answer serves one client until it hangs up.
func answer(ctx context.Context, c *respConn, box *boxtest.Box) {
	for {
		args, err := c.command()
		if err != nil {
			return
		}
		reply, err := carryOut(ctx, box, args)
		if err != nil {
			reply = "-ERR " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		if _, err := c.conn.Write([]byte(reply + "\r\n")); err != nil {
			return
		}
	}
}

func carryOut(ctx context.Context, box *boxtest.Box, args []string) (string, error) {
	switch strings.Join(args[:1], "") + fmt.Sprint(len(args)) {
	case "EXISTS2":
		found, err := has(box.DB, args[1])
		if found {
			return ":1", err
		}
		return ":0", err
	case "WAIT2":
		return ":1", waitFor(ctx, box.DB, args[1])
	case "DIGEST1":
		return "+" + box.Digest(hotspotdb.Users), nil
	case "TYPE2":
		return "+OK", box.Typed(args[1])
	}
	return "", fmt.Errorf("unexpected %q", args)
}

func has(db *hotspotdb.DB, username string) (bool, error) {
	_, err := db.Account(username)
	if errors.Is(err, hotspotdb.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// errSeen ends a watch that has seen what it waited for.
var errSeen = errors.New("seen")

// waitFor returns when the database has a username, durably: the change feed brings nothing else.
func waitFor(ctx context.Context, db *hotspotdb.DB, username string) error {
	from := db.Durable()
	if found, err := has(db, username); found || err != nil {
		return err
	}
	err := db.Watch(ctx, []hotspotdb.Dataset{hotspotdb.Users}, from, func(hotspotdb.Event) error {
		if found, err := has(db, username); err != nil || !found {
			return err
		}
		return errSeen
	})
	if errors.Is(err, errSeen) {
		return nil
	}
	return err
}
