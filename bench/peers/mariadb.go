package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"

	"mbox/bench/servers"
)

// mariadb is MariaDB with row-based binary log replication.
type mariadb struct {
	once     sync.Once // guards template
	template string    // a folder as mariadb-install-db made it
	err      error
}

func (*mariadb) Name() string { return "MariaDB" }

func (*mariadb) Version() (string, error) {
	bin, err := servers.Program("mariadbd")
	if err != nil {
		return "", err
	}
	out, err := exec.Command(bin, "--no-defaults", "--version").Output()
	_, version, _ := strings.Cut(string(out), "Ver ")
	version, _, _ = strings.Cut(version, "-")
	return version, err
}

func (*mariadb) Settings() string {
	return "row-based binary log; sync_binlog=1 and innodb_flush_log_at_trx_commit=1 on both, innodb_buffer_pool_size=1G, innodb_log_file_size=1G, " +
		"slave_parallel_threads=4 (optimistic); TLS required of the replica; prepared statements through a Unix socket; first copy by mariadb-dump over TLS"
}

func (s *mariadb) Start(at *site, by route) (_ pair, err error) {
	s.once.Do(func() { s.template, s.err = s.initialise(at) })
	if s.err != nil {
		return nil, s.err
	}
	p := &mariaPair{site: at}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.primary, err = s.server(at, 1, "--log-bin=binlog", "--sync-binlog=1", "--binlog-format=ROW"); err != nil {
		return nil, fmt.Errorf("start the primary: %w", err)
	}
	if p.replica, err = s.server(at, 2, "--slave-parallel-threads=4", "--skip-slave-start", "--relay-log=relay"); err != nil {
		return nil, fmt.Errorf("start the replica: %w", err)
	}
	if p.address, err = by(fmt.Sprintf("127.0.0.1:%d", p.primary.port)); err != nil {
		return nil, err
	}
	return p, errors.Join(
		p.primary.exec("CREATE USER copy@'%' REQUIRE SSL"), p.primary.exec("GRANT ALL ON *.* TO copy@'%'"),
		p.primary.exec("CREATE DATABASE bench"), p.primary.exec(strings.Replace(sqlTable, "accounts", "bench.accounts", 1)),
		p.replica.exec("CREATE DATABASE bench"),
	)
}

func (*mariadb) initialise(at *site) (string, error) {
	bin, err := servers.Program("mariadb-install-db")
	if err != nil {
		return "", err
	}
	dir, err := at.Folder()
	if err != nil {
		return "", err
	}
	return dir, at.Run(bin, "--no-defaults", "--datadir="+dir, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
}

// mariaServer is one server and a pool of connections to it for our own use.
type mariaServer struct {
	*servers.Process
	dir    string
	socket string
	port   int
	db     *sql.DB
}

func (s *mariadb) server(at *site, id int, more ...string) (*mariaServer, error) {
	bin, err := servers.Program("mariadbd")
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
	if err := at.Run("cp", "-a", s.template+"/.", dir); err != nil {
		return nil, err
	}
	srv := &mariaServer{dir: dir, socket: filepath.Join(dir, "s"), port: port}
	args := append([]string{
		"--no-defaults", "--datadir=" + dir, "--socket=" + srv.socket, fmt.Sprintf("--port=%d", port), "--bind-address=127.0.0.1",
		fmt.Sprintf("--server-id=%d", id), "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G",
		"--skip-name-resolve", "--max-connections=200", "--max-prepared-stmt-count=100000", "--local-infile=1", "--character-set-server=utf8mb4",
		"--ssl-ca=" + at.ca, "--ssl-cert=" + at.cert, "--ssl-key=" + at.key, "--pid-file=" + filepath.Join(dir, "pid"),
	}, more...)
	if srv.Process, err = at.Start(dir, syscall.SIGKILL, bin, args...); err != nil {
		return nil, err
	}
	if srv.db, err = sql.Open("mysql", "root@unix("+srv.socket+")/"); err != nil {
		return nil, errors.Join(err, srv.Stop())
	}
	if err := srv.Ready(func() error { return srv.db.Ping() }); err != nil {
		return nil, errors.Join(err, srv.Stop())
	}
	return srv, nil
}

func (s *mariaServer) exec(statement string) error {
	if _, err := s.db.Exec(statement); err != nil {
		return fmt.Errorf("%.60s: %w", statement, err)
	}
	return nil
}

// status is a variable of SHOW GLOBAL STATUS.
func (s *mariaServer) status(variable string) (string, error) {
	var name, value string
	err := s.db.QueryRow("SHOW GLOBAL STATUS LIKE '"+variable+"'").Scan(&name, &value)
	return value, err
}

func (s *mariaServer) close() error {
	if s == nil {
		return nil
	}
	return errors.Join(s.db.Close(), s.Stop(), os.RemoveAll(s.dir))
}
