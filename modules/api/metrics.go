package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters of the API. Their labels come from the table of routes, never from a client.
type metrics struct {
	requests *prometheus.CounterVec
	duration prometheus.Histogram
	failures prometheus.Counter
	limited  *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mbox_api_requests_total", Help: "Requests to the REST API.",
		}, []string{"method", "path", "status"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "mbox_api_request_duration_seconds", Help: "Time to answer a request to the REST API.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "mbox_api_auth_failures_total", Help: "Requests to the REST API with a wrong secret or token.",
		}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mbox_api_limited_total", Help: "Requests to the REST API that were too many, by whose limit they broke.",
		}, []string{"by"}),
	}
	for _, by := range []string{"address", "user", "lockout"} {
		m.limited.WithLabelValues(by)
	}
	return m
}

// methodNames are those that a label may have.
var methodNames = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete}

func (m *metrics) observe(path, method string, status int, took time.Duration) {
	label := "other"
	for _, name := range methodNames {
		if name == method {
			label = name
		}
	}
	m.requests.WithLabelValues(label, path, strconv.Itoa(status)).Inc()
	m.duration.Observe(took.Seconds())
}

// Collector gives the counters for Prometheus.
func (m *Module) Collector() prometheus.Collector { return collectors{m.metrics} }

type collectors struct{ *metrics }

func (c collectors) all() []prometheus.Collector {
	return []prometheus.Collector{c.requests, c.duration, c.failures, c.limited}
}

// Describe implements prometheus.Collector.
func (c collectors) Describe(ch chan<- *prometheus.Desc) {
	for _, one := range c.all() {
		one.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (c collectors) Collect(ch chan<- prometheus.Metric) {
	for _, one := range c.all() {
		one.Collect(ch)
	}
}
