package deliver

import (
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
	for _, c := range []prometheus.Collector{m.attempts, m.duration, newBreakers(d)} {
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

// forget drops what was counted of a destination that is gone.
func (m *metrics) forget(name string) {
	m.attempts.DeletePartialMatch(prometheus.Labels{"destination": name})
}

func (m laneMetrics) observe(a event.Attempt) {
	m.attempts[a.Result].Inc()
	if a.SentHash != "" {
		m.duration.Observe(a.Duration.Seconds())
	}
}

// breakers tells the state of each destination's breaker when it is asked.
type breakers struct {
	deliverer *Deliverer
	state     *prometheus.Desc
}

func newBreakers(d *Deliverer) *breakers {
	return &breakers{deliverer: d, state: prometheus.NewDesc("hookrouter_breaker_state",
		"State of a destination's breaker: 0 closed, 1 half-open, 2 open.", []string{"destination"}, nil)}
}

// Describe implements prometheus.Collector.
func (b *breakers) Describe(ch chan<- *prometheus.Desc) { ch <- b.state }

// Collect implements prometheus.Collector.
func (b *breakers) Collect(ch chan<- prometheus.Metric) {
	for _, l := range b.deliverer.allLanes() {
		if s := l.status(); !s.Parked {
			ch <- prometheus.MustNewConstMetric(b.state, prometheus.GaugeValue, stateNumber(s.Breaker), s.Name)
		}
	}
}

func stateNumber(breaker string) float64 {
	switch breaker {
	case "open":
		return 2
	case "half-open":
		return 1
	}
	return 0
}
