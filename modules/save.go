package modules

import (
	"context"
	"fmt"
)

// Save makes the running configuration the startup-config, as a new revision. Lines that were set aside are kept in it.
func (e *Engine) Save(ctx context.Context, actor Actor, comment string) (revision int, err error) {
	e.changing.Lock()
	defer e.changing.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("save startup-config: %w", err)
	}
	text := e.Running().saved()
	revision, err = e.store.SaveStartup(text, actor.Name, comment)
	if err != nil {
		return 0, fmt.Errorf("save startup-config: %w", err)
	}
	e.setSaved(text)
	e.log.Info("startup-config saved", "revision", revision, "by", actor.Name, "from", actor.From)
	return revision, nil
}

// Erase removes startup-config; the running configuration stays.
func (e *Engine) Erase(ctx context.Context, actor Actor) error {
	e.changing.Lock()
	defer e.changing.Unlock()
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

// Dirty says whether the running configuration differs from what is saved.
func (e *Engine) Dirty() bool {
	running := e.Running().saved()
	e.mu.Lock()
	defer e.mu.Unlock()
	return running != e.saved
}
