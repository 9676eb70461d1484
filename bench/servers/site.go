// Package servers runs servers of others from temporary folders, as an unprivileged user if we are root: nothing of the
// system's own is touched, and nothing is left.
package servers

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
)

// ErrMissing says that a program is not here.
var ErrMissing = errors.New("not installed")

// Site is where servers live: a temporary folder, and who they run as.
type Site struct {
	Dir        string
	Credential *syscall.Credential // nil: as we are
	count      atomic.Int64        // of folders made

	mu      sync.Mutex // guards started
	started []*Process
}

// unprivileged is the user that servers run as when the program runs as root, which they refuse.
const unprivileged = "nobody"

// New makes a site in a temporary folder whose name begins with prefix.
func New(prefix string) (*Site, error) {
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return nil, err
	}
	s := &Site{Dir: dir}
	if os.Getuid() == 0 {
		if s.Credential, err = credentialOf(unprivileged); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// EndOnInterrupt has an interrupt end the servers, and then the program.
func (s *Site) EndOnInterrupt() {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		s.KillAll()
		_ = s.Close()
		os.Exit(1)
	}()
}

// Close removes the site's files. The servers must have ended.
func (s *Site) Close() error { return os.RemoveAll(s.Dir) }

func credentialOf(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}

// Own gives a file to the user that the servers run as.
func (s *Site) Own(name string) error {
	if s.Credential == nil {
		return nil
	}
	return os.Chown(name, int(s.Credential.Uid), int(s.Credential.Gid))
}

// Folder makes a new empty folder that the servers may write. Its name is short: a Unix socket's path has 107 bytes at most.
func (s *Site) Folder() (string, error) {
	dir := filepath.Join(s.Dir, strconv.FormatInt(s.count.Add(1), 10))
	return dir, errors.Join(os.Mkdir(dir, 0o700), s.Own(dir))
}

// Run executes a program as the servers' user and waits for it.
func (s *Site) Run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), "HOME="+s.Dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.Credential}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, out)
	}
	return nil
}

// FreePort is below those that the system gives to outgoing connections.
func FreePort() (int, error) {
	const first, count, tries = 20_000, 10_000, 100
	for range tries {
		port := first + rand.IntN(count)
		if l, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no free port found")
}

// Program finds a server's binary, which is not on everybody's path.
func Program(name string, folders ...string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range append(folders, "/usr/sbin", "/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, ErrMissing)
}
