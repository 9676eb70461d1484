package modules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of configuration sessions. They are in memory: a restart of the box ends them.
const (
	MaxCandidates   = 10
	maxCandidateAge = 24 * time.Hour // since the last change
)

// CandidateInfo describes a configuration session.
type CandidateInfo struct {
	Name    string    `json:"name"`
	Owner   Actor     `json:"owner"` // who began it
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`
	Changed bool      `json:"changed"` // there is something to commit
}

// candidates are the private configurations that operators prepare.
type candidates struct {
	mu    sync.Mutex // guards all; held before e.changing
	named map[string]*candidate
}

type candidate struct {
	info       CandidateInfo
	base, tree *Tree
}

// ConflictError tells where others changed what a session changes.
type ConflictError struct{ Conflicts []Conflict }

func (e *ConflictError) Error() string {
	lines := make([]string, 0, len(e.Conflicts))
	for _, c := range e.Conflicts {
		lines = append(lines, c.String())
	}
	return "others changed the same lines meanwhile: " + strings.Join(lines, "; ")
}

// String is a conflict for a person.
func (c Conflict) String() string {
	wanted, found := c.Wanted, c.Found
	if wanted == "" {
		wanted = "nothing"
	}
	if found == "" {
		found = "nothing"
	}
	text := fmt.Sprintf("wanted: %s, now there: %s", wanted, found)
	if len(c.Context) > 0 {
		text = "in " + strings.Join(c.Context, " / ") + ": " + text
	}
	return text
}

// OpenCandidate begins a configuration session, or goes on with it.
func (e *Engine) OpenCandidate(name string, actor Actor) error {
	e.candidates.mu.Lock()
	defer e.candidates.mu.Unlock()
	e.dropOld()
	if e.candidates.named[name] != nil {
		return nil
	}
	if len(e.candidates.named) == MaxCandidates {
		return &Error{Message: fmt.Sprintf("There are %d configuration sessions already", MaxCandidates), Hint: "show configuration sessions lists them; commit or abort one"}
	}
	now, running := e.clock.Now(), e.Running()
	e.candidates.named[name] = &candidate{
		info: CandidateInfo{Name: name, Owner: actor, Created: now, Used: now}, base: running, tree: running,
	}
	return nil
}

// dropOld forgets sessions that nobody came back to. It needs candidates.mu.
func (e *Engine) dropOld() {
	for name, c := range e.candidates.named {
		if e.clock.Now().Sub(c.info.Used) > maxCandidateAge {
			delete(e.candidates.named, name)
			e.log.Info("configuration session was dropped", "session", name, "owner", c.info.Owner.Name)
		}
	}
}

// candidate needs candidates.mu.
func (e *Engine) candidate(name string) (*candidate, error) {
	e.dropOld()
	c := e.candidates.named[name]
	if c == nil {
		return nil, &Error{Message: fmt.Sprintf("There is no configuration session %s: it was committed, aborted or is too old", name), Hint: "Type end"}
	}
	return c, nil
}

// EditCandidate changes a session's configuration; the box does not follow until it is committed.
func (e *Engine) EditCandidate(name string, change func(candidate *Tree) error) error {
	e.candidates.mu.Lock()
	defer e.candidates.mu.Unlock()
	c, err := e.candidate(name)
	if err != nil {
		return err
	}
	tree := c.tree.Clone()
	if err := change(tree); err != nil {
		return err
	}
	tree.freeze()
	c.tree, c.info.Used, c.info.Changed = tree, e.clock.Now(), true
	return nil
}

// Candidate returns a session's configuration, and what differs in it from the one it began with.
func (e *Engine) Candidate(name string) (*Tree, []Difference, error) {
	e.candidates.mu.Lock()
	defer e.candidates.mu.Unlock()
	c, err := e.candidate(name)
	if err != nil {
		return nil, nil, err
	}
	return c.tree, Compare(c.base, c.tree), nil
}

// CommitCandidate makes the changes of a session, on top of what others changed since it began. Where those are about the
// same lines it is a *ConflictError, unless it is forced.
func (e *Engine) CommitCandidate(ctx context.Context, actor Actor, name string, o Options) error {
	e.candidates.mu.Lock()
	defer e.candidates.mu.Unlock()
	c, err := e.candidate(name)
	if err != nil {
		return err
	}
	if o.What == "" {
		o.What = "configure session " + name + " commit"
	}
	err = e.Change(ctx, actor, o, func(running *Tree) error {
		conflicts := running.patch(Compare(c.base, c.tree), o.Force)
		if len(conflicts) > 0 && !o.Force {
			return &ConflictError{conflicts}
		}
		return nil
	})
	if err != nil {
		return err
	}
	delete(e.candidates.named, name)
	return nil
}

// AbortCandidate forgets a session and its changes.
func (e *Engine) AbortCandidate(name string) error {
	e.candidates.mu.Lock()
	defer e.candidates.mu.Unlock()
	if _, err := e.candidate(name); err != nil {
		return err
	}
	delete(e.candidates.named, name)
	return nil
}

// Candidates lists the configuration sessions by name.
func (e *Engine) Candidates() []CandidateInfo {
	e.candidates.mu.Lock()
	defer e.candidates.mu.Unlock()
	e.dropOld()
	out := make([]CandidateInfo, 0, len(e.candidates.named))
	for _, c := range e.candidates.named {
		out = append(out, c.info)
	}
	slices.SortFunc(out, func(a, b CandidateInfo) int { return strings.Compare(a.Name, b.Name) })
	return out
}
