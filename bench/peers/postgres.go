package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"mbox/bench/servers"
)

// postgres is PostgreSQL with logical replication.
type postgres struct {
	once     sync.Once // guards template
	template string    // a folder as initdb made it
	err      error
}

const (
	pgBin    = "/usr/lib/postgresql/15/bin"
	pgCommon = `
listen_addresses = '127.0.0.1'
ssl = on
ssl_min_protocol_version = 'TLSv1.3'
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 512MB
max_wal_size = 4GB
checkpoint_timeout = 15min
max_connections = 200
wal_level = logical
wal_retrieve_retry_interval = 100ms
jit = off
`
)

func (*postgres) Name() string { return "PostgreSQL" }

func (*postgres) Version() (string, error) {
	bin, err := servers.Program("postgres", pgBin)
	if err != nil {
		return "", err
	}
	out, err := exec.Command(bin, "--version").Output()
	version, _, _ := strings.Cut(strings.TrimPrefix(string(out), "postgres (PostgreSQL) "), " ")
	return version, err
}

func (*postgres) Settings() string {
	return "logical replication; fsync, synchronous_commit and full_page_writes on, shared_buffers 512MB, max_wal_size 4GB, checkpoint_timeout 15min, " +
		"wal_retrieve_retry_interval 100ms; TLS 1.3 required of the replica, which verifies the certificate; prepared statements through a Unix socket"
}

func (s *postgres) Start(at *site, by route) (_ pair, err error) {
	s.once.Do(func() { s.template, s.err = s.initialise(at) })
	if s.err != nil {
		return nil, s.err
	}
	p := &pgPair{site: at}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.primary, err = s.server(at); err != nil {
		return nil, fmt.Errorf("start the primary: %w", err)
	}
	if p.replica, err = s.server(at); err != nil {
		return nil, fmt.Errorf("start the replica: %w", err)
	}
	if p.address, err = by(fmt.Sprintf("127.0.0.1:%d", p.primary.port)); err != nil {
		return nil, err
	}
	const publish = "CREATE PUBLICATION bench FOR TABLE accounts"
	return p, errors.Join(p.primary.exec(sqlTable), p.replica.exec(sqlTable), p.primary.exec(publish))
}

func (*postgres) initialise(at *site) (string, error) {
	bin, err := servers.Program("initdb", pgBin)
	if err != nil {
		return "", err
	}
	dir, err := at.Folder()
	if err != nil {
		return "", err
	}
	return dir, at.Run(bin, "-D", dir, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
}

// pgServer is one server and a connection to it for our own use.
type pgServer struct {
	*servers.Process
	dir  string
	port int
	mu   sync.Mutex // guards conn, which serves one at a time
	conn *pgx.Conn
}

func (s *postgres) server(at *site) (*pgServer, error) {
	bin, err := servers.Program("postgres", pgBin)
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
	srv := &pgServer{dir: dir, port: port}
	config := pgCommon + fmt.Sprintf("port = %d\nunix_socket_directories = '%s'\nssl_cert_file = '%s'\nssl_key_file = '%s'\n", port, dir, at.cert, at.key)
	err = errors.Join(
		at.Run("cp", "-a", s.template+"/.", dir),
		write(filepath.Join(dir, "postgresql.auto.conf"), config),
		write(filepath.Join(dir, "pg_hba.conf"), "local all all trust\nhostssl all all 127.0.0.1/32 trust\n"),
	)
	if err != nil {
		return nil, err
	}
	if srv.Process, err = at.Start(dir, syscall.SIGQUIT, bin, "-D", dir); err != nil { // SIGQUIT: immediate shutdown
		return nil, err
	}
	if err := srv.Ready(func() (err error) { srv.conn, err = srv.connect(); return err }); err != nil {
		return nil, errors.Join(err, srv.Stop())
	}
	return srv, nil
}

// write replaces what is in a file and leaves its owner.
func write(name, content string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Close())
}

func (s *pgServer) connect() (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), servers.StartTime)
	defer cancel()
	return pgx.Connect(ctx, fmt.Sprintf("host=%s port=%d user=bench dbname=postgres sslmode=disable", s.dir, s.port))
}

func (s *pgServer) exec(statement string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.conn.Exec(context.Background(), statement); err != nil {
		return fmt.Errorf("%.60s: %w", statement, err)
	}
	return nil
}

// ask returns the single value of a query as text.
func (s *pgServer) ask(query string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var answer string
	if err := s.conn.QueryRow(context.Background(), query).Scan(&answer); err != nil {
		return "", fmt.Errorf("%.60s: %w", query, err)
	}
	return answer, nil
}

// until waits until a query answers what it should.
func (s *pgServer) until(query, want string) error {
	return eventually(query, func() (bool, error) {
		got, err := s.ask(query)
		return got == want, err
	})
}

func (s *pgServer) close() error {
	if s == nil {
		return nil
	}
	_ = s.conn.Close(context.Background())
	return errors.Join(s.Stop(), os.RemoveAll(s.dir))
}

// eventually asks every millisecond; the limit only ends a broken run.
func eventually(what string, ok func() (bool, error)) error {
	const limit = 10 * time.Minute
	for end := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		if done, err := ok(); done || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("it never happened: %s", what)
		}
	}
}
