package sync

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mbox/hotspotdb"
)

// maxNamed bounds the followers that have series of their own, the first by host name; all are in the totals. Every primary
// has its own.
const maxNamed = 64

// collector answers Prometheus from the status of the moment.
type collector struct {
	m     *Module
	descs map[string]described
	fsync *prometheus.Desc
}

type described struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// Collector gives the metrics of sync and of the database. It asks for what it tells when it is asked.
func (m *Module) Collector() prometheus.Collector {
	c := &collector{m: m, descs: map[string]described{}, fsync: prometheus.NewDesc(fsyncFamily, fsyncHelp, nil, nil)}
	for _, f := range families {
		kind := prometheus.GaugeValue
		if f.count {
			kind = prometheus.CounterValue
		}
		c.descs[f.name] = described{prometheus.NewDesc(f.name, f.help, f.labels, nil), kind}
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d.desc
	}
	ch <- c.fsync
	c.m.claimMeter.results.Describe(ch)
	c.m.claimMeter.duration.Describe(ch)
}

// Collect implements prometheus.Collector. Without a database there is nothing to tell.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	if c.m.deps.DB == nil {
		return
	}
	out := scrape{c, ch}
	s := c.m.summary()
	out.box(s)
	out.counts(c.m.watch.counts(), c.m.events.counted())
	out.followers(s.Peers)
	out.store(c.m.deps.DB)
	c.m.claimMeter.results.Collect(ch)
	c.m.claimMeter.duration.Collect(ch)
	out.certificate()
}

// scrape is one answer.
type scrape struct {
	*collector
	ch chan<- prometheus.Metric
}

