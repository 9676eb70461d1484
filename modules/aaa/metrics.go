package aaa

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// latency is how long requests took that were answered, from their arrival.
type latency struct{ of [kinds]prometheus.Observer }

// buckets reach from what a request takes that needs no disk to what a client waits.
var buckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}

func newLatency() (*latency, prometheus.Collector) {
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "mbox_radius_request_duration_seconds", Help: "Time from the arrival of a request to its answer.", Buckets: buckets,
	}, []string{"type"})
	l := &latency{}
	for k := range kinds {
		l.of[k] = vec.WithLabelValues(k.String())
	}
	return l, vec
}

func (l *latency) observe(k kind, took time.Duration) { l.of[k].Observe(took.Seconds()) }

// family is one metric.
type family struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
}

// families are all metrics of the RADIUS server but the histogram. docs/monitoring.md lists them.
var families = []family{
	{"mbox_radius_requests_total", "Authentic requests, by client.", prometheus.CounterValue, []string{"client", "type"}},
	{"mbox_radius_responses_total", "Answers, by client; repeated ones were given before.", prometheus.CounterValue, []string{"client", "result"}},
	{"mbox_radius_dropped_total", "Packets of clients that got no answer, by reason.", prometheus.CounterValue, []string{"client", "reason"}},
	{"mbox_radius_proxied_total", "Requests sent on to the server of a realm.", prometheus.CounterValue, []string{"client"}},
	{"mbox_radius_unknown_client_packets_total", "Packets of addresses that are no clients.", prometheus.CounterValue, nil},
	{"mbox_radius_waiting", "Packets that wait for their turn.", prometheus.GaugeValue, []string{"type"}},
	{"mbox_radius_remembered_answers", "Answers that are kept for when the same request comes again.", prometheus.GaugeValue, nil},
	{"mbox_radius_nas_requests_total", "Disconnect and CoA requests to NAS, by what became of them.", prometheus.CounterValue, []string{"result"}},
	{"mbox_radius_realm_server_up", "1 while the server of a realm answers.", prometheus.GaugeValue, []string{"realm", "server"}},
	{"mbox_radius_realm_requests_total", "Requests to the server of a realm: sent, repeated, answered, unanswered, forged.", prometheus.CounterValue, []string{"realm", "server", "result"}},
}

// collector answers Prometheus from the counters of the moment.
type collector struct {
	m     *Module
	descs map[string]*prometheus.Desc
	kinds map[string]prometheus.ValueType
}

// Collector gives the metrics of the RADIUS server.
func (m *Module) Collector() prometheus.Collector {
	c := &collector{m: m, descs: map[string]*prometheus.Desc{}, kinds: map[string]prometheus.ValueType{}}
	for _, f := range families {
		c.descs[f.name] = prometheus.NewDesc(f.name, f.help, f.labels, nil)
		c.kinds[f.name] = f.kind
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
	c.m.histogram.Describe(ch)
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	put := func(name string, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(c.descs[name], c.kinds[name], value, labels...)
	}
	for _, one := range c.m.clients.Load().list {
		each(one.counters, requestNames, func(label string, n float64) { put("mbox_radius_requests_total", n, one.name, label) })
		each(one.counters, responseNames, func(label string, n float64) { put("mbox_radius_responses_total", n, one.name, label) })
		each(one.counters, dropNames, func(label string, n float64) { put("mbox_radius_dropped_total", n, one.name, label) })
		put("mbox_radius_proxied_total", float64(one.counters.get(proxied)), one.name)
	}
	put("mbox_radius_unknown_client_packets_total", float64(c.m.strangers.count()))
	put("mbox_radius_remembered_answers", float64(c.m.bound.held.Load()))
	for k, q := range c.m.queues {
		put("mbox_radius_waiting", float64(q.depth()), kind(k).String())
	}
	for o, name := range outcomeNames {
		put("mbox_radius_nas_requests_total", float64(c.m.commanded[o].Load()), name)
	}
	for _, s := range c.m.realms.Load().list() {
		up := 0.0
		if s.alive(time.Now()) {
			up = 1
		}
		put("mbox_radius_realm_server_up", up, s.realm, s.addr.String())
		for label, n := range map[string]uint64{
			"sent": s.sent.Load(), "repeated": s.repeated.Load(), "answered": s.answered.Load(), "unanswered": s.expired.Load(), "forged": s.forged.Load(),
		} {
			put("mbox_radius_realm_requests_total", float64(n), s.realm, s.addr.String(), label)
		}
	}
	c.m.histogram.Collect(ch)
}

func each(c *counters, names map[count]string, do func(label string, n float64)) {
	for _, what := range slices.Sorted(maps.Keys(names)) {
		do(names[what], float64(c.get(what)))
	}
}
