package modules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// BootReport tells what of a configuration did not come up.
type BootReport struct {
	SetAside []SetAside       // secrets masked
	Degraded map[string]error // by module
}

// Boot loads a configuration text and applies it once. It always comes up: lines that do not parse or that a module
// refuses are set aside, and a module that fails is degraded while the others apply.
func (e *Engine) Boot(ctx context.Context, text string) BootReport { return e.boot(ctx, text, false) }

// BootTyped is Boot for a text that an operator wrote, not a box: secrets in clear are sealed or hashed as if he had typed them.
func (e *Engine) BootTyped(ctx context.Context, text string) BootReport {
	return e.boot(ctx, text, true)
}

func (e *Engine) boot(ctx context.Context, text string, typed bool) BootReport {
	e.changing.Lock()
	defer e.changing.Unlock()
	stored := text
	text, waits := e.resume(text)
	tree := e.book.load(text, typed)
	unfit := e.checkAll(tree)
	e.applyAll(ctx, tree, unfit)
	e.publish(tree)
	if waits == nil {
		e.rememberSaved(stored, tree)
	} else {
		e.rememberSaved("", nil)
	}
	e.resumed(waits)
	return e.report(tree)
}

// applyAll applies a tree in every module that is not unfit; those that fail are degraded.
func (e *Engine) applyAll(ctx context.Context, tree *Tree, unfit map[string]bool) {
	for i, mod := range e.modules {
		c, ok := mod.(Configured)
		if !ok || unfit[mod.Name()] {
			continue
		}
		if err := c.Apply(ctx, tree.view(e.reads[i])); err != nil {
			e.degrade(mod.Name(), degradation{err: fmt.Errorf("apply: %w", err)})
			e.log.Error("module is degraded", "module", mod.Name(), "err", err)
		} else {
			e.healed(mod)
		}
	}
}

// checkAll sets refused lines aside until every module accepts the rest. It returns the modules that refuse the tree
// without naming a line in it; they are degraded and not applied.
func (e *Engine) checkAll(tree *Tree) map[string]bool {
	unfit := map[string]bool{}
	for again := true; again; {
		again = false
		for i, mod := range e.modules {
			c, ok := mod.(Configured)
			if !ok || unfit[mod.Name()] {
				continue
			}
			err := c.Check(tree.view(e.reads[i]))
			switch {
			case err == nil:
			case tree.refuseAll(err):
				again = true
			default:
				unfit[mod.Name()] = true
				e.degrade(mod.Name(), degradation{err: fmt.Errorf("check: %w", err)})
				e.log.Error("module is degraded", "module", mod.Name(), "err", err)
			}
		}
	}
	return unfit
}

// refuseAll sets aside every line that an error names; a Check may join several. It says whether there was one.
func (t *Tree) refuseAll(err error) bool {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		any := false
		for _, one := range several.Unwrap() {
			any = t.refuseAll(one) || any
		}
		return any
	}
	var refused *StatementError
	return errors.As(err, &refused) && t.refuse(refused)
}

// refuse sets aside the line that a module named, with its children.
func (t *Tree) refuse(e *StatementError) bool {
	path, siblings := find(&t.Nodes, nil, func(n *Node) bool {
		if e.Node != nil {
			return n == e.Node
		}
		return n.Line(true) == e.Line
	})
	if siblings == nil {
		return false
	}
	n := path[len(path)-1]
	w := textWriter{aside: t.SetAside, path: path[: len(path)-1 : len(path)-1]}
	w.nodes([]*Node{n}, 0)
	t.dropSetAside(path)
	if siblings, _, err := t.below(path[:len(path)-1], 0); err == nil {
		*siblings = slices.DeleteFunc(slices.Clone(*siblings), func(other *Node) bool { return other == n })
	}
	t.SetAside = append(t.SetAside, &SetAside{
		Path:   path[:len(path)-1],
		Lines:  strings.Split(strings.TrimSuffix(w.out.String(), "\n"), "\n"),
		Reason: e.Err.Error(),
	})
	return true
}

// find returns the way to the first node that is wanted, and the list it stands in.
func find(siblings *[]*Node, path []*Node, wanted func(*Node) bool) ([]*Node, *[]*Node) {
	for _, n := range *siblings {
		here := append(slices.Clone(path), n)
		if wanted(n) {
			return here, siblings
		}
		if way, in := find(&n.Children, here, wanted); in != nil {
			return way, in
		}
	}
	return nil, nil
}

// rememberSaved notes what Dirty compares with: the tree itself if it came from the store, else what the store holds.
func (e *Engine) rememberSaved(text string, tree *Tree) {
	stored, found, err := e.store.Startup()
	switch {
	case err != nil || !found:
		e.setSaved("")
	case stored == text && tree != nil:
		e.setSaved(tree.saved())
	default:
		e.setSaved(e.book.Load(stored).saved())
	}
}

func (e *Engine) report(tree *Tree) BootReport {
	report := BootReport{Degraded: e.Degraded()}
	for _, s := range tree.SetAside {
		shown := *s
		shown.Lines = make([]string, len(s.Lines))
		for i, line := range s.Lines {
			shown.Lines[i] = e.book.MaskLine(line)
		}
		report.SetAside = append(report.SetAside, shown)
	}
	return report
}

// Run runs every module that is a Runner until ctx ends and all have returned. A Runner that fails is logged and
// degraded; the others go on.
func (e *Engine) Run(ctx context.Context) error {
	var group errgroup.Group
	for _, mod := range e.modules {
		r, ok := mod.(Runner)
		if !ok {
			continue
		}
		group.Go(func() error {
			if err := r.Run(ctx); err != nil && ctx.Err() == nil {
				e.degrade(mod.Name(), degradation{err: fmt.Errorf("run: %w", err), runner: true})
				e.log.Error("module is degraded", "module", mod.Name(), "err", err)
			}
			return nil
		})
	}
	defer e.halt()
	return group.Wait()
}
