package servers

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func newSite(t *testing.T) *Site {
	t.Helper()
	s, err := New("servers-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.KillAll()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestServerLives(t *testing.T) {
	s := newSite(t)
	dir, err := s.Folder()
	if err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join(dir, "up")
	p, err := s.Start(dir, syscall.SIGTERM, "sh", "-c", "touch up; exec sleep 1000")
	if err != nil {
		t.Fatal(err)
	}
	up := func() error { _, err := os.Stat(mark); return err }
	if err := p.Ready(up); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.PID(), 0); err != nil {
		t.Errorf("process %d: %v", p.PID(), err)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(p.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("after Stop: %v", err)
	}
}

// TestServerThatEnds says so at once, with its last words.
func TestServerThatEnds(t *testing.T) {
	s := newSite(t)
	dir, err := s.Folder()
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Start(dir, syscall.SIGTERM, "sh", "-c", "echo no license; exit 1")
	if err != nil {
		t.Fatal(err)
	}
	err = p.Ready(func() error { return errors.New("not yet") })
	if err == nil || !strings.Contains(err.Error(), "no license") {
		t.Errorf("got %v", err)
	}
}

// TestRunsUnprivileged is about root, whose servers must not be.
func TestRunsUnprivileged(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to be somebody else")
	}
	s := newSite(t)
	if err := s.Run("sh", "-c", `test "$(id -u)" != 0`); err != nil {
		t.Error(err)
	}
}

func TestMissingProgram(t *testing.T) {
	if _, err := Program("no-such-program-here"); !errors.Is(err, ErrMissing) {
		t.Errorf("got %v", err)
	}
	if path, err := Program("sh"); err != nil || !filepath.IsAbs(path) {
		t.Errorf("got %s, %v", path, err)
	}
}
