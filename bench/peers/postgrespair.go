package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
)

// sqlTable is the same in both SQL stores.
const sqlTable = `CREATE TABLE accounts (
	username VARCHAR(64) PRIMARY KEY, password VARCHAR(64) NOT NULL, profile VARCHAR(64) NOT NULL,
	firstname VARCHAR(64), lastname VARCHAR(64), email VARCHAR(128), mobile VARCHAR(32), birthdate VARCHAR(10), company VARCHAR(128),
	address VARCHAR(256), interests VARCHAR(256), country VARCHAR(2), zip VARCHAR(16),
	disabled BOOLEAN NOT NULL DEFAULT FALSE, created TIMESTAMP DEFAULT CURRENT_TIMESTAMP)`

// pgPair is a publisher and its subscriber.
type pgPair struct {
	site             *site
	primary, replica *pgServer
	address          string // of the primary, for the replica
	subscribed       bool
}

func (p *pgPair) Load(n int) error {
	i := -1
	rows := pgx.CopyFromFunc(func() ([]any, error) {
		if i++; i >= n {
			return nil, nil
		}
		r := numbered(i)
		return anys(r.values()), nil
	})
	if _, err := p.primary.conn.CopyFrom(context.Background(), pgx.Identifier{"accounts"}, columns, rows); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return p.primary.exec("ANALYZE accounts")
}

func anys(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

func (p *pgPair) Attach() error {
	if p.subscribed {
		return p.replica.exec("ALTER SUBSCRIPTION bench ENABLE")
	}
	host, port, err := net.SplitHostPort(p.address)
	if err != nil {
		return err
	}
	p.subscribed = true
	return p.replica.exec(fmt.Sprintf("CREATE SUBSCRIPTION bench CONNECTION 'host=%s port=%s user=bench dbname=postgres sslmode=verify-ca sslrootcert=%s' PUBLICATION bench",
		host, port, p.site.ca))
}

// Detach lets a copy that is under way end first.
func (p *pgPair) Detach() error {
	if err := p.replica.until("SELECT bool_and(srsubstate = 'r')::text FROM pg_subscription_rel", "true"); err != nil {
		return err
	}
	if err := p.replica.exec("ALTER SUBSCRIPTION bench DISABLE"); err != nil {
		return err
	}
	return p.primary.until("SELECT bool_or(active)::text FROM pg_replication_slots", "false")
}

func (p *pgPair) Relax(on bool) error {
	value := "on"
	if on {
		value = "off"
	}
	// For connections that begin from now on. It commits durably itself, and so does everything before it.
	return p.primary.exec("ALTER ROLE bench SET synchronous_commit = " + value)
}

func (p *pgPair) Acknowledge() error {
	return errors.Join(
		p.replica.exec("ALTER SUBSCRIPTION bench SET (synchronous_commit = on)"), // or its flush is reported up to 200 ms late
		p.primary.exec("ALTER SYSTEM SET synchronous_standby_names = 'bench'"),
		p.primary.exec("SELECT pg_reload_conf()"),
		p.primary.until("SELECT coalesce(max(sync_state), 'none') FROM pg_stat_replication WHERE state = 'streaming'", "sync"),
	)
}

func (p *pgPair) Same() error {
	const sum = "SELECT count(*) || ' rows, sum ' || coalesce(sum(hashtext(a::text)::bigint), 0) FROM accounts a"
	at, err1 := p.primary.ask(sum)
	there, err2 := p.replica.ask(sum)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if at != there {
		return fmt.Errorf("the primary has %s, the replica %s", at, there)
	}
	tls, err := p.primary.ask("SELECT coalesce(min(s.version), 'none') FROM pg_stat_replication r LEFT JOIN pg_stat_ssl s ON s.pid = r.pid AND s.ssl")
	if err == nil && tls != "TLSv1.3" {
		err = fmt.Errorf("the replication link uses TLS version %s", tls)
	}
	return err
}

func (p *pgPair) Close() error { return errors.Join(p.replica.close(), p.primary.close()) }

// pgClient is both, a writer and a reader.
type pgClient struct{ conn *pgx.Conn }

func (p *pgPair) Writer() (writer, error) {
	placeholders := make([]string, len(columns))
	for i := range columns {
		placeholders[i] = fmt.Sprintf("$%d", i+1)
	}
	return pgPrepared(p.primary, map[string]string{
		"put":     fmt.Sprintf("INSERT INTO accounts (%s) VALUES (%s)", strings.Join(columns, ", "), strings.Join(placeholders, ", ")),
		"disable": "UPDATE accounts SET disabled = NOT disabled WHERE username = $1",
	})
}

func (p *pgPair) Reader() (reader, error) {
	return pgPrepared(p.replica, map[string]string{"has": "SELECT EXISTS (SELECT FROM accounts WHERE username = $1)"})
}

func pgPrepared(s *pgServer, statements map[string]string) (*pgClient, error) {
	conn, err := s.connect()
	if err != nil {
		return nil, err
	}
	for name, statement := range statements {
		if _, err := conn.Prepare(context.Background(), name, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("prepare %s: %w", name, err), conn.Close(context.Background()))
		}
	}
	return &pgClient{conn}, nil
}

func (c *pgClient) Put(r row) error {
	_, err := c.conn.Exec(context.Background(), "put", anys(r.values())...)
	return err
}

func (c *pgClient) Disable(username string) error {
	tag, err := c.conn.Exec(context.Background(), "disable", username)
	if err == nil && tag.RowsAffected() != 1 {
		err = fmt.Errorf("there is no account %s", username)
	}
	return err
}

func (c *pgClient) Has(username string) (has bool, err error) {
	err = c.conn.QueryRow(context.Background(), "has", username).Scan(&has)
	return has, err
}

func (c *pgClient) Close() error { return c.conn.Close(context.Background()) }
