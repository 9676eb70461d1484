package sync

import (
	"net/netip"
	"slices"
	"time"

	"mbox/hotspotdb"
	"mbox/modules/sync/peer"
)

// Where no use of a voucher may be granted while boxes are apart, somebody must know whether they are.

// followersFor is how long a list of the followers that were ever connected is good. Who comes meanwhile is connected, and
// who leaves is on the list unless it came just before.
const followersFor = time.Second

// Apart names the boxes with which this one exchanges vouchers and which are out of contact: followers that took them when they
// were connected last, until they are no longer allowed or forgotten, and the primary, if none is connected.
func (m *Module) Apart() (names []string) {
	if m.deps.DB == nil {
		return nil
	}
	known, err := m.voucherFollowers()
	if err != nil {
		m.deps.Log.Error("sync: cannot tell which boxes that take vouchers are away", "error", err)
		return []string{"unknown"} // what cannot be told is not denied
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	here := map[string]bool{}
	for d := range m.downstream {
		here[d.session.BoxID] = true
	}
	for _, u := range m.upstreams {
		if u.link != nil {
			here[u.session.BoxID] = true
		}
	}
	for _, p := range known {
		if !here[p.Box] && m.config.allowsVouchers(p.Address) {
			names = append(names, p.Hostname)
		}
	}
	if primary := m.primaryApart(); primary != "" {
		names = append(names, primary)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// BoxName is the host name of a box by its database, if it is connected or was; else empty.
func (m *Module) BoxName(database hotspotdb.DatabaseID) string {
	all, err := m.knownPeers()
	if err != nil {
		m.deps.Log.Warn("sync: the names of other boxes are not known", "error", err)
		return ""
	}
	for _, p := range all {
		if p.Database == database.String() {
			return p.Hostname
		}
	}
	return ""
}

// primaryApart names the first primary for vouchers if none is connected. It is called with m.mu held.
func (m *Module) primaryApart() (name string) {
	for _, u := range m.upstreams {
		switch {
		case !hasVouchers(u.cfg.Datasets) && !hasVouchers(u.cfg.Send):
		case u.link != nil:
			return ""
		case name == "":
			name = u.cfg.Name
		}
	}
	return name
}

// allowsVouchers says whether vouchers may flow from or to an address, as it is remembered.
func (c *config) allowsVouchers(addr string) bool {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return false
	}
	permit, err := c.permit(a)
	return err == nil && (hasVouchers(permit.datasets) || hasVouchers(permit.accept))
}

func hasVouchers(datasets []string) bool {
	return slices.Contains(datasets, hotspotdb.Vouchers.String())
}

// tookVouchers says whether vouchers flow over a connection, in either direction.
func tookVouchers(s *peer.Session) bool { return hasVouchers(s.Grant.Down) || hasVouchers(s.Grant.Up) }

// voucherFollowers are the followers that ever took vouchers.
func (m *Module) voucherFollowers() ([]KnownPeer, error) {
	m.followersMu.Lock()
	defer m.followersMu.Unlock()
	if time.Since(m.followersAt) < followersFor {
		return m.followersThen, nil
	}
	known, err := m.followersKnown()
	if err != nil {
		return nil, err
	}
	m.followersThen = slices.DeleteFunc(known, func(p KnownPeer) bool { return !p.Vouchers })
	m.followersAt = time.Now()
	return m.followersThen, nil
}
