package ssh

import (
	"net/netip"
	"slices"

	"mbox/modules"
)

// review ends every connection that would not be let in now. origin made the change that is reviewed; nil: none of ours.
func (m *Module) review(origin *conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if origin != nil && origin.stage == inside {
		// Who changes its own secret has just proved the old one.
		own := &origin.login.account
		if now, ok := m.deps.Accounts.Current(own.Name); ok && now.Stamp != own.Stamp {
			own.Stamp, own.MustChange = now.Stamp, false
		}
	}
	for c := range m.conns {
		reason := m.refusal(c.source, c.login)
		if reason == "" || c.stage == leaving {
			continue
		}
		if c.stage == inside {
			m.log.Info("%SSH-5-SSH2_CLOSE: session ended", "user", c.login.account.Name, "from", c.source, "reason", reason)
		}
		c.stage = leaving
		c.end(goodbye(reason))
	}
}

// refusal says why a login from an address may not be, or not any more; without a method it is none yet. The caller holds mu.
func (m *Module) refusal(source netip.Addr, l login) string {
	s := m.settings.Load()
	if !s.admits(source) {
		return "this address may not connect any more"
	}
	if l.method == "" {
		return ""
	}
	now, ok := m.deps.Accounts.Current(l.account.Name)
	switch {
	case !ok:
		return "the account was removed"
	case now.Stamp != l.account.Stamp:
		return "the account was changed: log in again"
	case l.key != nil && !s.keys[l.account.Name].holds(l.key):
		return "the key was removed"
	}
	return ""
}

// Cuts says whether a change would end the session that it comes from, or leave it without a way to come back.
func (m *Module) Cuts(_, candidate *modules.Tree, actor modules.Actor) string {
	source, err := netip.ParseAddr(actor.From)
	if err != nil {
		return "" // the console
	}
	next, _ := m.parse(candidate) // what is refused never comes into force
	if !next.admits(source) {
		return "ip ssh access-class does not hold " + actor.From
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.conns {
		if c.stage != inside || c.source != source || c.login.account.Name != actor.Name {
			continue
		}
		if c.login.key != nil && !next.keys[actor.Name].holds(c.login.key) {
			return "the key of this session is removed"
		}
		if !next.listensOn(c.to) {
			return "nothing listens any more on " + c.to.String() + ", where this session came in"
		}
	}
	return ""
}

// listensOn says whether a client could connect to an address.
func (s *settings) listensOn(to netip.AddrPort) bool {
	return slices.ContainsFunc(s.listen, func(l netip.AddrPort) bool {
		everywhere := l.Addr().IsUnspecified() && l.Addr().Is4() == to.Addr().Is4()
		return l.Port() == to.Port() && (everywhere || l.Addr() == to.Addr().WithZone(""))
	})
}
