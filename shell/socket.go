package shell

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// SocketName is the console's socket in the box's directory.
const SocketName = "console.sock"

// maxSocketPath is the room in sockaddr_un (unix(7): 108 bytes, one of them the terminating zero).
const maxSocketPath = 107

// Listen opens the console's socket in dir, mode 0600. The socket that a dead box left behind is replaced; one that
// still answers, or a file that is no socket, is an error. dir itself must be closed to others: the mode of the socket
// is set after it exists.
func Listen(dir string) (net.Listener, error) {
	path, release, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	listener, err := listenAt(path)
	if err != nil {
		release()
		return nil, fmt.Errorf("listen on %s: %w", filepath.Join(dir, SocketName), err)
	}
	return &consoleListener{UnixListener: listener, path: path, release: release}, nil
}

func listenAt(path string) (*net.UnixListener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false) // the path may run through a descriptor that is closed by then
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("a file that is not a socket is in the way")
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return errors.New("another box is serving there")
	}
	return os.Remove(path)
}

// consoleListener removes its socket when it is closed.
type consoleListener struct {
	*net.UnixListener
	path    string
	release func()
	once    sync.Once
}

func (l *consoleListener) Close() error {
	err := l.UnixListener.Close()
	l.once.Do(func() {
		os.Remove(l.path)
		l.release()
	})
	return err
}

// dial connects to the console of the box in dir.
func dial(dir string) (net.Conn, error) {
	path, release, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	return net.Dial("unix", path)
}

// socketPath returns a path of the socket that fits into sockaddr_un. A deep directory is reached through a descriptor
// of it, which release closes.
func socketPath(dir string) (path string, release func(), err error) {
	path = filepath.Join(dir, SocketName)
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, fmt.Errorf("open %s: %w", dir, err)
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", fd, SocketName), func() { unix.Close(fd) }, nil
}

// peer returns the user at the other end of a unix socket; ok is false for any other connection.
func peer(conn net.Conn) (uid uint32, ok bool) {
	u, isUnix := conn.(*net.UnixConn)
	if !isUnix {
		return 0, false
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, false
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) { cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err != nil || credErr != nil {
		return 0, false
	}
	return cred.Uid, true
}
