package web

import (
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	metricsPath = "/metrics"
	// scrapesAtOnce bounds readers that are answered at a time, scrapeTime how long one may take.
	scrapesAtOnce = 4
	scrapeTime    = 10 * time.Second
)

// Metrics makes the box tell what the collectors know, beside its program's own counters, to whom the configuration allows it.
// Without a line `listen`, that is on defaultPort. It must be called before the first Apply, once.
func (m *Module) Metrics(defaultPort uint16, list ...prometheus.Collector) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(list...)
	m.defaultPort = defaultPort
	m.metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: m.server.ErrorLog, MaxRequestsInFlight: scrapesAtOnce, Timeout: scrapeTime,
	})
	m.mux.HandleFunc(metricsPath, m.serveMetrics)
}

// serveMetrics answers as if there were nothing here to whoever may not read it.
func (m *Module) serveMetrics(w http.ResponseWriter, r *http.Request) {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	s := m.settings.Load()
	if err != nil || s == nil || !s.permits(from.Addr().Unmap(), addrPort(local)) {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	// Who does not read must not hold a place for ever.
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * scrapeTime)); err != nil {
		m.log.Debug("web: no write deadline", "error", err)
	}
	m.metrics.ServeHTTP(w, r)
}

func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		p := tcp.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}
