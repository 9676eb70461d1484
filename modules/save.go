package modules

import (
	"context"
	"fmt"

	"mbox/configstore"
)

// Save makes the running configuration the startup-config, as a new revision. Lines that were set aside are kept in it.
// While a change waits to be confirmed nothing is saved: the box would start with what is to be taken back.
func (e *Engine) Save(ctx context.Context, actor Actor, comment string) (revision int, err error) {
	e.changing.Lock()
	defer e.changing.Unlock()
	return e.save(ctx, actor, e.Running().saved(), comment)
}

// SaveText makes a text startup-config, as a new revision; what is in force stays.
func (e *Engine) SaveText(ctx context.Context, actor Actor, text, comment string) (revision int, err error) {
	e.changing.Lock()
	defer e.changing.Unlock()
	return e.save(ctx, actor, text, comment)
}

func (e *Engine) save(ctx context.Context, actor Actor, text, comment string) (revision int, err error) {
	if err := e.maySave(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("save startup-config: %w", err)
	}
	if e.journal == nil {
		revision, err = e.store.SaveStartup(text, actor.Name, comment)
	} else {
		revision, err = e.write(configstore.Batch{Startup: &configstore.Text{Text: text, Author: actor.Name, Comment: comment}})
	}
	if err != nil {
		return 0, fmt.Errorf("save startup-config: %w", err)
	}
	e.setSaved(text)
	e.log.Info("startup-config saved", "revision", revision, "by", actor.Name, "from", actor.From)
	return revision, nil
}

func (e *Engine) maySave() error {
	if e.armed() == nil {
		return nil
	}
	return &Error{
		Message: "A change of the configuration waits to be confirmed, so nothing is saved",
		Hint:    "Type configure confirm first, or configure revert now",
	}
}

// Erase removes startup-config; the running configuration stays.
func (e *Engine) Erase(ctx context.Context, actor Actor) error {
	e.changing.Lock()
	defer e.changing.Unlock()
	if err := e.maySave(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("erase startup-config: %w", err)
	}
	if err := e.store.EraseStartup(); err != nil {
		return fmt.Errorf("erase startup-config: %w", err)
	}
	e.setSaved("")
	e.log.Info("startup-config erased", "by", actor.Name, "from", actor.From)
	return nil
}

func (e *Engine) setSaved(text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.saved = text
}

// SavedText is the running configuration as it would be saved: with the lines that were set aside, and secrets as they
// are kept.
func (e *Engine) SavedText() string { return e.Running().saved() }

// Dirty says whether the running configuration differs from what is saved.
func (e *Engine) Dirty() bool {
	running := e.Running().saved()
	e.mu.Lock()
	defer e.mu.Unlock()
	return running != e.saved
}
