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

// database is what FreeRADIUS can keep its accounts and its accounting in.
type database interface {
	Name() string
	Version() (string, error)
	Settings() string
	Dialect() string // FreeRADIUS' name of it
	Start(at *servers.Site) (store, error)
}

// store is a database that runs, empty at first.
type store interface {
	PID() int
	// Connect are the lines of FreeRADIUS' sql module by which it finds the database.
	Connect() string
	// Run executes a query, or if it is empty, a file, and returns what it prints: columns apart by tabs.
	Run(query, file string) (string, error)
	Close() error
}

// databaseName is of the database, its user and the user's password.
const databaseName = "radius"

// sqlStore is a store that is asked through its command-line client.
type sqlStore struct {
	*servers.Process
	dir     string
	port    int
	connect string
	client  []string                    // a program and its arguments
	run     func(query string) []string // arguments
}

func (s *sqlStore) Connect() string { return s.connect }

func (s *sqlStore) Run(query, file string) (string, error) {
	args := s.client[1:]
	if query != "" {
		args = append(args[:len(args):len(args)], s.run(query)...)
	}
	cmd := exec.Command(s.client[0], args...)
	if file != "" {
		in, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer in.Close()
		cmd.Stdin = in
	}
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %.60s%s: %w: %.500s", filepath.Base(s.client[0]), query, file, err, problems.String())
	}
	return string(out), err
}

func (s *sqlStore) Close() error { return errors.Join(s.Stop(), os.RemoveAll(s.dir)) }

// mariadb is MariaDB; nothing replicates from it, so it needs no binary log.
type mariadb struct{}

func (mariadb) Name() string    { return "MariaDB" }
func (mariadb) Dialect() string { return "mysql" }

func (mariadb) Version() (string, error) {
	bin, err := servers.Program("mariadbd")
	if err != nil {
		return "", err
	}
	out, err := exec.Command(bin, "--no-defaults", "--version").Output()
	_, version, _ := strings.Cut(string(out), "Ver ")
	version, _, _ = strings.Cut(version, "-")
	return version, err
}

func (mariadb) Settings() string {
	return "innodb_flush_log_at_trx_commit=1, innodb_buffer_pool_size=1G, innodb_log_file_size=1G, no binary log; TCP on loopback without TLS"
}

func (m mariadb) Start(at *servers.Site) (store, error) {
	bin, err := servers.Program("mariadbd")
	if err != nil {
		return nil, err
	}
	installer, err := servers.Program("mariadb-install-db")
	if err != nil {
		return nil, err
	}
	dir, err := at.Folder()
	if err != nil {
		return nil, err
	}
	port, err := servers.FreePort()
	if err != nil {
		return nil, err
	}
	if err := at.Run(installer, "--no-defaults", "--datadir="+dir, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"); err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "s")
	s := &sqlStore{dir: dir, port: port}
	s.client = []string{"mariadb", "--no-defaults", "--socket=" + socket, "--user=root", "--batch", "--skip-column-names"}
	s.run = func(query string) []string { return []string{"--execute=" + query} }
	s.connect = fmt.Sprintf("server = \"127.0.0.1\"\n\t\tport = %d\n\t\tlogin = \"%[2]s\"\n\t\tpassword = \"%[2]s\"\n\t\tradius_db = \"%[2]s\"", port, databaseName)
	s.Process, err = at.Start(dir, syscall.SIGKILL, bin, "--no-defaults", "--datadir="+dir, "--socket="+socket, fmt.Sprintf("--port=%d", port), "--bind-address=127.0.0.1",
		"--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G", "--skip-name-resolve", "--max-connections=200",
		"--character-set-server=utf8mb4", "--pid-file="+filepath.Join(dir, "pid"))
	if err != nil {
		return nil, err
	}
	setUp := fmt.Sprintf("CREATE DATABASE %[1]s; CREATE USER %[1]s@'127.0.0.1' IDENTIFIED BY '%[1]s'; GRANT ALL ON %[1]s.* TO %[1]s@'127.0.0.1'", databaseName)
	return ready(s, "SELECT 1", setUp, "--database="+databaseName)
}

// ready waits for a store, prepares it, and makes the client use the new database.
func ready(s *sqlStore, probe, setUp, use string) (store, error) {
	err := s.Ready(func() error {
		_, err := s.Run(probe, "")
		return err
	})
	if err == nil {
		_, err = s.Run(setUp, "")
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.client = append(s.client, use)
	return s, nil
}

// postgres is PostgreSQL.
type postgres struct{}

func (postgres) Name() string    { return "PostgreSQL" }
func (postgres) Dialect() string { return "postgresql" }

// postgresFolder is where Debian keeps the programs of the newest version that is installed.
func postgresFolder() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is right
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

func (postgres) Version() (string, error) {
	bin, err := servers.Program("postgres", postgresFolder())
	if err != nil {
		return "", err
	}
	out, err := exec.Command(bin, "--version").Output()
	version, _, _ := strings.Cut(strings.TrimPrefix(string(out), "postgres (PostgreSQL) "), " ")
	return version, err
}

const postgresConf = `
listen_addresses = ''
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 512MB
max_wal_size = 4GB
checkpoint_timeout = 15min
max_connections = 200
jit = off
`

func (postgres) Settings() string {
	return "fsync, synchronous_commit and full_page_writes on, shared_buffers 512MB, max_wal_size 4GB, checkpoint_timeout 15min; Unix socket"
}

func (postgres) Start(at *servers.Site) (store, error) {
	programs := map[string]string{"postgres": "", "initdb": "", "psql": ""}
	for name := range programs {
		path, err := servers.Program(name, postgresFolder())
		if err != nil {
			return nil, err
		}
		programs[name] = path
	}
	dir, err := at.Folder()
	if err != nil {
		return nil, err
	}
	if err := at.Run(programs["initdb"], "-D", dir, "-U", databaseName, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"); err != nil {
		return nil, err
	}
	conf, err := os.OpenFile(filepath.Join(dir, "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	_, err = conf.WriteString(postgresConf + fmt.Sprintf("unix_socket_directories = '%s'\n", dir))
	if err := errors.Join(err, conf.Close()); err != nil {
		return nil, err
	}
	s := &sqlStore{dir: dir}
	s.client = []string{programs["psql"], "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", dir, "-U", databaseName}
	s.run = func(query string) []string { return []string{"-c", query} }
	s.connect = fmt.Sprintf("radius_db = \"dbname=%[2]s host=%[1]s user=%[2]s\"", dir, databaseName)
	if s.Process, err = at.Start(dir, syscall.SIGQUIT, programs["postgres"], "-D", dir); err != nil { // SIGQUIT: immediate shutdown
		return nil, err
	}
	s.client = append(s.client, "-d", "postgres")
	return ready(s, "SELECT 1", "CREATE DATABASE "+databaseName, "--dbname="+databaseName)
}
