package modules

import "fmt"

// degradation is why a module does not do its work. A successful Apply heals only what a failed one broke.
type degradation struct {
	err    error
	runner bool
}

// Degraded says which modules do not do their work, and why.
func (e *Engine) Degraded() map[string]error {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make(map[string]error, len(e.degraded))
	for name, d := range e.degraded {
		out[name] = d.err
	}
	return out
}

func (e *Engine) degrade(module string, d degradation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.degraded[module] = d
}

// healed forgets a failure to apply; a Runner that ended stays ended.
func (e *Engine) healed(mod Module) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.degraded[mod.Name()].runner {
		delete(e.degraded, mod.Name())
	}
}

// failed says whether a module failed to check or apply what is in force.
func (e *Engine) failed(mod Module) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	d, degraded := e.degraded[mod.Name()]
	return degraded && !d.runner
}

// ApplyError tells both results of a change that could not be applied.
type ApplyError struct {
	Module   string // that failed
	Err      error
	Rollback error // nil: the configuration is as before
}

func (e *ApplyError) Error() string {
	if e.Rollback == nil {
		return fmt.Sprintf("apply %s: %v; the configuration is as before", e.Module, e.Err)
	}
	return fmt.Sprintf("apply %s: %v; going back failed too: %v", e.Module, e.Err, e.Rollback)
}

func (e *ApplyError) Unwrap() []error {
	if e.Rollback == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Rollback}
}
