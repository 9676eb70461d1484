package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
)

// site is where the peers live: a temporary folder, certificates, and an unprivileged user if we are root.
type site struct {
	dir        string
	credential *syscall.Credential // nil: as we are
	ca         string              // file
	cert, key  string              // files of both servers of a pair
	count      atomic.Int64        // of folders made

	mu      sync.Mutex // guards started
	started []*process
}

// unprivileged is the user that servers run as when the program runs as root, which they refuse.
const unprivileged = "nobody"

func newSite() (*site, error) {
	dir, err := os.MkdirTemp("", "mbox-peers-")
	if err != nil {
		return nil, err
	}
	s := &site{dir: dir}
	if os.Getuid() == 0 {
		if s.credential, err = credentialOf(unprivileged); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	if err := errors.Join(os.Chmod(dir, 0o755), s.certify()); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare %s: %w", dir, err), s.close())
	}
	return s, nil
}

func (s *site) close() error { return os.RemoveAll(s.dir) }

func credentialOf(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}

// own gives a file to the user that the servers run as.
func (s *site) own(name string) error {
	if s.credential == nil {
		return nil
	}
	return os.Chown(name, int(s.credential.Uid), int(s.credential.Gid))
}

// folder makes a new empty folder that the servers may write. Its name is short: a Unix socket's path has 107 bytes at most.
func (s *site) folder() (string, error) {
	dir := filepath.Join(s.dir, strconv.FormatInt(s.count.Add(1), 10))
	return dir, errors.Join(os.Mkdir(dir, 0o700), s.own(dir))
}

// run executes a program as the servers' user and waits for it.
func (s *site) run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "HOME="+s.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, out)
	}
	return nil
}

// freePort is below those that the system gives to outgoing connections.
func freePort() (int, error) {
	const first, count, tries = 20_000, 10_000, 100
	for range tries {
		port := first + rand.IntN(count)
		if l, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no free port found")
}

// program finds a server's binary, which is not on everybody's path.
func program(name string, folders ...string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range append(folders, "/usr/sbin", "/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, errMissing)
}
