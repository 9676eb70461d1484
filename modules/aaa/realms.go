package aaa

import (
	"slices"
	"strings"
	"time"
)

// realms are the users that other servers know.
type realms struct {
	byName map[string]*realm
}

// realm is one of them, with its servers in the order in which they were typed.
type realm struct {
	name    string
	servers []*server
}

// newRealms keeps the servers whose lines did not change, with what waits for them.
func (m *Module) newRealms(c *config, before *realms) *realms {
	old := map[serverKey]*server{}
	for _, r := range before.byName {
		for _, s := range r.servers {
			old[serverKey{s.serverLine, s.source}] = s
		}
	}
	next := &realms{byName: map[string]*realm{}}
	for _, line := range c.realms {
		key := serverKey{line, c.source(line.addr)}
		s := old[key]
		delete(old, key)
		if s == nil {
			s = m.newServer(key)
		}
		r := next.byName[line.realm]
		if r == nil {
			r = &realm{name: line.realm}
			next.byName[line.realm] = r
		}
		r.servers = append(r.servers, s)
	}
	for _, s := range old {
		s.close()
	}
	return next
}

// of finds the realm of a username as in RFC 7542: what stands behind the last @. Only realms with a line count: many
// guests are named by an e-mail address.
func (r *realms) of(username string) *realm {
	if len(r.byName) == 0 {
		return nil
	}
	at := strings.LastIndexByte(username, '@')
	if at < 0 {
		return nil
	}
	return r.byName[strings.ToLower(username[at+1:])]
}

// list returns the servers by realm.
func (r *realms) list() []*server {
	var out []*server
	for _, one := range r.byName {
		out = append(out, one.servers...)
	}
	slices.SortStableFunc(out, func(a, b *server) int { return strings.Compare(a.realm, b.realm) })
	return out
}

func (r *realms) close() {
	for _, s := range r.list() {
		s.close()
	}
}

// choose is the first server that answers, or the first if none does: it may be back.
func (r *realm) choose(now time.Time) *server {
	for _, s := range r.servers {
		if s.alive(now) {
			return s
		}
	}
	return r.servers[0]
}

func (r *realm) addrs() string {
	var out []string
	for _, s := range r.servers {
		out = append(out, s.addr.String())
	}
	return strings.Join(out, " ")
}