func (s scrape) put(name string, value float64, labels ...string) {
	d, known := s.descs[name]
	if !known {
		panic("sync: no metric " + name)
	}
	metric, err := prometheus.NewConstMetric(d.desc, d.kind, value, labels...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(d.desc, fmt.Errorf("metric %s: %w", name, err))
	}
	s.ch <- metric
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (s scrape) box(st Status) {
	for _, state := range append([]string{stateOff, stateWaiting}, worstLast...) {
		s.put("mbox_sync_state", number(st.State == state), state)
	}
	s.put("mbox_sync_ready", number(st.Ready))
	s.put("mbox_sync_paused", number(st.Paused != nil))
	s.put("mbox_sync_disk_full", number(st.DiskFull != nil))
	s.put("mbox_sync_disk_nearly_full", number(st.Crowded))
	s.put("mbox_sync_set_aside_changes", float64(st.SetAside))
	s.put("mbox_sync_conflicts", float64(st.Conflicts))
	a := st.Acknowledge
	if a == nil {
		a = &AcknowledgeStatus{}
	}
	s.put("mbox_sync_acknowledge_required", float64(a.Required))
	s.put("mbox_sync_acknowledge_ready", float64(a.PeersReady))
	s.put("mbox_sync_acknowledge_degraded", number(a.State == stateDegraded || a.State == stateBlocked))
	s.put("mbox_sync_unconfirmed_writes_total", float64(a.Unconfirmed))
}

func (s scrape) counts(c counts, events map[kind]uint64) {
	for _, role := range []string{roleUpstream, roleDownstream} {
		t := c.totals[role]
		s.put("mbox_sync_received_bytes_total", float64(t.received), role)
		s.put("mbox_sync_sent_bytes_total", float64(t.sent), role)
		s.put("mbox_sync_received_changes_total", float64(t.taken), role)
		s.put("mbox_sync_sent_changes_total", float64(t.given), role)
		s.put("mbox_sync_connections_total", float64(c.connections[role]), role)
	}
	all := c.totals[roleUpstream].plus(c.totals[roleDownstream])
	s.put("mbox_sync_repaired_records_total", float64(all.repaired))
	s.put("mbox_sync_forgotten_changes_total", float64(all.rehomed))
	for key, n := range c.refusals {
		s.put("mbox_sync_refusals_total", float64(n), key[0], key[1])
	}
	for k := range catalogue {
		s.put("mbox_sync_events_total", float64(events[k]), string(k))
	}
}

// followers puts the series of each peer, as far as it has any, and what all followers have in common.
func (s scrape) followers(peers []PeerStatus) {
	states := map[string]int{}
	named, latest := 0, 0.0
	told := map[[2]string]bool{}
	for _, p := range peers {
		if p.Role == roleDownstream {
			states[p.State]++
			if p.BehindSeconds != nil {
				latest = max(latest, *p.BehindSeconds)
			}
			if named++; named > maxNamed {
				continue
			}
		}
		if id := [2]string{p.Name, p.label()}; !told[id] { // a box that has just connected anew may be there twice
			told[id] = true
			s.peer(p)
		}
	}
	for _, state := range worstLast {
		s.put("mbox_sync_followers", float64(states[state]), state)
	}
	s.put("mbox_sync_followers_behind_seconds_max", latest)
}

// label tells followers of one name apart; a primary is known by the name that it is configured under.
func (p PeerStatus) label() string {
	const short = 16
	if p.Role != roleDownstream || p.Box == nil {
		return ""
	}
	return (*p.Box)[:min(short, len(*p.Box))]
}

func (s scrape) peer(p PeerStatus) {
	labels := []string{p.Name, p.Role, p.label()}
	for _, state := range worstLast {
		s.put("mbox_sync_peer_state", number(p.State == state), append([]string{state}, labels...)...)
	}
	s.put("mbox_sync_peer_connected", number(p.link != nil), labels...)
	s.put("mbox_sync_peer_standby", number(p.Standby), labels...)
	if p.link == nil {
		return
	}
	s.put("mbox_sync_peer_behind_changes", float64(*p.BehindChanges), labels...)
	s.put("mbox_sync_peer_behind_seconds", *p.BehindSeconds, labels...)
	s.put("mbox_sync_peer_clock_offset_seconds", *p.ClockSeconds, labels...)
	s.put("mbox_sync_peer_local_records", float64(p.LocalChanges), labels...)
	s.put("mbox_sync_peer_received_bytes_total", float64(p.ReceivedBytes), labels...)
	s.put("mbox_sync_peer_sent_bytes_total", float64(p.SentBytes), labels...)
	if p.VerifiedAt != nil {
		s.put("mbox_sync_peer_verified_timestamp_seconds", stamp(*p.VerifiedAt), labels...)
	}
	unexplained := uint64(0)
	for _, d := range p.Datasets {
		unexplained += d.Unexplained
		of := append(labels[:len(labels):len(labels)], d.Dataset.String(), d.Direction)
		s.put("mbox_sync_dataset_behind_changes", float64(d.BehindChanges), of...)
		s.put("mbox_sync_dataset_behind_seconds", d.BehindSeconds, of...)
		if d.VerifiedAt != nil {
			s.put("mbox_sync_dataset_verified_timestamp_seconds", stamp(*d.VerifiedAt), of...)
		}
	}
	s.put("mbox_sync_peer_unexplained_records", float64(unexplained), labels...)
}

func (s scrape) store(db *hotspotdb.DB) {
	for _, ds := range hotspotdb.Datasets() {
		c := db.Counts(ds)
		s.put("mbox_hotspotdb_records", float64(c.Live), ds.String())
		s.put("mbox_hotspotdb_tombstones", float64(c.Tombstones), ds.String())
		s.put("mbox_hotspotdb_head_sequence", float64(db.Head(ds)), ds.String())
		s.put("mbox_hotspotdb_floor_sequence", float64(db.Floor(ds)), ds.String())
	}
	e, open := db.Metrics()
	if !open {
		return
	}
	s.put("mbox_hotspotdb_changes_total", float64(e.Sequence))
	s.put("mbox_hotspotdb_disk_bytes", float64(e.DiskBytes))
	s.put("mbox_hotspotdb_log_bytes_total", float64(e.LogBytes))
	s.put("mbox_hotspotdb_compactions_total", float64(e.Compactions))
	metric, err := prometheus.NewConstHistogram(s.fsync, e.Fsyncs, e.FsyncSeconds, e.FsyncWithin)
	if err != nil {
		metric = prometheus.NewInvalidMetric(s.fsync, err)
	}
	s.ch <- metric
}

func (s scrape) certificate() {
	chain := s.m.deps.Identity.Certificate().Certificate
	if len(chain) == 0 {
		return
	}
	if leaf, err := x509.ParseCertificate(chain[0]); err == nil {
		s.put("mbox_sync_certificate_expiry_timestamp_seconds", stamp(leaf.NotAfter))
	}
}

func stamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// counts are the counters of the box.
type counts struct {
	totals      map[string]totals // by role
	connections map[string]uint64
	refusals    refusals
}

func (w *watcher) counts() counts {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := counts{totals: map[string]totals{}, connections: map[string]uint64{}, refusals: refusals{}}
	for role, t := range w.ended {
		c.totals[role] = t
	}
	for link, l := range w.links {
		c.totals[l.role] = c.totals[l.role].plus(totalsOf(link.Report()))
	}
	for role, n := range w.connections {
		c.connections[role] = n
	}
	for key, n := range w.refusals {
		c.refusals[key] = n
	}
	return c
}
