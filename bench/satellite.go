package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"text/tabwriter"
	"time"

	"mbox/boxtest"
	"mbox/boxtest/wire"
	"mbox/hotspotdb"
)

const (
	satelliteAccounts = 20_000
	satelliteChanges  = 10_000
	trickleChanges    = 20 // one a second
	idleMeasured      = time.Minute
)

// link is two boxes and the wire between them.
type link struct {
	t                 *harness
	primary, follower *boxtest.Box
	wire              *wire.Wire
}

func newLink(t *harness, lan *boxtest.LAN, name string) *link {
	l := &link{t: t, primary: lan.Box(name), follower: lan.Box(name + "-branch")}
	l.primary.Must(fmt.Sprintf("mbox sync allow %s", l.follower.Addr))
	l.wire = wire.New(t, l.primary.ListenAddr())
	return l
}

func (l *link) line() string {
	return fmt.Sprintf("mbox sync primary %s port %d username mboxadmin password %s", l.wire.Addr().Addr(), l.wire.Addr().Port(), boxtest.Password)
}

func (l *link) equal() bool {
	return l.primary.Digest(hotspotdb.Profiles, hotspotdb.Users) == l.follower.Digest(hotspotdb.Profiles, hotspotdb.Users)
}

// wait returns how long it took until ok.
func (l *link) wait(what string, ok func() bool) time.Duration {
	const patience = 10 * time.Minute
	began := time.Now()
	for !ok() {
		if time.Since(began) > patience {
			l.t.Fatalf("it never happened: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return time.Since(began)
}

// bytes that have crossed the wire: payload of TCP, so TLS is in them.
func (l *link) bytes() (down, up int64) { return l.wire.Bytes(wire.Down), l.wire.Bytes(wire.Up) }

// during is what crossed the wire while do ran.
func (l *link) during(do func()) (down, up int64) {
	d, u := l.bytes()
	do()
	down, up = l.bytes()
	return down - d, up - u
}

// satellite measures two boxes over 600 ms, 1 Mbit/s and 5% loss.
func satellite(t *harness, w *tabwriter.Writer) {
	lan := boxtest.NewLAN(t)
	row := func(what, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\t\t\n", "satellite: "+what, fmt.Sprintf(format, args...))
	}
	rows := make(chan func(), 2) // of those that only count and wait, so that the others may run meanwhile
	at, upload := newLink(t, lan, "idle"), newLink(t, lan, "upload")
	go func() { rows <- at.idle(row) }()
	go func() { rows <- upload.saturate(row) }()
	newLink(t, lan, "trips").trips(row)
	l := newLink(t, lan, "centre")
	load(t, l.primary, satelliteAccounts)
	l.follower.Must(l.line())
	l.wait("first sync", l.equal)
	l.wire.Shape(wire.Satellite())
	l.trickle(row)
	whole := l.catchUp(row)
	l.broken(row, whole)
	for range cap(rows) {
		(<-rows)()
	}
}

type rower func(what, format string, args ...any)

// trips counts round trips until the first records arrive, on a link that is only far.
func (l *link) trips(row rower) {
	const oneWay = 300 * time.Millisecond
	l.primary.Add("guest", 1)
	l.wire.Shape(wire.Link{Delay: oneWay})
	count := func(took time.Duration) float64 { return 1 + took.Seconds()/(2*oneWay).Seconds() } // the wire answers TCP itself
	began := time.Now()
	l.follower.Must(l.line())
	l.wait("the first records", l.equal)
	password := time.Since(began)
	accepted := l.wire.Accepted()
	l.primary.Add("late", 1)
	l.wire.Cut()
	l.wait("another connection", func() bool { return l.wire.Accepted() > accepted })
	token := l.wait("the next records", l.equal)
	row("round trips from dialing to the first records, by password / by token (TCP's and TLS's included)", "%.1f / %.1f",
		count(password), count(token))
}

// idle counts what a connection says when there is nothing to say.
func (l *link) idle(row rower) (show func()) {
	l.primary.Add("guest", 1000)
	l.follower.Must(l.line())
	l.follower.WaitState("upstream", "in-sync")
	l.wire.Shape(wire.Satellite())
	down, up := l.during(func() { time.Sleep(idleMeasured) })
	hour := float64(time.Hour / idleMeasured)
	return func() {
		row("an idle connection, down / up", "%.0f / %.0f KiB an hour", float64(down)*hour/1024, float64(up)*hour/1024)
	}
}

// saturate fills the way up with a branch's accounts: heartbeats wait behind them, and the link must not be given up for it.
func (l *link) saturate(row rower) (show func()) {
	load(l.t, l.follower, satelliteAccounts)
	l.primary.Must(fmt.Sprintf("mbox sync allow %s accept profiles users", l.follower.Addr))
	slow := wire.Satellite()
	slow.Loss = 0 // a link that stands still is not full
	l.wire.Shape(slow)
	l.follower.Must(l.line() + " send profiles users")
	l.wait("a connection", func() bool { return l.wire.Accepted() > 0 })
	from := l.wire.Bytes(wire.Up)
	took := l.wait("the upload", l.equal)
	bytes := l.wire.Bytes(wire.Up) - from
	return func() {
		row(fmt.Sprintf("upload of %d accounts, without losses", satelliteAccounts), "%.1f s, %.0f%% of 1 Mbit/s used, %d connection(s)",
			took.Seconds(), 100*float64(bytes)*8/took.Seconds()/1e6, l.wire.Accepted())
	}
}

// trickle is a change a second: each travels alone.
func (l *link) trickle(row rower) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	down, up := l.during(func() {
		for i := range trickleChanges {
			<-tick.C
			l.t.must(toggle(l.primary, i))
		}
		l.wait("the last change", l.equal)
		<-tick.C // for the digests and what they are answered with
		<-tick.C
	})
	row("a change a second, bytes of each, down / up", "%.0f / %.0f", float64(down)/trickleChanges, float64(up)/trickleChanges)
}

// offline makes changes while the link is broken.
func (l *link) offline() {
	l.wire.Refuse(true)
	l.wire.Cut()
	change(l.t, l.primary, satelliteAccounts, satelliteChanges)
	seq := l.primary.DB.Head(hotspotdb.Users)
	l.wait("durable changes", func() bool { return l.primary.DB.Durable() >= seq })
}

// reconnect heals the link and waits for the follower's next attempt.
func (l *link) reconnect() {
	before := l.wire.Accepted()
	l.wire.Refuse(false)
	l.wait("a connection", func() bool { return l.wire.Accepted() > before && l.wire.Open() > 0 })
}

// catchUp compares with a plain copy of as many bytes over the same link.
func (l *link) catchUp(row rower) (down int64) {
	l.offline()
	l.reconnect()
	var took time.Duration
	var up int64
	down, up = l.during(func() { took = l.wait("catch-up", l.equal) })
	plain := copyOver(l.t, wire.Satellite(), down)
	row(fmt.Sprintf("catch-up of %d random updates, from the connection on", satelliteChanges), "%.1f s; a plain TCP copy of as many bytes %.1f s",
		took.Seconds(), plain.Seconds())
	row("  bytes of each change, down / up; of 1 Mbit/s used", "%.1f / %.1f; %.0f%%", float64(down)/satelliteChanges, float64(up)/satelliteChanges,
		100*float64(down)*8/took.Seconds()/1e6)
	return down
}

// broken is the same once more, but the link breaks when half has passed.
func (l *link) broken(row rower, whole int64) {
	l.offline()
	l.reconnect()
	from, _ := l.bytes()
	down, _ := l.during(func() {
		l.wait("half of it", func() bool { now, _ := l.bytes(); return now-from > whole/2 })
		l.wire.Cut()
		l.wait("catch-up", l.equal)
	})
	row("  the same with a break in the middle, bytes", "%.2f times", float64(down)/float64(whole))
}

// copyOver is how long n bytes take over a link of this quality, from the connection on.
func copyOver(t *harness, quality wire.Link, n int64) time.Duration {
	source, err := net.Listen("tcp", "127.0.0.1:0")
	t.must(err)
	defer source.Close()
	go func() {
		conn, err := source.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.CopyN(conn, zeros{}, n)
		_, _ = io.Copy(io.Discard, conn) // until the other side has all and closes
	}()
	over := wire.New(t, source.Addr().String())
	over.Shape(quality)
	began := time.Now()
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", over.Addr().String())
	t.must(err)
	defer conn.Close()
	_, err = io.CopyN(io.Discard, conn, n)
	t.must(err)
	return time.Since(began)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
