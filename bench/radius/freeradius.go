package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"mbox/bench/servers"
)

// freeRADIUS reads the accounts from a `users` file, or from a database, where it then keeps accounting.
type freeRADIUS struct{ database database } // nil: files

func (f freeRADIUS) Name() string {
	if f.database == nil {
		return "FreeRADIUS files"
	}
	return "FreeRADIUS " + f.database.Name()
}

func (f freeRADIUS) Version() (string, error) {
	bin, err := servers.Program("freeradius")
	if err != nil {
		return "", err
	}
	out, err := exec.Command(bin, "-v").Output()
	_, version, _ := strings.Cut(string(out), "FreeRADIUS Version ")
	version, _, _ = strings.Cut(version, ",")
	if err != nil || f.database == nil {
		return version, err
	}
	if _, err := f.queries(); err != nil {
		return "", err
	}
	below, err := f.database.Version()
	return version + " on " + below, err
}

func (f freeRADIUS) Settings() string {
	const common = "32 threads; nothing but what the work needs is loaded, no log of logins, reject_delay 0"
	if f.database == nil {
		return common
	}
	return common + "; the queries and tables that Debian installs, 32 connections; " + f.database.Settings()
}

// The main configuration: the folder, the ports for authentication and accounting, the secret, and where accounts are.
const radiusdConf = `
name = radiusd
prefix = /usr
libdir = /usr/lib/freeradius
logdir = %[1]s
run_dir = %[1]s
modconfdir = %[1]s
pidfile = %[1]s/pid
max_request_time = 30
max_requests = 1000000
hostname_lookups = no
security {
	max_attributes = 200
	reject_delay = 0
	status_server = no
}
thread pool {
	start_servers = 32
	max_servers = 32
	min_spare_servers = 1
	max_spare_servers = 32
	max_requests_per_server = 0
}
client bench {
	ipaddr = 127.0.0.1
	secret = %[4]s
}
modules {
	pap {
	}
	expr {
	}
	always ok {
		rcode = ok
	}
%[5]s
}
server bench {
	listen {
		type = auth
		ipaddr = 127.0.0.1
		port = %[2]d
	}
	listen {
		type = acct
		ipaddr = 127.0.0.1
		port = %[3]d
	}
	authorize {
		%[6]s
		pap
	}
	authenticate {
		Auth-Type PAP {
			pap
		}
	}
	preacct {
		update request {
			&Acct-Unique-Session-Id := "%%{md5:%%{User-Name},%%{Acct-Session-ID},%%{NAS-IP-Address},%%{NAS-Identifier}}"
		}
	}
	accounting {
		%[7]s
	}
}
`

const filesModule = `
	files {
		usersfile = %s/users
	}
`

// The sql module: the dialect, and the lines of the database.
const sqlModule = `
	sql {
		driver = "rlm_sql_%[1]s"
		dialect = "%[1]s"
		%[2]s
		acct_table1 = "radacct"
		acct_table2 = "radacct"
		postauth_table = "radpostauth"
		authcheck_table = "radcheck"
		groupcheck_table = "radgroupcheck"
		authreply_table = "radreply"
		groupreply_table = "radgroupreply"
		usergroup_table = "radusergroup"
		client_table = "nas"
		group_attribute = "SQL-Group"
		read_groups = yes
		read_profiles = no
		read_clients = no
		delete_stale_sessions = yes
		pool {
			start = 32
			min = 32
			max = 32
			spare = 0
			uses = 0
			lifetime = 0
			idle_timeout = 0
			retry_delay = 1
		}
		$INCLUDE queries.conf
	}
`

// radiusServer is FreeRADIUS and, with SQL, its database.
type radiusServer struct {
	*servers.Process
	store      store // nil: files
	auth, acct int   // ports
}

func (f freeRADIUS) Start(at *servers.Site, accounts int) (_ server, err error) {
	bin, err := servers.Program("freeradius")
	if err != nil {
		return nil, err
	}
	dir, err := at.Folder()
	if err != nil {
		return nil, err
	}
	r := &radiusServer{}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if r.auth, err = servers.FreePort(); err != nil {
		return nil, err
	}
	if r.acct, err = servers.FreePort(); err != nil {
		return nil, err
	}
	module, accountsFrom, accountingTo := fmt.Sprintf(filesModule, dir), "files", "ok"
	if f.database == nil {
		err = writeUsers(filepath.Join(dir, "users"), accounts)
	} else {
		accountsFrom, accountingTo = "sql", "sql"
		module, err = f.fill(r, at, dir, accounts)
	}
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "radiusd.conf")
	text := fmt.Sprintf(radiusdConf, dir, r.auth, r.acct, secret, module, accountsFrom, accountingTo)
	if err := errors.Join(os.WriteFile(conf, []byte(text), 0o600), at.Own(conf)); err != nil {
		return nil, err
	}
	if r.Process, err = at.Start(dir, syscall.SIGKILL, bin, "-f", "-l", "stdout", "-d", dir, "-n", "radiusd"); err != nil {
		return nil, err
	}
	return r, r.Ready(func() error { return answers(r.AuthAddress()) })
}

