package admin

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/deliver"
	"github.com/hookrouter/hookrouter/router/queue"
)

func (a *api) metrics() http.Handler {
	if a.opts.Gatherer == nil {
		return a.raw(func(http.ResponseWriter, *http.Request) error {
			return &problem{status: http.StatusNotFound, detail: "metrics are off"}
		})
	}
	return promhttp.HandlerFor(a.opts.Gatherer, promhttp.HandlerOpts{})
}

// collector reads queue and destinations when it is asked. Destinations that are not in the rules are counted
// together, so that labels come from the rules alone.
type collector struct {
	queue   *queue.Queue
	deliver *deliver.Deliverer

	deliveries, oldest, parked, maxPending, logBytes, logFree, logDamage, logRefusing, logFull, logStalled *prometheus.Desc
}

func newCollector(q *queue.Queue, d *deliver.Deliverer) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("hookrouter_"+name, help, labels, nil)
	}
	return &collector{
		queue: q, deliver: d,
		deliveries:  desc("deliveries", "Deliveries that are pending or dead now.", "destination", "state"),
		oldest:      desc("oldest_pending_seconds", "Age of the oldest pending delivery; 0 when there is none.", "destination"),
		parked:      desc("parked_deliveries", "Pending deliveries whose destination is not in the rules now."),
		maxPending:  desc("deliveries_max", "Most deliveries, pending and dead, that are taken."),
		logBytes:    desc("log_bytes", "Size of the log on disk."),
		logFree:     desc("log_free_bytes", "Bytes free where the log is written; -1 when unknown."),
		logDamage:   desc("log_damaged_records", "Records set aside because they could not be read."),
		logRefusing: desc("log_refusing", "1 when no events can be stored now, whatever the cause."),
		logFull:     desc("log_full", "1 when events are refused because the disk is full."),
		logStalled:  desc("log_stalled_seconds", "How long the write to the log that runs now has taken; 0 when none runs."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	parked := 0
	for _, d := range c.deliver.Destinations() {
		if d.Parked {
			parked += d.Pending
			continue
		}
		gauge(c.deliveries, float64(d.Pending), d.Name, event.Pending.String())
		gauge(c.deliveries, float64(d.Dead), d.Name, event.Dead.String())
		gauge(c.oldest, age(d.Oldest), d.Name)
	}
	gauge(c.parked, float64(parked))
	gauge(c.maxPending, float64(c.queue.Stats().MaxPending))
	health := c.queue.Health()
	gauge(c.logBytes, float64(health.Bytes))
	gauge(c.logFree, float64(health.Free))
	gauge(c.logDamage, float64(health.Damaged))
	gauge(c.logRefusing, oneIf(health.Trouble() != nil))
	gauge(c.logFull, oneIf(health.Full != nil))
	gauge(c.logStalled, health.Stalled.Seconds())
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func age(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(0, time.Since(t).Seconds())
}
