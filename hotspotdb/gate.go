package hotspotdb

import "sync"

// gate counts the operations that are inside, so that Close can wait for them. Unlike a read lock it may be entered again
// from inside while somebody waits for it to become empty: that fails instead of blocking.
type gate struct {
	mu     sync.Mutex // guards the rest
	inside int
	closed bool
	empty  chan struct{}
}

func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrClosed
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.closed && g.inside == 0 {
		close(g.empty)
	}
}

// isClosed tells long operations inside to give up.
func (g *gate) isClosed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

// close lets nobody in any more and waits until all have left. It reports whether this call closed it.
func (g *gate) close() bool {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return false
	}
	g.closed = true
	g.empty = make(chan struct{})
	if g.inside == 0 {
		close(g.empty)
	}
	g.mu.Unlock()
	<-g.empty
	return true
}
