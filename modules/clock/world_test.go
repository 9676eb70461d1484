package clock

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"mbox/modules"
	"mbox/modules/moduletest"
)

// machine is a clock that can be set, wrong by ahead.
type machine struct {
	mu     sync.Mutex
	ahead  time.Duration
	slewed []time.Duration
	steps  int
	err    error // of every change
	frozen bool  // changes are taken and do nothing, as a recorder does
}

// now has the monotonic reading of the real time, as time.Now has after a step.
func (m *machine) now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Now().Add(m.ahead)
}

func (m *machine) off() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ahead
}

func (m *machine) SetTime(_ context.Context, t time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.steps++
		if !m.frozen {
			m.ahead = t.Sub(time.Now().Round(0))
		}
	}
	return m.err
}

func (m *machine) SlewTime(_ context.Context, by, _ time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.slewed = append(m.slewed, by)
		if !m.frozen {
			m.ahead += by
		}
	}
	return m.err
}

// source is a server as the client sees it.
type source struct {
	wrong   time.Duration // its clock against the truth
	delay   time.Duration
	stratum int
	kiss    string
	err     error
}

// world is a module, the machine that it runs on, and the servers that there are.
type world struct {
	*testing.T
	machine *machine
	module  *Module
	log     *strings.Builder

	mu      sync.Mutex // guards what follows
	servers map[string]*source
	asked   map[string]int
	first   *source       // how every server answers its first question
	slower  time.Duration // by how much answers take longer once the clock was stepped
}

// newWorld must be called in a bubble of synctest.
func newWorld(t *testing.T, ahead time.Duration, config string, servers map[string]*source) *world {
	t.Helper()
	w := &world{T: t, machine: &machine{ahead: ahead}, servers: servers, asked: map[string]int{}, log: &strings.Builder{}}
	w.module = New(Deps{
		Host: w.machine, Built: time.Now().Add(-30 * 24 * time.Hour), Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Now: func() time.Time { return w.machine.now() },
	})
	w.module.query = w.answer
	w.configure(config)
	return w
}

func (w *world) configure(config string) {
	w.Helper()
	tree := moduletest.Tree(w, config, w.module)
	if err := w.module.Check(tree); err != nil {
		w.Fatal(err)
	}
	if err := w.module.Apply(context.Background(), tree); err != nil {
		w.Fatal(err)
	}
}

func (w *world) answer(ctx context.Context, c serverConfig) (sample, error) {
	w.mu.Lock()
	w.asked[c.Name]++
	s := *w.servers[c.Name]
	if w.first != nil && w.asked[c.Name] == 1 {
		s = *w.first
	}
	w.machine.mu.Lock()
	if w.machine.steps > 0 {
		s.delay += w.slower
	}
	w.machine.mu.Unlock()
	w.mu.Unlock()
	if s.err != nil {
		return sample{}, s.err
	}
	select {
	case <-ctx.Done():
		return sample{}, ctx.Err()
	case <-time.After(s.delay):
	}
	if s.kiss != "" {
		return sample{kiss: s.kiss}, errors.New("kiss of death")
	}
	return sample{offset: s.wrong - w.machine.off(), delay: s.delay, at: w.machine.now(), stratum: max(s.stratum, 1), refID: ".GPS."}, nil
}

func (w *world) set(name string, s source) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*w.servers[name] = s
}

// live runs the module for so long.
func (w *world) live(long time.Duration) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), long)
	defer cancel()
	if err := w.module.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		w.Errorf("run: %v", err)
	}
}

func (w *world) status() statusView {
	w.Helper()
	view, err := w.module.showStatus(context.Background(), modules.Call{})
	if err != nil {
		w.Fatal(err)
	}
	return view.(statusView)
}

func (w *world) states() string {
	w.Helper()
	view, err := w.module.showAssociations(context.Background(), modules.Call{})
	if err != nil {
		w.Fatal(err)
	}
	var out []string
	for _, s := range view.(associationsView).Servers {
		out = append(out, s.Server+" "+s.State)
	}
	return strings.Join(out, ", ")
}

const ms1 = time.Millisecond

func three(prefix string) string {
	return "ntp server 10.0.0.1" + prefix + "\nntp server 10.0.0.2\nntp server 10.0.0.3\n"
}
