package router

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// reloadMetrics say how the rules file was doing when it was last read.
type reloadMetrics struct {
	successful   prometheus.Gauge
	lastSuccess  prometheus.Gauge
	hash         prometheus.Gauge
	unverified   prometheus.Gauge
	reloads      *prometheus.CounterVec
	keepFailures prometheus.Counter
}

func newReloadMetrics(r prometheus.Registerer) *reloadMetrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &reloadMetrics{
		successful:  gauge("hookrouter_config_last_reload_successful", "1 when the rules file, as last read, is live; 0 when older rules stay."),
		lastSuccess: gauge("hookrouter_config_last_reload_success_timestamp_seconds", "When the rules in force went live."),
		hash:        gauge("hookrouter_config_hash", "First 48 bits of the hash of the rules in force."),
		unverified:  gauge("hookrouter_sources_unverified", "Sources of the rules in force that ask for no proof."),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookrouter_config_reloads_total", Help: "Times the rules file was read to go live, by result."}, []string{"result"}),
		keepFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hookrouter_config_keep_failures_total", Help: "Live rules that could not be kept for a start with a bad file."}),
	}
	for _, result := range []string{"live", "refused"} {
		m.reloads.WithLabelValues(result)
	}
	r.MustRegister(m.successful, m.lastSuccess, m.hash, m.unverified, m.reloads, m.keepFailures)
	return m
}

func (m *reloadMetrics) loaded(result LoadResult) {
	if result.Err != nil {
		m.successful.Set(0)
		m.reloads.WithLabelValues("refused").Inc()
	} else {
		m.successful.Set(1)
		m.lastSuccess.Set(float64(result.At.Unix()))
		m.reloads.WithLabelValues("live").Inc()
	}
	if len(result.Hash) >= 12 {
		n, err := strconv.ParseUint(result.Hash[:12], 16, 64)
		if err == nil {
			m.hash.Set(float64(n))
		}
	}
}

// buildInfo says which version runs, for a dashboard to show beside the rest.
func buildInfo(version string) prometheus.Collector {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "hookrouter_build_info", Help: "1; the label says which version runs.",
	}, []string{"version"})
	g.WithLabelValues(version).Set(1)
	return g
}
