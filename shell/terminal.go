package shell

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// terminal is the modules.Terminal of a running command: notices, questions, and a progress bar that makes room for
// them.
type terminal struct {
	end end

	mu      sync.Mutex // guards all below
	started time.Time  // of the bar
	drawn   time.Time
	visible bool
}

// redraw is the shortest time between two states of a bar.
const redraw = 100 * time.Millisecond

func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	return t.end.Write(p)
}

func (t *terminal) Interactive() bool { return t.end.Interactive() }

func (t *terminal) Confirm(ctx context.Context, question string) (bool, error) {
	t.Close()
	return t.end.Confirm(ctx, question)
}

func (t *terminal) YesNo(ctx context.Context, question string) (bool, error) {
	t.Close()
	return t.end.YesNo(ctx, question)
}

func (t *terminal) ReadSecret(ctx context.Context, prompt string) (string, error) {
	t.Close()
	return t.end.ReadSecret(ctx, prompt)
}

// Progress draws the bar if the output is a screen.
func (t *terminal) Progress(done, total int64, unit string) {
	width := t.end.Size().Width
	if width <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.started.IsZero() {
		t.started = now
	}
	if now.Sub(t.drawn) < redraw && (total == 0 || done < total) {
		return
	}
	t.drawn = now
	t.visible = true
	fmt.Fprintf(t.end, "\r%s\x1b[K", bar(done, total, unit, now.Sub(t.started), clampWidth(width)-1))
}

// Close takes the bar away; a later Progress begins a new one.
func (t *terminal) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	t.started, t.drawn = time.Time{}, time.Time{}
}

// clear erases the bar; the caller holds mu.
func (t *terminal) clear() {
	if t.visible {
		fmt.Fprint(t.end, eraseLine)
		t.visible = false
	}
}

// bar renders one state: "[#####-----]  50%  500/1000 accounts  250/s", or without bar and share if total is unknown.
func bar(done, total int64, unit string, took time.Duration, width int) string {
	count := fmt.Sprint(done)
	if total > 0 {
		count = fmt.Sprintf("%d/%d", done, total)
	}
	text := count + " " + unit
	if seconds := took.Seconds(); seconds > 0 {
		text += fmt.Sprintf("  %.0f/s", float64(done)/seconds)
	}
	if total > 0 {
		done = min(max(done, 0), total)
		share := float64(done) / float64(total)
		text = fmt.Sprintf("%3d%%  %s", int(share*100), text)
		if cells := min(40, width-columns(text)-4); cells >= 10 {
			full := int(share * float64(cells))
			text = "[" + strings.Repeat("#", full) + strings.Repeat("-", cells-full) + "]  " + text
		}
	}
	return cut(text, width)
}
