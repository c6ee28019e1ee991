package deliver

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookrouter/hookrouter/event"
)

// metrics are those of all lanes. Label values are names of destinations and our own classes.
type metrics struct {
	attempts *prometheus.CounterVec
	duration prometheus.Histogram
}

func newMetrics() *metrics {
	return &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookrouter_attempts_total", Help: "Attempts to deliver, by what came of them.",
		}, []string{"destination", "result"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hookrouter_attempt_duration_seconds", Help: "Time from an attempt's start to its whole answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
	}
}

func (m *metrics) register(r prometheus.Registerer, d *Deliverer) error {
	for _, c := range []prometheus.Collector{m.attempts, m.duration, newGauges(d)} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// laneMetrics are the counters of one lane, looked up once.
type laneMetrics struct {
	attempts map[string]prometheus.Counter
	duration prometheus.Histogram
}

func (m *metrics) lane(name string) laneMetrics {
	lm := laneMetrics{attempts: map[string]prometheus.Counter{}, duration: m.duration}
	for _, result := range results() {
		lm.attempts[result] = m.attempts.WithLabelValues(name, result)
	}
	return lm
}

func (m laneMetrics) observe(a event.Attempt) {
	m.attempts[a.Result].Inc()
	if a.SentHash != "" {
		m.duration.Observe(a.Duration.Seconds())
	}
}

// gauges are computed from Destinations when they are asked for.
type gauges struct {
	deliverer                   *Deliverer
	deliveries, oldest, breaker *prometheus.Desc
}

func newGauges(d *Deliverer) *gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"destination"}, labels...), nil)
	}
	return &gauges{
		deliverer:  d,
		deliveries: desc("hookrouter_deliveries", "Deliveries that are pending or dead.", "state"),
		oldest:     desc("hookrouter_oldest_pending_seconds", "Age of the oldest pending delivery; 0 when there is none."),
		breaker:    desc("hookrouter_breaker_state", "0 closed, 1 half-open, 2 open."),
	}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- g.deliveries
	ch <- g.oldest
	ch <- g.breaker
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	state := map[string]float64{"closed": 0, "half-open": 1, "open": 2}
	for _, s := range g.deliverer.Destinations() {
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{s.Name}, labels...)...)
		}
		gauge(g.deliveries, float64(s.Pending), event.Pending.String())
		gauge(g.deliveries, float64(s.Dead), event.Dead.String())
		gauge(g.breaker, state[s.Breaker])
		age := 0.0
		if !s.Oldest.IsZero() {
			age = max(0, now.Sub(s.Oldest).Seconds())
		}
		gauge(g.oldest, age)
	}
}
