package acct

import "errors"

const (
	// maxAsking bounds how many requests to NAS wait for answers at once, maxAskingNAS those to one of them.
	maxAsking    = 64
	maxAskingNAS = 8
)

// asked is what goes on towards one NAS. Accounting.mu guards it.
type asked struct {
	now    int       // requests that it has not answered yet
	silent bool      // it did not answer the last one
	parked []*ending // wait until it can be asked again, the first first
}

// room is how much more a NAS may be asked. One that is silent keeps one place and no more, however many of its sessions are to be
// ended: others must be told meanwhile.
func (n *asked) room() int {
	if n.silent {
		return 1 - n.now
	}
	return maxAskingNAS - n.now
}

// mayAsk says whether a NAS can be asked something now. It needs mu.
func (a *Accounting) mayAsk(nas string) bool {
	n := a.nases[nas]
	return a.asking < maxAsking && (n == nil || n.room() > 0)
}

// asks notes that a NAS is being asked. It needs mu.
func (a *Accounting) asks(nas string) {
	n := a.nases[nas]
	if n == nil {
		n = &asked{}
		a.nases[nas] = n
	}
	a.asking++
	n.now++
}

// park lets an ending wait until its NAS, which is being asked, has answered. It needs mu.
func (a *Accounting) park(e *ending) {
	n := a.nases[e.name.nas]
	n.parked = append(n.parked, e)
}

// unask notes that a NAS has answered, or is silent. It needs mu.
func (a *Accounting) unask(nas string, err error) {
	n := a.nases[nas]
	a.asking--
	n.now--
	n.silent = err != nil && !errors.Is(err, ErrNoSession) && !errors.Is(err, ErrRefused)
	a.unpark(nas)
}

// unpark puts as many endings of a NAS back on the agenda as it may be asked. It needs mu.
func (a *Accounting) unpark(nas string) {
	n := a.nases[nas]
	if n == nil {
		return
	}
	now := a.ran()
	for room := n.room(); room > 0 && len(n.parked) > 0; {
		e := n.parked[0]
		n.parked[0] = nil
		n.parked = n.parked[1:]
		if a.endings[e.name] == e && e.node.index == 0 { // it has not ended by itself
			a.tells.set(&e.node, now)
			room--
		}
	}
	if n.now == 0 && len(n.parked) == 0 {
		delete(a.nases, nas)
	}
}
