package ingest

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// result is how a request ended, for counting.
type result int

const (
	accepted result = iota // stored, and a route matched
	unmatched
	duplicate
	handshake
	unverified
	rejected
	badMethod
	bodyTooLarge
	bodySlow
	bodyCut
	overloaded
	unavailable
	unknownPath
	looped
	badAddress
	overRate
	overConcurrency
	results // how many there are
)

var resultNames = [results]string{
	"accepted", "unmatched", "duplicate", "handshake", "unverified", "rejected", "bad_method",
	"body_too_large", "body_slow", "body_cut", "overloaded", "unavailable", "unknown_path", "looped",
	"bad_address", "over_rate", "over_concurrency",
}

// sourceStats is what is known of one source since the process started.
type sourceStats struct {
	counts    [results]atomic.Int64
	last      atomic.Int64 // Unix nanoseconds of the last event that was acked; 0 when none
	diagnosed atomic.Int64 // when a refusal was last looked into, likewise
	refusals  ring
	admission
}

func (s *sourceStats) count(r result) { s.counts[r].Add(1) }

// stats are those of a source of the rules, or of "": names never come from a request.
func (in *Ingest) stats(source string) *sourceStats {
	if s, ok := in.sources.Load(source); ok {
		return s.(*sourceStats)
	}
	s, _ := in.sources.LoadOrStore(source, new(sourceStats))
	return s.(*sourceStats)
}

// Stats are counts of one source since the process started.
type Stats struct {
	Results   map[string]int64 // accepted, unmatched, duplicate, handshake, unverified, …; those that are not 0
	LastEvent time.Time        // when the last acked event came; zero when none did
}

// Stats of a source; "" for paths that no source has.
func (in *Ingest) Stats(source string) Stats {
	out := Stats{Results: map[string]int64{}}
	v, ok := in.sources.Load(source)
	if !ok {
		return out
	}
	s := v.(*sourceStats)
	for i := range s.counts {
		if n := s.counts[i].Load(); n > 0 {
			out.Results[resultNames[i]] = n
		}
	}
	if ns := s.last.Load(); ns != 0 {
		out.LastEvent = time.Unix(0, ns).UTC()
	}
	return out
}

// metrics of an Ingest. Counts by source are read from its stats when they are asked for.
type metrics struct {
	ack    prometheus.Histogram
	errors *prometheus.CounterVec
	events *prometheus.Desc
	held   *prometheus.Desc
}

func newMetrics() metrics {
	return metrics{
		ack: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "hookrouter_ack_duration_seconds",
			Help:    "Time from the last byte of an event to its ack.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookrouter_match_errors_total", Help: "Run errors of a route's rules while events were matched.",
		}, []string{"route"}),
		events: prometheus.NewDesc("hookrouter_events_total",
			"Requests of senders by source and how they ended; the source is empty for paths that no source has.", []string{"source", "result"}, nil),
		held: prometheus.NewDesc("hookrouter_bytes_in_flight", "Bytes of request bodies held now.", nil, nil),
	}
}

func (in *Ingest) countErrors(byRoute map[string]int) {
	for route, n := range byRoute {
		in.metrics.errors.WithLabelValues(route).Add(float64(n))
	}
}

// Describe implements prometheus.Collector.
func (in *Ingest) Describe(ch chan<- *prometheus.Desc) {
	in.metrics.ack.Describe(ch)
	in.metrics.errors.Describe(ch)
	ch <- in.metrics.events
	ch <- in.metrics.held
}

// Collect implements prometheus.Collector.
func (in *Ingest) Collect(ch chan<- prometheus.Metric) {
	in.metrics.ack.Collect(ch)
	in.metrics.errors.Collect(ch)
	ch <- prometheus.MustNewConstMetric(in.metrics.held, prometheus.GaugeValue, float64(in.BytesInFlight()))
	in.stats("")
	if set := in.opts.Rules(); set != nil {
		for _, source := range set.Sources() {
			in.stats(source.Name) // a source is there with its zeroes before anybody calls it
		}
	}
	in.sources.Range(func(name, v any) bool {
		s := v.(*sourceStats)
		for i := range s.counts {
			ch <- prometheus.MustNewConstMetric(in.metrics.events, prometheus.CounterValue,
				float64(s.counts[i].Load()), name.(string), resultNames[i])
		}
		return true
	})
}
