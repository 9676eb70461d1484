package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// mariaPair is a primary with a binary log and its replica.
type mariaPair struct {
	site             *site
	primary, replica *mariaServer
	address          string // of the primary, for the replica
	copied           bool
}

// Load sends the rows as a file, in pieces that the binary log's cache can hold.
func (p *mariaPair) Load(n int) error {
	const chunk = 50_000
	for at := 0; at < n; at += chunk {
		name := fmt.Sprintf("rows-%p-%d", p, at)
		mysql.RegisterReaderHandler(name, func() io.Reader {
			r, w := io.Pipe()
			go func() {
				var line strings.Builder
				for i := at; i < min(at+chunk, n); i++ {
					line.Reset()
					record := numbered(i)
					line.WriteString(strings.Join(record.values(), "\t"))
					line.WriteByte('\n')
					if _, err := io.WriteString(w, line.String()); err != nil {
						return // the reader has given up and says why
					}
				}
				_ = w.Close()
			}()
			return r
		})
		err := p.primary.exec(fmt.Sprintf("LOAD DATA LOCAL INFILE 'Reader::%s' INTO TABLE bench.accounts CHARACTER SET utf8mb4 (%s)", name, strings.Join(columns, ", ")))
		mysql.DeregisterReaderHandler(name)
		if err != nil {
			return err
		}
	}
	return nil
}

// Attach copies with a dump at first, which also says from where to follow.
func (p *mariaPair) Attach() error {
	if !p.copied {
		p.copied = true
		if err := p.dump(); err != nil {
			return err
		}
	}
	return p.replica.exec("START SLAVE")
}

func (p *mariaPair) dump() error {
	host, port, err := net.SplitHostPort(p.address)
	if err != nil {
		return err
	}
	err = p.replica.exec(fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%s, MASTER_USER='copy', MASTER_SSL=1, MASTER_SSL_CA='%s', MASTER_CONNECT_RETRY=1", host, port, p.site.ca))
	if err != nil {
		return err
	}
	out := exec.Command("mariadb-dump", "--no-defaults", "--protocol=tcp", "--host="+host, "--port="+port, "--user=copy", "--ssl-ca="+p.site.ca,
		"--single-transaction", "--quick", "--no-autocommit", "--master-data=1", "bench")
	in := exec.Command("mariadb", "--no-defaults", "--socket="+p.replica.socket, "--user=root", "bench")
	var outSays, inSays strings.Builder
	out.Stderr, in.Stderr = &outSays, &inSays
	for _, cmd := range []*exec.Cmd{out, in} {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.site.Credential, Pdeathsig: syscall.SIGKILL}
	}
	if in.Stdin, err = out.StdoutPipe(); err != nil {
		return err
	}
	if err := in.Start(); err != nil {
		return fmt.Errorf("mariadb: %w", err)
	}
	if err := out.Start(); err != nil {
		return errors.Join(fmt.Errorf("mariadb-dump: %w", err), in.Process.Kill(), in.Wait())
	}
	err1, err2 := in.Wait(), out.Wait()
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("copy by dump: %w\n%s%s", err, outSays.String(), inSays.String())
	}
	return nil
}

func (p *mariaPair) Detach() error { return p.replica.exec("STOP SLAVE") }

func (p *mariaPair) Relax(on bool) error {
	value := 1
	if on {
		value = 0
	}
	return errors.Join(
		p.primary.exec(fmt.Sprintf("SET GLOBAL sync_binlog=%d", value)),
		p.primary.exec(fmt.Sprintf("SET GLOBAL innodb_flush_log_at_trx_commit=%d", value)),
		p.primary.exec("FLUSH BINARY LOGS"),
	)
}

// Acknowledge sets a timeout that is never reached: a write that gave up waiting would flatter the figure.
func (p *mariaPair) Acknowledge() error {
	err := errors.Join(
		p.primary.exec("SET GLOBAL rpl_semi_sync_master_timeout=3600000"), p.primary.exec("SET GLOBAL rpl_semi_sync_master_enabled=1"),
		p.replica.exec("SET GLOBAL sync_relay_log=1"), p.replica.exec("SET GLOBAL rpl_semi_sync_slave_enabled=1"),
		p.replica.exec("STOP SLAVE IO_THREAD"), p.replica.exec("START SLAVE IO_THREAD"),
	)
	if err != nil {
		return err
	}
	return eventually("MariaDB's semi-sync replica connects", func() (bool, error) {
		clients, err := p.primary.status("Rpl_semi_sync_master_clients")
		return clients == "1", err
	})
}

func (p *mariaPair) Same() error {
	sum := func(s *mariaServer) (out string, err error) {
		var table string
		err = s.db.QueryRow("CHECKSUM TABLE bench.accounts").Scan(&table, &out)
		return out, err
	}
	at, err1 := sum(p.primary)
	there, err2 := sum(p.replica)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if at != there {
		return fmt.Errorf("the primary has checksum %s, the replica %s", at, there)
	}
	return nil
}

func (p *mariaPair) Close() error { return errors.Join(p.replica.close(), p.primary.close()) }

// mariaClient is both, a writer and a reader.
type mariaClient struct {
	conn              *sql.Conn
	put, disable, has *sql.Stmt
}

func (p *mariaPair) Writer() (writer, error) {
	c, err := p.primary.client()
	if err != nil {
		return nil, err
	}
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")
	var err1, err2 error
	c.put, err1 = c.conn.PrepareContext(context.Background(), fmt.Sprintf("INSERT INTO bench.accounts (%s) VALUES (%s)", strings.Join(columns, ", "), marks))
	c.disable, err2 = c.conn.PrepareContext(context.Background(), "UPDATE bench.accounts SET disabled = NOT disabled WHERE username = ?")
	return c, errors.Join(err1, err2)
}

func (p *mariaPair) Reader() (reader, error) {
	c, err := p.replica.client()
	if err != nil {
		return nil, err
	}
	c.has, err = c.conn.PrepareContext(context.Background(), "SELECT EXISTS (SELECT 1 FROM bench.accounts WHERE username = ?)")
	return c, err
}

func (s *mariaServer) client() (*mariaClient, error) {
	conn, err := s.db.Conn(context.Background())
	return &mariaClient{conn: conn}, err
}

func (c *mariaClient) Put(r row) error {
	_, err := c.put.Exec(anys(r.values())...)
	return err
}

func (c *mariaClient) Disable(username string) error {
	result, err := c.disable.Exec(username)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fmt.Errorf("there is no account %s", username), err)
	}
	return nil
}

func (c *mariaClient) Has(username string) (has bool, err error) {
	err = c.has.QueryRow(username).Scan(&has)
	return has, err
}

func (c *mariaClient) Close() error {
	var err error
	for _, s := range []*sql.Stmt{c.put, c.disable, c.has} {
		if s != nil {
			err = errors.Join(err, s.Close())
		}
	}
	return errors.Join(err, c.conn.Close())
}
