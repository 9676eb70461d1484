package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"mbox/bench/servers"
)

// redis is Redis with its replication and an append-only file.
type redis struct{}

func (redis) Name() string { return "Redis" }

func (redis) Version() (string, error) {
	bin, err := servers.Program("redis-server")
	if err != nil {
		return "", err
	}
	out, err := exec.Command(bin, "--version").Output()
	_, version, _ := strings.Cut(string(out), "v=")
	version, _, _ = strings.Cut(version, " ")
	return version, err
}

func (redis) Settings() string {
	return "appendonly with appendfsync always on both, an account is one string of JSON, repl-backlog-size 512mb, repl-diskless-sync-delay 0; " +
		"the replication port speaks TLS only; clients through a Unix socket"
}

func (s redis) Start(at *site, by route) (_ pair, err error) {
	p := &redisPair{}
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
	if p.nowhere, err = servers.FreePort(); err != nil {
		return nil, err
	}
	p.address, err = by(fmt.Sprintf("127.0.0.1:%d", p.primary.port))
	return p, err
}

// redisServer is one server and a connection to it for our own use.
type redisServer struct {
	*servers.Process
	*respConn
	dir, socket string
	port        int
}

func (redis) server(at *site) (*redisServer, error) {
	bin, err := servers.Program("redis-server")
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
	srv := &redisServer{dir: dir, socket: filepath.Join(dir, "s"), port: port}
	srv.Process, err = at.Start(dir, syscall.SIGKILL, bin,
		"--port", "0", "--tls-port", strconv.Itoa(port), "--bind", "127.0.0.1", "--unixsocket", srv.socket, "--unixsocketperm", "777", "--dir", dir,
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--tls-cert-file", at.cert, "--tls-key-file", at.key, "--tls-ca-cert-file", at.ca,
		"--tls-replication", "yes", "--tls-protocols", "TLSv1.3", "--repl-backlog-size", "512mb", "--repl-diskless-sync-delay", "0",
		"--client-output-buffer-limit", "replica 2gb 2gb 0", "--enable-debug-command", "local")
	if err != nil {
		return nil, err
	}
	if err := srv.Ready(func() (err error) { srv.respConn, err = dialRESP(srv.socket); return err }); err != nil {
		return nil, errors.Join(err, srv.Stop())
	}
	return srv, nil
}

func (s *redisServer) must(args ...string) error {
	if _, err := s.do(args...); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// info is a field of INFO.
func (s *redisServer) info(field string) (string, error) {
	text, err := s.do("INFO")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value), err
		}
	}
	return "", err
}

func (s *redisServer) close() error {
	if s == nil {
		return nil
	}
	return errors.Join(s.respConn.Close(), s.Stop(), os.RemoveAll(s.dir))
}

// redisPair is a primary and its replica.
type redisPair struct {
	primary, replica *redisServer
	address          string // of the primary, for the replica
	nowhere          int    // a port where nobody listens
	copies           string // how many full copies the primary has made before the replica was cut off
	acknowledge      atomic.Bool
}

func document(r row, disabled bool) string {
	raw, err := json.Marshal(struct {
		row
		Disabled bool
	}{r, disabled})
	if err != nil {
		panic(err) // strings and a bool always have a JSON form
	}
	return string(raw)
}

func (p *redisPair) Load(n int) error {
	const chunk = 1000
	for at := 0; at < n; at += chunk {
		end := min(at+chunk, n)
		for i := at; i < end; i++ {
			r := numbered(i)
			p.primary.send("SET", r.Username, document(r, false))
		}
		if err := p.primary.flush(); err != nil {
			return err
		}
		for range end - at {
			if _, err := p.primary.receive(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Attach finds the position that the replica kept and so does not copy everything again.
func (p *redisPair) Attach() error {
	host, port, err := net.SplitHostPort(p.address)
	if err != nil {
		return err
	}
	return p.replica.must("REPLICAOF", host, port)
}

// Detach sends the replica to a port where nobody is: told to follow nobody, it would forget its position.
func (p *redisPair) Detach() (err error) {
	if p.copies, err = p.primary.info("sync_full"); err != nil {
		return err
	}
	return p.replica.must("REPLICAOF", "127.0.0.1", strconv.Itoa(p.nowhere))
}

func (p *redisPair) Relax(on bool) error {
	value := "always"
	if on {
		value = "no"
	}
	return p.primary.must("CONFIG", "SET", "appendfsync", value)
}

func (p *redisPair) Acknowledge() error {
	p.acknowledge.Store(true)
	return nil
}

func (p *redisPair) Same() error {
	at, err1 := p.primary.do("DEBUG", "DIGEST")
	there, err2 := p.replica.do("DEBUG", "DIGEST")
	copies, err3 := p.primary.info("sync_full")
	switch err := errors.Join(err1, err2, err3); {
	case err != nil:
		return err
	case at != there:
		return fmt.Errorf("the primary has digest %s, the replica %s", at, there)
	case p.copies != "" && copies != p.copies:
		return errors.New("everything was copied instead of caught up with")
	}
	return nil
}

func (p *redisPair) Close() error { return errors.Join(p.replica.close(), p.primary.close()) }

// redisClient is both, a writer and a reader.
type redisClient struct {
	*respConn
	pair *redisPair
}

func (p *redisPair) Writer() (writer, error) { return p.client(p.primary) }
func (p *redisPair) Reader() (reader, error) { return p.client(p.replica) }

func (p *redisPair) client(s *redisServer) (*redisClient, error) {
	conn, err := dialRESP(s.socket)
	return &redisClient{conn, p}, err
}

func (c *redisClient) Put(r row) error { return c.set(r, false) }

func (c *redisClient) set(r row, disabled bool) error {
	c.send("SET", r.Username, document(r, disabled))
	wait := c.pair.acknowledge.Load()
	if wait {
		c.send("WAIT", "1", "5000")
	}
	if err := c.flush(); err != nil {
		return err
	}
	if _, err := c.receive(); err != nil || !wait {
		return err
	}
	if n, err := c.receive(); err != nil || n != "1" {
		return errors.Join(fmt.Errorf("%s replicas of Redis have %s", n, r.Username), err)
	}
	return nil
}

// Disable writes the whole account, as Redis has no smaller unit in a string.
func (c *redisClient) Disable(username string) error {
	var i int
	if _, err := fmt.Sscanf(username, "guest%d", &i); err != nil {
		return fmt.Errorf("username %s: %w", username, err)
	}
	return c.set(numbered(i), true)
}

// Has is false while the replica loads a first copy.
func (c *redisClient) Has(username string) (bool, error) {
	n, err := c.do("EXISTS", username)
	var refused respError
	if errors.As(err, &refused) && strings.HasPrefix(string(refused), "LOADING") {
		return false, nil
	}
	return n == "1", err
}
