package web

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

const (
	// bodyTime bounds the reading of a request's body, answerTime all of a request: who sends or reads byte by byte must
	// not hold a connection for ever.
	bodyTime   = 20 * time.Second
	answerTime = 60 * time.Second
)

// Handle binds a handler to a pattern of http.ServeMux such as "/api/". It is served where the owner listens (see Listen); at the
// addresses of others it is as if it were not there. It must be called before the first Listen.
func (m *Module) Handle(owner, pattern string, handler http.Handler) {
	m.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if !m.listens(owner, addrPort(local)) {
			http.NotFound(w, r)
			return
		}
		control, now := http.NewResponseController(w), time.Now()
		err := errors.Join(control.SetReadDeadline(now.Add(bodyTime)), control.SetWriteDeadline(now.Add(answerTime)))
		if err != nil {
			m.log.Debug("web: no deadlines", "error", err)
		}
		handler.ServeHTTP(w, r)
	})
}

// listens says whether an owner wants connections to an address of ours.
func (m *Module) listens(owner string, to netip.AddrPort) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.wanted[owner], func(l netip.AddrPort) bool {
		return l.Port() == to.Port() && (l.Addr().IsUnspecified() || l.Addr() == to.Addr())
	})
}
