package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mbox/bench/servers"
)

// mbox is a box, configured by what an operator types, and perhaps a second one that follows it.
type mbox struct {
	program string // file
	standby bool
}

const (
	alone        = "mbox"
	withStandby  = "mbox with a standby"
	syncPassword = "securemboxpass"
)

func (m mbox) Name() string {
	if m.standby {
		return withStandby
	}
	return alone
}

func (m mbox) Version() (string, error) {
	out, err := exec.Command(m.program, "version").Output()
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%w: make build", servers.ErrMissing)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimPrefix(strings.TrimSpace(first), "mbox "), err
}

func (m mbox) Settings() string {
	if m.standby {
		return "the same, and a second box follows over TLS 1.3 on this machine, where it writes everything, too"
	}
	return "as shipped: every report is on the disk before it is confirmed, every login attempt is recorded"
}

// boxServer is a box that serves RADIUS.
type boxServer struct {
	*box
	auth, acct int  // ports
	standby    *box // nil: none
}

func (m mbox) Start(at *servers.Site, accounts int) (_ server, err error) {
	s := &boxServer{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	var sync int
	for _, port := range []*int{&s.auth, &s.acct, &sync} {
		if *port, err = servers.FreePort(); err != nil {
			return nil, err
		}
	}
	if s.box, err = startBox(at, m.program); err != nil {
		return nil, err
	}
	if err := s.load(accounts); err != nil {
		return nil, err
	}
	err = s.typed(
		"configure terminal",
		// Nothing is open before there is a client.
		"security radius-server", "listen 127.0.0.1", fmt.Sprintf("auth-port %d", s.auth), fmt.Sprintf("acct-port %d", s.acct),
		fmt.Sprintf("client 127.0.0.1/32 key %s name bench", secret),
		"end",
	)
	if err != nil || !m.standby {
		return s, err
	}
	if s.standby, err = startBox(at, m.program); err != nil {
		return nil, err
	}
	err = s.typed("configure terminal", "username mboxadmin password "+syncPassword,
		fmt.Sprintf("mbox sync listen 127.0.0.2 port %d", sync), "mbox sync allow 127.0.0.0/8 accept all", "end")
	if err != nil {
		return nil, err
	}
	err = s.standby.typed("configure terminal", fmt.Sprintf("mbox sync listen 127.0.0.3 port %d", sync),
		fmt.Sprintf("mbox sync primary 127.0.0.2 username mboxadmin password %s port %d send all", syncPassword, sync), "end")
	if err != nil {
		return nil, err
	}
	return s, s.Followed()
}

// load imports the accounts.
func (s *boxServer) load(accounts int) error {
	var text strings.Builder
	text.WriteString("username,password,profiles\n")
	for i := range accounts {
		fmt.Fprintf(&text, "%s,%s,%s\n", username(i), password(i), profileName)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "files", "guests.csv"), []byte(text.String()), 0o600); err != nil {
		return err
	}
	return s.typed(fmt.Sprintf("hotspot profile add %s Session-Timeout %d", profileName, profileTimeout), "hotspot import users guests.csv atomic")
}

func (s *boxServer) AuthAddress() string { return fmt.Sprintf("127.0.0.1:%d", s.auth) }
func (s *boxServer) AcctAddress() string { return fmt.Sprintf("127.0.0.1:%d", s.acct) }
func (s *boxServer) Processes() []int    { return []int{s.PID()} }

// Follower is the standby.
func (s *boxServer) Follower() (pid int, ok bool) {
	if s.standby == nil {
		return 0, false
	}
	return s.standby.PID(), true
}

// Held reads the sessions as they are exported, at the standby if there is one: what it lacks is missing.
func (s *boxServer) Held() (sessions, octets uint64, err error) {
	asked := s.box
	if s.standby != nil {
		if err := s.Followed(); err != nil {
			return 0, 0, err
		}
		asked = s.standby
	}
	if err := asked.typed("hotspot export sessions held.csv"); err != nil {
		return 0, 0, err
	}
	file, err := os.Open(filepath.Join(asked.dir, "files", "held.csv"))
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	return sum(csv.NewReader(file))
}

// sum counts the rows and adds up the octets of a list of sessions.
func sum(rows *csv.Reader) (sessions, octets uint64, err error) {
	head, err := rows.Read()
	if err != nil {
		return 0, 0, err
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return sessions, octets, nil
		}
		if err != nil {
			return 0, 0, err
		}
		sessions++
		for i, name := range head {
			if name != "acctinputoctets" && name != "acctoutputoctets" {
				continue
			}
			n, err := strconv.ParseUint(row[i], 10, 64)
			if err != nil {
				return 0, 0, fmt.Errorf("%s of a session: %w", name, err)
			}
			octets += n
		}
	}
}

// Followed compares the digests of both boxes, which say the same only if they hold the same.
func (s *boxServer) Followed() error {
	if s.standby == nil {
		return nil
	}
	const limit = 10 * time.Minute // it only ends a broken run
	for end := time.Now().Add(limit); ; time.Sleep(100 * time.Millisecond) {
		here, err1 := s.digests()
		there, err2 := s.standby.digests()
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if maps.Equal(here, there) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the standby never had everything: %v here, %v there", here, there)
		}
	}
}

func (s *boxServer) Close() error {
	var errs []error
	for _, b := range []*box{s.standby, s.box} {
		if b != nil {
			errs = append(errs, b.close())
		}
	}
	return errors.Join(errs...)
}

// box is one process of mbox.
type box struct {
	*servers.Process
	program string
	dir     string
}

// startBox runs an empty box as we are. Changes to the machine are recorded only.
func startBox(at *servers.Site, program string) (*box, error) {
	program, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(at.Dir, "box")
	if err != nil {
		return nil, err
	}
	b := &box{program: program, dir: dir}
	us := &servers.Site{Dir: at.Dir}
	if b.Process, err = us.Start(dir, syscall.SIGTERM, program, "run", "--data", dir, "--record-host"); err != nil {
		return nil, err
	}
	at.Add(b.Process)
	if err := b.Ready(func() error { return b.typed("show clock") }); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// typed runs lines at the console.
func (b *box) typed(lines ...string) error {
	_, err := b.shell(lines...)
	return err
}

func (b *box) shell(lines ...string) (string, error) {
	args := []string{"shell", "--data", b.dir}
	for _, line := range lines {
		args = append(args, "-c", line)
	}
	out, err := exec.Command(b.program, args...).Output()
	if err != nil {
		err = fmt.Errorf("%.60q at the box: %w: %.500s", lines[len(lines)-1], err, out)
	}
	return string(out), err
}

func (b *box) digests() (map[string]string, error) {
	out, err := b.shell("show mbox sync status | json")
	if err != nil {
		return nil, err
	}
	var status struct {
		Digests map[string]string `json:"digests"`
	}
	return status.Digests, json.Unmarshal([]byte(out), &status)
}

func (b *box) close() error { return errors.Join(b.Stop(), os.RemoveAll(b.dir)) }
