// Command demo shows the main job of mbox on one machine, as an operator would see it: two boxes on loopback addresses,
// configured line by line through their consoles, with 100,000 accounts that arrive on the backup, survive the death of the
// primary, and are equal again when it returns; and a guest who is online all the while. It needs the built program and no
// privileges.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

func main() {
	program := flag.String("mbox", "bin/mbox", "the program to show")
	accounts := flag.Int("accounts", 100_000, "how many accounts to import")
	dir := flag.String("data", "", "where the boxes keep their data (default: a temporary folder)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := &demo{program: *program, accounts: *accounts, terminal: term.IsTerminal(int(os.Stdout.Fd()))}
	err := d.run(ctx, *dir)
	d.end()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

type demo struct {
	program  string
	accounts int
	terminal bool
	cleanup  []func()
	https    int // ports
	auth     int
	acct     int
}

func (d *demo) end() {
	for _, f := range d.cleanup {
		defer f()
	}
}

// waitLimit ends a demo in which something does not work; it is not a promise of speed.
const waitLimit = 3 * time.Minute

func (d *demo) run(ctx context.Context, dir string) error {
	if dir == "" {
		temp, err := os.MkdirTemp("", "mbox-demo-")
		if err != nil {
			return err
		}
		dir = temp
		d.cleanup = append(d.cleanup, func() { _ = os.RemoveAll(temp) })
	}
	if err := d.choosePorts("127.0.0.2", "127.0.0.3"); err != nil {
		return err
	}
	primary, backup := d.box("primary", dir), d.box("backup", dir)
	steps := []func(context.Context) error{
		func(ctx context.Context) error { return d.start(ctx, primary, backup) },
		func(ctx context.Context) error { return d.configure(ctx, primary, backup) },
		func(ctx context.Context) error { return d.load(ctx, primary, backup) },
		func(ctx context.Context) error { return d.live(ctx, primary, backup) },
		func(ctx context.Context) error { return d.online(ctx, primary, backup) },
		func(ctx context.Context) error { return d.failover(ctx, primary, backup) },
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return d.leave(primary)
}

func (d *demo) start(ctx context.Context, primary, backup *box) error {
	d.title("Two boxes start, each with a folder of its own")
	for _, b := range []*box{primary, backup} {
		if err := b.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) configure(ctx context.Context, primary, backup *box) error {
	d.title("The primary: an account for its followers, and the backup's address; RADIUS for access points")
	lines := []string{"enable", "configure terminal", "hostname primary",
		"username mboxadmin password securemboxpass",
		fmt.Sprintf("mbox sync listen 127.0.0.2 port %d", d.https),
		"mbox sync allow 127.0.0.3 accept all"}
	if err := primary.lines(ctx, append(lines, d.radius("127.0.0.2")...)...); err != nil {
		return err
	}
	d.title("The backup: where the primary is, and the same password; it sends back what changes on it")
	lines = []string{"enable", "configure terminal", "hostname backup",
		"ip host mboxprimary.ransnet.com 127.0.0.2",
		fmt.Sprintf("mbox sync listen 127.0.0.3 port %d", d.https),
		fmt.Sprintf("mbox sync primary mboxprimary.ransnet.com username mboxadmin password securemboxpass port %d send all", d.https)}
	return backup.lines(ctx, append(lines, d.radius("127.0.0.3")...)...)
}

const radiusKey = "4ae9c1f0b7d24d55"

// radius is how a box is made a RADIUS server.
func (d *demo) radius(addr string) []string {
	return []string{"security radius-server", "listen " + addr, fmt.Sprintf("auth-port %d", d.auth), fmt.Sprintf("acct-port %d", d.acct),
		"client 127.0.0.1 key " + radiusKey + " name lobby", "end", "write memory"}
}

func (d *demo) load(ctx context.Context, primary, backup *box) error {
	d.title(fmt.Sprintf("%d accounts are imported on the primary; they appear on the backup meanwhile", d.accounts))
	if err := writeGuests(filepath.Join(primary.dir, "files", "guests.csv"), d.accounts); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		done <- primary.lines(ctx, "enable", "hotspot profile add guests WISPr-Bandwidth-Max-Down 10000 Simultaneous-Use 2 CS-Total-MB-Daily 1000",
			"hotspot import users guests.csv")
	}()
	if err := d.progress(ctx, primary, backup); err != nil {
		return errors.Join(err, <-done)
	}
	if err := <-done; err != nil {
		return err
	}
	d.title("Both say whether they are in step: every bucket of every dataset is compared")
	if err := d.until(ctx, "both boxes are in sync", func() (bool, error) { return inSync(ctx, primary, backup) }); err != nil {
		return err
	}
	return errors.Join(primary.lines(ctx, "enable", "show mbox sync status"), backup.lines(ctx, "enable", "show mbox sync status"))
}

func (d *demo) live(ctx context.Context, primary, backup *box) error {
	d.title("One account more, and how long until it is on the backup")
	if err := primary.lines(ctx, "enable", "hotspot user add alice password wonderland profile guests firstname Alice"); err != nil {
		return err
	}
	began := time.Now()
	if err := d.until(ctx, "alice is on the backup", backup.has(ctx, "alice")); err != nil {
		return err
	}
	fmt.Printf("(alice was there when first asked for, %v after the primary had confirmed her)\n", time.Since(began).Round(time.Millisecond))
	return backup.lines(ctx, "enable", "show hotspot users alice")
}

// online has alice log in at an access point, which is the `test` command here, and use 300 MB.
func (d *demo) online(ctx context.Context, primary, backup *box) error {
	d.title("Alice logs in at an access point, which asks the primary, and uses 300 of her 1,000 MB a day")
	if err := primary.lines(ctx, "enable", d.login("127.0.0.2"), d.report("127.0.0.2", 60, 300)); err != nil {
		return err
	}
	if err := d.until(ctx, "the backup knows what alice used", backup.used(ctx, 300)); err != nil {
		return err
	}
	return backup.lines(ctx, "enable", "show hotspot quota alice")
}

func (d *demo) login(server string) string {
	return fmt.Sprintf("test authentication radius-server %s radius-key %s username alice password wonderland port %d", server, radiusKey, d.auth)
}

// report says how far alice's session has come: seconds, and MB altogether.
func (d *demo) report(server string, seconds, mb int) string {
	return fmt.Sprintf("test accounting radius-server %s radius-key %s username alice status interim session S1 mac 3A-71-B4-E9-F7-99 time %d download %d port %d",
		server, radiusKey, seconds, mb*1_000_000, d.acct)
}

// goesOn has the access point ask the backup: the session has come to 450 MB there, the 300 included.
func (d *demo) goesOn(ctx context.Context, backup *box) error {
	d.title("The access point turns to the backup: alice's session goes on, each byte counts once, and whoever comes now is let in")
	return backup.lines(ctx, "enable", d.report("127.0.0.3", 120, 450), "show hotspot quota alice", d.login("127.0.0.3"))
}

func (d *demo) failover(ctx context.Context, primary, backup *box) error {
	d.title("The primary is killed (kill -9); the backup still has everything and accepts writes")
	primary.kill()
	if err := backup.lines(ctx, "enable", "show hotspot statistics",
		"hotspot user add bob password builder99 profile guests firstname Bob", "show mbox sync status"); err != nil {
		return err
	}
	if err := d.goesOn(ctx, backup); err != nil {
		return err
	}
	d.title("The primary returns; what happened meanwhile goes back to it")
	if err := primary.start(ctx); err != nil {
		return err
	}
	if err := d.until(ctx, "bob is on the primary", primary.has(ctx, "bob")); err != nil {
		return err
	}
	if err := d.until(ctx, "both boxes are equal again", func() (bool, error) { return inSync(ctx, primary, backup) }); err != nil {
		return err
	}
	err := errors.Join(primary.lines(ctx, "enable", "show hotspot users bob", "show hotspot quota alice", "show mbox sync status detail"),
		backup.lines(ctx, "enable", "show mbox sync status detail"))
	if err == nil {
		d.title("Both boxes hold the same")
	}
	return err
}

// leave gives the operator the primary's console, if there is an operator.
func (d *demo) leave(primary *box) error {
	if !d.terminal || !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	d.title("This is the primary's console: try ?, `enable`, `show hotspot users`, `configure terminal`. `exit` ends the demo")
	signal.Ignore(os.Interrupt)
	cmd := exec.Command(d.program, "shell", "--data", primary.dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	_ = cmd.Run() // its status is that of the operator's last line
	return nil
}

func (d *demo) title(text string) {
	if d.terminal {
		fmt.Printf("\n\033[1m== %s\033[0m\n", text)
		return
	}
	fmt.Printf("\n== %s\n", text)
}

// progress draws how far both boxes are; off a terminal it prints a line now and then.
func (d *demo) progress(ctx context.Context, primary, backup *box) error {
	last := -1
	return d.until(ctx, "all accounts are on both boxes", func() (bool, error) {
		here, err1 := primary.users(ctx)
		there, err2 := backup.users(ctx)
		if err := errors.Join(err1, err2); err != nil {
			return false, err
		}
		percent := there * 100 / d.accounts
		if d.terminal {
			const width = 40
			bar := strings.Repeat("#", min(width, here*width/d.accounts))
			fmt.Printf("\r[%-*s] primary %d, backup %d accounts ", width, bar, here, there)
		} else if percent/20 != last/20 || last < 0 {
			fmt.Printf("primary %d, backup %d accounts\n", here, there)
		}
		last = percent
		if here >= d.accounts && there >= d.accounts {
			if d.terminal {
				fmt.Println()
			}
			return true, nil
		}
		return false, nil
	})
}

// until asks again until ok. The boxes are other processes that are asked as an operator would ask.
func (d *demo) until(ctx context.Context, what string, ok func() (bool, error)) error {
	limit := time.After(waitLimit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := ok()
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return fmt.Errorf("it never happened: %s", what)
		case <-tick.C:
		}
	}
}

// inSync says whether both say so and hold the same.
func inSync(ctx context.Context, a, b *box) (bool, error) {
	type status struct {
		State   string
		Digests map[string]string
	}
	var sa, sb status
	if err := errors.Join(a.show(ctx, "show mbox sync status", &sa), b.show(ctx, "show mbox sync status", &sb)); err != nil {
		return false, err
	}
	if sa.State != "in-sync" || sb.State != "in-sync" || len(sa.Digests) == 0 {
		return false, nil
	}
	for ds, digest := range sa.Digests {
		if sb.Digests[ds] != digest {
			return false, nil
		}
	}
	return true, nil
}

func writeGuests(name string, n int) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "username,password,profiles,firstname,lastname,email,country")
	for i := range n {
		fmt.Fprintf(w, "guest%06d,pass-%06d-%x,guests,First%d,Last%d,guest%d@example.com,SG\n", i, i, i*7919, i, i, i)
	}
	return w.Flush()
}