// answers is an error unless the server lets a guest in.
func answers(address string) error {
	c, err := dial(address)
	if err != nil {
		return err
	}
	return errors.Join(c.do(&login{username(0), password(0), accessAccept}), c.Close())
}

func writeUsers(file string, accounts int) error {
	var text strings.Builder
	for i := range accounts {
		fmt.Fprintf(&text, "%s Cleartext-Password := \"%s\"\n\tSession-Timeout := %d\n\n", username(i), password(i), profileTimeout)
	}
	return os.WriteFile(file, []byte(text.String()), 0o644)
}

// fill starts the database, loads the accounts, and returns the module that asks it.
func (f freeRADIUS) fill(r *radiusServer, at *servers.Site, dir string, accounts int) (module string, err error) {
	from, err := f.queries()
	if err != nil {
		return "", err
	}
	for _, name := range []string{"queries.conf", "schema.sql"} {
		raw, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), raw, 0o644)
		}
		if err != nil {
			return "", err
		}
	}
	if r.store, err = f.database.Start(at); err != nil {
		return "", fmt.Errorf("start %s: %w", f.database.Name(), err)
	}
	load := filepath.Join(dir, "load.sql")
	if err := writeRows(load, accounts); err != nil {
		return "", err
	}
	for _, file := range []string{filepath.Join(dir, "schema.sql"), load} {
		if _, err := r.store.Run("", file); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf(sqlModule, f.database.Dialect(), r.store.Connect()), nil
}

// queries is the folder with the queries and tables that Debian's package installs, which only root may read.
func (f freeRADIUS) queries() (string, error) {
	dir := filepath.Join("/etc/freeradius/3.0/mods-config/sql/main", f.database.Dialect())
	_, err := os.ReadDir(dir)
	switch {
	case os.IsNotExist(err):
		return "", fmt.Errorf("%s: %w", dir, servers.ErrMissing)
	case err != nil:
		return "", fmt.Errorf("%w: %w", err, servers.ErrMissing)
	}
	return dir, nil
}

// writeRows writes the accounts as FreeRADIUS wants them in SQL.
func writeRows(file string, accounts int) error {
	var text strings.Builder
	fmt.Fprintf(&text, "BEGIN;\nINSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('%s', 'Session-Timeout', ':=', '%d');\n", profileName, profileTimeout)
	const batch = 1000
	for at := 0; at < accounts; at += batch {
		var checks, groups []string
		for i := at; i < min(at+batch, accounts); i++ {
			checks = append(checks, fmt.Sprintf("('%s', 'Cleartext-Password', ':=', '%s')", username(i), password(i)))
			groups = append(groups, fmt.Sprintf("('%s', '%s', 1)", username(i), profileName))
		}
		fmt.Fprintf(&text, "INSERT INTO radcheck (username, attribute, op, value) VALUES %s;\n", strings.Join(checks, ", "))
		fmt.Fprintf(&text, "INSERT INTO radusergroup (username, groupname, priority) VALUES %s;\n", strings.Join(groups, ", "))
	}
	text.WriteString("COMMIT;\n")
	return os.WriteFile(file, []byte(text.String()), 0o644)
}

func (r *radiusServer) AuthAddress() string { return fmt.Sprintf("127.0.0.1:%d", r.auth) }

func (r *radiusServer) AcctAddress() string {
	if r.store == nil {
		return ""
	}
	return fmt.Sprintf("127.0.0.1:%d", r.acct)
}

func (r *radiusServer) Processes() []int {
	pids := []int{r.PID()}
	if r.store != nil {
		pids = append(pids, r.store.PID())
	}
	return pids
}

func (r *radiusServer) Held() (sessions, octets uint64, err error) {
	out, err := r.store.Run("SELECT count(*), coalesce(sum(acctinputoctets + acctoutputoctets), 0) FROM radacct", "")
	if err == nil {
		_, err = fmt.Sscan(out, &sessions, &octets)
	}
	return sessions, octets, err
}

func (r *radiusServer) Close() error {
	err := r.Stop()
	if r.store != nil {
		err = errors.Join(err, r.store.Close())
	}
	return err
}
